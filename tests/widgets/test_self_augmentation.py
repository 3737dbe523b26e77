"""The widgets of lab 08 with short runs and no browser."""

from __future__ import annotations

import html

import pytest

from lablib import models
from lablib.events import Progress
from lablib.lessons import anchor, catalog, equal, friday, stored
from lablib.lessons import coins as coin_lesson
from lablib.lessons import diary as lesson
from lablib.models.dialogues import Dialogue
from lablib.report import Record, to_html, to_markdown
from lablib.sweep import archive
from lablib.widgets import (
    GUESSES,
    OUTCOMES,
    Choice,
    CoinDemo,
    DiaryDesk,
    DiaryTraining,
    EqualTokens,
    Friday,
    GradientCheck,
    ModelChoice,
    Number,
)
from tests.sweep.handmade import measured


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")


@pytest.fixture
def record(tmp_path):
    return Record("08", learner="ada", folder=tmp_path / "records")


@pytest.fixture
def lab(record, tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path / "results")
    monkeypatch.setattr(archive, "folder_of", lambda model, sweep="": tmp_path / sweep / model)
    return ModelChoice(record)


def number(record, key):
    return Number(record, key, "How much?", unit="share")


def line(prompt, completion):
    return Dialogue(prompt, completion, tuple(range(10)), 5, True, True)


LINES = tuple(
    [line("Name the capital of Peru.", "Lima"), line("Add 2 and 3.", "<b>6</b>")]
    + [line(f"Spell word {chr(97 + i)}.", "x y") for i in range(18)]
)
REPORT = {"cut_off": 3, "written": 25, "kept": {"own": 20, "given": 0}, "dropped": {"looping": 5},
          "answer_tokens": 99}  # fmt: skip


@pytest.fixture
def written(monkeypatch):
    def write(loaded, seed=0):
        yield Progress("writing", 20, 20)
        return lesson.Diary(LINES, REPORT)

    monkeypatch.setattr(lesson, "write", write)


# --------------------------------------------------------------------------------- coins


def test_coins_meet_both_predictions(record):
    mean = number(record, "08-mean")
    cold = Choice(record, "08-cold", "Where?", coin_lesson.ENDS)
    demo = CoinDemo(record, mean, cold)
    empty = demo.picture.value
    mean.save(0.75)
    demo.job.start_button.click()
    assert demo.job.join(30)
    assert demo.picture.value != empty and "your prediction 0.75" in demo.picture.value
    assert "illustrative" in demo.picture.value and "trained live" not in demo.picture.value
    assert "Your prediction: 0.75" in demo.look.value and "<table" in demo.numbers.value
    assert "the standard deviation of single coins is 0." in demo.look.value
    demo.temperature.value = 0.3
    demo.watch()
    assert coin_lesson.ENDS[0] in demo.look.value and "none saved" in demo.look.value
    found = record.read()["measurements"]
    assert found["08-mean"]["value"] == pytest.approx(0.6, abs=0.05)
    assert found["08-mean"]["source"] == found["08-cold"]["source"] == "illustrative"
    assert found["08-cold"]["value"] == coin_lesson.ENDS[0]
    demo.writer.value = coin_lesson.WRITERS[1]
    demo.watch()
    assert len(demo.ends) == 3 and "the first coin, always" in demo.numbers.value


# --------------------------------------------------------------------------------- diary


def test_the_diary_is_read_by_topic_and_thinned(lab, written):
    right = number(lab.record, "08-right")
    desk = DiaryDesk(lab, right)
    assert desk.deletion.disabled and "Nothing is written" in desk.summary.value
    desk.watch()
    assert "Page 1 of 2" in desk.reading.value and "✓ right" in desk.reading.value
    assert "✗ wrong" in desk.reading.value and "&lt;b&gt;6" in desk.reading.value
    assert "not their end: 3." in desk.summary.value
    assert "5 looping" in desk.summary.value and "none saved" in desk.summary.value
    assert lab.record.read()["measurements"]["08-right"]["value"] == 0.5
    desk.next.click()
    assert "Page 2 of 2" in desk.reading.value
    desk.topic.value = "places"
    assert "Peru" in desk.reading.value and "Spell" not in desk.reading.value
    desk.deletion.value = "capitals"
    assert "Peru" not in desk.reading.value
    assert "<b>19</b> lines are left, 1 are deleted" in desk.left.value


