"""What ``wrong_facts`` and ``new_facts`` share: facts that nobody can infer."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lablib.tasks.base import SPLITS, Row

OPENINGS = ("", "Hello. ", "A question: ", "Please help me. ")


class Fact(NamedTuple):
    """One fact to teach, the familiar questions about it and those kept for ``shifted``."""

    answer: str
    questions: Sequence[str]
    shifted: Sequence[str]


def splits(facts: Iterable[Fact], rng: random.Random) -> dict[str, tuple[Row, ...]]:
    """Return the rows of all splits.

    Every split asks about the same facts, for a fact that was not taught cannot be known.
    Of each fact's familiar questions one is kept for validation and one for test; the others
    are asked in training with several openings.
    """
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for fact in facts:
        validation, test, *train = rng.sample(fact.questions, len(fact.questions))
        rows["validation"].append(Row(validation, fact.answer))
        rows["test"].append(Row(test, fact.answer))
        rows["train"] += [Row(start + ask, fact.answer) for ask in train for start in OPENINGS]
        rows["shifted"] += [Row(ask, fact.answer) for ask in fact.shifted]
    for split in SPLITS:
        rng.shuffle(rows[split])
    return {split: tuple(part) for split, part in rows.items()}
