"""What adapters (peft) do to the weights of a model, in the names of the plain model."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import nn

from lablib.models.quantize import base_weight, n_weights

PREFIX = "base_model.model."  # what peft puts before the names of the plain model


def is_adapted(model: nn.Module) -> bool:
    """Return True if ``model`` is one of peft."""
    return hasattr(model, "disable_adapter")


def base_name(name: str) -> str:
    """Return the name that a module or weight of an adapted model has in the plain one."""
    return name.removeprefix(PREFIX).replace(".base_layer", "")


def base_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of the plain model within ``model`` by their plain names.

    Tied ones appear once; those of 4 bits are as they are stored.
    """
    return {
        base_name(name): p
        for name, p in model.named_parameters()
        if ".lora_" not in name or not is_adapted(model)
    }


def adapted_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the plain name of each adapted weight, and peft's layer round it."""
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight") and hasattr(module, "base_layer"):
            yield f"{base_name(name)}.weight", module


def weight_deltas(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what the active adapters add to each weight, float32, with gradients.

    Yields
    ------
    tuple of str and torch.Tensor
        The plain name of the weight, and ``Delta W`` in its shape. Nothing while the adapters
        are switched off.

    Notes
    -----
    LoRA: ``Delta W = sum_k s_k B_k A_k`` over the active adapters ``k``, ``s = alpha / r``, with
    rsLoRA ``alpha / sqrt(r)``; dropout is no part of it. DoRA: the whole weight becomes
    ``W' = m (W + s B A) / ||W + s B A||`` with the norm of each output's row, so
    ``Delta W = W' - W``. Gradients flow through that norm too, whereas peft's forward treats it
    as a constant (arXiv 2402.09353, section 4.3).
    """
    for name, layer in adapted_layers(model):
        if not layer.disable_adapters:
            yield name, _delta(layer)


def _delta(layer: nn.Module) -> torch.Tensor:
    active = [key for key in layer.active_adapters if key in layer.lora_A]
    delta = sum(layer.get_delta_weight(key).float() for key in active)
    scaled = [key for key in active if key in layer.lora_magnitude_vector]
    if not scaled:
        return delta
    (key,) = scaled  # several would each rescale what the others made: see methods/lora.py
    base = base_weight(layer.get_base_layer().weight)
    moved = base + delta
    across = 0 if getattr(layer, "fan_in_fan_out", False) else 1  # over the inputs of each output
    length = torch.linalg.norm(moved, dim=across, keepdim=True)
    return layer.lora_magnitude_vector[key].weight.float().view_as(length) / length * moved - base


@torch.no_grad()
def effective_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of the plain model that would answer alike, in float32.

    Adapters are merged in and weights of 4 bits dequantized; tied weights appear once, under
    the first of their names.
    """
    weights = {name: base_weight(p) for name, p in base_parameters(model).items()}
    for name, delta in weight_deltas(model):
        weights[name] = weights[name] + delta
    return weights


def plain_model(model: nn.Module) -> nn.Module:
    """Return a new model without adapters, float32 on the CPU, that answers as ``model`` does."""
    plain = model.get_base_model() if is_adapted(model) else model
    weights = {name: w.cpu() for name, w in effective_weights(model).items()}
    made = type(plain).from_pretrained(
        None, config=copy.deepcopy(plain.config), state_dict=weights, dtype=torch.float32
    )
    return made.eval()


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


@contextlib.contextmanager
def dialed(model: nn.Module, dial: float) -> Iterator[None]:
    """Give the adapters of ``model`` a share of their strength for a block.

    Parameters
    ----------
    model : nn.Module
        A model of peft, without DoRA (whose update is no multiple of anything).
    dial : float
        0 switches the adapters off, 1 leaves them as they are.

    Notes
    -----
    The scale ``s`` of every adapter becomes ``dial * s``. Embeddings that are trained beneath the
    adapters stay as they are.
    """
    scales = [(layer.scaling, dict(layer.scaling)) for _, layer in adapted_layers(model)]
    try:
        for scale, kept in scales:
            scale.update({name: dial * value for name, value in kept.items()})
        yield
    finally:
        for scale, kept in scales:
            scale.update(kept)


def trainable_share(model: nn.Module) -> float:
    """Return trainable parameters / parameters of the plain model.

    It is not always 1%: LoRA of rank 16 on all linear layers is 3.6% of SmolLM2-135M.
    """
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return trained / sum(n_weights(p) for p in base_parameters(model).values())


def stack_adapter(model: nn.Module, name: str) -> None:
    """Put a fresh adapter, made like the first one, atop those that ``model`` has.

    The earlier ones stay active and are frozen. Draws from the global random numbers.
    """
    config = copy.deepcopy(model.peft_config["default"])
    beneath = [p for p in base_parameters(model).values() if p.requires_grad]
    model.add_adapter(name, config)
    model.base_model.set_adapter(list(model.peft_config))
    for key, p in model.named_parameters():
        p.requires_grad_(".lora_" in key and f".{name}." in key)
    for p in beneath:  # embeddings that are trained as well
        p.requires_grad_(True)
