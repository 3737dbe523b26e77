"""The learner's fifteen lines of LoRA beside the library's: the same model, the same steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from lablib import models, runtime, tasks
from lablib.events import Progress
from lablib.methods.lora import LoRA
from lablib.models import LoadedModel, Rows

STEPS, ROWS, LR = 5, 8, 4e-3
TASK = "tickets"


@dataclass(frozen=True)
class Step:
    """The loss of both after one step, in nats per answer token."""

    step: int
    by_hand: float
    library: float


def side_by_side(
    loaded: LoadedModel, add_lora: Callable[[nn.Linear, int, float], nn.Module], rank: int = 16
) -> Iterator[Progress | Step]:
    """Train both for a few steps on the same rows, from the same drawn ``A``.

    Parameters
    ----------
    loaded : LoadedModel
        A model whose layers are ``nn.Linear``; left as it is.
    add_lora : callable
        What the learner wrote.
    rank : int
        Of both; alpha is twice the rank.

    Raises
    ------
    ValueError
        If the model keeps its weights transposed, as GPT-2 does.
    """
    if models.is_transposed(loaded.model):
        raise ValueError(
            f"{loaded.name} has no nn.Linear layers to write LoRA for: choose mini above."
        )
    yield Progress("building both models", 0, STEPS)
    with runtime.seeded(torch.device("cpu"), 3):
        library = LoRA(rank=rank, alpha=2.0 * rank).wrap(copy.deepcopy(loaded.model))
        by_hand = _adapted(copy.deepcopy(loaded.model), add_lora, rank)
    _copy_drawn(library, by_hand)
    rows = Rows(tasks.load(TASK).rows("train")[: STEPS * ROWS], loaded.tokenizer, 128)
    pair = {"by_hand": by_hand, "library": library}
    optimizers = {
        name: torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=LR)
        for name, model in pair.items()
    }
    for step in range(STEPS):
        batch = rows.batch(range(step * ROWS, (step + 1) * ROWS))
        losses = {}
        for name, model in pair.items():
            loss = LoRA().loss(model, batch)
            optimizers[name].zero_grad()
            loss.backward()
            optimizers[name].step()
            losses[name] = loss.item()
        yield Step(step + 1, **losses)


def _adapted(model: nn.Module, add_lora, rank: int) -> nn.Module:
    model.requires_grad_(False)
    for name in models.target_modules(model, "all-linear"):
        parent, _, leaf = name.rpartition(".")
        layer = add_lora(model.get_submodule(name), rank, 2.0 * rank)
        setattr(model.get_submodule(parent), leaf, layer)
    return model


@torch.no_grad()
def _copy_drawn(library: nn.Module, by_hand: nn.Module) -> None:
    """Give the model by hand the ``A`` that the library has drawn."""
    mine = dict(by_hand.named_parameters())
    for name, layer in models.adapters.adapted_layers(library):
        stem = name.removesuffix(".weight")
        drawn = layer.lora_A["default"].weight
        own = mine.get(f"{stem}.A", mine.get(f"{stem}.A.weight"))
        own.copy_(drawn)
