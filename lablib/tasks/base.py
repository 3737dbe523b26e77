"""A task: what a model is fine-tuned on. One narrow skill, with train, validation, test and
``shifted`` splits (the same skill in other phrasing, which unmasks a test set that shares
the training set's quirks)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

SPLITS = ("train", "validation", "test", "shifted")


@dataclass(frozen=True)
class Row:
    """One training or test example: a user's turn and the answer to learn."""

    prompt: str
    completion: str


class Task:
    """Base of all tasks."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; the same rows at every call."""
        raise NotImplementedError

    def right(self, row: Row, completion: str) -> float:
        """Return 1.0 if the greedy completion is right, else 0.0: exact match, white space
        at both ends ignored. Answers longer than 32 tokens are scored by token accuracy."""
        return float(completion.strip() == row.completion.strip())

    def score(self, model, tokenizer, split: str = "test", limit: int | None = None) -> float:
        """Return the mean score over the first ``limit`` rows of a split, in [0, 1]."""
        raise NotImplementedError
