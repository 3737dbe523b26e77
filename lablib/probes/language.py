"""Language: plain English sentences, continued without any question or template."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import ClassVar

from lablib.probes.base import Item, Probe
from lablib.probes.scoring import Outcome

WORD = re.compile(r"[\w'’-]+")


class Language(Probe):
    """The last word of a sentence that was never shown in this form.

    A real item: ``The opposite of hot is`` with the endings ``cold.`` and ``sad.``. *Says*:
    the greedy next word is the right one. *Knows*: the sentence is likelier than its copy
    with that word swapped, chance 1/2. Beside them, never as a retention: bits per byte of
    the right sentences.

    Notes
    -----
    ``bits_per_byte = sum(-log2 p(token)) / sum(UTF-8 bytes)`` over all sentences with their
    right endings, each without its first token, which nothing could predict.
    """

    name: ClassVar[str] = "language"
    summary: ClassVar[str] = "plain English: the next word, bits per byte beside it"
    slack: ClassVar[int] = 4

    def says(self, item: Item, completion: str) -> bool:
        """The next word is the right one."""
        return _next_word(completion) == _next_word(item.answer)

    def decided(self, item: Item, text: str) -> bool:
        """The first word is over."""
        return re.search(r"\w[\W_]*[\s.,;:!?]", text) is not None

    def extra(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Bits per byte of the sentences; left out when the model is blown up."""
        nats, n_bytes = sum(o.nats for o in outcomes), sum(o.n_bytes for o in outcomes)
        if not n_bytes or not math.isfinite(nats):
            return {}
        return {"bits_per_byte": nats / math.log(2) / n_bytes}


def _next_word(text: str) -> str:
    found = WORD.search(text)
    return found.group().casefold() if found else ""