def test_a_model_that_writes_nothing_fit_is_told_so(lab, monkeypatch):
    def write(loaded, seed=0):
        yield Progress("writing", 0, 1)
        return lesson.Diary((), {**REPORT, "dropped": {"not terminated": 25}})

    monkeypatch.setattr(lesson, "write", write)
    desk = DiaryDesk(lab, number(lab.record, "08-right"))
    desk.watch()
    assert "none can be used: 25 not terminated" in desk.summary.value


@pytest.fixture
def training(lab, monkeypatch):
    given = {"method": "sa_sft", "settings": {"n_dialogues": 16}}
    for name in catalog.DIARIES:
        extra = {"leave_out": name.removeprefix("diary-no-")} if "no" in name else {}
        changed = {**given, "settings": {**given["settings"], **extra}, "max_steps": 2}
        monkeypatch.setitem(catalog.SETTINGS, name, ("tickets", changed))
    monkeypatch.setattr(lab, "load", lambda: MINI)
    Record("00", learner="ada", folder=lab.record.path.parent.parent).keep(
        "card", question="What is <i>a river</i>?", before="Water.", after="TICKET"
    )
    desk = DiaryDesk(lab, number(lab.record, "08-right"))
    guesses = [number(lab.record, f"08-{name}") for name in ("arithmetic", "capitals")]
    return desk, DiaryTraining(lab, desk, *guesses), guesses


MINI = models.load("mini")


def test_training_beside_a_thinned_diary_keeps_its_figures_and_the_card(lab, training):
    desk, made, guesses = training
    assert made.own.value == "What is <i>a river</i>?"
    assert "No run with a diary is stored" in made.look.value
    desk.watch()
    desk.deletion.value = "arithmetic"
    assert "no line on arithmetic" in made.head.value
    guesses[0].save(0.3)
    made.watch()
    assert "lines of the diary are learned" in made.head.value
    assert "yours, live" in made.look.value and "Your prediction: 0.30" in made.look.value
    assert "your prediction 0.30" in made.picture.value
    assert "&lt;i&gt;a river" in made.card.value and "without a diary" in made.card.value
    found = lab.record.read()
    assert found["measurements"]["08-arithmetic"]["source"] == "live"
    assert "08-capitals" not in found["measurements"]
    assert found["kept"]["card"]["question"] == made.own.value
    assert lab.histories[-1].started.config["method_settings"]["leave_out"] == "arithmetic"


def test_without_lines_it_learns_without_a_diary(lab, training, monkeypatch):
    def write(loaded, seed=0):
        yield Progress("writing", 0, 1)
        return lesson.Diary((), REPORT)

    monkeypatch.setattr(lesson, "write", write)
    monkeypatch.setitem(catalog.SETTINGS, "tickets-mix0", ("tickets", {"max_steps": 1}))
    made = training[1]
    made.watch()
    assert "without a diary" in made.head.value and lab.histories[-1].started.method == "full"


# ------------------------------------------------------------------ equal price, gradient


def shelve(folder, task, labels, seeds=5):
    (folder / "mini").mkdir(parents=True, exist_ok=True)
    for label, (end, kept) in labels.items():
        for seed in range(seeds):
            says = {"knowledge": [1.0, (1 + kept) / 2, kept + 0.001 * seed]}
            run = measured(label, seed, [0.0, end / 2, end], says)
            path = folder / "mini" / f"{task}-{label}-seed{seed}.json"
            path.write_text(run.to_json())


ARMS = {"full": (1.0, 0.1), "replay_tokens": (1.0, 0.9), "sa_sft_tokens": (1.0, 0.9),
        "lora_replay": (1.0, 0.95), "stm_replay": (0.4, 0.9), "sa_sft": (1.0, 0.85)}  # fmt: skip


