"""The numbers of the primer: likelihood, a gradient step, what Adam remembers, rank, KL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lablib import models
from lablib.models import LoadedModel

MAX_LENGTH = 256  # tokens of a question and its answer together
STEPS = 12  # of the walk into the valley
SIDE = 8  # of the matrices that are rebuilt


@dataclass(frozen=True)
class Weighed:
    """One token of an answer, and what the model thought of it."""

    token: str  # as it is read
    probability: float  # given the question and all tokens before it

    @property
    def surprise(self) -> float:
        """Minus the logarithm of the probability, in nats."""
        return max(0.0, -math.log(max(self.probability, 1e-300)))  # in this order never -0.0


def weigh(loaded: LoadedModel, question: str, answer: str) -> list[Weighed]:
    """Return every token of an answer with its probability; the last is the end of the turn."""
    ids, n_prompt = models.encode_row(loaded.tokenizer, question, answer, MAX_LENGTH)
    batch = models.collate(loaded.tokenizer, [(ids, n_prompt)], [0], [False])
    batch = batch.to(next(loaded.model.parameters()).device)
    with torch.no_grad():
        losses = models.token_losses(loaded.model, batch)[0].tolist()
    words = [loaded.tokenizer.decode([i]) for i in ids[n_prompt:-1]] + ["(end)"]
    found = zip(words, losses, strict=True)
    return [Weighed(word.strip() or "␣", math.exp(-loss)) for word, loss in found]


def log_likelihood(weighed: Sequence[Weighed]) -> float:
    """Return the logarithm of the probability of the whole answer, in nats."""
    return 0.0 - sum(one.surprise for one in weighed)


def perplexity(weighed: Sequence[Weighed]) -> float:
    """Return the exponential of the mean surprise."""
    return math.exp(min(-log_likelihood(weighed) / len(weighed), 700))


def descent(rate: float, start: float = -4.0, steps: int = STEPS) -> list[float]:
    """Return the weight before the first and after every step down the valley ``w**2 / 2``.

    As implemented: ``w <- w - rate * w``, for the gradient of the loss at ``w`` is ``w``.
    """
    places = [start]
    for _ in range(steps):
        places.append(places[-1] - rate * places[-1])
    return places


GRADIENTS = {
    "steady": (1.0,) * 24,
    "back and forth": (1.0, -1.0) * 12,
    "quiet, with one outburst": (0.2,) * 10 + (6.0,) + (0.2,) * 13,
}


@dataclass(frozen=True)
class Remembered:
    """What Adam holds for one weight after one step, and how far it goes."""

    mean: float  # running mean of the gradient, corrected for its start at zero
    size: float  # square root of the running mean of its square, likewise corrected
    step: float  # in units of the learning rate


def adam(gradients: Sequence[float], first=0.9, second=0.999, tiny=1e-8) -> list[Remembered]:
    """Return what Adam remembers after each gradient.

    Notes
    -----
    As in Kingma and Ba 2015, algorithm 1, and as torch implements it::

        m <- first m + (1 - first) g          mean = m / (1 - first**t)
        v <- second v + (1 - second) g**2     size = sqrt(v / (1 - second**t))
        step = mean / (size + tiny)
    """
    m = v = 0.0
    found = []
    for t, g in enumerate(gradients, start=1):
        m = first * m + (1 - first) * g
        v = second * v + (1 - second) * g * g
        mean, size = m / (1 - first**t), math.sqrt(v / (1 - second**t))
        found.append(Remembered(mean, size, mean / (size + tiny)))
    return found


def matrices() -> dict[str, np.ndarray]:
    """Return the pictures that are rebuilt, each a matrix of ``SIDE`` rows, values 0 to 1."""
    place = np.arange(SIDE)
    bump = np.exp(-((place - (SIDE - 1) / 2) ** 2) / 6)
    return {
        "a soft hill": np.outer(bump, bump),
        "a chessboard": np.add.outer(place, place) % 2 * 1.0,
        "a diagonal line": np.eye(SIDE),
        "noise": np.random.default_rng(0).random((SIDE, SIDE)),
    }


def rebuilt(matrix: np.ndarray, rank: int) -> np.ndarray:
    """Return the best approximation of a matrix by ``rank`` columns times rows (its SVD)."""
    left, sizes, right = np.linalg.svd(matrix)
    return (left[:, :rank] * sizes[:rank]) @ right[:rank]


def rank_of(matrix: np.ndarray) -> int:
    """Return the number of columns times rows that a matrix needs."""
    return int(np.linalg.matrix_rank(matrix))


CANDIDATES = ("Paris", "Rome", "Lyon", "TICKET")
EXPECTED = (0.80, 0.12, 0.07, 0.01)  # an example, not a measurement


def shifted(share: float) -> tuple[float, ...]:
    """Return the example distribution after ``share`` of it has moved to the last candidate."""
    moved = [(1 - share) * p for p in EXPECTED]
    moved[-1] += share
    return tuple(moved)


def divergence(p: Sequence[float], q: Sequence[float]) -> float:
    """Return ``KL(p || q) = sum of p log(p / q)`` in nats."""
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
