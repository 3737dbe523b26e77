"""The largest model for a card: bytes of a QLoRA run from the sizes of a model alone.

What such an estimate leaves out is part of lab 04: the driver's own memory, tensors that live
within an operation, gaps between tensors, the logits of a large vocabulary, and loading in 16
bits before anything is quantized.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lablib.lessons.shapes import CARDS, RANK, Shape

SIZES = (8, 16, 24, 48, 80)  # gigabytes (10^9 bytes) of a card
TOKENS = (512, 2048, 8192)  # of a batch
ASKED = (24, 512, False)  # what the prediction asks about: card, tokens, recomputed
NONE = "none of these"
NAMES = (NONE, *(shape.title for shape in CARDS))

# (quantized, kept, adapters, tokens, per_token) -> bytes
Rule = Callable[[int, int, int, int, int], float]


def qlora_bytes(quantized: int, kept: int, adapters: int, tokens: int, per_token: int) -> float:
    """Return what training with QLoRA takes, in bytes.

    Parameters
    ----------
    quantized : int
        Weights of 4 bits; every 64 of them share a scale of one byte.
    kept : int
        Weights of 16 bits that are not quantized.
    adapters : int
        Weights that are trained, in 32 bits, with a gradient and two moments of AdamW.
    tokens : int
        In a batch.
    per_token : int
        Bytes of activations.

    Notes
    -----
    ``quantized (1/2 + 1/64) + 2 kept + 16 adapters + tokens per_token``. The scales of the scales
    (4 bytes for 16,384 weights) are left out.
    """
    return quantized * (1 / 2 + 1 / 64) + 2 * kept + 16 * adapters + tokens * per_token


@dataclass(frozen=True)
class Counts:
    """What ``qlora_bytes`` wants to know of a model."""

    quantized: int
    kept: int
    adapters: int
    per_token: int

    @property
    def weights(self) -> int:
        """All weights of the model, without adapters."""
        return self.quantized + self.kept


def count(shape: Shape, recompute: bool = False) -> Counts:
    """Return the counts of a shape with adapters of rank 16 on all linear layers.

    Parameters
    ----------
    shape : Shape
        With as many heads of keys and values as of queries.
    recompute : bool
        Gradient checkpointing: keep what goes into each block and compute the rest of one block
        at a time once more on the way back.

    Notes
    -----
    Activations of a block for each token, in 16 bits: ``2 (8 h + 4 f + 7 r + a + 2)``, as in
    ``methods.memory.predict`` for LoRA, without the mask.
    """
    h, f, blocks = shape.hidden, shape.mlp, shape.blocks
    embeddings = shape.vocabulary * h * (1 if shape.tied else 2)
    block = 2 * (8 * h + 4 * f + 7 * RANK + shape.heads + 2)
    return Counts(
        quantized=blocks * (4 * h * h + 3 * h * f),
        kept=embeddings + (2 * blocks + 1) * h,
        adapters=RANK * blocks * (8 * h + 3 * (h + f)),
        per_token=block + 2 * h * blocks if recompute else block * blocks,
    )


@dataclass(frozen=True)
class Fit:
    """One model on a card, three ways, in bytes."""

    name: str
    counts: Counts
    full: float  # 16 bytes for each weight: 2 + 2 in 16 bits, 4 + 8 for AdamW in 32
    lora: float  # on weights of 16 bits
    qlora: float

    def fits(self, card: float) -> bool:
        """Return True if QLoRA fits on a card of so many gigabytes."""
        return self.qlora <= card * 1e9


def fits(tokens: int, recompute: bool, rule: Rule = qlora_bytes) -> list[Fit]:
    """Return all models of the table, smallest first.

    Parameters
    ----------
    tokens, recompute
        The batch, and whether activations are recomputed.
    rule : callable
        Bytes of QLoRA: ours, or the learner's.
    """
    found = []
    for shape in CARDS:
        c = count(shape, recompute)
        activations = tokens * c.per_token
        found.append(
            Fit(
                shape.title,
                c,
                full=16 * c.weights + activations,
                lora=2 * c.weights + 16 * c.adapters + activations,
                qlora=rule(c.quantized, c.kept, c.adapters, tokens, c.per_token),
            )
        )
    return found


def largest(card: float, tokens: int, recompute: bool, rule: Rule = qlora_bytes) -> str:
    """Return the name of the largest model of the table that QLoRA can train, or ``NONE``."""
    names = [fit.name for fit in fits(tokens, recompute, rule) if fit.fits(card)]
    return names[-1] if names else NONE
