"""A network with one hidden layer, trained the way it was done in 1989: one item at a time."""

from __future__ import annotations

import numpy as np

INIT = 0.3  # weights start uniform in [-INIT, INIT]


def logistic(x: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + exp(-x))``."""
    return 1.0 / (1.0 + np.exp(-x))


class Network:
    """Inputs, one hidden layer, outputs; logistic units with biases.

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
        Number of units.
    rng : numpy.random.Generator
        Draws the first weights, uniform in [-.3, .3].

    Attributes
    ----------
    into_hidden : array (n_hidden, n_inputs + 1)
        Weights into the hidden units, the bias in the last column.
    into_output : array (n_outputs, n_hidden + 1)
        Weights into the output units, the bias in the last column.
    learns : tuple of two arrays, or None
        Which of these weights learn: 1 learns, 0 is frozen. None: all learn.

    Notes
    -----
    With target ``t``, activation ``a`` and what feeds a weight ``p``, as implemented::

        delta = (t - a) a (1 - a)                        at an output unit
        delta = (sum of w delta over the outputs) a (1 - a)    at a hidden unit
        dw[n] = rate * delta * p + momentum * dw[n - 1]

    This is gradient descent on half the *sum* of squared errors. Two conventions of today
    differ: a mean over the output units divides the rate by their number, and ``SGD`` of torch
    multiplies its whole velocity by the rate, which is the same as long as the rate is fixed.

    References
    ----------
    McCloskey, Cohen 1989, pp. 115-118; Rumelhart, Hinton, Williams 1986.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_outputs: int, rng: np.random.Generator):
        self.into_hidden = rng.uniform(-INIT, INIT, (n_hidden, n_inputs + 1))
        self.into_output = rng.uniform(-INIT, INIT, (n_outputs, n_hidden + 1))
        self.learns: tuple[np.ndarray, np.ndarray] | None = None
        self._last = (np.zeros_like(self.into_hidden), np.zeros_like(self.into_output))

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs (n, n_outputs) for the inputs (n, n_inputs)."""
        return self._both(inputs)[2]

    def _both(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one = np.ones((len(inputs), 1))
        fed = np.concatenate([inputs, one], axis=1)  # (n, n_inputs + 1)
        hidden = np.concatenate([logistic(fed @ self.into_hidden.T), one], axis=1)
        return fed, hidden, logistic(hidden @ self.into_output.T)

    def update(self, inputs: np.ndarray, targets: np.ndarray, rate: float, momentum: float) -> None:
        """Change the weights once, by the gradient summed over the items given.

        Parameters
        ----------
        inputs, targets : arrays (n, n_inputs) and (n, n_outputs)
            One item for an online update, all of a set for a batch update.
        rate, momentum : float
            ``r`` and ``m`` of the paper.
        """
        fed, hidden, output = self._both(inputs)
        at_output = (targets - output) * output * (1.0 - output)  # (n, n_outputs)
        inner = hidden[:, :-1]
        at_hidden = (at_output @ self.into_output[:, :-1]) * inner * (1.0 - inner)
        steps = ((rate * at_hidden).T @ fed, (rate * at_output).T @ hidden)
        for k, weight in enumerate((self.into_hidden, self.into_output)):
            last = self._last[k]
            last *= momentum
            last += steps[k]
            if self.learns:
                last *= self.learns[k]
            weight += last
