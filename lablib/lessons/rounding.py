"""What rounding a base to 4 bits does to it, before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lablib import metrics, probes
from lablib.events import Score
from lablib.models import LoadedModel
from lablib.models.quantize import linear_names, round_to_4_bits
from lablib.probes import Probe


@dataclass(frozen=True)
class Rounding:
    """A base beside itself in 4 bits."""

    weight_error: float  # mean |W_4 - W| over the quantized weights
    relative_error: float  # the same over mean |W|
    base: dict[str, Score]  # by capability
    rounded: dict[str, Score]

    def flips(self, capability: str, which: str = "says") -> tuple[int, int]:
        """Return how many items went from right to wrong, and from wrong to right.

        Parameters
        ----------
        capability : str
            Name of a probe.
        which : str
            ``"says"`` or ``"knows"``.
        """
        before, after = (
            getattr(scores[capability], f"{which}_outcomes") for scores in (self.base, self.rounded)
        )
        return metrics.flips(before, after)


def quantization_error(
    loaded: LoadedModel,
    the_probes: Sequence[Probe],
    *,
    quant_type: str = "nf4",
    double_quant: bool = True,
    split: str = "full",
) -> Rounding:
    """Score a base and the same base with its linear layers rounded to 4 bits.

    Parameters
    ----------
    loaded : LoadedModel
        The base; left as it is.
    the_probes : sequence of Probe
        What both are asked.
    quant_type, double_quant
        As in ``models.quantize``.
    split : str
        ``"full"`` or ``"quick"`` items.

    Notes
    -----
    The rounded weights are kept in float32, where they answer as those of 4 bits do up to the
    order of summation, so that this is the error of rounding alone.
    """
    rounded = copy.deepcopy(loaded.model)
    round_to_4_bits(rounded, quant_type, double_quant)
    base, changed = (
        probes.score_all(the_probes, model, loaded.tokenizer, split)
        for model in (loaded.model, rounded)
    )
    return Rounding(*weight_error(loaded.model, rounded), base, changed)


@torch.no_grad()
def weight_error(model, rounded) -> tuple[float, float]:
    """Return mean |W_r - W| over the rounded layers, and the same over mean |W|."""
    moved = total = count = 0.0
    for name in linear_names(model):
        before, after = (m.get_submodule(name).weight for m in (model, rounded))
        moved += float((after - before).abs().sum(dtype=torch.float64))
        total += float(before.abs().sum(dtype=torch.float64))
        count += before.numel()
    return moved / count, moved / total
