"""What adapters (peft) do to the weights of a model, in the names of the plain model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

PREFIX = "base_model.model."  # what peft puts before the names of the plain model


def is_adapted(model: nn.Module) -> bool:
    """Return True if ``model`` is one of peft."""
    return hasattr(model, "disable_adapter")


def base_name(name: str) -> str:
    """Return the name that a module or weight of an adapted model has in the plain one."""
    return name.removeprefix(PREFIX).replace(".base_layer", "")


def adapted_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the plain name of each adapted weight, and peft's layer round it."""
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight") and hasattr(module, "base_layer"):
            yield f"{base_name(name)}.weight", module


def weight_deltas(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield ``Delta W = s B A`` of each adapted weight, float32, with gradients to A and B."""
    for name, layer in adapted_layers(model):
        yield name, sum(layer.get_delta_weight(key).float() for key in layer.active_adapters)


@torch.no_grad()
def effective_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of the plain model that would answer alike, in float32."""
    weights = {
        base_name(name): p.detach().float()
        for name, p in model.named_parameters()
        if ".lora_" not in name
    }
    if is_adapted(model):
        for name, delta in weight_deltas(model):
            weights[name] = weights[name] + delta
    return weights


@contextlib.contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """Switch the adapters of ``model`` off for a block; what was trainable stays so."""
    trained = [(p, p.requires_grad) for p in model.parameters()]
    try:
        with model.disable_adapter():
            yield
    finally:
        for p, was in trained:
            p.requires_grad_(was)
