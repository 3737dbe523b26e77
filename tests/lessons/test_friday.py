"""Friday's decision and the equal price: evidence from handmade runs, sentences from evidence."""

from __future__ import annotations

import pytest

from lablib.lessons import equal, friday
from lablib.sweep import compare
from lablib.tasks.base import Row
from tests.sweep.handmade import measured
from tests.tiny import Letters


def runs(label, end, kept, seeds=5):
    """Runs that learn in a straight line up to ``end`` and keep ``kept`` there."""
    return [
        measured(
            label,
            seed,
            [0.0, end / 2, end],
            {"knowledge": [1.0, (1 + kept) / 2, kept + 0.001 * seed], "format": [1.0, 1.0, 0.9]},
        )
        for seed in range(seeds)
    ]


@pytest.fixture
def comparison():
    found = [
        *runs("full", 1.0, 0.1),
        *runs("stm_replay", 0.5, 0.9),
        *runs("lora_replay", 1.0, 0.95),
        *runs("sa_sft", 1.0, 0.85),
    ]
    return compare(found)


def test_the_best_that_breaks_nothing_is_advised(comparison):
    found = friday.evidence(comparison, 0.8)
    key, said = friday.advice(found, (), comparison.target, 0.8)
    assert key == "lora"
    assert any("STM" in line and "0 of 5 seeds reach" in line for line in said)
    assert any("prompt: not measured" in line or "put examples" in line for line in said)
    key, said = friday.advice(found, ("data",), comparison.target, 0.8)
    assert key == "diary" and any("it needs old data" in line for line in said)
    key, said = friday.advice(found, ("data", "memory", "tasks"), comparison.target, 0.8)
    assert key is None and friday.NONE in said[-1]
    assert any("112 GB" in line for line in said) and any("Three more tasks" in s for s in said)


def test_the_regression_test_turns_the_recommendation_over(comparison):
    floor = 0.9  # of every capability; the diary's knowledge ends below
    found = friday.evidence(comparison, floor)
    assert found["lora"].passed == 5 and found["diary"].passed == 0
    assert friday.advice(found, ("data",), comparison.target, floor)[0] is None


def test_an_untrained_model_keeps_all_and_reaches_what_it_reaches(comparison):
    found = friday.evidence(comparison, 0.8, [0.0, 0.1])
    one = found["prompt"]
    assert one.at is None and one.end.mean == 1.0 and one.task_score.mean == pytest.approx(0.05)
    assert "prompt" not in friday.evidence(comparison, 0.8)


def test_examples_stand_before_the_prompt():
    task = friday.Prompted(Letters(), [Row("Item x?", "#x")])
    row = task.rows("test")[0]
    assert row.prompt == "Message: Item x?\nAnswer: #x\n\nMessage: Item 48?\nAnswer:"
    assert row.completion == Letters().rows("test")[0].completion
    assert task.right(row, f" {row.completion} ") == 1.0


def pair(own, real):
    found = [*runs("full", 1.0, 0.1), *runs("replay", 1.0, real), *runs("sa_sft", 1.0, own)]
    return equal.at_matched(compare(found), equal.BY_EXAMPLES)


@pytest.mark.parametrize(("own", "real", "outcome"), [(0.5, 0.9, 0), (0.9, 0.9, 1), (0.9, 0.5, 2)])
def test_diary_and_real_rows_are_compared_at_one_score(own, real, outcome):
    found = pair(own, real)
    assert found.outcome == equal.OUTCOMES[outcome]
    said = equal.verdict(found, equal.BY_EXAMPLES)
    assert ("may be chance" in said) == (outcome == 1)
    assert f"task score of {found.target:.2f}" in said


def test_they_are_matched_where_every_seed_gets_to():
    found = [*runs("full", 1.0, 0.1), *runs("replay", 0.7, 0.9), *runs("sa_sft", 1.0, 0.9)]
    at = equal.at_matched(compare(found), equal.BY_EXAMPLES)
    assert at.target == pytest.approx(0.75 * 0.9) and at.difference.n == 5


def test_what_cannot_be_matched_is_said():
    found = [*runs("full", 1.0, 0.1), *runs("replay", 0.1, 0.9), *runs("sa_sft", 1.0, 0.9)]
    at = equal.at_matched(compare(found), equal.BY_EXAMPLES)
    assert at.outcome is None and "cannot be matched" in equal.verdict(at, equal.BY_EXAMPLES)
