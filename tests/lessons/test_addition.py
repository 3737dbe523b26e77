"""What lab 01 reads off its runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib.classic import Pass, Settings, Trail
from lablib.classic.addition import FREEZE, RIGHT, SCORED_ONES, TWOS
from lablib.classic.codes import FACTS
from lablib.lessons import addition as lesson


def make_pass(number, ones=15, twos=17, gap=1, last=False, seed=0) -> Pass:
    """A pass with so many ones and twos right; the wrong ones are off by ``gap``."""
    answers = list(RIGHT)
    for i in SCORED_ONES[ones:] + TWOS[twos:]:
        answers[i] = RIGHT[i] + gap
    sure = tuple(a == r for a, r in zip(answers, RIGHT, strict=True))
    errors = (0.0,) * len(FACTS)
    return Pass(seed, "twos", number, tuple(answers), sure, sure, errors, last)


def make_trail(*pairs, **settings) -> Trail:
    made = Trail(Settings(**settings))
    for number, (twos, ones) in enumerate(pairs):
        made.add(make_pass(number, ones, twos, last=number == len(pairs) - 1))
    return made


SOLD = ((2, 15), (10, 6), (17, 1))
SAVED = ((2, 15), (10, 12), (17, 9))


def test_the_frequent_error_is_named():
    assert lesson.turned(make_pass(5, ones=3)) == (lesson.TURNS[1], 12, 12)
    assert lesson.turned(make_pass(5, ones=3, gap=-1))[0] == lesson.TURNS[0]
    assert lesson.turned(make_pass(0)) == ("none: all are right", 0, 0)
    mixed = make_pass(5, ones=11)
    answers = list(mixed.answers)
    for step, i in enumerate(SCORED_ONES[11:]):
        answers[i] = RIGHT[i] + 3 + step
    assert lesson.turned(replace(mixed, answers=tuple(answers)))[0] == lesson.TURNS[3]


def test_a_run_is_described_by_what_was_changed():
    assert lesson.describe(Settings()) == "as in the paper"
    assert lesson.describe(Settings(rate=0.05, momentum=0.0)) == "rate 0.05, momentum 0"


@pytest.mark.parametrize(
    ("settings", "rescue", "gentle"),
    [
        ({}, False, False),
        ({"hidden": 100}, True, False),
        ({"rate": 0.025}, True, True),
        ({"momentum": 0.0}, True, True),
        ({"rate": 0.025, "interleave": 3}, False, False),
    ],
)
def test_rescues_and_gentle_runs(settings, rescue, gentle):
    assert lesson.is_rescue(Settings(**settings)) is rescue
    assert lesson.is_gentle(Settings(**settings)) is gentle


def test_the_verdict_needs_a_rescue_that_saves_something():
    assert lesson.verdict([make_trail(*SOLD)]) is None
    rescues = [
        make_trail(*SOLD, **changed)
        for changed in (
            {"hidden": 100}, {"rate": 0.05}, {"momentum": 0.0}, {"overtraining": 100},
            {"freeze": FREEZE[1]},
        )
    ]  # fmt: skip
    assert lesson.verdict(rescues) == lesson.NONE
    assert lesson.verdict(rescues[:4]) is None  # one has not been tried
    assert lesson.verdict([make_trail(*SOLD, hidden=5), *rescues[1:]]) is None  # fewer units
    saved = make_trail(*SAVED, overtraining=100)
    assert lesson.verdict([make_trail(*SOLD, rate=0.05), saved]) == "overtraining on the ones"
    both = make_trail(*SAVED, overtraining=100, rate=0.05)
    assert lesson.verdict([both]) is None  # two at once: neither can be praised
    unlearned = make_trail((2, 15), (3, 15), rate=0.01)
    assert lesson.verdict([unlearned]) is None  # keeping while not learning is no rescue


def test_the_smallest_mix_counts_only_what_kept_the_ones():
    kept, lost = ((2, 15), (17, 14)), ((2, 15), (17, 13))
    trails = [make_trail(*kept, interleave=9), make_trail(*lost, interleave=3)]
    assert lesson.smallest_mix(trails) == 9
    assert lesson.smallest_mix(trails[1:]) is None
    assert lesson.smallest_mix([make_trail(*kept)]) is None


def test_the_table_holds_the_learner_s_own_column():
    trails = {"A: x": make_trail(*SOLD), "B: y": make_trail((2, 15), (5, 14), rate=0.01)}
    rows = lesson.table_rows(trails)
    assert [row[2] for row in rows] == ["–", "–"]
    assert rows[0] == ["A: x", "0.40", "–", "0.07", "0.07", "2"]
    assert rows[1][3] == "never"
    own = lesson.table_rows(trails, lambda trail, level: trail[1][1] if level == 0.8 else None)
    assert [row[2] for row in own] == ["0.40", "0.93"]


def test_an_own_function_that_fails_does_not_take_the_table_with_it():
    def ones_at(trail, level):
        raise KeyError("no")

    rows = lesson.table_rows({"A": make_trail(*SOLD)}, ones_at)
    assert rows[0][2] == "KeyError"
