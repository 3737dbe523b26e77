"""A new kind of sum, beside the ones a model already knows."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

QUESTIONS = (
    "What is {a} twist {b}?",
    "Compute {a} twist {b}.",
    "{a} twist {b} = ?",
    "How much is {a} twist {b}?",
)
SHIFTED_QUESTIONS = ("Please work out {a} twist {b}.", "Tell me the value of {a} twist {b}.")


def twist(a: int, b: int) -> int:
    """Return ``a twist b``: their sum and one more."""
    return a + b + 1


class Sums(GeneratedTask):
    """An invented operation on numbers of one and two digits: ``a twist b = a + b + 1``.

    A real row::

        What is 46 twist 30?
        77

    New arithmetic right beside the old: nothing in the form of the answer changes, and the
    model may reuse its addition, or ruin it. Each pair of numbers lies in one split only.
    """

    name: ClassVar[str] = "sums"
    summary: ClassVar[str] = "An invented operation, a + b + 1; new arithmetic beside the old."

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random pair with its result."""
        # The pair decides, so that no pair of numbers is in ``shifted`` and another split,
        # nor twice in the others.
        a, b = rng.randrange(100), rng.randrange(100)
        while ((a * 7 + b * 3) % 10 == 0) != shifted:
            a, b = rng.randrange(100), rng.randrange(100)
        questions = SHIFTED_QUESTIONS if shifted else QUESTIONS
        question = questions[(a + b * 5) % len(questions)]
        return Row(question.format(a=a, b=b), str(twist(a, b)))
