"""The widgets of lab 01 with real runs and no browser."""

from __future__ import annotations

import re
import threading

import pytest

from lablib.classic import Settings, addition
from lablib.controls import Controls
from lablib.lessons import addition as lesson
from lablib.report import Record
from lablib.widgets import (
    AdditionDemo,
    AfterOnePass,
    Choice,
    Exercise,
    Number,
    PlaneLook,
    TrailPlane,
    WordLists,
)
from lablib.widgets.addition import KNOBS, paced


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")


@pytest.fixture
def record(tmp_path):
    return Record("01", learner="ada", folder=tmp_path)


@pytest.fixture
def plane(record):
    return TrailPlane(record)


def guess(record, key="01-after-one"):
    return Number(record, key, "How many?", low=0, high=15, step=1, unit="facts of 15")


def test_start_lets_the_ones_die_and_keeps_the_run(record, plane):
    number = guess(record)
    demo = AdditionDemo(record, plane, guess=number)
    before = {phase: picture.value for phase, picture in demo.pictures.items()}
    assert "appears here" in demo.facts.value
    nothing = demo.head.value + "".join(before.values())
    assert "illustrative: nothing trained yet" in nothing and "trained live here" not in nothing
    number.save(12)
    demo.job.start_button.click()
    assert demo.job.join(60)
    assert "Done" in demo.job.status.value and demo.trail.finished
    assert all("trained live here" in demo.pictures[phase].value for phase in before)
    assert "your prediction 0.80" in demo.pictures["twos"].value
    assert "<table" in demo.tables.value and "trained live here" in demo.head.value
    assert "5+1 <b>7</b>" in demo.facts.value
    demo.at.value = 0
    assert "5+1 <b>6</b>" in demo.facts.value and "15 of 15 right" in demo.facts.value
    assert list(plane.trails) == ["A: as in the paper"]
    assert record.read()["runs"]
    assert not [t for t in threading.enumerate() if t.name == "lethe-run"]


def test_what_is_set_is_what_runs(record, plane):
    demo = AdditionDemo(record, plane, knobs=KNOBS)
    assert demo.settings == Settings()  # every knob begins where the paper was
    demo.knobs["rate"].value, demo.knobs["interleave"].value = 0.5, 3
    demo.networks.value, demo.seed.value = 2, 7
    trail = demo.watch()
    assert trail.settings == Settings(rate=0.5, interleave=3)
    assert list(trail.twos_phase) == [7, 8]
    assert "rate 0.5, 3 ones facts mixed in, mean of 2" in plane.table.value
    demo.reset()
    assert demo.settings == Settings() and list(demo.seeds) == [0, 1, 2, 3]
    assert "Press Start" in demo.pictures["twos"].value
    assert len(plane.trails) == 1


def test_every_knob_has_a_label_and_legal_values(record):
    demo = AdditionDemo(record, knobs=KNOBS)
    for name, knob in demo.knobs.items():
        assert knob.description
        for option in knob.options:
            Settings(**{name: option[1] if isinstance(option, tuple) else option})


def test_stop_ends_a_run_and_the_plane_does_not_take_it(record, plane, monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "0")
    demo = AdditionDemo(record, plane)
    demo.speed.value = 0.5
    demo.job.start_button.click()
    demo.job.stop_button.click()
    assert demo.job.join(20)
    assert "Stopped" in demo.job.status.value
    assert not plane.trails and not demo.trail.finished


def test_the_pace_can_be_changed_on_the_way(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "0")
    slept = []
    monkeypatch.setattr("lablib.widgets.addition.time.sleep", slept.append)
    clock = iter(range(10**6))
    monkeypatch.setattr("lablib.widgets.addition.time.monotonic", lambda: next(clock) * 0.01)
    controls = Controls(speed=1)
    passes = paced(addition.run(Settings(most_ones=1, most_twos=4)), controls)
    next(passes), next(passes), next(passes)  # the waiting for a pass comes when the next is asked
    assert slept
    controls.set("speed", 0)
    slept.clear()
    assert len(list(passes)) == 4 and not slept
    controls.stop()
    assert list(paced(addition.run(), controls)) == []


