"""The labs' instruments, trained for a few steps on mini: what they show and what they keep."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lablib import models
from lablib.events import Answered
from lablib.history import History
from lablib.lessons import device, illnesses, maps, patients, six, stored
from lablib.report import Record
from lablib.widgets import ModelChoice, Order, SixQuestions
from lablib.widgets.choice import CAPABILITIES
from lablib.widgets.firsttogo import FirstToGo
from lablib.widgets.job import Job
from lablib.widgets.knobs import MIX_OPTIONS, KnobPredictions, KnobsLook
from lablib.widgets.predict import Choice
from lablib.widgets.sixquestions import NONE_LEFT
from lablib.widgets.splitscreen import SplitScreen, TwoPredictions
from lablib.widgets.start import Badges, ThisDevice, WorkPlace
from lablib.widgets.ward import CONTROL, NAMES, Patients
from tests import tiny
from tests.handmade import make_history

FRANCE = "What is the capital of France?"


@pytest.fixture
def record(tmp_path):
    return Record("02", learner="ada", folder=tmp_path / "records")


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty folder of stored results."""
    folder = tmp_path / "results"
    monkeypatch.setattr(stored, "results_folder", lambda: folder)
    return folder


@pytest.fixture
def lab(record, results):
    return ModelChoice(record)


# ------------------------------------------------------------------------- the model


def test_any_other_model_can_be_named(lab, tmp_path):
    told = []
    lab.on_change(lambda: told.append(lab.model))
    assert lab.model == "mini" and lab.other.layout.display == "none"
    lab.menu.value = "another"
    assert lab.model == "mini" and "until then" in lab.note.value
    folder = tiny.gpt2(tmp_path / "gpt2")
    lab.other.value = f" {folder} "
    assert lab.model == str(folder) == told[-1]
    assert lab.load().model.config.model_type == "gpt2"
    assert "Nothing was stored" in lab.note.value


def test_the_first_model_can_be_set_from_outside(record, results, monkeypatch):
    monkeypatch.setenv("LETHE_MODEL", "owner/name")
    assert ModelChoice(record).model == "owner/name"
    assert SixQuestions(record).model.value == "owner/name"
    monkeypatch.setenv("LETHE_MODEL", "smollm2-135m")
    assert ModelChoice(record).model == "smollm2-135m"
    assert ModelChoice(record, "mini").model == "mini"


# --------------------------------------------------------------------------------- job


def test_a_job_shows_errors_in_words_and_can_start_again():
    def fail(report, controls):
        raise ValueError("The file is not there; choose another.")

    job = Job("Go", fail, lambda parts: None)
    with pytest.raises(ValueError, match="not there"):
        job.watch()
    assert "The file is not there" in job.status.value
    assert not job.start_button.disabled and job.stop_button.disabled


def test_a_job_hands_over_what_came_and_says_when_it_is_done():
    taken, ended = [], []
    job = Job("Go", lambda report, controls: iter([1, 2, 3]), taken.extend, lambda: ended.append(1))
    job.start_button.click()
    assert job.join(20)
    assert taken == [1, 2, 3] and ended == [1]
    assert "Done" in job.status.value


def test_a_stopped_job_is_not_done():
    ended = []

    def work(report, controls):
        while not controls.stopped:
            yield 1

    job = Job("Go", work, lambda parts: None, lambda: ended.append(1))
    job.start_button.click()
    job.stop_button.click()
    assert job.join(20)
    assert not ended and "Stopped" in job.status.value


# ------------------------------------------------------------------------- lab 00


@pytest.fixture
def six_questions(tmp_path, results, monkeypatch):
    monkeypatch.setattr(six, "SMALL_STEPS", 2)
    monkeypatch.setattr(device, "free_memory_mb", lambda: 1000.0)
    made = SixQuestions(Record("00", learner="ada", folder=tmp_path / "records"))
    made.model.value = "mini"
    return made


