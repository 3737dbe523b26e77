"""The KL test: does a number that is called Fisher say how far the answers move?

For one weight everything can be had exactly. All log-probabilities are computed twice, with the
weight a little up and a little down, in double precision: half their difference over the step is
the slope of every label's log-probability, and each of them gives the divergence itself.

N answer tokens, V vocabulary.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lablib import experiment, models, runtime
from lablib.events import Progress
from lablib.lessons.importance import rows_of
from lablib.methods import fisher
from lablib.models import LoadedModel
from lablib.models.prefix import evaluating

STEP = 1e-3  # of one weight; small beside a typical weight of any model
N_ROWS = 16  # general rows
N_WEIGHTS = 6  # of the chosen matrix, drawn at random
TOLERANCE = 0.01  # relative error with which half the Fisher must meet the divergence

Numbers = list[list[float]]


@dataclass(frozen=True)
class Nudged:
    """One weight, nudged.

    Attributes
    ----------
    name : str
        The matrix; ``row`` and ``column`` say where in it.
    kl : float
        KL(base ‖ nudged), nats per answer token, mean of a step up and a step down.
    step : float
        Length of the step.
    probabilities, slopes : torch.Tensor
        Of the base, (N, V): ``p(y|x_t)`` and ``d log p(y|x_t) / d weight``, double.
    spoken : torch.Tensor
        The label that stands in the row, (N,).
    row_of : torch.Tensor
        Which row a token belongs to, (N,).
    """

    name: str
    row: int
    column: int
    kl: float
    step: float
    probabilities: torch.Tensor
    slopes: torch.Tensor
    spoken: torch.Tensor
    row_of: torch.Tensor

    def ratio(self, value: float) -> float:
        """Return ``value * step^2 / 2`` over the divergence: 1 for the Fisher."""
        return 0.5 * value * self.step**2 / self.kl if self.kl > 0 else float("nan")

    def lists(self) -> tuple[Numbers, Numbers]:
        """Return probabilities and slopes as plain lists, for a learner's function."""
        return self.probabilities.tolist(), self.slopes.tolist()

    @property
    def _true(self) -> torch.Tensor:
        """Slopes of the labels that stand in the rows, (N,)."""
        return self.slopes[torch.arange(len(self.spoken)), self.spoken]

    def exact(self) -> float:
        """``mean_t sum_y p(y|x_t) slope_ty^2``."""
        return float((self.probabilities * self.slopes.square()).sum(-1).mean())

    def empirical(self) -> float:
        """``mean_t slope^2`` of the label that stands there."""
        return float(self._true.square().mean())

    def weighted(self) -> float:
        """``mean_t p slope^2`` of the label that stands there, weighted by its probability."""
        p = self.probabilities[torch.arange(len(self.spoken)), self.spoken]
        return float((p * self._true.square()).mean())

    def batch_squared(self, rows: int) -> float:
        """``mean_b (mean_{t in b} slope)^2`` over batches of so many rows."""
        batches = self.row_of // rows
        found = [float(self._true[batches == b].mean()) ** 2 for b in batches.unique()]
        return statistics.fmean(found)


@dataclass(frozen=True)
class Library:
    """What a library takes for the Fisher, and how its penalty is written."""

    who: str
    what: str
    value: Callable[[Nudged], float]
    half: bool  # True if the penalty has the 1/2


LIBRARIES = (
    Library("this lab; van de Ven's code with all labels [4]", "all labels, each by its "
            "probability", Nudged.exact, True),
    Library("van de Ven's code with true labels [4]", "the true label only (empirical)",
            Nudged.empirical, True),
    Library("mammoth [5]", "the true label, times its probability", Nudged.weighted, False),
    Library("Avalanche [6], batches of one row", "gradient of the batch's mean loss, squared",
            lambda one: one.batch_squared(1), False),
    Library("Avalanche [6], batches of four rows", "the same",
            lambda one: one.batch_squared(4), False),
    Library("Avalanche [6], batches of sixteen rows", "the same",
            lambda one: one.batch_squared(16), False),
)  # fmt: skip


def matrices(model: nn.Module) -> list[str]:
    """Return the names of the matrices inside the layers."""
    found = fisher.held_weights(model).items()
    inside = [
        name for name, p in found if p.dim() == 2 and any(w.isdigit() for w in name.split("."))
    ]
    return inside or [name for name, p in found if p.dim() == 2]


def iter_nudge(
    loaded: LoadedModel, name: str, n: int = N_WEIGHTS, seed: int = 0
) -> Iterator[Progress | Nudged]:
    """Nudge a few weights of one matrix, drawn at random, and yield what came of each."""
    rows = rows_of(loaded)
    numbers = fisher.some_rows(rows, N_ROWS, seed)
    model = copy.deepcopy(loaded.model).double()
    weight = dict(model.named_parameters())[name]
    order = torch.randperm(weight.numel(), generator=runtime.generator(seed, "nudged weights"))
    base, spoken, row_of = _read(model, rows, numbers)
    flat = weight.data.view(-1)
    for done, place in enumerate(order[:n].tolist()):
        yield Progress("nudging", done, n)
        kept, moved = float(flat[place]), {}
        for sign in (1, -1):
            flat[place] = kept + sign * STEP
            moved[sign] = _read(model, rows, numbers)[0]
        flat[place] = kept
        p = base.exp()
        kl = statistics.fmean(_divergence(base, logprobs) for logprobs in moved.values())
        yield Nudged(
            name, place // weight.shape[1], place % weight.shape[1], kl, STEP, p,
            (moved[1] - moved[-1]) / (2 * STEP), spoken, row_of,
        )  # fmt: skip
    yield Progress("nudging", n, n)


def _divergence(base: torch.Tensor, moved: torch.Tensor) -> float:
    """Mean KL(base ‖ moved), exact also where it is tiny.

    ``sum_y p (log p - log q)`` is ``sum_y p (q/p - 1 - log(q/p))``, for ``sum_y q`` is one: no term
    of this sum is negative, so that nothing cancels.
    """
    up = moved - base
    return float((base.exp() * (up.expm1() - up)).sum(-1).mean())


def _read(model: nn.Module, rows, numbers: Sequence[int]):
    """Log-probabilities (N, V), the labels that stand there, and their rows; one row at a time."""
    found, labels, row_of = [], [], []
    for at, number in enumerate(numbers):
        batch = rows.batch([number])
        due = models.answer_labels(batch)
        learned = due != -100
        with torch.no_grad(), evaluating(model):
            logits = models.forward(model, batch).logits[learned]
        found.append(logits.log_softmax(-1))
        labels.append(due[learned])
        row_of.append(torch.full((len(logits),), at))
    return torch.cat(found), torch.cat(labels), torch.cat(row_of)


def base_of(loaded: LoadedModel) -> LoadedModel:
    """Return the model of the test: one in double precision twice over must fit."""
    return loaded if loaded.n_parameters < experiment.SMALL else models.load("mini")


def passes(ratios: Sequence[float]) -> bool:
    """Return True if every ratio is 1 within the tolerance."""
    return bool(ratios) and all(abs(ratio - 1) <= TOLERANCE for ratio in ratios)
