"""Sixteen levels for a weight: rounding to any set of levels, block by block, and its error.

A block is so many weights in a row that share one scale, their largest magnitude ("absmax").
Divided by it they lie between -1 and 1, where the levels are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import torch
from torch import nn

from lablib.models import LoadedModel
from lablib.models.quantize import BLOCK, base_weight, linear_names, quantized

WHOLE = 0  # block size that means: one scale for the whole matrix

_TAIL = 0.9677083  # quantile of the outermost level, as in bitsandbytes


def nf4() -> tuple[float, ...]:
    """Return the 16 levels of NormalFloat (arXiv 2305.14314, appendix E), from -1 to 1.

    Notes
    -----
    Quantiles of the normal distribution, evenly spaced in probability: eight above zero, seven
    below and zero itself, divided by the largest.
    """
    normal = NormalDist()
    above = [normal.inv_cdf(_TAIL + i * (0.5 - _TAIL) / 8) for i in range(8)]
    below = [-normal.inv_cdf(_TAIL + i * (0.5 - _TAIL) / 7) for i in range(7)]
    top = max(above)
    return tuple(sorted(value / top for value in (*above, 0.0, *below)))


def uniform(n: int = 16) -> tuple[float, ...]:
    """Return ``n`` evenly spaced levels from -1 to 1."""
    return tuple(-1 + 2 * i / (n - 1) for i in range(n))


def squeezed(power: float, n: int = 16) -> tuple[float, ...]:
    """Return the even levels moved toward zero: ``sign(u) |u|^power``."""
    return tuple((1 if u > 0 else -1) * abs(u) ** power for u in uniform(n))


def scaled(weight: torch.Tensor, block: int = BLOCK) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights divided by the scale of their block, (blocks, size), and the scales.

    A last block that is not full is left out.
    """
    flat = weight.detach().float().flatten()
    size = len(flat) if block == WHOLE else min(block, len(flat))
    rows = flat[: len(flat) // size * size].view(-1, size)
    scales = rows.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    return rows / scales, scales


def nearest(values: torch.Tensor, levels: Sequence[float]) -> torch.Tensor:
    """Return for each value the level that lies nearest."""
    table = torch.tensor(sorted(levels), dtype=torch.float32)
    borders = (table[1:] + table[:-1]) / 2
    return table[torch.bucketize(values, borders)]


def error(weight: torch.Tensor, levels: Sequence[float], block: int = BLOCK) -> float:
    """Return mean |rounded - weight| over mean |weight|."""
    values, scales = scaled(weight, block)
    moved = (nearest(values, levels) - values).abs() * scales
    return float(moved.mean() / (values.abs() * scales).mean())


@torch.no_grad()
def round_model(model: nn.Module, levels: Sequence[float], block: int = BLOCK) -> None:
    """Round the linear layers of ``model`` in place; those that ``models.quantize`` takes.

    Raises
    ------
    ValueError
        If it has none.
    """
    for name in linear_names(model):
        weight = model.get_submodule(name).weight
        values, scales = scaled(weight, block)
        rounded = (nearest(values, levels) * scales).flatten()
        weight.view(-1)[: len(rounded)].copy_(rounded)


def example_weight(loaded: LoadedModel) -> tuple[str, torch.Tensor]:
    """Return the name and the weights of one layer of a model, taken by its place.

    The layer in the middle of those that are quantized; of a model that has none, the first
    matrix with at least one block.
    """
    try:
        names = linear_names(loaded.model)
        name = names[len(names) // 2]
        return name, loaded.model.get_submodule(name).weight.detach()
    except ValueError:
        found = (
            (name, p.detach())
            for name, p in loaded.model.named_parameters()
            if p.dim() == 2 and p.numel() >= BLOCK
        )
        return next(found)


def against_library(
    weight: torch.Tensor, quantize_block: Callable[[list, list], list], blocks: int = 32
) -> tuple[float, int]:
    """Compare a function that rounds one block with bitsandbytes' NF4 on real weights.

    Returns
    -------
    tuple of float and int
        The largest difference between two rounded weights, and how many were compared.
    """
    some = weight.detach().float().flatten()[: blocks * BLOCK]
    some = some[: len(some) // BLOCK * BLOCK].view(-1, BLOCK).contiguous()
    theirs = base_weight(quantized(some.clone(), "nf4", False))
    table = list(nf4())
    ours = torch.tensor([quantize_block(row, table) for row in some.tolist()])
    return float((ours - theirs).abs().max()), some.numel()


def bits(levels: int, block: int = BLOCK) -> float:
    """Return the bits of a weight with its share of the scale, which takes 32."""
    plain = (levels - 1).bit_length()
    return plain if block == WHOLE else plain + 32 / block