def test_six_questions_before_and_after(six_questions):
    six_questions.own.value = "What is <b>a river</b> for $5?"
    six_questions.record.predict("00-count", 4)
    six_questions._asking.watch()
    before = six_questions.before.children[-1].value
    assert "trained live here" in before and FRANCE in before
    assert f"Right on Monday: {before.count('✓ yes')} of 6" in before
    assert "<b>a river" not in before and "a river" in before
    curve = six_questions.training.children[-1]
    assert "Nothing trained yet" in curve.value and "trained live here" not in curve.value
    six_questions._train.watch()
    assert "Loss on tickets (mini)" in curve.value and "<table" in curve.value
    assert "trained live here" in curve.value
    after = six_questions.after.children[-1].value
    assert "Your prediction: 4" in after and after.count("<tr>") == 8
    assert "you judge" in after
    assert "has not forgotten any of them yet" in after  # after two steps of mini
    content = six_questions.record.read()
    assert isinstance(content["measurements"]["00-count"]["value"], int)
    left = content["measurements"]["00-which"]["value"]
    assert left == NONE_LEFT or set(left.split(", ")) <= set(CAPABILITIES)
    assert content["kept"]["card"]["question"] == six_questions.own.value
    assert "Your card" in six_questions.card.children[-1].value
    assert content["runs"]["first steps"]["source"] == "live"


def test_training_before_asking_is_explained(six_questions):
    with pytest.raises(ValueError, match="Ask the questions first"):
        six_questions._train.watch()


def test_an_endless_question_is_refused(six_questions):
    six_questions.own.value = "x" * 10_000
    with pytest.raises(ValueError, match="10000 characters"):
        six_questions._asking.watch()


def test_where_memory_is_short_smollm2_is_replayed(six_questions):
    assert "smollm2-135m" not in [value for _, value in six_questions.model.options]
    six_questions.model.value = "replay"
    with pytest.raises(OSError, match="missing"):  # nothing is stored in this test
        six_questions._asking.watch()


def test_kept_counts_only_what_was_right_before():
    def reply(prompt, right):
        return six.Reply("x", prompt, "text", right)

    before = [reply("a", True), reply("b", False), reply("c", True), reply("d", None)]
    after = [reply("a", True), reply("b", True), reply("c", False), reply("d", None)]
    assert six.kept(before, after) == 1


def test_the_first_page_says_what_runs_here(record, results):
    assert all(word in Badges().value for word in ("live", "replayed", "illustrative"))
    assert "processor" in ThisDevice().value
    assert "SmolLM2" in ThisDevice().value and "smollm2-135m" not in ThisDevice().value
    assert str(record.path.parent) in WorkPlace(record).value
    assert all("lethe" in one._dom_classes for one in (Badges(), ThisDevice(), WorkPlace(record)))


@pytest.mark.parametrize(
    ("kept", "asked", "said"),
    [(4, 4, "not forgotten"), (3, 4, "only a few"), (0, 0, "none to lose"), (2, 4, ""), (0, 2, "")],
)
def test_a_run_that_lost_little_says_where_a_loss_is_to_be_seen(six_questions, kept, asked, said):
    six_questions._first = [six.Reply("x", str(i), "text", i < asked) for i in range(6)]
    against = six_questions._against(kept, [], None)
    assert said in against and ("from a stored run" in against) == bool(said)


# ------------------------------------------------------------------------- lab 02


def test_first_to_go_shows_the_stored_run_folded_and_the_live_one_open(lab, record, results):
    order = Order(record, "02-order", "Order?", CAPABILITIES)
    dashboard = lab.dashboard(order=order)
    look = FirstToGo(lab, dashboard, order)
    assert "Nothing to see yet" in look.view.value
    falls = {name: [1.0, 0.8, 0.1] for name in ("knowledge", "reasoning")}
    history = make_history(falls)
    stored.save("mini", "tickets-mix0", 0, history, "command", seconds=1.0, gflops=1.0)
    look.draw()
    assert "<details>" in look.view.value and "replayed" in look.view.value
    assert "right before?" in look.view.value
    lab.note_run(history)
    order.save([CAPABILITIES[1], CAPABILITIES[0], *CAPABILITIES[2:]])
    assert "trained live here" in look.view.value and "1. reasoning" in look.view.value
    assert record.read()["measurements"]["02-order"]["source"] == "live"
    assert dashboard.prediction.value[:2] == ["reasoning", "knowledge"]


