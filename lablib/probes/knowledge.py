"""Knowledge: facts about countries and chemical elements."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import ClassVar

from lablib.probes.base import Item, Probe, first_line

# A full stop ends the sentence, except after "St" (St. John's) and inside D.C.
SENTENCE_END = re.compile(r"(?<!\bSt)(?<!\.[A-Z])[.!?](?=\s|$)")


class Knowledge(Probe):
    """Facts asked plainly, answered in a word or in a sentence.

    A real item: ``What is the capital of France?`` with the candidates Paris, Harare, Muscat
    and Manama. *Says*: the first sentence contains the right answer as whole words and no
    distractor; letter case and accents are ignored, but chemical symbols must be exact
    ("In" is indium, "in" is not).

    Parameters
    ----------
    topic
        Ask one topic only: ``"capitals"``, ``"continents"`` or ``"elements"``.
    exclude
        Leave out the items about these subjects (countries, elements), for instance those
        that a task re-teaches.
    items
        Ask these items instead of those in ``data/probes/knowledge.jsonl``.
    """

    name: ClassVar[str] = "knowledge"
    summary: ClassVar[str] = "facts: capitals, continents, chemical symbols"
    slack: ClassVar[int] = 14  # The capital of … is

    def __init__(
        self,
        topic: str | None = None,
        exclude: Iterable[str] = (),
        items: Iterable[Item] | None = None,
    ):
        super().__init__(items)
        topics = sorted({item.group for item in super().items("full")})
        if topic is not None and topic not in topics:
            raise ValueError(f"There is no topic {topic!r}: choose one of {', '.join(topics)}.")
        excluded = {name.casefold() for name in exclude}
        if topic is not None or excluded:
            self._items = tuple(
                item
                for item in super().items("full")
                if topic in (None, item.group)
                and str(item.fields.get("subject", "")).casefold() not in excluded
            )
            if not self._items:
                raise ValueError("No knowledge item is left: exclude fewer subjects.")

    def says(self, item: Item, completion: str) -> bool:
        """Right answer and no distractor in the first sentence, as whole words."""
        sentence = SENTENCE_END.split(first_line(completion))[0]
        right, *wrong = (_names(candidate, sentence) for candidate in item.candidates)
        return right and not any(wrong)

    def decided(self, item: Item, text: str) -> bool:
        """The first sentence is over, which only the next word shows ("D." may become "D.C.")."""
        end = SENTENCE_END.search(text)
        return "\n" in text or (end is not None and end.end() < len(text))


def _names(candidate: str, sentence: str) -> bool:
    if len(candidate) > 2:  # longer than any chemical symbol
        candidate, sentence = _plain(candidate), _plain(sentence)
    return re.search(rf"(?<!\w){re.escape(candidate)}(?!\w)", sentence) is not None


def _plain(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