def test_the_look_meets_both_predictions(record, plane):
    number, becomes = guess(record), Choice(record, "01-becomes", "What?", lesson.TURNS)
    demo = AdditionDemo(record, plane, guess=number)
    look = AfterOnePass(demo, number, becomes)
    assert "Nothing to see yet" in look.view.value
    demo.watch()
    assert "Your prediction: none saved. Measured: 11.<" in look.view.value  # one network: a count
    demo.networks.value = 4
    demo.watch()
    assert re.search(r"Measured: \d+\.\d\.<", look.view.value) and "0.57" in look.view.value
    number.save(14)
    becomes.save(lesson.TURNS[0])
    assert "Your prediction: 14." in look.view.value
    measured = record.read()["measurements"]
    assert 6 <= measured["01-after-one"]["value"] <= 10.5
    assert measured["01-becomes"]["value"] == lesson.TURNS[1]
    assert measured["01-after-one"]["source"] == "live"


def test_a_run_with_other_settings_is_no_measurement_of_the_first_question(record, plane):
    number, becomes = guess(record), Choice(record, "01-becomes", "What?", lesson.TURNS)
    demo = AdditionDemo(record, plane, knobs=("rate",))
    look = AfterOnePass(demo, number, becomes)
    demo.knobs["rate"].value = 0.5
    demo.watch()
    assert "Nothing to see yet" in look.view.value


def test_rescues_and_mixing_are_judged_from_the_plane(record, plane):
    rescue = Choice(record, "01-rescue", "Which?", (*lesson.RESCUES.values(), lesson.NONE))
    gentle, mixed = guess(record, "01-gentle"), guess(record, "01-mixed")
    look = PlaneLook(plane, rescue=rescue, gentle=gentle, mixed=mixed)
    assert look.view.value.count("nothing yet") == 3
    assert "trained live here" not in look.view.value + plane.picture.value
    demo = AdditionDemo(record, plane, knobs=KNOBS)
    for knob, value in {"rate": 0.1, "momentum": 0.5, "hidden": 70, "overtraining": 30}.items():
        demo.knobs[knob].value = value
        demo.watch()
        demo.reset()
    assert "each of the five rescues" in look.view.value  # one is missing
    demo.knobs["freeze"].value = "weights into hidden"
    demo.watch()
    demo.reset()
    demo.knobs["interleave"].value = 15
    demo.watch()
    measured = {key: facts["value"] for key, facts in record.read()["measurements"].items()}
    assert measured["01-rescue"] == lesson.NONE
    assert measured["01-gentle"] <= 3 and measured["01-mixed"] == 15
    gentle.save(9)
    assert "Your prediction: 9" in look.view.value


def test_the_plane_keeps_the_newest_and_can_be_cleared(record, plane):
    trail = AdditionDemo(record).watch()
    for _ in range(9):
        plane.add(trail)
    assert len(plane.trails) == 7 and next(iter(plane.trails)).startswith("C:")
    assert plane.picture.value.count("<path") > 20
    plane.clear_button.click()
    assert not plane.trails and "leaves its trail here" in plane.picture.value


def test_a_solved_exercise_adds_its_column(record, plane):
    plane.add(AdditionDemo(record).watch())
    assert "ones_at" not in plane.table.value and plane.table.value.count("<td>") == 4

    def ones_at(trail, level):
        return next((ones for twos, ones in trail if twos >= level), None)

    Exercise(record, "ones_at", ones_at, then=plane.draw)
    assert "by your ones_at" in plane.table.value and plane.table.value.count("<td>") == 5


def test_word_lists_draw_networks_beside_people(record):
    lists = WordLists()
    assert "people A-B" in lists.view.value and "net A-B" not in lists.view.value
    assert "illustrative" in lists.view.value and "trained live here" not in lists.view.value
    lists.networks.value = 4
    lists.job.watch()
    assert "net A-B" in lists.view.value and "4 networks" in lists.view.value
    assert "Barnes and Underwood" in lists.view.value


def test_a_run_before_the_cell_was_run_is_looked_at(record, plane):
    number, becomes = guess(record), Choice(record, "01-becomes", "What?", lesson.TURNS)
    demo = AdditionDemo(record, plane)
    demo.seed.value = 3
    demo.watch()
    demo.seed.value = 77  # moved after the run
    assert "Measured: " in AfterOnePass(demo, number, becomes).view.value
    assert "seeds 3" in str(record.read()["runs"]) and "77" not in str(record.read()["runs"])
    demo.reset()
    assert "Nothing to see yet" in AfterOnePass(demo, number, becomes).view.value
