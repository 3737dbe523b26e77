"""The instruments of lab 06, trained for a few steps on mini: what they show and keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib.lessons import device, masking, surprise
from lablib.report import Record
from lablib.sweep import archive, compare
from lablib.widgets import (
    MASK_OUTCOMES,
    RECIPES,
    WINNERS,
    Choice,
    EndOfTurn,
    Exercise,
    MaskBench,
    MaskLook,
    ModelChoice,
    Number,
    RivalsLook,
    SharesLook,
    TokenReader,
    masklook,
)
from lablib.widgets.endofturn import OPTIONS
from lablib.widgets.masklook import only
from tests.lessons.test_masking import runs


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")


@pytest.fixture
def record(tmp_path):
    return Record("06", learner="ada", folder=tmp_path / "records")


@pytest.fixture
def lab(record):
    return ModelChoice(record)


@pytest.fixture
def shelf(monkeypatch):
    """Stored comparisons, by (model, task); none at first."""
    found = {}

    def load(model, task, target=None):
        if (model, task) not in found:
            raise OSError("No comparison is stored.")
        return found[model, task]

    monkeypatch.setattr(archive, "load", load)
    return found


def guesses(record):
    return {
        task: Number(record, f"06-{task}", "How many?", low=0, high=100, step=1, unit="%")
        for task in surprise.TASKS
    }


def filled(task="replies"):
    arms = {"full": 0.2, "stm": 0.6, "stm_random": 0.3, "stm_replay": 0.8, "low_lr": 0.5}
    arms |= {"joint": 0.9, "replay": 0.9, "stm_threshold": 0.6}
    found = [r for label, kept in arms.items() for r in runs(label, [kept] * 3)]
    return compare(found, target=1.0)


def test_reading_shows_tokens_and_meets_both_predictions(lab, record):
    reader = TokenReader(lab)
    look = SharesLook(reader, guesses(record))
    assert "Nothing read yet" in reader.head.value and "Nothing to see" in look.view.value
    reader.job.watch()
    first = {task: panel.value for task, panel in reader.panels.items()}
    assert all("lethe-token" in v and "<table" in v for v in first.values())
    assert "trained live here" in reader.head.value
    reader.row.value = 3
    assert all(panel.value != first[task] for task, panel in reader.panels.items())
    before = reader.panels["tickets"].value
    reader.tau.value = 1e6
    assert reader.panels["tickets"].value != before
    reader.reader.value = surprise.REAL
    assert "replayed from a stored run" in reader.head.value
    look._guesses["replies"].save(30)
    assert "Your prediction: 30%" in look.view.value and "your prediction 0.30" in look.view.value
    found = record.read()["measurements"]
    assert found["06-tickets"]["value"] > found["06-replies"]["value"] > 0
    assert "smollm2-135m finds" in look.view.value


def test_a_solved_mask_is_tried_on_every_row(lab, record):
    reader = TokenReader(lab)
    reader.job.watch()

    def learned(ps, tau):
        return [*(1 / p <= tau for p in ps[:-1]), True]

    Exercise(record, "learned", learned, then=reader.draw)
    n = len(reader.readings["tickets"].tokens(0))
    assert f"agrees on {n} of them" in reader.panels["tickets"].value
    record.solved["learned"] = lambda ps, tau: 1 / 0
    reader.draw()
    assert "ZeroDivisionError" in reader.panels["tickets"].value


def test_another_model_forgets_what_was_read(lab):
    reader = TokenReader(lab)
    reader.job.watch()
    lab.menu.value = "smollm2-135m"
    assert not reader.readings and "Nothing read yet" in reader.head.value


def test_words_are_crossed_out_everywhere_within_a_budget(lab, shelf):
    bench = MaskBench(lab)
    with pytest.raises(ValueError, match="Bring the rows first"):
        bench.own.watch()
    bench.bring.watch()
    assert [b.description for b in bench.panels["tickets"].words()][:2] == ["TICKET", "-"]
    with pytest.raises(ValueError, match="Cross out some words"):
        bench.own.watch()
    dashes = [b for b in bench.panels["tickets"].words() if b.description == "-"]
    dashes[0].value = True
    assert len(dashes) > 1 and all(b.value for b in dashes)  # one word, wherever it stands
    assert bench.crossed["tickets"] == {"-"} and bench.share("tickets") > 0
    assert f"{bench.share('tickets'):.1%}" in bench.panels["tickets"].meter.value
    bench.row.value = 2
    assert all(b.value for b in bench.panels["tickets"].words() if b.description == "-")
    bench.cross("tickets", "TICKET", "team", ":", "item", "rank")
    assert "over the budget" in bench.panels["tickets"].meter.value
    with pytest.raises(ValueError, match="the budget is"):
        bench.own.watch()
    bench.clear()
    assert not bench.crossed["tickets"] and bench.share("tickets") == 0


def test_runs_under_three_masks_meet_in_the_look(lab, record, shelf):
    outcomes = {
        t: Choice(record, f"06-stm-{t}", "What?", MASK_OUTCOMES) for t in ("replies", "tickets")
    }
    winner = Choice(record, "06-winner", "Which?", WINNERS)
    bench = MaskBench(lab)
    look = MaskLook(lab, bench, outcomes, winner)
    assert "Train your words" in look.view.value and "No runs of mini" in look.view.value
    shelf["mini", "replies"] = filled()
    look.draw()
    assert "Open the stored runs" in look.view.value  # folded before the learner's own runs
    bench.bring.watch()
    bench.cross("replies", "curious")
    bench.own.watch()
    bench.others.watch()
    share = bench.share("replies")
    assert bench.runs["replies", "high"][0] == share
    assert bench.runs["tickets", "high"][0] == surprise.BUDGET  # nothing was crossed out there
    assert ("tickets", "hand") not in bench.runs
    assert bench.picture.value.count("<svg") == 2 and "my words" in bench.picture.value
    assert "my words" in bench.results.value and "trained live here" in bench.results.value
    outcomes["replies"].save(MASK_OUTCOMES[1])
    assert "Open the stored runs" not in look.view.value
    assert "replayed from a stored run" in look.view.value
    content = record.read()
    assert content["measurements"]["06-stm-replies"]["value"] == masking.KEEPS
    assert content["measurements"]["06-winner"]["value"] == WINNERS[0]  # .6 and .3 are stored
    assert content["measurements"]["06-winner"]["source"] == "replayed"
    assert "One seed decides nothing" in look.view.value and "my words" in look.view.value
    assert len(content["runs"]) == 5


def test_controls_meet_their_predictions(lab, record, shelf):
    recipe = Choice(record, "06-recipe", "Which?", RECIPES)
    threshold = Number(record, "06-threshold", "How many?", low=0, high=100, step=5, unit="%")
    reader = TokenReader(lab)
    look = RivalsLook(lab, recipe, threshold, reader)
    assert "is stored yet" in look.view.value
    shelf["mini", "replies"], shelf["mini", "tickets"] = filled(), filled()
    look.draw()
    assert "Open without predictions" in look.view.value
    recipe.save(RECIPES[0])
    threshold.save(40)
    assert "Open without predictions" not in look.view.value
    assert "0 of 3 seeds were stopped early" in look.view.value
    assert "stm_replay keeps" in look.view.value and "<svg" in look.view.value
    assert "where facts are taught" not in look.view.value
    shelf["mini", "wrong_facts"] = filled()
    look.draw()
    assert "where facts are taught" in look.view.value
    found = record.read()["measurements"]
    assert found["06-recipe"]["value"] == masking.RECIPES["stm_replay"]
    assert found["06-threshold"]["value"] == 100
    record.solved["quantile"] = lambda ps, share: sorted(ps)[-1]
    reader.job.watch()
    assert "By your own function" in look.view.value


def test_a_verdict_is_chosen_by_its_arm_and_not_by_its_first_word():
    arms = {"full": 0.2, "full lr=0.0004": 0.4, "full lr=0.004": 0.1, "stm": 0.3, "low_lr": 0.5}
    found = compare([r for label, kept in arms.items() for r in runs(label, [kept] * 3)])
    shown = only(found, masklook.CONTROLS)
    said = masklook.judged(shown)
    assert "full lr=0.0004" in shown.arms and "full lr=0.004" not in shown.arms
    assert len(said) == 3
    assert any(sentence.startswith("full lr=0.0004 ") for sentence in said)


def test_the_end_of_turn_is_asked_with_and_without(lab, record):
    ends = EndOfTurn(lab)
    ends.job.watch()
    assert set(ends.found) == {"kept", "masked"} and 0 <= ends.found["kept"].surprises <= 1
    assert "answers that stop" in ends.view.value
    assert "nothing to compare" in ends.view.value  # a few steps teach no tickets
    assert "06-end" not in record.read()["measurements"]
    learned = {
        end: replace(one, begins_right=1.0, stops=float(end == "kept"))
        for end, one in ends.found.items()
    }
    ends.found = learned
    ends.draw()
    assert record.read()["measurements"]["06-end"]["value"] == OPTIONS[1]
    assert "trained live here" in ends.view.value


def test_where_memory_is_short_nothing_is_trained(lab, shelf, monkeypatch):
    monkeypatch.setattr(device, "free_memory_mb", lambda: 10.0)
    bench = MaskBench(lab)
    bench.bring.watch()
    bench.cross("replies", "curious")
    with pytest.raises(ValueError, match="free memory"):
        bench.own.watch()
    with pytest.raises(ValueError, match="free memory"):
        EndOfTurn(lab).job.watch()
