"""Verdicts on springs are made from the stored runs, and change with them."""

from dataclasses import replace

import pytest

from lablib.lessons import strengths
from lablib.sweep import archive
from lablib.sweep.job import Job
from tests.sweep.handmade import measured

FACTS = {"digest": "d", "versions": {"torch": "1"}, "machine": {"kind": "CPU"}, "lr": 0.001}
SEEDS = range(5)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))


def put(task, kind, strength, end, kept, seeds=SEEDS):
    """Store runs that learn to ``end`` and have ``kept`` of knowledge at a score of 0.9 of 1."""
    for seed in seeds:
        noise = 0.002 * seed
        curve = {"knowledge": [1.0, kept + noise, kept + noise]}
        label = "full" if kind is None else "ewc" if (kind, strength) == ("fisher", 0.01) else (
            f"ewc {kind} {strength:g}"
        )  # fmt: skip
        run = replace(measured(label, seed, [0.0, 0.9 * end, end], curve), facts=FACTS)
        settings = {} if kind is None else {"ewc.strength": strength}
        if kind not in (None, "fisher") or " " in label:
            settings["ewc.importance"] = kind
        job = Job("mini", (task,), "full" if kind is None else "ewc", settings, label=label)
        sweep = "ewc" if " " in label else ""
        archive.save(replace(run, job=replace(job, seed=seed)), "python make.py", sweep)


def springs(task, free=0.2, default=0.6, uniform=0.4, shuffled=0.25):
    """A whole sweep: 1 learns nothing, the other strengths all reach the score."""
    put(task, None, 0.0, 1.0, free)
    put(task, "fisher", 0.001, 1.0, free)
    put(task, "fisher", 0.01, 1.0, default)
    put(task, "fisher", 1.0, 0.3, 0.9)
    put(task, "uniform", 0.01, 1.0, uniform, range(3))
    put(task, "shuffled", 0.1, 1.0, shuffled, range(3))


def test_what_is_missing_is_said_with_the_command(shelf):
    assert "--model mini --task tickets' does" in strengths.why_missing("mini", "tickets")
    put("tickets", None, 0.0, 1.0, 0.2)
    put("tickets", "fisher", 0.01, 1.0, 0.5)
    assert strengths.why_missing("mini", "tickets") == ""
    assert "--sweep ewc" in strengths.why_missing("mini", "tickets", swept=True)
    assert all("make_comparison.py" in said for said in strengths.verdicts("mini"))
    springs("tickets")
    assert strengths.why_missing("mini", "tickets", swept=True) == ""
    assert strengths.verdicts("mini")[0].startswith("Springs a hundred times stiffer")
    assert "make_comparison.py" in strengths.verdicts("mini")[1]


def test_stored_runs_are_called_by_kind_and_strength(shelf):
    springs("tickets")
    assert list(strengths.comparison("mini", "tickets").arms) == [
        "full", "Fisher 0.001", "Fisher 0.01", "Fisher 1", "equal (L2-SP) 0.01",
        "shuffled Fisher 0.1",
    ]  # fmt: skip
    assert strengths.default_strength("mini", "tickets") == 0.01


def test_springs_that_help_both_are_said_to_and_those_that_help_none_are_not(shelf):
    springs("tickets")
    springs("wrong_facts")
    assert strengths.helps("mini")[0] == strengths.HELPS[2]
    springs("wrong_facts", default=0.2)
    answer, gaps = strengths.helps("mini")
    assert answer == strengths.HELPS[0] and gaps["tickets"].mean == pytest.approx(0.4)
    springs("tickets", default=0.2)
    assert strengths.helps("mini")[0] == strengths.HELPS[3]
    assert "may be chance" in strengths.verdicts("mini")[1]


def test_each_kind_is_read_at_its_best_strength_that_learns_the_task(shelf):
    springs("tickets")
    chosen = strengths.best("mini", "tickets", "fisher")
    assert chosen.strength == 0.01 and chosen.kept.mean == pytest.approx(0.604)
    assert strengths.by_strength("mini", "tickets", "fisher")[1.0] == dict.fromkeys(SEEDS)


@pytest.mark.parametrize(
    ("uniform", "shuffled", "index"), [(0.4, 0.25, 0), (0.7, 0.25, 1), (0.7, 0.8, 2)]
)
def test_the_fisher_earns_its_price_or_not(shelf, uniform, shuffled, index):
    springs("tickets", uniform=uniform, shuffled=shuffled)
    springs("wrong_facts")
    answer, gaps = strengths.earns("mini", "tickets")
    assert answer == strengths.EARNS[index] and gaps["uniform"].n == 3
    verdict, said = strengths.verdict_on_fisher("mini", "tickets")
    assert verdict == answer and answer in said and "Fisher 0.01 keeps 0.60" in said


def test_stiffer_springs_are_judged_at_the_end(shelf):
    springs("tickets")
    answer, changes = strengths.stiffer("mini")
    assert answer == strengths.STIFFER[1]
    assert changes["learned"].mean == pytest.approx(-0.7)


def test_springs_of_a_large_model_are_swept_apart_and_judged_as_far_as_they_go(shelf):
    put("tickets", None, 0.0, 1.0, 0.2)
    put("tickets", "fisher", 0.01, 1.0, 0.6)
    for seed in SEEDS:
        run = measured("ewc 0.1", seed, [0.0, 0.2, 0.3], {"knowledge": [1.0, 0.9, 0.9]})
        settings = {"ewc.strength": 0.1}
        job = Job("mini", ("tickets",), "ewc", settings, label="ewc 0.1", seed=seed)
        archive.save(replace(run, job=job, facts=FACTS), "python make.py", "large")
    assert list(strengths.by_strength("mini", "tickets", "fisher")) == [0.01, 0.1]
    answer, said = strengths.verdict_on_stiffer("mini")
    assert answer is None and "10 times the default: more is kept, and less is learned" in said
    assert "knowledge)" in said and "six" not in said


def test_what_springs_keep_early_stands_beside_what_was_learned(shelf):
    assert strengths.early("mini") == ""
    springs("tickets")
    said = strengths.early("mini", step=10)
    assert "after 10 steps (5 seeds" in said
    assert "no springs: 0.20 to 0.21 of knowledge said, task score 0.90" in said
    assert "Fisher 0.01: 0.60 to 0.61 of knowledge said" in said


def test_two_seeds_decide_nothing(shelf):
    springs("tickets")
    for file in archive.folder_of("mini", "ewc").glob("tickets-ewc-uniform*seed2.json"):
        file.unlink()
    assert strengths.best("mini", "tickets", "uniform") is None
    answer, said = strengths.verdict_on_fisher("mini", "tickets")
    assert answer is None and "with 3 seeds" in said
    two = strengths.against({0: 0.5, 1: 0.6}, {0: 0.1, 1: 0.1})
    assert not strengths.sure(two) and "too few seeds" in strengths.sentence_of_gap("x", two)


@pytest.mark.parametrize("task", strengths.TASKS)
def test_the_stored_runs_can_carry_the_lab(task):
    if strengths.why_missing("mini", task, swept=True):
        pytest.skip("the sweep of EWC is not stored yet")
    arms = strengths.comparison("mini", task).arms
    assert len(arms["full"].seeds) == len(arms["Fisher 0.01"].seeds) == 5
    answer, said = strengths.verdict_on_fisher("mini", task)
    assert answer in (*strengths.EARNS, None) and said
