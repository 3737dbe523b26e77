"""Weights of 4 bits (bitsandbytes): a model's linear layers quantized, and read back.

A weight of 4 bits is one of 16 levels times the largest magnitude of its block of 64 ("absmax").
With double quantization these magnitudes are themselves kept in 8 bits (arXiv 2305.14314).
"""

from __future__ import annotations

import torch
from torch import nn

from lablib.models import lazily

QUANT_TYPES = ("nf4", "fp4")
BLOCK = 64  # weights that share a scale


def is_quantized(p: torch.Tensor) -> bool:
    """Return True if ``p`` holds weights of 4 bits."""
    return getattr(p, "quant_state", None) is not None


def base_weight(p: torch.Tensor) -> torch.Tensor:
    """Return the numbers that ``p`` stands for, float32, without gradients."""
    if not is_quantized(p):
        return p.detach().float()
    return lazily.bitsandbytes().functional.dequantize_4bit(p.data, p.quant_state).float()


def stored(p: nn.Parameter) -> tuple:
    """Return what ``p`` holds now, for ``put_stored``; nothing is copied."""
    return p.data, getattr(p, "quant_state", None)


def put_stored(p: nn.Parameter, kept: tuple) -> None:
    """Let ``p`` hold again what ``stored`` gave."""
    p.data, state = kept
    if state is not None:
        p.quant_state = state


def put_weight(p: nn.Parameter, weight: torch.Tensor) -> None:
    """Let ``p`` hold other numbers, rounded to 4 bits if it has 4 bits; the old ones stay whole."""
    if is_quantized(p):
        state = p.quant_state
        made = quantized(weight.to(p.device, state.dtype), state.quant_type, state.nested)
        put_stored(p, stored(made))
    else:
        p.data = weight.to(p.device, p.dtype)


def n_weights(p: torch.Tensor) -> int:
    """Return how many weights ``p`` stands for: two a byte where they have 4 bits."""
    return p.quant_state.shape.numel() if is_quantized(p) else p.numel()


def n_bytes(p: torch.Tensor) -> int:
    """Return the bytes that ``p`` takes, with the scales of its blocks where it has 4 bits."""
    total = p.numel() * p.element_size()
    state = getattr(p, "quant_state", None)
    while state is not None:
        total += state.absmax.numel() * state.absmax.element_size()
        state = state.state2
    return total


def linear_names(model: nn.Module) -> list[str]:
    """Return the names of the linear layers that are quantized: all but the output layer.

    Embeddings and the output layer keep their precision, as transformers has it. So do layers
    whose number of inputs is no multiple of a block: on the CPU, bitsandbytes (0.50.2) reads
    their weights back wrongly, with two to six times the error, because it takes every row to
    begin a new block.

    Raises
    ------
    ValueError
        If there are none.
    """
    head = model.get_output_embeddings()
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head and not module.in_features % BLOCK
    ]
    if not names:
        raise ValueError(
            f"{type(model).__name__} has no torch.nn.Linear layers that could be quantized (with "
            f"inputs in multiples of {BLOCK}): use lora instead of qlora."
        )
    return names


@torch.no_grad()
def quantize(
    model: nn.Module,
    quant_type: str = "nf4",
    double_quant: bool = True,
    compute_dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Replace the linear layers of ``model`` by layers of 4 bits, in place, one by one.

    Parameters
    ----------
    model : nn.Module
        A causal language model of transformers. Its old weights are freed as it goes along.
    quant_type : str
        The 16 levels: ``"nf4"`` (quantiles of a normal distribution) or ``"fp4"``.
    double_quant : bool
        Keep the scale of each block in 8 bits instead of 32.
    compute_dtype : torch.dtype
        What the weights are dequantized to in the forward pass.

    Returns
    -------
    nn.Module
        The same model.
    """
    bnb = lazily.bitsandbytes()
    for name in linear_names(model):
        old = model.get_submodule(name)
        made = bnb.nn.Linear4bit(
            old.in_features,
            old.out_features,
            bias=old.bias is not None,
            compute_dtype=compute_dtype,
            compress_statistics=double_quant,
            quant_type=quant_type,
            device="meta",
        )
        # On a CPU with bfloat16 instructions it would repack the weights in place when it is
        # first evaluated, and answer in another precision than it was trained in.
        made.support_avx512bf16_for_cpu = False
        made.bias = old.bias
        made.weight = quantized(old.weight.data, quant_type, double_quant)
        made.weight.module, made.quant_state = made, made.weight.quant_state
        made.train(old.training)
        model.set_submodule(name, made)
        del old
    for p in model.parameters():
        if not is_quantized(p):  # a view of the file it was read from keeps all of it in memory
            p.data = p.data.clone()
    model.is_loaded_in_4bit = True  # tells peft which layers to put its adapters on
    return model


def quantized(weight: torch.Tensor, quant_type: str, double_quant: bool) -> nn.Parameter:
    """Return ``weight`` in 4 bits, on its device."""
    made = lazily.bitsandbytes().nn.Params4bit(
        weight, requires_grad=False, compress_statistics=double_quant, quant_type=quant_type
    )
    return made.to(weight.device)


def quantization(model: nn.Module) -> dict[str, object] | None:
    """Return how ``model`` is quantized, by the arguments of ``quantize``; None if it is not."""
    for p in model.parameters():
        if is_quantized(p):
            return {"quant_type": p.quant_state.quant_type, "double_quant": p.quant_state.nested}
    return None


@torch.no_grad()
def round_to_4_bits(model: nn.Module, quant_type: str = "nf4", double_quant: bool = True) -> None:
    """Give ``model`` the weights that it would have after ``quantize``, in float32."""
    for name in linear_names(model):
        p = model.get_submodule(name).weight
        p.copy_(base_weight(quantized(p.data.clone(), quant_type, double_quant)))
