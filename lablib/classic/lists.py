"""Two lists of words: A-B learned, then A-C with the same first words, as people once did it.

A network has to give the answer for a first word (10 units) in a context (10 units that say
which list is meant). People forget some of the first list while they learn the second;
networks trained one list after the other forget nearly all of it.

References
----------
McCloskey, Cohen 1989, pp. 124-129; Barnes, Underwood 1959, Journal of Experimental Psychology
58:97-105, whose figures are given here as McCloskey and Cohen report them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lablib.classic import measures
from lablib.classic.codes import OFF, ON
from lablib.classic.network import Network

N_PAIRS = 8
UNITS = 10  # of a word, and of a context
# Share recalled by people after 1 and after 20 trials on A-C (Barnes & Underwood 1959, as
# reported by McCloskey & Cohen 1989, pp. 124-129).
PEOPLE = {"A-B": ((1, 0.83), (20, 0.52)), "A-C": ((1, 0.43), (20, 0.92))}


@dataclass(frozen=True)
class ListPass:
    """What is known after one pass over a list: shares of eight pairs, best match of all 16."""

    seed: int
    phase: str  # "A-B" or "A-C": the list that is being learned
    number: int  # passes over it so far
    ab: float
    ac: float
    last: bool = False


def run_lists(
    seed: int = 0,
    *,
    hidden: int = 50,
    rate: float = 0.25,
    momentum: float = 0.9,
    most: int = 1000,
) -> Iterator[ListPass]:
    """Train one network on A-B, then on A-C, each until all pairs are within .1.

    Parameters
    ----------
    seed : int
        Draws the words, the first weights and every order of pairs.
    hidden : int
        Hidden units.
    rate, momentum : float
        Of the updates, one a pair.
    most : int
        Passes over a list at most.
    """
    rng = np.random.default_rng(seed)
    inputs, targets = _material(rng)
    network = Network(2 * UNITS, hidden, UNITS, rng)
    for phase, pairs in (("A-B", np.arange(N_PAIRS)), ("A-C", np.arange(N_PAIRS) + N_PAIRS)):
        for number in range(most + 1):
            if number:
                for i in rng.permutation(pairs):
                    one = slice(i, i + 1)
                    network.update(inputs[one], targets[one], rate, momentum)
            outputs = network.forward(inputs)
            right = measures.best_match(outputs, targets) == np.arange(2 * N_PAIRS)
            done = bool(measures.within(outputs, targets)[pairs].all()) or number == most
            ab, ac = float(right[:N_PAIRS].mean()), float(right[N_PAIRS:].mean())
            yield ListPass(seed, phase, number, ab, ac, last=done and phase == "A-C")
            if done:
                break


def _material(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs (16, 20) and targets (16, 10): eight pairs A-B, then eight A-C."""
    drawn = rng.choice(2**UNITS, 3 * N_PAIRS + 2, replace=False)
    words = (drawn[:, None] >> np.arange(UNITS)) & 1  # every pattern is drawn once
    a, b, c = (words[k * N_PAIRS : (k + 1) * N_PAIRS] for k in range(3))
    contexts = np.repeat(words[3 * N_PAIRS :], N_PAIRS, axis=0)  # one a list
    inputs = np.concatenate([np.concatenate([a, a]), contexts], axis=1).astype(float)
    return inputs, OFF + (ON - OFF) * np.concatenate([b, c])
