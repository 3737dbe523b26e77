"""Which rows a step trains on: the task in shuffled passes, general rows mixed in by chance.

Everything here is a pure function of (seed, purpose, position). Nothing is drawn from a
generator that lives on, so that a run can be resumed from its step number alone, and moving
the mix ratio during a run never disturbs the order of the task.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache

import torch

from lablib import models, runtime
from lablib.controls import Batch
from lablib.models import Rows
from lablib.tasks.base import Row
from lablib.train.config import ALL_GENERAL, TrainConfig

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


class Mixer:
    """Builds the batches of one task.

    Parameters
    ----------
    task, general : Rows
        What is learned, and the pool that general rows come from (may be empty).
    tokenizer
        The model's tokenizer.
    config : TrainConfig
        Rows a step; seed of the run; what the mix ratio counts and whose place it takes.
    purpose : str
        Name of the task in the sequence, so that each task has an order of its own.

    Notes
    -----
    Slot ``j`` of step ``s`` is at position ``p = (s - 1) * batch_size + j``, with ``u_p``
    uniform on [0, 1). Let ``q`` be the chance that a row is general (below).

    *Substitutive* budget: the slot holds a general row if ``u_p < q``, else the task row at
    place ``p`` of the task's order. A general row takes the place of a task row, which is
    skipped in this pass; the number of rows and steps stays the same.

    *Additive* budget: the slot holds its task row, and with ``x = q / (1 - q)`` there are
    ``floor(x) + [u_p < x - floor(x)]`` general rows more, so that no task row is skipped and
    the batch grows to ``batch_size / (1 - q)`` rows on average.

    A ratio ``m`` by *examples* means ``q = m``; by *tokens*, with ``T`` and ``G`` the mean
    answer lengths of task and general rows, ``q = m T / (m T + (1 - m) G)``, so that the
    expected share of general tokens among those learned is ``m``.

    Since ``u`` does not depend on the ratio, the slots that are general at ratio 0.1 are among
    those at 0.2, and runs with different ratios are paired comparisons.
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
        self._additive = config.mix_budget == "additive"
        self._by_tokens = config.mix_unit == "tokens"
        self._order = task_order(len(task), config, purpose)
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
        first = (step - 1) * self._size
        picked = [
            (general, (self._general_order if general else self._order)[place])
            for j in range(self._size)
            for general, place in self._slot(first + j, chance[j], self._share(mix_ratio))
        ]
        rows = [(self._general if general else self._task).encoded(i) for general, i in picked]
        is_general, numbers = ([part[k] for part in picked] for k in (0, 1))
        return models.collate(self._tokenizer, rows, numbers, is_general)

    def _slot(self, place: int, u: float, share: float) -> list[tuple[bool, int]]:
        """What a slot holds: (is it general, place in its order) of each of its rows."""
        if not self._additive:
            return [(u < share, place)]
        if share == 1:
            raise ValueError(ALL_GENERAL)
        extra = share / (1 - share)
        whole = math.floor(extra)
        n = whole + (u < extra - whole)
        return [(False, place), *((True, place * (whole + 1) + k) for k in range(n))]

    def _share(self, mix_ratio: float) -> float:
        """The chance that a row is general."""
        if not self._by_tokens or not 0 < mix_ratio < 1:
            return mix_ratio
        task, general = self._lengths
        return mix_ratio * task / (mix_ratio * task + (1 - mix_ratio) * general)

    @cached_property
    def _lengths(self) -> tuple[float, float]:
        """Mean number of answer tokens of task rows and of general rows."""
        task, general = (
            sum(map(rows.n_answer_tokens, rows.used)) / len(rows.used)
            for rows in (self._task, self._general)
        )
        return task, general


def task_order(n: int, config: TrainConfig, purpose: str) -> Order:
    """Return the order in which the ``n`` rows of a task are learned."""
    return Order(n, config.seed, f"order of {purpose}")


def within_reach(n: int, config: TrainConfig, purpose: str) -> Sequence[int]:
    """Return the numbers of the rows that a run capped by ``max_steps`` may train on."""
    most = n if config.max_steps is None else config.max_steps * config.batch_size
    if most >= n:
        return range(n)
    order = task_order(n, config, purpose)
    return sorted(order[place] for place in range(most))


def fingerprint(rows: Sequence[Row]) -> str:
    """Return a SHA-256 over the text of ``rows``, which tells whether data have changed."""
    digest = hashlib.sha256()
    for row in rows:
        for text in (row.prompt, row.completion):
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()
