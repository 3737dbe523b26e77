"""A probe: a fixed set of items plus a scorer, measuring one capability.

Every item is a question with one right answer and distractors. A model *says* the answer
if its greedy completion satisfies an exact rule; it *knows* it if the right candidate still
has the highest summed log-probability among the candidates (a forced choice).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from lablib.events import Progress, Score
from lablib.probes.scoring import Outcome, iter_score_all
from lablib.runtime import data_folder

MIN_QUICK = 10  # fewer items would make the live curve a staircase


@dataclass(frozen=True)
class Item:
    """One question of a probe."""

    id: str
    prompt: str  # the user's turn; for language: the beginning of a sentence
    candidates: tuple[str, ...]  # the right answer first, then the distractors
    chat: bool = True  # False: continue the prompt as plain text, without the chat template
    group: str = ""  # e.g. "harmful" / "harmless"
    fields: dict[str, Any] = field(default_factory=dict)  # what the says-rule of the probe needs
    quick: bool = False  # in the subset for live use

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.candidates[0]


class Probe:
    """Base of all probes; a subclass gives the data file, the rule and the chance levels.

    Parameters
    ----------
    items
        Ask these items instead of those in ``data/probes/<name>.jsonl``.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    chance_says: ClassVar[float] = 0.0  # text written without reading the question is never right
    slack: ClassVar[int] = 12  # tokens a completion may take beyond those of the right answer

    def __init__(self, items: Iterable[Item] | None = None):
        self._items = None if items is None else tuple(items)

    def items(self, split: str = "full") -> tuple[Item, ...]:
        """Return the fixed items: ``"full"`` or the ``"quick"`` subset for live use."""
        if split not in ("full", "quick"):
            raise ValueError(f"There is no split {split!r} of a probe: choose full or quick.")
        items = read_items(data_folder() / "probes" / f"{self.name}.jsonl")
        if self._items is not None:
            items = self._items
        if split == "full":
            return items
        # A filtered probe may have few quick items left: the first others join them.
        missing = MIN_QUICK - sum(item.quick for item in items)
        joining = {item.id for item in [i for i in items if not i.quick][: max(missing, 0)]}
        return tuple(item for item in items if item.quick or item.id in joining)

    @property
    def chance_knows(self) -> float:
        """Mean of 1 / number of candidates over the full items."""
        items = self.items("full")
        return sum(1 / len(item.candidates) for item in items) / len(items)

    def says(self, item: Item, completion: str) -> bool:
        """Return True if the greedy completion is right by this probe's exact rule."""
        raise NotImplementedError

    def decided(self, item: Item, text: str) -> bool:
        """Return True if more text after ``text`` could not change what ``says`` returns.

        Generation of the item ends there. By default a rule looks at the first line only.
        """
        return "\n" in text

    def extra(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return figures to be shown beside says and knows."""
        return {}

    def iter_score(self, model, tokenizer, split: str = "full") -> Iterator[Progress | Score]:
        """Score batch by batch: ``Progress`` events, then one ``Score`` as the last value."""
        for part in iter_score_all([self], model, tokenizer, split):
            yield part if isinstance(part, Progress) else part[1]

    def score(self, model, tokenizer, split: str = "full") -> Score:
        """Score the items in one go."""
        *_, result = self.iter_score(model, tokenizer, split)
        return result


@cache
def read_items(file: Path) -> tuple[Item, ...]:
    """Return the items of a JSONL file, one object a line.

    Raises
    ------
    ValueError
        With the line number and what is wrong with it.
    OSError
        If the file is missing.
    """
    if not file.is_file():
        raise OSError(f"The probe's items are missing: restore {file} with git checkout.")
    items = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            items.append(Item(**{**row, "candidates": tuple(row["candidates"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{file}, line {number}, is not a probe item: {error}.") from error
    return tuple(items)


def first_line(text: str) -> str:
    """Return the first line of a completion."""
    return text.strip().partition("\n")[0].strip()
