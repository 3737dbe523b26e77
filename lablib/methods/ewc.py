"""Elastic weight consolidation: each weight on a spring, stiff where the base relied on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from lablib import models
from lablib.controls import Batch
from lablib.events import Progress
from lablib.methods import fisher
from lablib.methods.base import Method, setting
from lablib.models import Rows

Weights = dict[str, torch.Tensor]


@dataclass
class EWC(Method):
    """Fine-tune with a penalty on moving the weights that mattered to the base.

    Notes
    -----
    Added to the mean cross-entropy (nats per answer token), as implemented:
    ``(strength / 2) sum_i F_i (theta_i - theta*_i)^2``, with gradient
    ``strength F_i (theta_i - theta*_i)``. ``F`` is the diagonal Fisher per answer token
    (``fisher.py``) on ``n_rows`` of the general pool, **divided by its mean** ``scale_`` over the
    held weights: ``strength`` is the pull on an average weight, whatever the model. In the terms
    of [1]_, Eq. 3, ``lambda = strength / scale_``. Avalanche and mammoth have no 1/2 and other
    "Fishers": no value can be carried over.

    Held are the trainable weights or, with adapters (``lora+ewc``), the adapted ones, where
    ``theta - theta* = Delta W`` [4]_: the penalty of the merged weights, without a copy of
    ``theta*``. Mean and shuffle are then over the adapted entries.

    After each task but the last ``F <- gamma F + F_task``, each with mean 1, and ``theta*`` is
    the weights now [3]_: a single anchor, for one per task counts early ones twice [2]_.

    ``importance="uniform"`` is L2-SP (F = 1), ``"shuffled"`` the same F on the wrong weights:
    what these keep as well is not the Fisher's doing. Weight decay pulls to 0, not to
    ``theta*``, and is refused, also in company (``full+ewc``), except with adapters, where 0
    is where they began. At ``theta*`` the gradient is 0: first steps are unprotected.
    In memory: F and ``theta*`` in float32, with adapters F alone until a task is finished.

    References
    ----------
    .. [1] Kirkpatrick et al. 2017, arXiv 1612.00796. [2] Huszar 2018, arXiv 1712.03847.
    .. [3] Schwarz et al. 2018, arXiv 1805.06370. [4] Xiang et al. 2023, arXiv 2305.10626 (no 1/2).
    """

    name: ClassVar[str] = "ewc"
    summary: ClassVar[str] = "elastic weight consolidation: weights that mattered are held back"

    strength: float = setting(
        0.01, label="Strength of the springs", unit="pull per average weight", large=10.0,
        source="our sweeps, docs/LOG.md", low=1e-4, high=1e6, live=True, log=True,
    )  # fmt: skip
    importance: str = setting(
        "fisher", label="What makes a spring stiff", choices=("fisher", "uniform", "shuffled"),
        source="controls: L2-SP, and the same Fisher on the wrong weights",
    )  # fmt: skip
    fisher: str = setting(
        "signed", label="Estimate of the Fisher", choices=fisher.KINDS,
        source="steadiest, docs/LOG.md; the last two are biased",
    )  # fmt: skip
    n_rows: int = setting(
        64, label="Rows for the Fisher", unit="general rows", source="our choice", low=1, high=2_000
    )
    gamma: float = setting(
        1.0,
        label="Earlier Fishers",
        unit="share kept",
        source="arXiv 1805.06370",
        low=0.0,
        high=1.0,
    )
    fisher_: Weights = field(init=False, repr=False, compare=False, default_factory=dict)
    anchor_: Weights = field(init=False, repr=False, compare=False, default_factory=dict)
    scale_: float = field(init=False, repr=False, compare=False, default=1.0)

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Weigh the base's weights on the general pool."""
        self._seed, self._n_tasks, self._n_done = seed, len(tasks), 0
        self.fisher_ = yield from self._weigh(base, general, seed)

    def begin_task(self, model: nn.Module, number: int) -> None:
        """Fasten the springs, before the first task, to the weights as they are."""
        if number > 0:
            return
        held = fisher.held_weights(model)
        if not held or not held.keys() <= self.fisher_.keys():
            raise ValueError("EWC has no Fisher of the weights to be trained: weigh this model.")
        if self._n_tasks > 1 and not fisher.can_be_weighed(model):
            raise ValueError("EWC cannot weigh 4-bit or DoRA weights after a task: use plain lora.")
        own = {name: self.fisher_[name] for name in held}
        self.scale_, self.fisher_ = fisher.mean(own), self._ready(own, self._seed)
        self.anchor_ = {} if models.is_adapted(model) else _copies(held)

    def penalty(self, model: nn.Module, batch: Batch, outputs) -> torch.Tensor:
        """Return ``(strength / 2) sum_i F_i (theta_i - theta*_i)^2``."""
        moved = fisher.moved(model, self.anchor_)
        springs = [(self.fisher_[name] * by.square()).sum() for name, by in moved]
        assert len(springs) == len(self.fisher_), "every held weight has its spring"
        return 0.5 * self.strength * torch.stack(springs).sum()

    def optimizer(self, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """Return AdamW, without decay."""
        if weight_decay and not models.is_adapted(model):
            raise ValueError("EWC pulls to the first weights, weight decay to 0: set it to 0.")
        return super().optimizer(model, lr, weight_decay)

    def after_task(
        self, model: nn.Module, tokenizer, rows: Rows, number: int, seed: int
    ) -> Iterator[Progress]:
        """Add what mattered to the task, and move the anchor, if another task is to come."""
        if number + 1 >= self._n_tasks:
            return
        new = self._ready((yield from self._weigh(model, rows, seed)), seed)
        self.fisher_ = {name: self.gamma * old + new[name] for name, old in self.fisher_.items()}
        now = models.effective_weights(model)
        self.anchor_, self._n_done = _copies({n: now[n] for n in self.fisher_}), self._n_done + 1

    def state(self, model: nn.Module) -> Weights:
        """Return Fisher and anchor, once a task is finished."""
        if not self._n_done:
            return {}
        pairs = (("fisher", self.fisher_), ("anchor", self.anchor_))
        return {f"{kind}.{name}": w for kind, held in pairs for name, w in held.items()}

    def load_state(self, model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
        """Take over what ``state`` gave."""
        device = next(model.parameters()).device
        for full_name, w in state.items():
            kind, _, name = full_name.partition(".")
            (self.fisher_ if kind == "fisher" else self.anchor_)[name] = w.to(device)
        self._n_done = int(bool(state))

    def _weigh(self, model: nn.Module, rows: Rows, seed: int) -> Iterator[Progress]:
        """Return the importance of each held weight, as the generator's value."""
        if self.importance == "uniform":
            held = fisher.held_weights(model).items()
            return {name: torch.ones((), device=p.device) for name, p in held}
        some = fisher.some_rows(rows, self.n_rows, seed)
        return (yield from fisher.iter_diagonal(model, rows, some, kind=self.fisher, seed=seed))

    def _ready(self, values: Weights, seed: int) -> Weights:
        if self.importance == "shuffled":
            values = fisher.shuffled(values, seed)
        return fisher.with_mean_one(values)


def _copies(weights: Mapping[str, torch.Tensor]) -> Weights:
    return {name: w.detach().clone() for name, w in weights.items()}
