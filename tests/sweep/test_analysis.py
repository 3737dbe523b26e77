"""Matched scores, pairing, Pareto front and verdicts, on curves worked out by hand."""

import json

import pytest

from lablib.plots import comparison as pictures
from lablib.sweep import Measured, compare, sentences, table
from lablib.sweep.analysis import (
    Estimate,
    estimate,
    first_crossing,
    matched,
    paired,
    pareto,
    read_at,
)
from tests.sweep.handmade import measured

KEPT = {"knowledge": [1.0, 0.8, 0.2], "format": [1.0, 0.4, 0.0]}


def test_a_curve_is_read_where_it_first_crosses():
    assert first_crossing([0.0, 0.4, 0.8], 0.6) == pytest.approx(1.5)
    assert first_crossing([0.0, 0.4, 0.8], 0.4) == 1.0  # on a point
    assert first_crossing([0.0, 0.6, 0.2, 0.9], 0.5) == pytest.approx(5 / 6)  # the first time
    assert first_crossing([0.0, 0.0, 0.5], 0.25) == pytest.approx(1.5)  # after a flat part
    assert first_crossing([0.7, 0.9], 0.5) == 0.0  # there from the beginning
    assert first_crossing([0.0, 0.4, 0.8], 0.81) is None
    assert first_crossing([], 0.1) is None


def test_reading_a_curve_is_linear_between_its_points():
    assert read_at([1.0, 0.8, 0.2], 0.5) == pytest.approx(0.9)
    assert read_at([1.0, 0.8, 0.2], 2.0) == 0.2


def test_kept_at_a_matched_score_is_read_between_the_points():
    run = measured("full", 0, [0.0, 0.4, 0.8], KEPT)
    assert run.kept_curve() == pytest.approx((1.0, 0.6, 0.1))  # mean over the capabilities
    assert matched(run, 0.6) == pytest.approx(0.35)
    assert matched(run, 0.6, capability="knowledge") == pytest.approx(0.5)
    assert matched(run, 0.9) is None
    assert matched(run, 0.6, capability="safety") is None  # has nothing to lose


def test_the_interval_of_a_difference_is_paired_by_seed():
    # Seeds differ a lot, the arm is 0.1 better in each: unpaired intervals would overlap.
    arm = {0: 0.2, 1: 0.5, 2: 0.9, 3: None}
    full = {2: 0.8, 1: 0.4, 0: 0.1, 3: 0.3}
    gap = paired(arm, full)
    assert (gap.mean, gap.low, gap.high, gap.n) == pytest.approx((0.1, 0.1, 0.1, 3))
    alone = estimate([0.2, 0.5, 0.9])
    assert alone.low < 0.4 < 0.6 < alone.high


def test_one_seed_has_no_interval():
    assert estimate([]) is None
    assert estimate([0.5]).low is None and str(estimate([0.5])) == "0.50"
    assert paired({0: 1.0}, {1: 0.5}) is None


def test_what_rounds_to_nothing_has_no_sign():
    assert str(Estimate(-0.001, -0.01, -0.0004, 3)) == "0.00 [-0.01, 0.00]"


def test_the_pareto_front_is_what_nothing_beats():
    points = {"a": (0.9, 0.1), "b": (0.5, 0.5), "c": (0.4, 0.4), "d": (0.1, 0.9), "e": (0.9, 0.05)}
    assert pareto(points) == ("d", "b", "a")
    assert set(pareto({"a": (1, 1), "b": (1, 1)})) == {
        "a",
        "b",
    }  # neither beats the other


def arms():
    """Five seeds: full forgets, replay keeps, slow never gets there in two of them."""
    runs = []
    for seed in range(5):
        noise = 0.02 * seed
        runs += [
            measured("full", seed, [0.0, 0.5, 1.0], {"knowledge": [1.0, 0.5, 0.0 + noise]}),
            measured("replay", seed, [0.0, 0.5, 1.0], {"knowledge": [1.0, 1.0, 0.9 + noise]}),
            measured(
                "slow", seed, [0.0, 0.4, 0.7 if seed < 2 else 0.95],
                {"knowledge": [1.0, 1.0, 0.95]}, extra_forwards=10 * seed,
            ),
        ]  # fmt: skip
    return runs


def test_a_comparison_places_every_arm():
    found = compare(arms())
    assert found.target == 0.9  # of the 1.0 that full reaches
    full, replay, slow = (found.arms[name] for name in ("full", "replay", "slow"))
    assert full.at.says.mean == pytest.approx(0.8 * 0.04 + 0.2 * 0.5)
    assert full.at.against_full is None
    assert replay.at.against_full.mean == pytest.approx(0.8 * 0.9 + 0.2 * 0.5)
    assert replay.at.better and not replay.at.worse and replay.at.n_reached == 5
    assert slow.at.n_reached == 3 and not slow.at.better  # it must get there in every seed
    assert slow.at.against_full.n == 3
    assert set(found.front) == {"replay", "slow"}
    assert slow.cost["extra_forwards"] == 40  # paid once, then cached: the dearest run
    assert replay.by_capability["knowledge"]["says"].mean == pytest.approx(0.94)


