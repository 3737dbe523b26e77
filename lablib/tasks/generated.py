"""Tasks whose rows are made by a seeded generator when they are first asked for.

Generating is faster than reading a file and keeps the repository lean; a test pins the
checksum of every split, so that the rows cannot change unnoticed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import ClassVar

from lablib.tasks.base import Row, Task, check_split


class GeneratedTask(Task):
    """A task drawn row by row; a subclass says how one row is drawn.

    All splits are disjoint in their prompts. Train, validation and test come from the same
    generator; ``shifted`` from the same skill in phrasings that the others never use.
    """

    sizes: ClassVar[dict[str, int]] = {
        "train": 2000,
        "validation": 200,
        "test": 200,
        "shifted": 200,
    }

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random row; ``shifted`` asks for the phrasings kept for that split."""
        raise NotImplementedError

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; the same rows at every call."""
        return _splits(type(self))[check_split(split)]


@cache
def _splits(task: type[GeneratedTask]) -> dict[str, tuple[Row, ...]]:
    seen: set[str] = set()
    # A string seeds ``Random`` through SHA-512: the same rows on every Python and machine.
    familiar = _unseen(task(), random.Random(f"{task.name} familiar"), False, seen)
    other = _unseen(task(), random.Random(f"{task.name} shifted"), True, seen)
    return {
        split: tuple(islice(other if split == "shifted" else familiar, size))
        for split, size in task.sizes.items()
    }


def _unseen(
    task: GeneratedTask, rng: random.Random, shifted: bool, seen: set[str]
) -> Iterator[Row]:
    """Rows whose prompts differ in more than case and punctuation."""
    repeats = 0
    while repeats < 1000:
        row = task.draw(rng, shifted)
        key = "".join(c for c in row.prompt.lower() if c.isalnum())
        repeats = repeats + 1 if key in seen else 0
        if not repeats:
            seen.add(key)
            yield row
    raise RuntimeError(f"Task {task.name!r} has too few phrasings for its sizes; add some.")