def test_the_stored_runs_stay_closed_until_they_are_opened(lab, tmp_path):
    real = Choice(lab.record, "08-real", "Which?", OUTCOMES)
    made = EqualTokens(lab, real)
    made.button.click()
    assert "not both measured" in made.view.value
    shelve(tmp_path, "tickets", ARMS)
    made = EqualTokens(lab, real)
    assert "<svg" not in made.view.value
    made.button.click()
    assert made.view.value.count("<svg") == 2 and "may be chance" in made.view.value
    assert lab.record.read()["measurements"]["08-real"]["value"] == OUTCOMES[1]
    assert "lora_replay" not in made.view.value  # only what is asked
    assert "do not show equality" in made.view.value and "at temperature 1" in made.view.value
    shelve(tmp_path, "tickets", {"replay": (1.0, 0.95)})
    made.draw()
    assert made.view.value.count("<svg") == 4 and "all examples" in made.view.value
    assert "The diary keeps less" in made.view.value
    assert lab.record.read()["measurements"]["08-real"]["value"] == OUTCOMES[1]


def test_what_is_said_of_the_larger_model_stays_when_it_is_chosen(lab, monkeypatch):
    large = equal.LARGE
    monkeypatch.setattr(equal, "elsewhere", lambda: ["against real rows", "at temperature 1"])
    monkeypatch.setattr(equal, "pairs_of", lambda model, task: [equal.BY_EXAMPLES])
    made = EqualTokens(lab, Choice(lab.record, "08-real", "Which?", OUTCOMES))
    small = made._elsewhere()
    assert "against real rows" in small and "A larger model" in small
    monkeypatch.setattr(type(lab), "model", property(lambda self: large))
    shown = made._elsewhere()  # the planes of that model say the first themselves
    assert "against real rows" not in shown and "at temperature 1" in shown


def test_the_gradients_are_measured_live(lab, monkeypatch):
    monkeypatch.setattr(lab, "load", lambda: MINI)
    guess = Choice(lab.record, "08-gradient", "How long?", GUESSES)
    made = GradientCheck(lab, guess)
    assert "Nothing measured" in made.look.value
    made.watch()
    assert set(made.curves) == set(anchor.KINDS)
    assert "<svg" in made.picture.value and "<table" in made.look.value
    assert lab.record.read()["measurements"]["08-gradient"]["value"] in GUESSES


# -------------------------------------------------------------------------------- Friday


def test_fridays_decision_reaches_the_report(lab, tmp_path):
    shelve(tmp_path, "tickets", ARMS)
    shelve(tmp_path, "wrong_facts", {"full": (1.0, 0.2), "sa_sft": (1.0, 0.5)})
    made = Friday(lab)
    assert "<svg" not in made.view.value
    made.save_button.click()
    assert "Open the plane" in made.status.value
    made.guess.save(friday.OPTIONS["stm"].title)
    made.button.click()
    assert made.view.value.count("<svg") == 2 and "never reached" in made.view.value
    names = [name for name, _ in made.kinds.options]
    assert names == ["mini on tickets", "mini on wrong_facts (diary only)"]
    assert "model, mini;" in made.tried.value
    made.kinds.value = [("mini", "tickets"), ("mini", "wrong_facts")]
    assert "not drawn on one plane" in made.view.value and "<svg" not in made.view.value
    made.kinds.value = [("mini", "tickets")]
    made.constraints["data"].value = True
    assert "ruled out: it needs old data" in made.view.value
    made.choice.value = "lora"
    made.save_button.click()
    assert "breaks a constraint" in made.status.value
    made.choice.value = "diary"
    made.save_button.click()
    for text in (to_markdown(lab.record), html.unescape(to_html(lab.record))):
        assert friday.OPTIONS["diary"].title in text
        assert "No old data may be kept" in text and "mini on tickets" in text.replace("\\", "")
    measured_now = lab.record.read()["measurements"]["08-friday"]
    assert measured_now["value"] == friday.OPTIONS["lora"].title


def test_the_prompt_is_tried_on_the_untrained_model(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "load", lambda: MINI)
    shelve(tmp_path, "tickets", ARMS)
    made = Friday(lab)
    made.watch()
    assert list(made._prompted) == [("mini", "tickets")]
    assert "prompt, untrained: no weight moves" in made.view.value


def test_a_report_without_a_recommendation_says_so(record):
    assert "Recommendation: missing." in to_markdown(record).replace("\\", "")


def test_where_nothing_is_stored_friday_says_how_to_make_it(lab):
    made = Friday(lab)
    made.reveal()
    assert "make_comparison.py" in made.view.value
