"""Lab 08: a loaded coin that is trained on its own flips, generation after generation.

The smallest model there is: one number, the chance of heads. Training it on flips means taking
their share of heads. A *temperature* sharpens or flattens the coin before it is flipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

WRITERS = ("the newest coin", "the first coin, always")
ONE_SIDED = 0.95  # share of heads, or of tails, from which a coin counts as one-sided
ENDS = (
    "nearly all show heads only",
    "nearly all show one side only, some heads and some tails",
    "they have come near one half",
    "they are much as they were",
)


@dataclass(frozen=True)
class Coins:
    """What is done with the coins.

    Attributes
    ----------
    start : float
        Chance of heads of the first coin, in (0, 1).
    flips : int
        Flips that each generation is trained on.
    temperature : float
        Of the flips; 1 is the coin as it is.
    generations, coins : int
        How long, and how many coins side by side.
    writer : str
        Whose flips a generation is trained on, one of ``WRITERS``.
    seed : int
        Of everything that is drawn.
    """

    start: float = 0.6
    flips: int = 50
    temperature: float = 1.0
    generations: int = 40
    coins: int = 1000
    writer: str = WRITERS[0]
    seed: int = 0


def heated(p: np.ndarray | float, temperature: float) -> np.ndarray:
    """Return the chance of heads of coins at a temperature.

    Notes
    -----
    ``p^(1/T) / (p^(1/T) + (1 - p)^(1/T))``: the same division of log-probabilities by ``T`` that a
    language model makes for a whole vocabulary.
    """
    p, power = np.asarray(p, float), 1 / temperature
    heads, tails = p**power, (1 - p) ** power
    return heads / (heads + tails)


def generations(settings: Coins) -> Iterator[np.ndarray]:
    """Yield the chance of heads of every coin, (coins,), the first generation first."""
    rng = np.random.default_rng(settings.seed)
    now = np.full(settings.coins, settings.start)
    first = now
    yield now
    for _ in range(settings.generations):
        writer = now if settings.writer == WRITERS[0] else first
        now = rng.binomial(settings.flips, heated(writer, settings.temperature)) / settings.flips
        yield now


def exact_means(settings: Coins) -> list[float]:
    """Return the expected chance of heads of every generation, computed and not drawn.

    Notes
    -----
    With the newest coin as writer, the number of heads is a Markov chain with binomial steps, and
    its whole distribution is carried on. At ``T = 1`` the mean of a step is where it began, so
    that the expectation never moves.
    """
    after = float(heated(settings.start, settings.temperature))
    if settings.writer == WRITERS[1]:
        return [settings.start] + [after] * settings.generations
    shares = np.arange(settings.flips + 1) / settings.flips
    steps = _binomial(settings.flips, heated(shares, settings.temperature))
    chances = _binomial(settings.flips, np.array([after]))[0]
    means = [settings.start]
    for _ in range(settings.generations):
        means.append(float(chances @ shares))
        chances = chances @ steps
    return means


def one_sided(shares: np.ndarray) -> tuple[float, float]:
    """Return which share of the coins shows (nearly) only heads, and which only tails."""
    return float(np.mean(shares >= ONE_SIDED)), float(np.mean(shares <= 1 - ONE_SIDED))


def ending(shares: np.ndarray, start: float) -> str:
    """Return in words where the coins have ended, one of ``ENDS``."""
    heads, tails = one_sided(shares)
    if heads + tails >= 0.8:
        return ENDS[0] if heads >= 0.9 * (heads + tails) else ENDS[1]
    return ENDS[2] if abs(shares.mean() - 0.5) < abs(shares.mean() - start) else ENDS[3]


def _binomial(n: int, chances: np.ndarray) -> np.ndarray:
    """Return the chance of 0 … n heads for each coin, (coins, n + 1)."""
    k = np.arange(n + 1)
    ways = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k])
    p = np.clip(chances, 1e-300, 1.0)[:, None]
    q = np.clip(1 - chances, 1e-300, 1.0)[:, None]
    return np.exp(ways + k * np.log(p) + (n - k) * np.log(q))
