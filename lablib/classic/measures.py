"""Four ways to say how right an output is, from strict to generous.

In the words of this course, *within .1* is what the network says, and *best match* is what it
still ranks first.

References
----------
McCloskey, Cohen 1989, p. 118.
"""

from __future__ import annotations

import numpy as np

WITHIN = 0.1


def squared_error(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the mean squared error of a unit, one number an item: (n,)."""
    return ((outputs - targets) ** 2).mean(axis=1)


def within(outputs: np.ndarray, targets: np.ndarray, bound: float = WITHIN) -> np.ndarray:
    """Return, for each item, whether every unit is within ``bound`` of its target: (n,) bool."""
    return (np.abs(outputs - targets) <= bound).all(axis=1)


def right_side(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return, for each item, whether every unit is on its target's side of .5: (n,) bool."""
    return ((outputs > 0.5) == (targets > 0.5)).all(axis=1)


def best_match(outputs: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return, for each item, which candidate its output lies closest to: (n,) int.

    Parameters
    ----------
    outputs : array (n, n_outputs)
        What the network gave.
    candidates : array (k, n_outputs)
        The target patterns of *all* possible answers, not only of those that were trained.

    Notes
    -----
    As implemented: ``argmin over c of sum over units of (output - candidate[c])**2``.
    """
    gaps = outputs[:, None, :] - candidates[None, :, :]  # (n, k, n_outputs)
    return (gaps**2).sum(axis=2).argmin(axis=1)
