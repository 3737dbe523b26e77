"""The widgets of lab 05, on mini or on the tiny model, without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib.events import StepDone
from lablib.lessons import importance, kltest, springs, strengths
from lablib.report import Record
from lablib.sweep import archive
from lablib.widgets import (
    CHOICES,
    EARNS,
    HELPS,
    STIFFER,
    STOPS,
    Choice,
    ControlsLook,
    Exercise,
    KLTest,
    ModelChoice,
    Number,
    Order,
    StrengthsLook,
    ThreeFishers,
    TwoWeights,
    Weighing,
)
from tests.handmade import make_history


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")


@pytest.fixture
def record(tmp_path):
    return Record("05", learner="ada", folder=tmp_path)


@pytest.fixture
def lab(record):
    return ModelChoice(record)


def percent(record, key):
    return Number(record, key, "How much?", low=0, high=100, step=5, unit="percent")


@pytest.fixture
def two(record):
    return TwoWeights(Choice(record, "05-stop", "Where?", STOPS), percent(record, "05-first"))


def test_dragging_the_stiffness_moves_the_run_and_meets_both_predictions(two, record):
    before, chart = two.picture.value, two.chart.value
    assert "Try two stiffnesses" in two.verdict.value
    assert "equal" not in two.chart.value  # what was not tried is not drawn
    two.stiffness.value = 0.5
    assert two.picture.value != before and two.chart.value != chart
    assert "spring on weight 1" in two.picture.value
    two.stiffness.value = 5.0
    assert STOPS[1] in two.verdict.value and "none saved" in two.verdict.value
    two._first.save(60)
    assert "Your prediction: 60" in two.verdict.value
    measured = record.read()["measurements"]
    assert measured["05-first"]["value"] == 0 and measured["05-stop"]["value"] == STOPS[1]
    two.valley.value, two.kind.value = "slanted", "whole"
    assert two.table.value.count("<tr>") == 4  # head, none, and two that were tried
    assert springs.SHORT["whole"] in two.table.value


@pytest.fixture
def weighing(lab, record):
    order = Order(record, "05-order", "Which?", CHOICES, ends=("most harm", "least harm"))
    return Weighing(lab, percent(record, "05-share"), order, percent(record, "05-overlap"))


def test_weighing_draws_every_layer_and_scrambling_meets_the_order(weighing, record, monkeypatch):
    monkeypatch.setattr(importance, "N_ROWS", 16)
    assert not weighing.views["weigh"].value
    weighing.jobs["weigh"].watch()
    view = weighing.views["weigh"].value
    assert "The Fisher of mini by layer" in view and "layer 4" in view and "<table" in view
    assert 0 < record.read()["measurements"]["05-share"]["value"] <= 100
    weighing._order.save(list(CHOICES))
    weighing.jobs["scramble"].watch()
    view = weighing.views["scramble"].value
    assert "What is left after one percent" in view and "1. " in view
    measured = record.read()["measurements"]["05-order"]["value"]
    assert sorted(measured) == list(CHOICES)
    assert len(weighing.kicks) == 4
    weighing._forget()
    assert not any(one.value for one in weighing.views.values())


def test_single_questions_are_compared(weighing, record, monkeypatch):
    monkeypatch.setattr(importance, "QUESTIONS", importance.QUESTIONS[:2])
    weighing.jobs["compare"].watch()
    assert "capital of Japan" in weighing.views["compare"].value
    assert "(itself)" in weighing.views["compare"].value
    assert 0 <= record.read()["measurements"]["05-overlap"]["value"] <= 100


def test_a_model_that_does_not_fit_is_said_and_not_loaded(weighing, monkeypatch):
    monkeypatch.setattr("lablib.lessons.device.free_memory_mb", lambda: 10.0)
    with pytest.raises(OSError, match="choose mini"):
        weighing.jobs["weigh"].watch()
    assert "choose mini" in weighing.jobs["weigh"].status.value


def test_the_kl_test_waits_for_the_learner_and_then_takes_the_function(lab, record, monkeypatch):
    monkeypatch.setattr(kltest, "N_ROWS", 3)
    test = KLTest(lab)
    others = ThreeFishers(test)
    assert "Nudge a few weights" in others.value
    test.job.watch()
    assert "not solved yet" in test.view.value and "passes" in test.view.value
    assert others.value.count("<tr>") == 1 + len(kltest.LIBRARIES)
    assert len(test.matrix.options) > 10

    def fisher(probabilities, slopes):
        found = [
            sum(p * s * s for p, s in zip(ps, ss, strict=True))
            for ps, ss in zip(probabilities, slopes, strict=True)
        ]
        return sum(found) / len(found)

    Exercise(record, "fisher", fisher, then=test.draw)
    assert "not solved yet" not in test.view.value
    assert "Your function passes as well" in test.view.value


@pytest.fixture
def looks(lab, record, tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path / "none"))
    dashboard = lab.dashboard(methods=("ewc", "full"))
    return (
        StrengthsLook(
            lab, dashboard, Choice(record, "05-stiff", "What?", STIFFER),
            Choice(record, "05-helps", "Which?", HELPS),
        ),
        ControlsLook(lab, dashboard, Choice(record, "05-earns", "What?", EARNS)),
    )  # fmt: skip


def test_without_stored_runs_the_looks_say_so(looks):
    for look in looks:
        assert "The stored runs say: nothing yet" in look.verdict.value
        assert all("make_comparison.py" in view.value for view in look.views.values())


def test_the_learners_run_shows_its_first_steps(looks, lab):
    assert "Run EWC" in looks[0].first.value
    history = make_history({"knowledge": [1.0, 0.9]})
    history.started = _as_ewc(history.started)
    history.steps[:] = [_step(at, penalty=0.1 * (at - 1)) for at in (1, 2, 3)]
    lab.note_run(history)
    looks[0].draw()
    shown = looks[0].first.value
    assert shown.count("<svg") == 2  # on one scale the energy would be a flat line
    assert "The loss on the task" in shown and "The energy in the springs" in shown
    assert "mini, tickets, fisher 0.01" in looks[0].first.value


def _as_ewc(started):
    settings = {"strength": 0.01, "importance": "fisher"}
    return replace(started, method="ewc", config={**started.config, "method_settings": settings})


def _step(at, penalty):
    return StepDone(at, "tickets", 0.1, 1.0 / at, penalty, 1e-3, 0.0, 0, 16, 3, 0.1)


def test_stored_runs_are_drawn_with_their_verdicts(lab, record):
    if any(strengths.why_missing("mini", task, swept=True) for task in strengths.TASKS):
        pytest.skip("the sweep of EWC is not stored yet")
    dashboard = lab.dashboard(methods=("ewc", "full"))
    stiff = Choice(record, "05-stiff", "What?", STIFFER)
    helps = Choice(record, "05-helps", "Which?", HELPS)
    earns = Choice(record, "05-earns", "What?", EARNS)
    looks = StrengthsLook(lab, dashboard, stiff, helps), ControlsLook(lab, dashboard, earns)
    # No answer before the question.
    assert looks[0].verdict.value.count("<summary>Open without a prediction") == 2
    assert "<summary>Open the stored runs" in looks[1].views["tickets"].value
    for guess, said in ((stiff, STIFFER), (helps, HELPS), (earns, EARNS)):
        guess.save(said[0])
    shown = [html.value for look in looks for html in (look.verdict, *look.views.values())]
    assert not any("<summary>Open" in one for one in shown)
    measured = record.read()["measurements"]
    found = {
        "05-helps": strengths.verdict_on_illness("mini")[0],
        "05-stiff": strengths.verdict_on_stiffer("mini")[0],
        "05-earns": strengths.verdict_on_fisher("mini", "tickets")[0],
    }
    for key, answer in found.items():
        assert measured.get(key, {}).get("value") == answer, key
    assert "equal (L2-SP)" not in looks[0].views["tickets"].value
    assert "equal (L2-SP)" in looks[1].views["tickets"].value
    assert "What springs cost" in looks[1].verdict.value
    assert archive.runs("mini", "tickets", "ewc")
