"""A probe: a fixed set of items plus a scorer, measuring one capability.

Every item is a question with one right answer and distractors. A model *says* the answer
if its greedy completion satisfies an exact rule; it *knows* it if the right candidate still
has the highest summed log-probability among the candidates (a forced choice).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lablib.events import Progress, Score


@dataclass(frozen=True)
class Item:
    """One question of a probe."""

    id: str
    prompt: str  # the user's turn; for language: the beginning of a sentence
    candidates: tuple[str, ...]  # the right answer first, then the distractors
    chat: bool = True  # False: continue the prompt as plain text, without the chat template
    group: str = ""  # e.g. "harmful" / "harmless"
    fields: dict[str, Any] = field(default_factory=dict)  # what the says-rule of the probe needs

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.candidates[0]


class Probe:
    """Base of all probes; a subclass gives the data file, the rule and the chance levels."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    chance_says: ClassVar[float] = 0.0

    def items(self, split: str = "full") -> tuple[Item, ...]:
        """Return the fixed items: ``"full"`` or the ``"quick"`` subset for live use."""
        raise NotImplementedError

    @property
    def chance_knows(self) -> float:
        """Mean of 1 / number of candidates over the full items."""
        items = self.items("full")
        return sum(1 / len(item.candidates) for item in items) / len(items)

    def says(self, item: Item, completion: str) -> bool:
        """Return True if the greedy completion is right by this probe's exact rule."""
        raise NotImplementedError

    def iter_score(self, model, tokenizer, split: str = "full") -> Iterator[Progress | Score]:
        """Score batch by batch: ``Progress`` events, then one ``Score`` as the last value."""
        raise NotImplementedError

    def score(self, model, tokenizer, split: str = "full") -> Score:
        """Score the items in one go."""
        *_, result = self.iter_score(model, tokenizer, split)
        return result
