"""How large an adapter is, for any causal language model: counted, never guessed."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig

from lablib import models
from lablib.models.smollm2 import NAME as SMOLLM2
from lablib.runtime import data_folder

RANKS = (1, 2, 4, 8, 16, 32, 64)
# The shape of SmolLM2-135M, so that it can be counted where its weights are not at hand.
_SMOLLM2 = LlamaConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
    num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What decides how large an adapter of a model is.

    Attributes
    ----------
    name : str
        The model.
    layers : tuple of (str, int, int)
        Every layer that gets an adapter: its name, inputs and outputs.
    total : int
        Weights of the whole model.
    embedding : int
        Weights of its input embeddings.
    """

    name: str
    layers: tuple[tuple[str, int, int], ...]
    total: int
    embedding: int

    def trained(self, rank: int, embeddings: bool = False) -> int:
        """Return the trained weights: ``rank * sum(inputs + outputs)``, and the embeddings."""
        low_rank = rank * sum(n_in + n_out for _, n_in, n_out in self.layers)
        return low_rank + embeddings * self.embedding

    def share(self, rank: int, embeddings: bool = False) -> float:
        """Return trained weights over all weights of the model."""
        return self.trained(rank, embeddings) / self.total

    def break_even(self) -> int:
        """Return the least rank whose adapters have as many weights as the layers they adapt."""
        whole = sum(n_in * n_out for _, n_in, n_out in self.layers)
        return -(-whole // sum(n_in + n_out for _, n_in, n_out in self.layers))


def shape_of(model: nn.Module, name: str, targets: str = "all-linear") -> Shape:
    """Return the shape of a model for adapters on ``targets`` (see ``models.target_modules``)."""
    found = []
    for layer in models.target_modules(model, targets):
        rows, columns = model.get_submodule(layer).weight.shape
        n_in, n_out = (rows, columns) if models.is_transposed(model) else (columns, rows)
        found.append((layer, int(n_in), int(n_out)))
    total = sum(p.numel() for p in model.parameters())
    return Shape(name, tuple(found), total, model.get_input_embeddings().weight.numel())


@functools.cache
def known_shape(name: str, targets: str = "all-linear") -> Shape:
    """Return the shape of ``"mini"`` or SmolLM2 from its configuration, without its weights."""
    config = _SMOLLM2 if name == SMOLLM2 else AutoConfig.from_pretrained(_folder_of_mini())
    with torch.device("meta"):
        return shape_of(AutoModelForCausalLM.from_config(config), name, targets)


def _folder_of_mini() -> str:
    return str(data_folder() / "models" / "mini")
