"""Replay: rehearse general examples, or those of earlier tasks, among the new ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from lablib import runtime
from lablib.events import Progress
from lablib.methods.base import Method, setting
from lablib.models import Rows


def reservoir(stream: Iterable[Any], size: int, generator: torch.Generator) -> list[Any]:
    """Return a uniform sample of a stream whose length nobody knows beforehand.

    Parameters
    ----------
    stream : iterable
        The items in the order in which they come; each is looked at once.
    size : int
        Most items kept at any time.
    generator : torch.Generator
        Draws the places.

    Notes
    -----
    Algorithm R. Of the ``n``-th item (1, 2, …): while ``n <= size`` it is kept; then ``j`` is
    drawn from ``0 … n - 1``, and if ``j < size`` the item takes place ``j``. After ``n`` items
    each of them is kept with probability ``min(1, size / n)``. The sample of a stream's
    beginning is what the buffer held at that moment, so that a buffer carried on and one drawn
    anew from the whole stream, with the same seed, are the same.

    References
    ----------
    Vitter, "Random Sampling with a Reservoir", ACM Transactions on Mathematical Software 11(1),
    1985.
    """
    kept: list[Any] = []
    for n, item in enumerate(stream, start=1):
        if n <= size:
            kept.append(item)
            continue
        j = int(torch.randint(n, (), generator=generator))
        if j < size:
            kept[j] = item
    return kept


@dataclass
class Replay(Method):
    """Replay (rehearsal): every batch holds some examples of what must not be forgotten.

    Full fine-tuning on the mixture; no other term in the loss, nothing stored but text.

    Notes
    -----
    With mix ratio ``m`` the loss is the mean cross-entropy over all answer tokens of a batch of
    which a share ``m`` is replayed. What the ratio counts (examples or tokens) and whether
    replayed rows take the place of task rows or come on top (``mix_unit``, ``mix_budget``) is
    settled by the run; see ``TrainConfig`` and ``Mixer``. Papers differ in both.

    ``source="general"``: the general rows that the run was given. ``"past"``: a buffer of at
    most ``buffer`` rows, a uniform sample (``reservoir``) of all rows that earlier tasks had
    (up to ``max_steps``; less than one epoch does not reach them all); in the first task there
    are none and nothing is mixed in. ``"both"``: each of
    the two gets half of the replayed places, once there is a past; the rows of the smaller
    source are repeated.

    "1% is enough" (Scialom et al.) means 1% *of each old data set*: 1,000 examples of each of 38
    data sets beside 100,000 new ones make about 27% of the mixture. Ibrahim et al. replay 1-5%
    for a weak and about 25% for a strong shift of the data.

    References
    ----------
    Scialom, Chakrabarty, Muresan, "Fine-tuned Language Models are Continual Learners", EMNLP
    2022, arXiv 2205.12393. Ibrahim et al., "Simple and Scalable Strategies to Continually
    Pre-train Large Language Models", TMLR 2024, arXiv 2403.08763.
    """

    name: ClassVar[str] = "replay"
    summary: ClassVar[str] = "replay: general examples, or those of earlier tasks, mixed in"
    decides: ClassVar[str] = "pool"
    default_mix_ratio: ClassVar[float] = 0.2

    source: str = setting(
        "general", label="What is rehearsed", choices=("general", "past", "both"), source="ours"
    )
    buffer: int = setting(
        200, label="Buffer of earlier tasks", unit="rows", low=1, high=5000, source="ours"
    )

    seed_ = 0

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Remember the seed of the buffer; refuse a source that can never give a row."""
        if self.source == "general" and not len(general):
            raise ValueError("Replay has no general examples: give some, or replay the past.")
        if len(tasks) == 1 and (self.source == "past" or not len(general)):
            raise ValueError(
                "Replay of the past needs an earlier task: give two tasks, or replay general rows."
            )
        self.seed_ = seed
        yield from ()

    def pool(self, general: Rows, past: Sequence[Rows]) -> Rows:
        """Return the rows to be replayed in the next task."""
        if self.source == "general":
            return general
        stream = (rows.rows[i] for rows in past for i in rows.used)
        kept = reservoir(stream, self.buffer, runtime.generator(self.seed_, "reservoir"))
        if self.source == "both" and len(general):
            if not kept:
                return general
            n = max(len(general), len(kept))
            kept = _repeated(kept, n) + _repeated(general.rows, n)
        return general.like(kept)


def _repeated(rows: Sequence[Any], n: int) -> list[Any]:
    """``n`` rows, each as often as the others or once more."""
    return [rows[i % len(rows)] for i in range(n)]
