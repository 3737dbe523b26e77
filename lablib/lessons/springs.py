"""Two weights of lab 05: an old task, a new one, and springs between them; all of it computed.

The model is the smallest that has a Fisher: ``y = w1 x1 + w2 x2 + noise`` with noise of variance
1. Its loss is a quadratic, so that the ellipses are its level lines and not a drawing of them.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

STEPS = 500
RATE = 0.08  # of plain gradient descent; small enough for the stiffest spring
N_EXAMPLES = 2000
STIFFNESSES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
KINDS = {
    "fisher": "as stiff as the Fisher says",
    "uniform": "equally stiff on both weights",
    "whole": "the whole valley, slant included (two weights only)",
}
SHORT = {"fisher": "Fisher", "uniform": "equal", "whole": "whole valley"}
VALLEYS = {"straight": "along an axis", "slanted": "across the axes"}
LOW = 0.12  # excess loss up to which a task counts as still good; the ellipses drawn

# Old task and new task of each kind of valley: spread of the two inputs (standard deviations and
# correlation) and the true weights. Straight: the second input of the old task hardly varies, so
# that its second weight hardly matters; the new task asks for the sum of both weights. Slanted:
# the old task's inputs vary together, so that it is a combination of the weights that matters.
_TASKS = {
    "straight": (((1.0, 0.2, 0.0), (1.0, 0.0)), ((1.0, 1.0, 0.9), (2.3, 0.3))),
    "slanted": (((1.0, 0.6, 0.9), (1.0, 0.0)), ((1.0, 1.0, 0.0), (0.6, 1.6))),
}

Pair = tuple[float, float]


@dataclass(frozen=True)
class Bowl:
    """The loss of one task as a function of two weights.

    ``loss(w) = lowest + (w - best)' H (w - best) / 2`` with ``H = mean x x'``, exactly.
    """

    best: np.ndarray  # (2,) least squares
    curvature: np.ndarray  # H, (2, 2)
    lowest: float  # loss at ``best``, mean of (y - prediction)^2 / 2

    def excess(self, weights: np.ndarray) -> float:
        """Return how much higher than its lowest the loss is."""
        away = np.asarray(weights) - self.best
        return float(0.5 * away @ self.curvature @ away)

    def fisher(self) -> np.ndarray:
        """Return the diagonal Fisher, (2,).

        ``E_x E_{y ~ model} (d log p(y|x) / d w_i)^2 = mean x_i^2``: with noise of variance 1
        the score is ``(y - prediction) x_i``.
        """
        return np.diag(self.curvature).copy()

    def ellipse(self, level: float, points: int = 72) -> list[Pair]:
        """Return the weights at which the excess loss is ``level``."""
        values, vectors = np.linalg.eigh(self.curvature)
        angles = np.linspace(0, 2 * math.pi, points, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)])  # (2, P)
        around = vectors @ (np.sqrt(2 * level / values)[:, None] * circle)
        return [(float(a), float(b)) for a, b in (around + self.best[:, None]).T]


def bowl(spread: tuple[float, float, float], weights: Pair, seed: int = 0) -> Bowl:
    """Return the loss of a task: examples are drawn and fitted by least squares."""
    first, second, together = spread
    rng = np.random.default_rng(seed)
    covariance = [[first**2, together * first * second], [together * first * second, second**2]]
    inputs = rng.multivariate_normal([0, 0], covariance, N_EXAMPLES)  # (N, 2)
    targets = inputs @ np.array(weights) + rng.standard_normal(N_EXAMPLES)
    curvature = inputs.T @ inputs / N_EXAMPLES
    best = np.linalg.solve(curvature, inputs.T @ targets / N_EXAMPLES)
    return Bowl(best, curvature, float(np.mean((targets - inputs @ best) ** 2) / 2))


@functools.cache
def tasks(valley: str = "straight") -> tuple[Bowl, Bowl]:
    """Return the old task and the new one."""
    old, new = _TASKS[valley]
    return bowl(*old), bowl(*new, seed=1)


@dataclass(frozen=True)
class Walk:
    """Training on the new task, from the old task's best weights, with springs.

    Attributes
    ----------
    path : tuple of (float, float)
        The weights after every step, the start first.
    springs : (float, float)
        Stiffness of both springs, ``strength * F_ii`` with ``F`` of mean 1.
    old, new : float
        Excess loss of both tasks at the end.
    """

    path: tuple[Pair, ...]
    springs: Pair
    old: float
    new: float

    @property
    def first_step(self) -> float:
        """Length of the first step."""
        return math.dist(self.path[0], self.path[1])

    @property
    def in_overlap(self) -> bool:
        """True if it ends where both tasks are still good."""
        return self.old <= LOW and self.new <= LOW


@functools.cache
def walk(strength: float, kind: str = "fisher", valley: str = "straight") -> Walk:
    """Train and return the path.

    Notes
    -----
    ``w <- w - RATE (H_new (w - w_new) + strength F (w - w_old))``, gradient descent on the
    new loss and ``(strength / 2) (w - w_old)' F (w - w_old)``; ``F`` is diagonal with mean 1,
    or with ``kind="whole"`` all of the old curvature, on the same scale.
    """
    old, new = tasks(valley)
    scale = old.fisher().mean()
    matrices = {
        "fisher": np.diag(old.fisher()) / scale,
        "uniform": np.eye(2),
        "whole": old.curvature / scale,
    }
    held = strength * matrices[kind]
    weights, path = old.best.copy(), [tuple(map(float, old.best))]
    for _ in range(STEPS):
        pull = new.curvature @ (weights - new.best) + held @ (weights - old.best)
        weights = weights - RATE * pull
        path.append((float(weights[0]), float(weights[1])))
    springs = tuple(map(float, np.diag(held)))
    return Walk(tuple(path), springs, old.excess(weights), new.excess(weights))


def best_strength(kind: str = "fisher", valley: str = "straight") -> tuple[float, Walk]:
    """Return the stiffness on the slider with the least sum of both excess losses."""
    return min(trade(kind, valley), key=lambda pair: pair[1].old + pair[1].new)


# Where the best spring lets a run stop, as the prediction offers it.
STOPS = (
    "half way, on the straight line between the two best points",
    "beside that line, where both tasks are good",
    "at the old task's best point",
    "at the new task's best point",
)


def where(one: Walk, valley: str = "straight") -> str:
    """Return which of ``STOPS`` describes the end of a walk.

    It is at a best point if it lies within a tenth of the way between the two from it, and
    beside the line if it lies farther than that from the line and in the overlap.
    """
    old, new = tasks(valley)
    end, line = np.array(one.path[-1]), new.best - old.best
    length = float(np.linalg.norm(line))
    for best, said in ((old.best, STOPS[2]), (new.best, STOPS[3])):
        if np.linalg.norm(end - best) < 0.1 * length:
            return said
    along = line / length
    aside = (end - old.best) - along * float(along @ (end - old.best))
    beside = np.linalg.norm(aside) > 0.1 * length and one.in_overlap
    return STOPS[1] if beside else STOPS[0]


def trade(kind: str, valley: str) -> list[tuple[float, Walk]]:
    """Return the walk of every stiffness on the slider."""
    return [(strength, walk(strength, kind, valley)) for strength in STIFFNESSES]