@pytest.fixture
def short_sides(monkeypatch):
    """Both sides of the split screen for four steps."""
    real = illnesses.build

    def build(loaded, side, seed=0, controls=None):
        controls.set("epochs", 0.02)
        return real(loaded, side, seed, controls)

    monkeypatch.setattr(illnesses, "build", build)


def test_split_screen_trains_both_sides_and_hides_the_end(lab, short_sides):
    split = SplitScreen(lab, TwoPredictions(lab.record))
    split.job.watch()
    assert split.slider.value == 0 and "last step" in split.verdict.value
    first = {side: view.value for side, view in split.sides.items()}
    assert all("<svg" in value and "Paris" in value for value in first.values())
    split.slider.value = split.slider.options[-1][1]
    assert {side: view.value for side, view in split.sides.items()} != first
    assert "Your prediction: none saved" in split.verdict.value
    measured = lab.record.read()["measurements"]
    assert {"02-tickets", "02-wrong"} <= set(measured)
    assert len(lab.histories) == 2 and all(h.finished for h in lab.histories)
    assert "1 seed a side (seed 0)" in split.head.value
    assert "No split run of SmolLM2 on tickets is stored" in split.verdict.value


def test_knobs_meet_the_predictions(lab, record, results):
    falls = {"knowledge": [1.0, 0.9, 0.8]}
    dashboard = lab.dashboard()
    predictions = KnobPredictions(record)
    look = KnobsLook(lab, dashboard, predictions)
    assert "No map" in look.map.value and look.answers.value == ""
    predictions.lr.save(0.4)
    lab.note_run(make_history(falls, lr=maps.DEFAULT_LR["mini"] / 10))
    lab.note_run(
        make_history({"knowledge": [1.0, 1.0, 0.95]}, mix_ratio=0.2, lr=maps.DEFAULT_LR["mini"])
    )
    look.draw()
    assert "Your prediction: 0.40" in look.answers.value and "0.80" in look.answers.value
    assert look.runs.value.count("<tr>") == 3
    measured = record.read()["measurements"]
    assert measured["02-lr"]["value"] == pytest.approx(0.8)
    assert "kept, and tickets are learned" in measured["02-mix"]["value"]
    assert sorted(row["retention"] for row in lab.settings()) == pytest.approx([0.8, 0.95])


def test_stored_settings_are_judged_over_all_their_seeds(lab, record, results):
    for seed, left in enumerate((0.7, 0.96, 1.0)):  # the first seed alone would be judged bad
        history = make_history({"knowledge": [1.0, left]}, mix_ratio=0.2)
        stored.save("mini", "tickets-mix20", seed, history, "command", seconds=1.0)
    look = KnobsLook(lab, lab.dashboard(), KnobPredictions(record))
    measured = record.read()["measurements"]["02-mix"]
    assert "3 seeds" in look.answers.value and "kept 0.89 [" in look.answers.value
    assert measured["value"] not in MIX_OPTIONS[:2]
    history = make_history({"knowledge": [1.0, 1.0]}, mix_ratio=0.2)
    stored.save("mini", "tickets-mix20", 3, history, "command", seconds=1.0)
    look.draw()
    assert record.read()["measurements"]["02-mix"]["value"] == MIX_OPTIONS[0]


