"""Check of the exercise of lab 00: count the answers that were kept."""

from __future__ import annotations

from collections.abc import Sequence

from lablib.checks.base import Case, Exercise, Misconception

Outcomes = Sequence[bool]


def _right(before: Outcomes, after: Outcomes) -> int:
    return sum(b and a for b, a in zip(before, after, strict=True))


CASES = (
    ([True, True, True, False, True, False], [True, False, False, True, True, False]),
    ([True, True, True, True, True, True], [False, False, False, False, False, False]),
    ([False, True, False], [True, True, True]),
)

KEPT = Exercise(
    name="kept",
    stub=(
        "Write a function that takes two lists of True and False, right before and right "
        "after, and returns how many questions are right in both."
    ),
    returns=int,
    cases=tuple(Case(pair, _right(*pair)) for pair in CASES),
    misconceptions=(
        Misconception(
            "counted what is right now",
            lambda before, after: sum(after),
            "This counts every answer that is right afterwards, also one that was wrong "
            "before: that one was gained, not kept.",
        ),
        Misconception(
            "counted what was right before",
            lambda before, after: sum(before),
            "This counts what the model could do before it was trained. To be kept, an answer "
            "has to survive the training as well.",
        ),
        Misconception(
            "counted what was lost",
            lambda before, after: sum(b and not a for b, a in zip(before, after, strict=True)),
            "This counts the answers that were lost: forgetting, the opposite of what is asked.",
        ),
        Misconception(
            "share instead of count",
            lambda before, after: _right(before, after) / sum(before),
            "This is a share. The question is how many, a whole number.",
        ),
        Misconception(
            "counted what did not change",
            lambda before, after: sum(b == a for b, a in zip(before, after, strict=True)),
            "This counts the questions whose outcome did not change. An answer that was wrong "
            "and stays wrong was never there to be kept.",
        ),
    ),
    praise="Right. You have just written the simplest measure of forgetting there is.",
    difficulty=1,
    minutes=3,
    hint="Walk through both lists at once with zip, and add up the pairs that you want.",
)