def test_one_stalled_run_does_not_spoil_the_price():
    runs = [
        measured("full", seed, [0.0, 1.0], {"knowledge": [1.0, 0.0]}, train_seconds=seconds)
        for seed, seconds in enumerate((10.0, 500.0, 12.0))
    ]
    assert compare(runs).arms["full"].cost["train_seconds"] == 12.0


def test_the_target_can_be_given_and_lies_above_the_base():
    assert compare(arms(), target=0.5).arms["full"].at.says.mean == pytest.approx(0.5)
    flat = [measured("full", 0, [0.3, 0.3], {"knowledge": [1.0, 1.0]})]
    assert compare(flat).target == pytest.approx(0.31)


def test_a_diverged_run_counts_and_is_placed_nowhere():
    broken = measured("hot", 0, [0.0, 0.1], {"knowledge": [1.0, 0.1]}, ended="diverged")
    found = compare([*arms(), broken])
    assert found.arms["hot"].gain is None and found.arms["hot"].diverged == 1
    assert "hot" not in found.front
    (said,) = [s for s in sentences(found) if s.startswith("hot")]
    assert "never reaches" in said and "1 of 1 seed diverged" in said


def test_one_result_may_serve_two_arms():
    runs = [measured("full", 0, [0.0, 1.0], {"knowledge": [1.0, 0.0]})]
    found = compare(runs, {runs[0].job.key(): ["full", "full lr=1"]})
    assert found.arms["full lr=1"].at.against_full.mean == 0


def test_runs_of_two_kinds_are_refused():
    other = measured("full", 1, [0.0, 1.0], {"knowledge": [1.0, 0.0]})
    moved = Measured.from_json(other.to_json().replace("tickets", "wrong_facts"))
    with pytest.raises(ValueError, match="one model and one task"):
        compare([other, moved])
    with pytest.raises(ValueError, match="full fine-tuning"):
        compare([measured("lora", 0, [0.0, 1.0], {"knowledge": [1.0, 0.0]})])


def test_verdicts_come_from_the_numbers():
    replay, slow = sentences(compare(arms()))
    assert replay.startswith("replay keeps 0.95 [")
    assert "full fine-tuning keeps 0.13 [" in replay and "It beats full fine-tuning by" in replay
    assert "does not reach that score in 2 of 5 seeds" in slow and "beats" not in slow
    swapped = [
        measured({"full": "replay", "replay": "full"}.get(r.job.label, r.job.label), r.job.seed,
                 r.task, r.says) for r in arms()
    ]  # fmt: skip
    assert "It keeps less than full fine-tuning, by" in sentences(compare(swapped))[0]
    two = compare([run for run in arms() if run.job.seed < 2])
    assert not two.arms["replay"].at.better and "too few seeds" in sentences(two)[0]
    single = sentences(compare([run for run in arms() if run.job.seed == 0]))[0]
    assert "One seed cannot say" in single


def test_the_table_has_a_row_an_arm():
    lines = table(compare(arms()))
    assert [line.split()[0] for line in lines[1:4]] == ["full", "replay", "slow"]
    assert "3/5" in lines[3] and lines[2].startswith("replay *")


def test_a_run_survives_json_and_is_rounded_for_storing():
    run = measured("full", 3, [0.0, 1 / 3], {"knowledge": [1.0, 2 / 3]})
    assert Measured.from_json(run.to_json()) == run
    assert run.rounded(3).task == (0.0, 0.333)
    with pytest.raises(ValueError, match="not a measured run"):
        Measured.from_json("{}")
    with pytest.raises(ValueError, match="format"):
        Measured.from_json(json.dumps({"format": 0}))


def test_the_pictures_show_every_arm_with_intervals_and_a_table():
    found = compare(arms())
    page = pictures.page(found)
    plane = pictures.plane(found)
    assert [cross.name for cross in plane.crosses] == ["full", "replay", "slow"]
    assert plane.crosses[0].y_low < plane.crosses[0].y < plane.crosses[0].y_high
    assert page.count("<svg") == 4 and page.count("<table") == 5
    assert "It beats full fine-tuning" in page and "replay *" in page
    lines = {line.name: line for line in pictures.at_matched_score(found).lines}
    assert max(lines["slow"].xs) == pytest.approx(0.675)  # every seed gets there


def test_an_arm_that_reaches_the_score_with_nothing_to_lose_is_said_to():
    runs = [measured(arm, seed, [0.0, 0.9], {}) for arm in ("full", "lora") for seed in range(3)]
    found = compare(runs)
    assert found.arms["lora"].at.n_reached == 3 and found.arms["lora"].at.says is None
    (said,) = sentences(found)
    assert "never" not in said and "nothing to lose" in said


def test_an_end_near_zero_shows_its_side():
    assert str(Estimate(0.05, 0.004, 0.09, 5)) == "0.05 [0.004, 0.09]"
    assert str(-Estimate(0.05, 0.004, 0.09, 5)) == "-0.05 [-0.09, -0.004]"
    assert str(Estimate(0.0, -0.0001, 0.0, 5)) == "0.00 [0.00, 0.00]"
    assert str(-Estimate(0.5, None, None, 1)) == "-0.50"
