"""A method is a way of fine-tuning: a dataclass with hooks that the loop calls by name.

Each hook takes what it needs and returns a value; none sees the run. A hook is added here
the day its first method needs it (the planned names and their order are in CONTRIBUTING.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import nn

from lablib import models
from lablib.controls import Batch
from lablib.events import Progress
from lablib.models import Rows
from lablib.models.load import SMALL


def setting(
    default: Any,
    *,
    label: str,
    source: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    large: Any = None,
    live: bool = False,
    log: bool = False,
) -> Any:
    """Return the dataclass field of a hyper-parameter, with all that a slider has to know.

    Parameters
    ----------
    default
        What it is unless something else is chosen.
    label, source, unit : str
        What the dashboard calls it; where default and range come from; what it is counted in.
    low, high : float, optional
        Range of a number, ends included.
    choices : sequence of str, optional
        The values of a field that is no number.
    large : optional
        The default for models of at least ten million parameters, where one does not serve both.
    live : bool
        True if it may be changed during a run.
    log : bool
        True if it is best set on a logarithmic scale.
    """
    about = {"label": label, "unit": unit, "source": source, "low": low, "high": high}
    about |= {"choices": choices, "large": large, "live": live, "log": log}
    return field(default=default, metadata=about)


@dataclass
class Method:
    """Fine-tune all weights with cross-entropy on the answer tokens; subclasses change a hook.

    Fields of a subclass are its hyper-parameters, made with ``setting``; the dashboard builds
    its sliders from them. What is learned from data ends in ``_``.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    # What of a run this method decides: two methods that decide the same cannot be combined.
    # "weights": which are trained (``wrap``); "pool": what is mixed in (``pool``); "" neither.
    decides: ClassVar[str] = ""
    trains_all: ClassVar[bool] = True  # False: the old weights are frozen, others are added
    default_mix_ratio: ClassVar[float] = 0.0  # share of general rows that a run starts with

    @property
    def owns_pool(self) -> bool:
        """True if this method decides what is mixed in."""
        return self.decides == "pool"

    def __post_init__(self):
        for key, value in self.settings().items():
            check_field(type(self), key, value)

    def default_lr(self, n_parameters: int) -> float:
        """8e-4 below ten million parameters, 5e-5 above (our own sweep; see docs/LOG.md)."""
        return 8e-4 if n_parameters < SMALL else 5e-5

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Learn what is needed from the untouched base, part by part; before ``wrap``.

        A pure function of its arguments: a resumed run prepares again.

        Parameters
        ----------
        base : nn.Module
            The model before any training, in eval mode, to be left as it is.
        tokenizer
            The model's tokenizer.
        tasks : sequence of Rows
            Training rows of each task; those in ``used`` are all that the run may train on.
        general : Rows
            The general examples of the run; never those that a probe asks.
        seed : int
            For everything that is drawn.
        """
        yield from ()

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model to be trained; random numbers may be drawn from the global state."""
        return model

    def pool(self, general: Rows, past: Sequence[Rows]) -> Rows:
        """Return the rows that the mix ratio draws from in the next task.

        Parameters
        ----------
        general : Rows
            The general examples that the run was given.
        past : sequence of Rows
            Training rows of the tasks learned before, in order.
        """
        return general

    def begin_task(self, model: nn.Module, number: int) -> None:
        """Make ready for task ``number`` (0, 1, …); the optimizer is built after this."""

    def optimizer(self, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """Return the optimizer for the trainable parameters; AdamW unless a method says else."""
        trainable = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.AdamW(trainable, lr=lr, weight_decay=weight_decay, fused=True)

    def token_weights(self, batch: Batch) -> torch.Tensor | None:
        """Return a weight for every answer token, (B, L) as ``models.answer_labels``, or None.

        None means 1 for all of them.
        """
        return None

    def loss(self, model: nn.Module, batch: Batch, outputs=None) -> torch.Tensor:
        """Return the training loss of a batch: cross-entropy weighted by ``token_weights``.

        Parameters
        ----------
        model, batch
            The model in training mode, and rows on its device.
        outputs
            What ``models.forward(model, batch)`` returned, where it is at hand.

        Returns
        -------
        torch.Tensor
            A scalar in nats per answer token, with gradients: ``sum_a w_a l_a / sum_a w_a``
            over the answer tokens ``a`` of the batch, 0 if all weights are 0.
        """
        losses = models.token_losses(model, batch, outputs)  # (B, L), 0 where nothing is learned
        weights = self.token_weights(batch)
        summed = losses.sum() if weights is None else (losses * weights).sum()
        return summed / _total(batch, weights).clamp(min=torch.finfo(losses.dtype).tiny)

    def total_weight(self, batch: Batch) -> torch.Tensor:
        """Return what ``loss`` divides by, a scalar: the weights of all answer tokens, summed.

        By this a batch that is read in parts is put together again (``train.step``).
        """
        return _total(batch, self.token_weights(batch))

    def penalty(self, model: nn.Module, batch: Batch, outputs) -> torch.Tensor | None:
        """Return what is added to the loss, a float32 scalar with gradients, or None."""
        return None

    def after_task(
        self, model: nn.Module, tokenizer, rows: Rows, number: int, seed: int
    ) -> Iterator[Progress]:
        """Take in that task ``number`` was learned from ``rows``, part by part."""
        yield from ()

    def state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return what was learned since ``prepare``, for a checkpoint.

        What ``prepare`` learned, and the trainable weights, need not be in it.
        """
        return {}

    def load_state(self, model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
        """Take over what ``state`` gave."""

    def settings(self) -> dict[str, Any]:
        """Return the hyper-parameters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def change(self, name: str, value: Any) -> None:
        """Set a hyper-parameter during the run.

        Raises
        ------
        ValueError
            If it is not one that can be changed then, or not a legal value.
        """
        value = check_field(type(self), name, value)
        if not hyperparameters(type(self))[name].get("live"):
            raise ValueError(f"{self.name}.{name} cannot be changed in a run: start another one.")
        setattr(self, name, value)


def _total(batch: Batch, weights: torch.Tensor | None) -> torch.Tensor:
    learned = models.answer_labels(batch) != -100
    return learned.sum() if weights is None else (weights * learned).sum()


def mask_weights(batch: Batch, kept: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """Return the token weights of a batch, (B, L), from the masks of a task's rows.

    Parameters
    ----------
    batch : Batch
        Rows of the task, and perhaps general ones, which are learned whole.
    kept : mapping of int to torch.Tensor
        By row number, for each answer token, whether it is learned.
    """
    labels = models.answer_labels(batch)
    weights = torch.ones(labels.shape)
    for row, number in enumerate(batch.example_ids.tolist()):
        if number in kept and not batch.is_general[row]:
            weights[row, -len(kept[number]) :] = kept[number]
    return weights.to(labels.device)


def hyperparameters(kind: type[Method]) -> dict[str, Mapping[str, Any]]:
    """Return the metadata of each hyper-parameter of a kind of method, by field name."""
    return {f.name: f.metadata for f in fields(kind) if f.init}


def by_size(kind: type[Method], n_parameters: int) -> dict[str, Any]:
    """Return the defaults of a kind of method that depend on the size of the model."""
    return {
        f.name: f.metadata["large"] if n_parameters >= SMALL else f.default
        for f in fields(kind)
        if f.metadata.get("large") is not None
    }


def check_field(kind: type[Method], key: str, value: Any) -> Any:
    """Return ``value`` if it is a legal ``key`` of the method.

    Raises
    ------
    ValueError
        With one sentence that says what is wrong and what is allowed.
    """
    known = hyperparameters(kind)
    if key not in known:
        have = f"its settings are {', '.join(known)}" if known else "it has no settings"
        raise ValueError(f"The method {kind.name} has no setting {key!r}; {have}.")
    low, high, choices = (known[key].get(end) for end in ("low", "high", "choices"))
    default = getattr(kind, key, None)
    if isinstance(default, bool) and not isinstance(value, bool):
        raise ValueError(f"{kind.name}.{key} must be true or false, not {value!r}.")
    if choices is not None and value not in choices:
        raise ValueError(f"{kind.name}.{key} must be one of {', '.join(choices)}, not {value!r}.")
    if low is not None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and low <= value <= high):
            raise ValueError(
                f"{kind.name}.{key} must be a number between {low} and {high}, not {value!r}."
            )
        if isinstance(default, int) and not isinstance(value, int):
            raise ValueError(f"{kind.name}.{key} must be a whole number, not {value!r}.")
    return value
