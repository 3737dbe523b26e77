"""Models by their shape alone: what memory depends on, for weights are bytes whatever they say.

A training step takes as much memory with random weights as with learned ones, so lab 04 measures
the shape of a real model on any machine without having to fetch it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from lablib import models, runtime
from lablib.controls import Batch

RANK = 16  # of the adapters, everywhere in lab 04
ANSWER_SHARE = 4  # one token in so many is learned, about as in a ticket


@dataclass(frozen=True)
class Shape:
    """The sizes of a model of Llama's architecture."""

    title: str
    hidden: int  # h
    mlp: int  # f
    blocks: int  # L
    heads: int  # of attention
    groups: int  # heads of keys and values
    vocabulary: int  # V
    tied: bool  # the output layer is the embeddings

    def config(self) -> LlamaConfig:
        """Return the configuration that transformers makes a model from."""
        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.mlp,
            num_hidden_layers=self.blocks,
            num_attention_heads=self.heads,
            num_key_value_heads=self.groups,
            tie_word_embeddings=self.tied,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )

    def digest(self) -> str:
        """Return what tells this shape from others: SHA-256 over its sizes."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


# Sizes: the models' own configurations on the hub; LLaMA: table 2 of arXiv 2302.13971.
SHAPES: dict[str, Shape] = {
    "smollm2-135m": Shape("SmolLM2-135M", 576, 1536, 30, 9, 3, 49152, True),
    "small": Shape("a quarter of SmolLM2", 384, 1024, 16, 6, 6, 8192, True),
}
CARDS: tuple[Shape, ...] = (
    Shape("SmolLM2 1.7B", 2048, 8192, 24, 32, 32, 49152, True),
    Shape("LLaMA 7B", 4096, 11008, 32, 32, 32, 32000, False),
    Shape("LLaMA 13B", 5120, 13824, 40, 40, 40, 32000, False),
    Shape("LLaMA 33B", 6656, 17920, 60, 52, 52, 32000, False),
    Shape("LLaMA 65B", 8192, 22016, 80, 64, 64, 32000, False),
)


def build(name: str, seed: int = 0) -> torch.nn.Module:
    """Return a model of a shape with random weights, or the model that ``models.load`` knows."""
    if name not in SHAPES:
        return models.load(name).model
    with runtime.seeded(torch.device("cpu"), seed):
        return LlamaForCausalLM(SHAPES[name].config()).eval()


def empty(name: str) -> torch.nn.Module:
    """Return the same model without weights, on the device ``meta``, where it is a shape."""
    if name not in SHAPES:
        return models.load(name).model
    with torch.device("meta"):
        return LlamaForCausalLM(SHAPES[name].config())


def batch(model: torch.nn.Module, rows: int, tokens: int) -> Batch:
    """Return rows of random tokens, all of one length, with the last quarter to be learned."""
    numbers = runtime.generator(0, "batch", rows, tokens)
    size = (rows, tokens)
    ids = torch.randint(3, model.config.vocab_size, size, generator=numbers)
    labels = ids.clone()
    labels[:, : tokens - max(tokens // ANSWER_SHARE, 1)] = -100
    return Batch(
        ids,
        torch.ones(size, dtype=torch.long),
        labels,
        torch.arange(rows),
        torch.zeros(rows, dtype=torch.bool),
    )
