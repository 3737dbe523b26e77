"""Which layers an adapter goes on, for any causal language model, by the role of each layer."""

from __future__ import annotations

from torch import nn
from transformers.pytorch_utils import Conv1D

TARGETS = ("all-linear", "attention", "qv", "mlp")

_QV = {"q_proj", "v_proj", "q", "v", "query", "value", "q_lin", "v_lin"}
_FUSED = {"c_attn", "qkv_proj", "query_key_value", "Wqkv", "qkv"}  # queries, keys and values in one


def target_modules(model: nn.Module, targets: str) -> list[str]:
    """Return the full names of the layers that ``targets`` means in ``model``.

    Parameters
    ----------
    model : nn.Module
        A causal language model of transformers, not adapted yet.
    targets : str
        ``"all-linear"``: every linear layer but the output layer. ``"attention"``: those in
        attention blocks (queries, keys, values, output). ``"qv"``: queries and values, as in the
        LoRA paper; where a model computes them in one layer with the keys, that layer.
        ``"mlp"``: the linear layers outside attention.

    Raises
    ------
    ValueError
        If the model has no such layer.

    Notes
    -----
    A layer is in an attention block if a part of its name has "attn" or "attention" in it, as in
    Llama (``self_attn.q_proj``), GPT-2 (``attn.c_attn``), GPT-NeoX (``attention.dense``), Falcon
    (``self_attention.dense``) and BLOOM. Linear layers are torch's and transformers' ``Conv1D``.
    """
    head = model.get_output_embeddings()
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    ]
    attention = [name for name in linear if _in_attention(name)]
    if targets == "all-linear":
        found = linear
    elif targets == "mlp":
        found = sorted(set(linear) - set(attention), key=linear.index)
    elif targets == "attention":
        found = attention
    else:
        found = _named(attention, _QV) or _named(attention, _FUSED)
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no layers that count as {targets!r}: "
            "set targets to 'all-linear'."
        )
    return found


def _in_attention(name: str) -> bool:
    return any("attn" in part or "attention" in part for part in name.split("."))


def _named(names: list[str], leaves: set[str]) -> list[str]:
    return [name for name in names if name.rpartition(".")[2] in leaves]


def is_transposed(model: nn.Module) -> bool:
    """Return True if the linear layers of ``model`` keep (in, out) weights, as GPT-2's do."""
    return any(isinstance(module, Conv1D) for module in model.modules())
