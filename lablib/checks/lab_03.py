"""Checks of the exercises of lab 03: LoRA by hand, and the largest rank for a budget."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from lablib import runtime
from lablib.checks.base import Case, Exercise, Misconception

# ----------------------------------------------------------------------------- add_lora

Layer = Callable[[nn.Linear, int, float], nn.Module]
_START, _TRAINED, _DRAWN, _OUTPUT, _LEARNS = (
    "change of the first output",
    "number of trained weights",
    "rank of A at the start",
    "one output, with A and B set by the check",
    "loss after three steps, from a fixed A",
)


def _fixed(*shape: int, name: str) -> torch.Tensor:
    """A tensor that is the same in every check."""
    return torch.randn(*shape, generator=runtime.generator(3, "add_lora", name))


def _observed(add_lora: Layer, n_in: int, n_out: int, rank: int, alpha: float, what: str) -> Any:
    """Return one number that tells a layer with LoRA from one that is something else."""
    linear = nn.Linear(n_in, n_out, bias=False)
    with torch.no_grad():
        linear.weight.copy_(_fixed(n_out, n_in, name="W"))
    old = copy.deepcopy(linear)
    with runtime.seeded(torch.device("cpu"), 3):
        layer = add_lora(linear, rank, alpha)
    if layer is None or layer is Ellipsis:
        return layer
    if not isinstance(layer, nn.Module):
        raise TypeError(f"add_lora must return a layer (nn.Module), not a {type(layer).__name__}")
    x = _fixed(5, n_in, name="x")
    if what == _START:
        return float((layer(x) - old(x)).detach().abs().max())
    if what == _TRAINED:
        return sum(p.numel() for p in layer.parameters() if p.requires_grad)
    low = _low_rank(layer, n_in, n_out, rank)
    if what == _DRAWN:
        return int(torch.linalg.matrix_rank(low["A"].detach()))
    with torch.no_grad():
        low["A"].copy_(_fixed(rank, n_in, name="A") / math.sqrt(n_in))
    if what == _OUTPUT:
        with torch.no_grad():
            low["B"].copy_(_fixed(n_out, rank, name="B"))
            return float(layer(x)[0, 0])
    return _after_three_steps(layer, x, old(x).detach() + 1)


def _low_rank(layer: nn.Module, n_in: int, n_out: int, rank: int) -> dict[str, nn.Parameter]:
    found = {n.removesuffix(".weight"): p for n, p in layer.named_parameters()}
    for name, shape in (("A", (rank, n_in)), ("B", (n_out, rank))):
        if name not in found:
            raise AttributeError(f"the layer has no parameter called {name}")
        if tuple(found[name].shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(found[name].shape)} instead of {shape}")
    return found


def _after_three_steps(layer: nn.Module, x: torch.Tensor, target: torch.Tensor) -> float:
    # Steps by hand: torch's optimizers load half a compiler, and this runs at import.
    for _ in range(3):
        trained = [p for p in layer.parameters() if p.requires_grad]
        gradients = torch.autograd.grad((layer(x) - target).square().mean(), trained)
        with torch.no_grad():
            for p, gradient in zip(trained, gradients, strict=True):
                p -= 0.3 * gradient
    with torch.no_grad():
        return round(float((layer(x) - target).square().mean()), 5)


class _ByHand(nn.Module):
    """LoRA, and what people write instead of it."""

    def __init__(self, linear, rank, scale, *, frozen=True, a="drawn", b="zero", old=1.0):
        super().__init__()
        self.linear, self.scale, self.old = linear.requires_grad_(not frozen), scale, old
        self.A = nn.Parameter(torch.zeros(rank, linear.in_features))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))
        for part, how in ((self.A, a), (self.B, b)):
            if how == "drawn":
                nn.init.kaiming_uniform_(part, a=math.sqrt(5))
            elif how == "even":
                nn.init.ones_(part)

    def forward(self, x):
        return self.old * self.linear(x) + self.scale * (x @ self.A.T) @ self.B.T


def _right(linear: nn.Linear, rank: int, alpha: float) -> nn.Module:
    return _ByHand(linear, rank, alpha / rank)


_SIZES = ((6, 4, 2, 8.0), (5, 7, 4, 2.0))
_EXPECTED = [
    ((*size, what), _observed(_right, *size, what))
    for size in _SIZES
    for what in (_START, _TRAINED, _DRAWN, _OUTPUT, _LEARNS)
]


def _named(size: tuple) -> str:
    n_in, n_out, rank, alpha, what = size
    return f"nn.Linear({n_in}, {n_out}), {rank}, {alpha:g}): ({what}"


ADD_LORA = Exercise(
    name="add_lora",
    stub=(
        "Write a function that takes a linear layer, a rank and alpha, and returns a new layer "
        "(a subclass of nn.Module) that freezes the old weights and adds alpha / rank times the "
        "product of two small trained matrices, called A (rank by inputs) and B (outputs by rank)."
    ),
    returns=(float, int),
    cases=tuple(Case(arguments, expected, _named(arguments)) for arguments, expected in _EXPECTED),
    through=lambda function: partial(_observed, function),
    misconceptions=(
        Misconception(
            "forgot the scale",
            lambda linear, rank, alpha: _ByHand(linear, rank, 1.0),
            "The low-rank part is added as it is. Where does alpha come in?",
        ),
        Misconception(
            "alpha without the rank",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha),
            "The scale is alpha alone, so that a higher rank also means a stronger update. What "
            "would keep the two apart?",
        ),
        Misconception(
            "square root of the rank",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / math.sqrt(rank)),
            "The scale divides by the square root of the rank. That is a variant of its own "
            "(rsLoRA); plain LoRA divides by the rank.",
        ),
        Misconception(
            "old weights not frozen",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / rank, frozen=False),
            "The old weights are still trained. Count what has requires_grad.",
        ),
        Misconception(
            "B drawn as well",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / rank, b="drawn"),
            "The new layer does not begin where the old one was: both small matrices are random. "
            "Which of them has to begin at zero, so that nothing changes at first?",
        ),
        Misconception(
            "A the same in every row",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / rank, a="even"),
            "All rows of A begin with the same numbers, so they also get the same gradients and "
            "stay alike. What rank can the product of B and A have then?",
        ),
        Misconception(
            "both zero",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / rank, a="zero"),
            "Both small matrices begin at zero. Then the gradient of each is zero as well, for it "
            "is a product with the other one, and nothing is ever learned.",
        ),
        Misconception(
            "the old layer is left out",
            lambda linear, rank, alpha: _ByHand(linear, rank, alpha / rank, old=0.0),
            "Only the low-rank part is returned. LoRA adds to what the old layer gives.",
        ),
    ),
    praise=(
        "Right. That is the whole of LoRA: the old weights stay, two thin matrices are learned, "
        "and at first nothing changes. The cell below trains your layer beside the library's."
    ),
    difficulty=2,
    minutes=15,
    hint=(
        "In __init__ keep the old layer with requires_grad_(False), and make two nn.Parameter: A "
        "random (nn.init.kaiming_uniform_), B zero. In forward go from x through A, then through "
        "B; both are applied from the right, transposed, for x holds one row an example."
    ),
)

# -------------------------------------------------------------------------- largest_rank

Sizes = list[tuple[int, int]]


def _largest(layers: Sizes, total: int, share: float) -> int:
    return math.floor(share * total / sum(n_in + n_out for n_in, n_out in layers) + 1e-9)


def _per_rank(cost: Callable[[int, int], float], rounded=math.floor) -> Callable[..., int]:
    def wrong(layers: Sizes, total: int, share: float) -> int:
        return rounded(share * total / sum(cost(n_in, n_out) for n_in, n_out in layers) + 1e-9)

    return wrong


_BUDGETS = (
    ([(128, 128), (128, 128), (128, 384)], 100_000, 0.10),
    ([(576, 576), (576, 192), (1536, 576)], 2_000_000, 0.05),
    ([(64, 64)] * 4 + [(64, 256), (256, 64)], 90_000, 0.123),
    ([(32, 96)], 10_000, 0.5),
    ([(512, 512), (512, 64)], 600_000, 0.001),
)


LARGEST_RANK = Exercise(
    name="largest_rank",
    stub=(
        "Write a function that takes the layers as pairs (inputs, outputs), the number of all "
        "weights of the model and a share, and returns the largest whole rank whose adapters "
        "have at most that share of the model's weights; 0 if not even rank 1 fits."
    ),
    returns=int,
    cases=tuple(
        Case(
            budget,
            _largest(*budget),
            f"{len(budget[0])} layers beginning with {budget[0][0]}, {budget[1]:,}, {budget[2]:g}",
        )
        for budget in _BUDGETS
    ),
    misconceptions=(
        Misconception(
            "the whole update counted",
            _per_rank(lambda n_in, n_out: n_in * n_out),
            "This counts inputs times outputs, which is the size of the layer itself. How many "
            "weights do the two thin matrices have?",
        ),
        Misconception(
            "A only",
            _per_rank(lambda n_in, n_out: n_in),
            "Only the matrix on the input side is counted. The one on the output side is trained "
            "and stored as well.",
        ),
        Misconception(
            "share of the adapted layers",
            lambda layers, total, share: math.floor(
                share * sum(i * o for i, o in layers) / sum(i + o for i, o in layers) + 1e-9
            ),
            "This is a share of the adapted layers. The question is about the share of the whole "
            "model, embeddings and all.",
        ),
        Misconception(
            "rounded up",
            _per_rank(lambda n_in, n_out: n_in + n_out, math.ceil),
            "This rank goes over the budget: the share is the most that may be trained.",
        ),
        Misconception(
            "at least rank 1",
            lambda layers, total, share: max(1, _largest(layers, total, share)),
            "Where not even rank 1 fits into the budget, the answer is 0: no adapter.",
        ),
        Misconception(
            "every layer like the first",
            lambda layers, total, share: math.floor(
                share * total / (len(layers) * sum(layers[0])) + 1e-9
            ),
            "This takes every layer for one like the first. Layers differ in their inputs and "
            "outputs.",
        ),
    ),
    praise=(
        "Right. A rank is a share of nothing by itself: it has to be chosen for each model. The "
        "table above now holds a column of yours."
    ),
    difficulty=2,
    minutes=8,
    hint=(
        "One layer with i inputs and o outputs gets a matrix of rank by i and one of o by rank. "
        "Add that up over the layers for rank 1; every further rank costs the same again."
    ),
)
