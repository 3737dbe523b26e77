"""The courtroom: rules choose runs, verdicts follow from figures, nothing is invented."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lablib import metrics
from lablib.lessons import court
from lablib.sweep import archive
from tests.sweep.handmade import measured

# task score and kept of one run: full learns fast and loses much, LoRA the reverse
FULL = ([0.0, 0.5, 1.0], [1.0, 0.6, 0.2])
LORA = ([0.0, 0.3, 0.6], [1.0, 0.8, 0.5])
RATES = {"full": 8e-4, "lora": 4e-3}


def run(label: str, seed: int, curves, lr: float, shift: float = 0.0, **more):
    task, kept = curves
    kept = [1.0, *(value + shift + 0.01 * seed for value in kept[1:])]
    made = measured(label, seed, task, {"knowledge": kept, "reasoning": kept}, **more)
    return replace(made, facts={"lr": lr})


def shelf(shift: float = 0.0, seeds: int = 5):
    runs = [run("full", seed, FULL, RATES["full"]) for seed in range(seeds)]
    runs += [run("lora", seed, LORA, RATES["lora"], shift) for seed in range(seeds)]
    runs += [run("lora rank=64", 0, LORA, RATES["lora"], 0.4)]  # another rank is no evidence
    for label, lr in (("full lr=8e-05", 8e-5), ("full lr=0.0004", 4e-4)):
        runs += [run(label, seed, ([0.0, 0.0, 0.1], [1.0, 1.0, 1.0]), lr) for seed in range(seeds)]
    for label, lr in (("lora lr=0.0008", 8e-4), ("lora lr=0.0016", 1.6e-3)):
        runs += [run(label, seed, ([0.0, 0.1, 0.2], [1.0, 0.9, 0.7]), lr) for seed in range(seeds)]
    return runs


def test_each_rule_chooses_its_own_runs():
    runs = shelf()
    heard = {key: court.hear(runs, key) for key in court.RULES if key != "best"}
    assert heard["steps"].rates == (8e-4, 4e-3)
    assert heard["rate"].rates == (8e-4, 8e-4)
    assert heard["lower"].rates == pytest.approx((8e-5, 8e-4))
    assert heard["upper"].rates == pytest.approx((4e-4, 1.6e-3))
    labels = {
        key: [one.runs[arm][0].job.label for arm in (court.FULL, court.LORA)]
        for key, one in heard.items()
    }
    assert labels["rate"] == ["full", "lora lr=0.0008"]
    assert labels["upper"] == ["full lr=0.0004", "lora lr=0.0016"]
    assert all(len(one.runs[court.LORA]) == 5 for one in heard.values())


def test_the_same_runs_lead_to_opposite_verdicts():
    runs = shelf()
    assert court.hear(runs, "steps").verdict == court.MORE
    assert court.hear(runs, "upper").verdict == court.LESS


def test_a_verdict_follows_the_figures():
    assert court.hear(shelf(), "steps").verdict == court.MORE  # .5 against .2 at the end
    assert court.hear(shelf(-0.5), "steps").verdict == court.LESS
    mixed = [
        replace(r, final_says={"knowledge": 0.2 + (0.1 if r.job.seed % 2 else -0.1)})
        if r.job.label == "lora" else replace(r, final_says={"knowledge": 0.2})
        for r in shelf()
    ]  # fmt: skip
    assert court.hear(mixed, "steps").verdict == court.EVEN


def test_matched_scores_are_read_along_the_curves():
    found = court.hear(shelf(), "matched", level=0.3)
    assert found.kept[court.FULL].mean == pytest.approx(0.76 + 0.6 * 0.02)
    assert found.kept[court.LORA].mean == pytest.approx(0.82)
    assert "both at task score 0.30" in found.sentence()
    never = court.hear(shelf(), "matched", level=0.9)
    assert never.verdict == court.OPEN and "LoRA never reaches" in never.sentence()


def test_the_gentlest_rate_is_one_at_which_every_seed_gets_there():
    low = court.hear(shelf(), "best", level=0.1)
    assert low.rates == pytest.approx((8e-5, 4e-3))  # full at 8e-5 has kept everything there
    assert low.verdict == court.LESS
    high = court.hear(shelf(), "best", level=0.5)
    assert high.rates == pytest.approx((8e-4, 4e-3))  # only the defaults get so far


def test_the_default_level_is_one_that_all_reach():
    assert court.level_for(shelf()) == 0.6


def test_two_seeds_and_missing_runs_decide_nothing():
    few = court.hear(shelf(seeds=2), "steps")
    assert few.verdict == court.OPEN and "too few seeds" in few.sentence()
    only = [r for r in shelf() if r.job.label == "full"]
    assert "No stored runs" in court.hear(only, "steps").sentence()
    assert court.hear([], "steps").verdict == court.OPEN
    assert court.moved(only) is None and court.exhibit([]) is None


def test_sentences_hold_the_figures_they_judge():
    said = court.hear(shelf(), "steps").sentence()
    assert "LoRA keeps 0.52" in said and "full fine-tuning 0.22" in said
    assert "0.60 [0.60, 0.60] (LoRA) and 1.00" in said and court.MORE in said


def test_who_moved_further_is_read_from_pairs_of_seeds():
    runs = [replace(r, kl=3.0 if r.job.label == "lora" else 1.0) for r in shelf()]
    moved = court.moved(runs)
    assert court.further(moved.kl_gap) == "LoRA"
    assert court.further(moved.displacement_gap) == court.EVEN
    assert moved.kl[court.FULL].mean == 1.0


def test_ranks_are_read_at_the_default_rate():
    found = court.ranks(shelf())
    assert [(one.rank, one.score.n) for one in found] == [(16, 5), (64, 1)]
    assert found[0].score.mean == pytest.approx(0.6) and found[1].score.low is None
    assert court.ranks([r for r in shelf() if r.job.label == "lora"]) == []


def test_rates_of_advice_are_scaled_for_mini_only():
    assert court.scale("mini", "tickets") == 8.0
    assert court.scale("mini", "wrong_facts") == pytest.approx(28.0)
    assert court.scale("smollm2-135m", "wrong_facts") == 1.0


@pytest.mark.parametrize("task", ["tickets", "wrong_facts"])
@pytest.mark.parametrize("which", ["says", "knows"])
def test_the_verdict_of_the_lab_is_that_of_the_stored_figures(task, which):
    """Read the files themselves, and judge them without the courtroom."""

    def kept(arm: str, seed: int) -> float:
        path = archive.folder_of("mini") / f"{task}-{arm}-seed{seed}.json"
        final = json.loads(path.read_text())[f"final_{which}"]
        return sum(final.values()) / len(final)

    gaps = [kept("lora", seed) - kept("full", seed) for seed in range(5)]
    low, high = metrics.bootstrap_mean_interval(gaps)
    expected = court.MORE if low > 0 else court.LESS if high < 0 else court.EVEN
    found = court.hear(court.evidence("mini", task), "steps", which)
    assert found.verdict == expected and expected in found.sentence()
    assert f"{sum(gaps) / 5:.2f} [{low:.2f}, {high:.2f}] over 5 seeds" in found.sentence()
