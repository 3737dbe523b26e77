"""Rows of text as tokens: encoded when they are first needed, and put together as batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lablib.controls import Batch
from lablib.events import Progress
from lablib.models.encode import (
    collate,
    encode_completions,
    encode_prompt,
    encode_prompts,
    encode_row,
    encode_rows,
)

ROWS_AT_ONCE = 128  # rows encoded between two looks at Stop


class Rows:
    """Rows of text that are encoded when they are first needed, and then kept.

    Parameters
    ----------
    rows : sequence of Row
        Prompts and answers.
    tokenizer
        The model's tokenizer.
    max_length : int
        Most tokens of a row; see ``models.encode_row``.

    Attributes
    ----------
    max_length : int
        Most tokens of a row.
    used : sequence of int
        Numbers of the rows that the run may train on, all unless the run is capped: what a
        method prepares from data needs no others.
    cut : set of int
        Numbers of the rows whose prompt lost its beginning, as far as they are prepared.
    """

    def __init__(self, rows: Sequence, tokenizer, max_length: int):
        self.rows = rows
        self.used: Sequence[int] = range(len(rows))
        self._tokenizer = tokenizer
        self.max_length = max_length
        self.cut: set[int] = set()
        self._encoded: dict[int, tuple[list[int], int]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def like(self, rows: Sequence, encoded: Sequence[tuple[list[int], int]] = ()) -> Rows:
        """Return other rows of text, encoded in the same way, or given as tokens too.

        What a model wrote token by token need not be how its text would be encoded.
        """
        made = Rows(rows, self._tokenizer, self.max_length)
        made._encoded.update(enumerate(encoded))
        return made

    def encoded(self, i: int) -> tuple[list[int], int]:
        """Return the ids of row ``i`` and how many of them are prompt."""
        if i not in self._encoded:
            row = self.rows[i]
            try:
                self._encoded[i] = encode_row(
                    self._tokenizer, row.prompt, row.completion, self.max_length
                )
            except ValueError as error:
                line = getattr(row, "line", 0)  # of the user's file, in whose order no run reads
                place = f"Line {line}" if line else f"Row {i + 1}"
                raise ValueError(f"{place}: {error}") from None
        return self._encoded[i]

    def n_answer_tokens(self, i: int) -> int:
        """Return how many tokens of row ``i`` are learned, the end of turn included."""
        ids, n_prompt = self.encoded(i)
        return len(ids) - n_prompt

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Return the rows of these numbers as a batch."""
        encoded = [self.encoded(i) for i in numbers]
        return collate(self._tokenizer, encoded, numbers, [False] * len(numbers))

    def prepare(self, name: str) -> Iterator[Progress]:
        """Encode all rows now, so that a bad one is found before the training begins.

        Raises
        ------
        ValueError
            With one sentence that names the first bad row, and whose it is.
        """
        for start in range(0, len(self.rows), ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, len(self.rows))
            missing = [i for i in range(start, end) if i not in self._encoded]
            rows = [self.rows[i] for i in missing]
            texts = [row.prompt for row in rows], [row.completion for row in rows]
            try:
                found = encode_rows(self._tokenizer, *texts, self.max_length)
                self._encoded.update(zip(missing, found, strict=True))
            except ValueError:
                self._name_the_bad_one(missing, name)
            self._note_the_cut(range(start, end))
            yield Progress(f"preparing: {name}", end, len(self.rows))

    def check_answers(self, name: str) -> None:
        """Look for an answer that is too long, at a small part of the price of ``prepare``.

        Raises
        ------
        ValueError
            As ``prepare`` does.
        """
        room = self.max_length - len(encode_prompt(self._tokenizer, "")) - 1  # 1: the end of turn
        for start in range(0, len(self.rows), ROWS_AT_ONCE):
            texts = [row.completion for row in self.rows[start : start + ROWS_AT_ONCE]]
            for i, ids in enumerate(encode_completions(self._tokenizer, texts), start):
                if len(ids) > room:
                    self._name_the_bad_one([i], name)

    def _note_the_cut(self, numbers: Sequence[int]) -> None:
        """Note which rows are shorter than their text; those that were cut fill the row."""
        full = [i for i in numbers if len(self._encoded[i][0]) == self.max_length]
        whole = encode_prompts(self._tokenizer, [self.rows[i].prompt for i in full])
        for i, ids in zip(full, whole, strict=True):
            if len(ids) > self._encoded[i][1]:
                self.cut.add(i)

    def _name_the_bad_one(self, numbers: Sequence[int], name: str) -> None:
        """Encode rows one by one, of which one cannot be, and say which."""
        try:
            for i in numbers:
                self.encoded(i)
        except ValueError as error:
            raise ValueError(f"In {name}: {error}") from None
