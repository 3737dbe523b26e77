"""Friday's decision and the equal price: evidence from handmade runs, sentences from evidence."""

from __future__ import annotations

from dataclasses import replace

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


def test_what_is_left_out_for_one_seed_is_named():
    short = runs("sa_sft", 1.0, 0.9)[:4] + runs("sa_sft", 0.5, 0.9)[4:]
    found = friday.evidence(compare([*runs("full", 1.0, 0.1), *short]), 0.3)
    assert found["diary"].one_short and found["diary"].reached == 4
    said = friday.advice(found, (), 0.9, 0.3)[1]
    assert any("One seed leaves it out: the others keep" in line for line in said)


def test_the_capability_that_is_kept_least_is_named(comparison):
    found = friday.evidence(comparison, 0.3)
    assert found["diary"].lowest == "knowledge, 0.85" and found["lora"].lowest[-4:] == "0.90"
    said = friday.advice(found, (), comparison.target, 0.3)[1]
    assert any("(kept least: knowledge, 0.85)." in line for line in said)


def test_memory_rules_out_what_was_measured_and_says_what_was_not():
    why = friday.ruled_out(friday.OPTIONS["stm"], ("memory",))
    assert "its authors train adapters" in why
    assert "adapters" not in friday.ruled_out(friday.OPTIONS["diary"], ("memory",))
    assert not friday.ruled_out(friday.OPTIONS["lora"], ("tasks",))
    assert "no figures here" in friday.CONSTRAINTS["tasks"]


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


def wide(label, kept, names, seeds=3):
    curves = {name: [1.0, kept if name == "knowledge" else 1.0] for name in names}
    return [measured(label, seed, [0.0, 1.0], curves) for seed in range(seeds)]


def test_where_hardly_anything_can_be_lost_knowledge_is_read_alone():
    two, three = ("knowledge", "language"), ("knowledge", "language", "format")
    found = equal.focused(compare(wide("full", 0.0, two)))
    assert found.arms["full"].says.mean == 0.0  # and not one half
    assert equal.capabilities(found.runs) == ("knowledge",)
    found = equal.focused(compare(wide("full", 0.0, three)))
    assert found.arms["full"].says.mean == pytest.approx(2 / 3)
    assert equal.named(equal.capabilities(found.runs)) == (
        "knowledge, format flexibility and language"
    )


def test_a_verdict_names_what_it_is_a_mean_of():
    found = [r for label in ("full", "replay", "sa_sft") for r in wide(label, 0.5, ("knowledge",))]
    at = equal.at_matched(compare(found), equal.BY_EXAMPLES)
    assert "of knowledge." in equal.verdict(at, equal.BY_EXAMPLES)
    six = [r for label in ("full", "replay", "sa_sft") for r in wide(label, 0.5, equal.NAMES)]
    at = equal.at_matched(compare(six), equal.BY_EXAMPLES)
    said = equal.verdict(at, equal.BY_EXAMPLES)
    assert "knowledge, reasoning," in said and "do not show equality" in said


def test_diaries_of_a_large_model_are_compared_at_their_ends(monkeypatch):
    def stored(model, task, sweep=""):
        ends = {"sa_sft raw": 0.7, "sa_sft given": 0.2} if sweep else {"sa_sft": 0.7}
        found = [r for label, kept in ends.items() for r in wide(label, kept, ("knowledge",))]
        diverged = wide("sa_sft given", 0.2, ("knowledge",), 4)[-1]
        raw = wide("sa_sft raw", 0.7, ("knowledge",), 4)[-1]
        return [*found, replace(diverged, ended="diverged"), raw] if sweep else found

    monkeypatch.setattr(equal.archive, "runs", stored)
    written, given = equal.elsewhere()
    assert "may be chance (3 seeds)" in written
    assert "kept less, a difference of -0.50" in given and "(3 seeds; 1 more diverged)" in given


def test_they_are_matched_where_every_seed_gets_to():
    found = [*runs("full", 1.0, 0.1), *runs("replay", 0.7, 0.9), *runs("sa_sft", 1.0, 0.9)]
    at = equal.at_matched(compare(found), equal.BY_EXAMPLES)
    assert at.target == pytest.approx(0.75 * 0.9) and at.difference.n == 5


def test_what_cannot_be_matched_is_said():
    found = [*runs("full", 1.0, 0.1), *runs("replay", 0.1, 0.9), *runs("sa_sft", 1.0, 0.9)]
    at = equal.at_matched(compare(found), equal.BY_EXAMPLES)
    assert at.outcome is None and "cannot be matched" in equal.verdict(at, equal.BY_EXAMPLES)
