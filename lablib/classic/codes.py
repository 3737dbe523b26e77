"""Addition problems as the patterns of ones and zeros that a network of 1989 read and wrote.

A digit ``d`` turns on three neighbors out of twelve units, so that close numbers look alike.
A problem is its first number, its second number and the operation; an answer is a tens digit
and a ones digit.

References
----------
McCloskey, Cohen 1989, Psychology of Learning and Motivation 24, Table I and Figure 2.
"""

from __future__ import annotations

import numpy as np

DIGIT_UNITS = 12
ON, OFF = 0.9, 0.1  # targets: a logistic unit never reaches one or zero
# Figure 2 of the paper shows the units of the operation without their values. Any fixed pattern
# does: every problem of the demonstration is an addition.
PLUS = (1.0, 0.0, 1.0, 0.0)

Problem = tuple[int, int]

ONES: tuple[Problem, ...] = tuple(
    dict.fromkeys([(n, 1) for n in range(1, 10)] + [(1, n) for n in range(1, 10)])
)
TWOS: tuple[Problem, ...] = tuple(
    dict.fromkeys([(2, n) for n in range(1, 10)] + [(n, 2) for n in range(1, 10)])
)
SHARED = tuple(problem for problem in ONES if problem in TWOS)  # scored as twos
SCORED_ONES = tuple(problem for problem in ONES if problem not in TWOS)
FACTS = ONES + tuple(problem for problem in TWOS if problem not in ONES)
SUMS = tuple(range(19))  # every answer to a problem of two single digits


def digit(value: int) -> np.ndarray:
    """Return the code of one digit: units ``d + 1`` to ``d + 3`` of twelve are on.

    Parameters
    ----------
    value : int
        A digit, 0 to 9.

    Returns
    -------
    array of shape (12,)
        Ones and zeros.
    """
    if not 0 <= value <= 9:
        raise ValueError(f"A digit lies between 0 and 9, not {value}.")
    code = np.zeros(DIGIT_UNITS)
    code[value : value + 3] = 1.0
    return code


def problem(first: int, second: int) -> np.ndarray:
    """Return the input pattern of ``first + second``, of shape (28,)."""
    return np.concatenate([digit(first), digit(second), np.array(PLUS)])


def answer(value: int) -> np.ndarray:
    """Return the target pattern of a sum between 0 and 99, of shape (24,): .9 on, .1 off."""
    code = np.concatenate([digit(value // 10), digit(value % 10)])
    return OFF + (ON - OFF) * code


def patterns(problems: tuple[Problem, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs (n, 28) and the targets (n, 24) of several problems."""
    inputs = np.stack([problem(*one) for one in problems])
    return inputs, np.stack([answer(sum(one)) for one in problems])


def written(one: Problem) -> str:
    """Return a problem as one writes it: ``5+1``."""
    return f"{one[0]}+{one[1]}"
