"""Which rows a step trains on: the task in shuffled passes, general rows mixed in by chance.

Everything here is a pure function of (seed, purpose, position). Nothing is drawn from a
generator that lives on, so that a run can be resumed from its step number alone, and moving
the mix ratio during a run never disturbs the order of the task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch

from lablib import models, runtime
from lablib.controls import Batch
from lablib.events import Progress
from lablib.tasks.base import Row
from lablib.train.config import TrainConfig

ROWS_AT_ONCE = 128  # rows encoded between two looks at Stop
NO_GENERAL = "There are no general examples to mix in: give some, or set the mix ratio to 0."


class Order:
    """An endless sequence of row numbers: every pass holds each row once, newly shuffled.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        Seed of the run.
    purpose : str
        What the order is for; another purpose gives an independent order.
    """

    def __init__(self, n: int, seed: int, purpose: str):
        self.n = n
        self._pass = lru_cache(maxsize=2)(
            lambda number: torch.randperm(
                n, generator=runtime.generator(seed, purpose, number)
            ).tolist()
        )

    def __getitem__(self, position: int) -> int:
        """Return the row number at ``position`` (0, 1, …) of the sequence."""
        return self._pass(position // self.n)[position % self.n]


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
    """

    def __init__(self, rows: Sequence[Row], tokenizer, max_length: int):
        self.rows = rows
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._encoded: dict[int, tuple[list[int], int]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def encoded(self, i: int) -> tuple[list[int], int]:
        """Return the ids of row ``i`` and how many of them are prompt."""
        if i not in self._encoded:
            row = self.rows[i]
            try:
                self._encoded[i] = models.encode_row(
                    self._tokenizer, row.prompt, row.completion, self._max_length
                )
            except ValueError as error:
                raise ValueError(f"Row {i + 1}: {error}") from None
        return self._encoded[i]

    def prepare(self, name: str) -> Iterator[Progress]:
        """Encode all rows now, so that a bad one is found before the training begins."""
        for start in range(0, len(self.rows), ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, len(self.rows))
            for i in range(start, end):
                self.encoded(i)
            yield Progress(f"preparing: {name}", end, len(self.rows))


class Mixer:
    """Builds the batches of one task.

    Parameters
    ----------
    task, general : Rows
        What is learned, and the pool that general rows come from (may be empty).
    tokenizer
        The model's tokenizer.
    config : TrainConfig
        Rows a step; seed of the run.
    purpose : str
        Name of the task in the sequence, so that each task has an order of its own.

    Notes
    -----
    Slot ``j`` of step ``s`` is at position ``p = (s - 1) * batch_size + j``. It holds a general
    row if ``u_p < mix_ratio``, with ``u`` uniform on [0, 1), else the task row at place ``p`` of
    the task's order. The budget is *substitutive*: a general row takes the place of a task row,
    which is skipped in this pass; the number of rows and steps stays the same. Since ``u`` does
    not depend on the ratio, the slots that are general at ratio 0.1 are among those at 0.2, and
    runs with different ratios are paired comparisons.
    """

    def __init__(
        self,
        task: Rows,
        general: Rows,
        tokenizer,
        config: TrainConfig,
        purpose: str,
    ):
        seed = config.seed
        self._task, self._general, self._tokenizer = task, general, tokenizer
        self._size, self._seed, self._purpose = config.batch_size, seed, purpose
        self._order = Order(len(task), seed, f"order of {purpose}")
        self._general_order = Order(max(len(general), 1), seed, f"general rows in {purpose}")

    def batch(self, step: int, mix_ratio: float) -> Batch:
        """Return the batch of ``step`` (1, 2, …).

        Raises
        ------
        ValueError
            If general rows are asked for and there are none.
        """
        if mix_ratio > 0 and not len(self._general):
            raise ValueError(NO_GENERAL)
        chance = torch.rand(
            self._size, generator=runtime.generator(self._seed, "mix", self._purpose, step)
        ).tolist()
        rows, ids, is_general = [], [], []
        for j in range(self._size):
            position = (step - 1) * self._size + j
            general = chance[j] < mix_ratio
            source = self._general if general else self._task
            i = (self._general_order if general else self._order)[position]
            rows.append(source.encoded(i))
            ids.append(i)
            is_general.append(general)
        return models.collate(self._tokenizer, rows, ids, is_general)


def fingerprint(rows: Sequence[Row]) -> str:
    """Return a SHA-256 over the text of ``rows``, which tells whether data have changed."""
    digest = hashlib.sha256()
    for row in rows:
        for text in (row.prompt, row.completion):
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()