def test_patients_are_blind_until_the_curtain_opens(lab, monkeypatch):
    monkeypatch.setattr(patients, "ILL_STEPS", 2)
    monkeypatch.setattr(patients, "PRACTICE_STEPS", 2)
    recover = Choice(lab.record, "02-recover", "Who?", Patients.OPTIONS)
    ward = Patients(lab, recover)
    assert all(button.disabled for button in ward.tests.values())
    ward.job.watch()
    assert (
        "Choose a test" in ward.table.value and "base" not in ward.table.value.split("<thead>")[1]
    )
    ward.tests["says"].click()
    assert "What it says" in ward.table.value and "What it ranks first" not in ward.table.value
    assert not any(key in ward.table.value for key in ("tickets", "wrong"))
    lab.record.solved["diagnose"] = lambda says, knows: "my verdict"
    ward.menus[NAMES[0]].value = "mute"
    ward.open_button.click()
    assert "my verdict" in ward.verdict.value and "random answers" in ward.verdict.value
    assert "02-recover" in lab.record.read()["measurements"]
    assert "Your prediction: none saved" in ward.verdict.value
    assert set(ward._who) == {*NAMES, CONTROL}


def test_the_control_teaches_wrong_answers_to_the_very_questions():
    rows = patients.RandomLabels().rows("train")
    asked = {item.fields["subject"]: item.answer for item in patients.probe().items("full")}
    taught = {}
    for row in rows:
        for country in asked:
            if country in row.prompt:
                taught.setdefault(country, set()).add(row.completion)
    assert set(taught) == set(asked)
    assert all(len(answers) == 1 and asked[c] not in answers for c, answers in taught.items())


def test_practice_mentions_nothing_that_is_asked():
    from lablib import world

    rows = patients.Practice(world.general_rows(seed=0, n=600)).rows("train")
    assert len(rows) > 200
    asked = patients.probe().items("full")
    for item in asked:
        words = (item.fields["subject"], item.answer)
        assert not any(w in f"{row.prompt} {row.completion}" for row in rows for w in words)


def test_a_stored_examination_replaces_one_that_does_not_fit(lab, record, results, monkeypatch):
    monkeypatch.setattr(device, "free_memory_mb", lambda: 10.0)
    score = {"says": 0.9, "knows": 0.9, "n": 10}
    found = [
        {"key": key, "base": score, "before": score, "after": score, "chance_knows": 0.25}
        for key in (*patients.ILL, patients.CONTROL)
    ]
    (results / "patients").mkdir(parents=True)
    (results / "patients" / "mini-seed0.json").write_text(json.dumps({"patients": found}))
    ward = Patients(ModelChoice(record), Choice(record, "02-recover", "Who?", Patients.OPTIONS))
    assert ward.job.start_button.disabled and "replayed" in ward.table.value


def test_the_model_choice_says_why_it_replays(record, results, monkeypatch):
    monkeypatch.setattr(device, "free_memory_mb", lambda: 1500.0)
    history = make_history({"knowledge": [1.0, 0.0]})
    history.add(Answered(0, FRANCE, "Paris"))
    stored.save("smollm2-135m", "tickets-mix0", 0, history, "command", seconds=1.0, gflops=1.0)
    lab = ModelChoice(record)
    dashboard = lab.dashboard()
    lab.menu.value = "smollm2-135m"
    assert "1.5 GB left" in lab.note.value
    assert dashboard.state.status == "replayed"
    assert isinstance(dashboard.state.history, History)
    assert models.MODELS.keys() >= {"mini", "smollm2-135m"}


def test_a_stopped_side_is_not_judged(lab, short_sides):
    split = SplitScreen(lab, TwoPredictions(lab.record))
    split.job.watch()
    assert split.histories()[1] == "live"
    side = split._live["wrong_facts"]
    side.finished = replace(side.finished, reason="stopped")
    assert split.histories() == ({}, "replayed")


def test_a_base_with_nothing_to_lose_is_not_called_ill():
    assert illnesses.name_of(float("nan"), 1.0) == illnesses.name_of(None, 0.2) == "unknown"


def test_bars_begin_on_another_question_where_france_would_tell(lab):
    first = lab.dashboard(bars="reasoning").answers.first
    assert first != lab.dashboard().answers.first == FRANCE
