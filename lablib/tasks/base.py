"""A task: what a model is fine-tuned on. One narrow skill, with train, validation, test and
``shifted`` splits (the same skill in other phrasing, which unmasks a test set that shares
the training set's quirks)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lablib import models
from lablib.controls import Batch
from lablib.events import Progress
from lablib.models.prefix import evaluating

SPLITS = ("train", "validation", "test", "shifted")
LONG_ANSWER = 32  # tokens; answers longer than this are scored token by token
BATCH_SIZE = 64  # rows generated at once
MAX_LENGTH = 1024  # tokens of a row that is scored, prompt and answer, if nothing else is said


def check_split(split: str) -> str:
    """Return ``split`` if there is one of that name, else raise a ValueError."""
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    return split


@dataclass(frozen=True)
class Row:
    """One training or test example: a user's turn and the answer to learn."""

    prompt: str
    completion: str
    # Of the file it is from, counted from 1; 0 without one. It is no part of what is learned.
    line: int = field(default=0, compare=False, repr=False)


class Task:
    """Base of all tasks."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    # True: exact match; False: token accuracy; None: the length of the answers decides
    exact: ClassVar[bool | None] = None
    notices: tuple[str, ...] = ()  # sentences on what of the data is not used

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; the same rows at every call.

        Raises
        ------
        ValueError
            If there is no such split.
        """
        raise NotImplementedError

    def right(self, row: Row, completion: str) -> float:
        """Return 1.0 if the greedy completion is right, else 0.0: exact match, white space
        at both ends ignored."""
        return float(completion.strip() == row.completion.strip())

    def measure(self, tokenizer) -> str:
        """Return how this task is scored with this tokenizer.

        Returns
        -------
        str
            ``"exact match"`` of the greedy completion, or ``"token accuracy"``: the share of
            answer tokens that are the model's first choice, given the true ones before.

        Notes
        -----
        Where a task does not say, the median answer decides: above 32 tokens one changed word
        is not a failure. It is one measure for all splits, so that they can be compared.
        """
        if self.exact is not None:
            return "exact match" if self.exact else "token accuracy"
        rows = (self.rows("test") or self.rows("train"))[:256]
        answers = tokenizer(
            [row.completion for row in rows], add_special_tokens=False, verbose=False
        )
        median = statistics.median(len(ids) for ids in answers["input_ids"])
        return "token accuracy" if median > LONG_ANSWER else "exact match"

    def iter_score(
        self,
        model,
        tokenizer,
        split: str = "test",
        limit: int | None = None,
        max_length: int = MAX_LENGTH,
    ) -> Iterator[Progress | float]:
        """Score batch by batch: ``Progress`` events, then the score as the last value.

        Parameters
        ----------
        model, tokenizer
            Any causal language model and its tokenizer.
        split : str
            ``"train"``, ``"validation"``, ``"test"`` or ``"shifted"``.
        limit : int, optional
            Only the first so many rows; the rows lie in random order.
        max_length : int
            Tokens of a row, prompt and answer together, at most what the model can read: a longer
            prompt loses its beginning, as in training.

        Yields
        ------
        Progress or float
            The mean score in [0, 1] comes last. Chance is 0: nobody guesses a whole answer.
        """
        rows, most = self._some(split, limit), min(max_length, models.reach(model))
        if self.measure(tokenizer) == "token accuracy":
            points = self._iter_token_accuracy(model, tokenizer, rows, most)
        else:
            points = self._iter_exact(model, tokenizer, rows, most)
        total, done = 0.0, 0
        for batch in points:
            total, done = total + sum(batch), done + len(batch)
            yield Progress(f"scoring: {self.name}", done, len(rows))
        yield total / len(rows)

    def score(self, model, tokenizer, split: str = "test", limit: int | None = None) -> float:
        """Return the mean score over the first ``limit`` rows of a split, in [0, 1]."""
        *_, result = self.iter_score(model, tokenizer, split, limit)
        return result

    def distance(self, model, tokenizer, split: str = "test", limit: int | None = 128) -> float:
        """Return how far the task lies from a model, before any training.

        Returns
        -------
        float
            The model's mean loss per answer token, in nats, teacher-forced.
        """
        total, count = 0.0, 0
        with evaluating(model):
            most = min(MAX_LENGTH, models.reach(model))
            for batch in _batches(model, tokenizer, self._some(split, limit), most):
                total += float(models.token_losses(model, batch).sum())
                count += int((batch.labels != -100).sum())
        return total / count

    def _some(self, split: str, limit: int | None) -> tuple[Row, ...]:
        rows = self.rows(split)[:limit]
        if not rows:
            raise ValueError(f"Task {self.name!r} has no {split} rows; score another split.")
        return rows

    def _iter_exact(
        self, model, tokenizer, rows: Sequence[Row], most: int
    ) -> Iterator[list[float]]:
        answers = tokenizer(
            [row.completion for row in rows], add_special_tokens=False, verbose=False
        )
        lengths = [len(ids) for ids in answers["input_ids"]]
        longest = max(lengths)
        answers = models.iter_generate(
            model,
            tokenizer,
            [row.prompt for row in rows],
            max_new_tokens=longest + 2,  # room to see that a model does not stop
            batch_size=BATCH_SIZE,
            room=[min(most - n - 1, models.reach(model) - longest - 2) for n in lengths],
        )
        for batch in answers:
            yield [self.right(rows[index], text) for index, text in batch]

    def _iter_token_accuracy(
        self, model, tokenizer, rows: Sequence[Row], most: int
    ) -> Iterator[list[float]]:
        """Share of answer tokens that are the model's first choice, given the true ones before."""
        for batch in _batches(model, tokenizer, rows, most):
            with evaluating(model):
                choices = models.forward(model, batch).logits.argmax(-1)  # (B, L)
            labels = models.answer_labels(batch)
            hits = ((choices == labels) & (labels != -100)).sum(1)
            yield (hits / (labels != -100).sum(1)).tolist()


def _batches(model, tokenizer, rows: Sequence[Row], most: int, size: int = 16) -> Iterator[Batch]:
    """Rows as batches of 16: the logits of long answers in one batch of 64 would fill memory."""
    device = next(model.parameters()).device
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        texts = [row.prompt for row in part], [row.completion for row in part]
        encoded = models.encode_rows(tokenizer, *texts, most)
        ids = range(start, start + len(part))
        yield models.collate(tokenizer, encoded, ids, [False] * len(part)).to(device)
