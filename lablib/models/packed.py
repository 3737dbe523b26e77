"""Weights laid out for many forward passes: reading on the CPU in two thirds of the time.

A forward pass with the few rows of a generation step is mostly products of thin matrices, at
which the library behind ``torch.nn.Linear`` reaches a third of the processor's speed on some
machines. oneDNN, which torch brings along, reaches nearly all of it once the weights lie in an
order of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

LEAST = 10_000_000  # weights; below it, arranging them costs more than it gains
_ROWS = 64  # rows for which the order is chosen; it serves any number


@contextmanager
def packed(model) -> Iterator[None]:
    """Let the linear layers compute with rearranged copies of their weights for a block.

    Parameters
    ----------
    model
        Any model. Nothing changes unless it has at least ten million weights in plain float32
        linear layers on the CPU.

    Notes
    -----
    For reading only: with gradients on, or after its weights have changed, a layer computes as
    always. Results differ from the usual ones by rounding. The copies take as much memory
    as the layers, until the block ends.
    """
    layers = [module for module in model.modules() if _suits(module)]
    if sum(layer.weight.numel() for layer in layers) < LEAST or not _available():
        yield
        return
    try:
        for layer in layers:
            layer.forward = _reader(layer)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _suits(module: nn.Module) -> bool:
    """True for a plain linear layer that nobody has given another way to compute."""
    if type(module) is not nn.Linear or "forward" in module.__dict__:
        return False
    weight = module.weight
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def _available() -> bool:
    """True if this torch has the two operations, which are its compiler's and not documented."""
    operations = torch.ops.mkldnn
    return torch.backends.mkldnn.is_available() and all(
        hasattr(operations, name) for name in ("_reorder_linear_weight", "_linear_pointwise")
    )


def _reader(layer: nn.Linear):
    weight, plain = layer.weight, layer.forward
    version, place = weight._version, weight.data_ptr()
    with torch.no_grad():
        copy = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)

    def forward(given: torch.Tensor) -> torch.Tensor:
        kept = layer.weight is weight and weight._version == version
        # its data can be exchanged without a new version, as by ``models.put_weight``
        if torch.is_grad_enabled() or not kept or weight.data_ptr() != place:
            return plain(given)
        return torch.ops.mkldnn._linear_pointwise(given, copy, layer.bias, "none", [], "")

    return forward
