"""The dashboard with real widgets and no browser: clicks act, sliders act, nothing crashes."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import urlencode

import pytest

from lablib.events import ControlChanged
from lablib.history import History
from lablib.store import RunStore
from lablib.widgets import Dashboard
from lablib.widgets.page import GONE, KICK
from lablib.widgets.status import in_words
from tests.widgets import fake_run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def make():
    made = []

    def dashboard(**options) -> Dashboard:
        made.append(Dashboard(build=fake_run.build, **{"steps": 30, **options}))
        return made[-1]

    yield dashboard
    for one in made:
        one.stop()
        assert one.wait(10)
    assert [t.name for t in threading.enumerate() if t.name.startswith("lethe")] == []


def until(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_start_changes_the_pictures(make):
    dashboard = make()
    before = dashboard.charts.retention.value
    dashboard.status.start.click()
    assert dashboard.wait(20)
    assert dashboard.state.status == "done"
    assert dashboard.charts.retention.value != before
    assert "knowledge" in dashboard.charts.retention.value
    assert all(chart.value.startswith("<svg") for chart in dashboard.charts.small.values())
    assert "TICKET" in dashboard.answers.table.value
    assert "Paris" in dashboard.answers.bars.value
    assert "30" in dashboard.status.figures.value and dashboard.status.progress.value == 1.0
    assert not dashboard.status.start.disabled and dashboard.status.stop.disabled


def test_a_slider_acts_during_the_run(make):
    dashboard = make(seconds=0.02, steps=300)
    dashboard.start()
    until(lambda: dashboard.state.step > 2)
    dashboard.settings.lr.value = 1e-2
    dashboard.settings.mix_ratio.value = 0.5
    dashboard.settings.epochs.value = 0.25
    dashboard.wait(20)
    changes = {c.name: c for c in dashboard.state.history.changes}
    assert changes["lr"].new == pytest.approx(1e-2)
    assert changes["mix_ratio"].new == 0.5 and changes["epochs"].new == 0.25
    assert dashboard.state.total_steps == 75
    assert "lr" in dashboard.charts.retention.value  # the change is marked in the chart


def test_what_cannot_change_is_locked_while_it_runs(make):
    dashboard = make(seconds=0.02, steps=300)
    dashboard.start()
    assert dashboard.settings.seed.disabled and dashboard.settings.model.menu.disabled
    assert not dashboard.settings.lr.disabled
    dashboard.stop()
    dashboard.wait(10)
    assert not dashboard.settings.seed.disabled


def test_pause_step_and_go_on(make):
    dashboard = make(seconds=0.01, steps=400)
    dashboard.start()
    until(lambda: dashboard.state.step > 3)
    dashboard.status.pause.click()
    until(lambda: dashboard.state.status == "paused")
    time.sleep(0.7)
    held = dashboard.state.step
    dashboard.status.step.click()
    until(lambda: dashboard.state.step == held + 1)
    time.sleep(0.6)
    assert dashboard.state.step == held + 1
    assert dashboard.status.pause.description == "Go on"
    dashboard.status.pause.click()
    until(lambda: dashboard.state.step > held + 5)


def test_step_from_rest_does_one_step(make):
    dashboard = make(steps=50)
    dashboard.status.step.click()
    until(lambda: dashboard.state.step == 1)
    time.sleep(0.3)
    assert dashboard.state.step == 1 and dashboard.state.status == "paused"


def test_stop_keeps_what_was_measured(make):
    dashboard = make(seconds=0.02, steps=1000)
    dashboard.start()
    until(lambda: dashboard.state.step > 5)
    dashboard.status.stop.click()
    assert dashboard.wait(3)
    assert dashboard.state.history.finished.reason == "stopped"
    assert "stopped" in dashboard.status.doing.value


def test_twenty_starts_and_stops_leave_no_thread(make):
    dashboard = make(seconds=0.002, steps=1000)
    before = threading.active_count()  # other tests may have left some
    for _ in range(20):
        dashboard.start()
        dashboard.stop()
        assert dashboard.wait(5)
    assert threading.active_count() <= before


def test_reset_forgets(make):
    dashboard = make()
    dashboard.settings.epochs.value = 3
    dashboard.start()
    dashboard.wait(20)
    dashboard.status.reset.click()
    assert dashboard.state.status == "idle" and dashboard.settings.epochs.value == 1
    assert "Nothing measured yet" in dashboard.charts.retention.value


def test_a_failure_is_told_in_words(make):
    dashboard = make(fail_at=5)
    dashboard.start()
    dashboard.wait(10)
    shown = dashboard.message.value
    assert dashboard.state.status == "failed"
    assert "RuntimeError" in shown and "<details>" in shown and "Start again" in shown
    assert "<b>here</b>" not in shown  # the message of the error is escaped
    dashboard.start()
    dashboard.wait(10)


@pytest.mark.parametrize("typed", ["nan", "0", "1e9", "-1", "inf", "abc", "", "<b>1</b>"])
def test_an_impossible_learning_rate_is_one_sentence(make, typed):
    dashboard = make()
    dashboard.settings.lr_text.value = typed
    assert "⚠" in dashboard.message.value and "<details>" not in dashboard.message.value
    assert "<b>1</b>" not in dashboard.message.value
    dashboard.start()
    assert dashboard.state.status == "idle" and "⚠" in dashboard.message.value


def test_the_exact_rate_is_used_not_the_slider_step(make):
    dashboard = make()
    dashboard.settings.lr_text.value = "0.00123"
    assert dashboard.settings.read().lr == 0.00123
    dashboard.settings.lr.value = 1e-4
    assert dashboard.settings.read().lr == pytest.approx(1e-4)
    assert dashboard.settings.lr_text.value == "0.0001"


@pytest.mark.parametrize(
    ("prompt", "says"),
    [("", "nothing to ask"), ("   ", "nothing to ask"), ("x" * 10_000, "10,000 characters")],
)
def test_an_impossible_prompt_is_one_sentence(make, prompt, says):
    dashboard = make(seconds=0.01, steps=200)
    dashboard.start()
    dashboard.answers.prompt.value = prompt
    dashboard.answers.ask.click()
    assert says in dashboard.message.value


def test_a_prompt_before_any_run_is_one_sentence(make):
    dashboard = make()
    dashboard.answers.prompt.value = "Hello?"
    dashboard.answers.ask.click()
    assert "press Start" in dashboard.message.value


def test_markup_and_mathematics_are_text(make):
    dashboard = make(seconds=0.01, steps=100)
    dashboard.start()
    until(lambda: dashboard.state.step > 0)
    dashboard.answers.prompt.value = "<script>alert(1)</script> costs $5$ \\(x\\)"
    dashboard.answers.ask.click()
    dashboard.wait(20)
    shown = dashboard.answers.table.value
    assert "&lt;script&gt;" in shown and "<script>" not in shown
    assert "$5$" not in shown and "\\(x" not in shown
    assert "mathjax_ignore" in shown


def test_runs_are_kept_and_shown_again(make, home):
    first = make(seed=7)
    first.start()
    first.wait(20)
    assert len(RunStore(home / "runs.sqlite").runs()) == 1
    later = make()
    assert "seed 7" in later.compare.runs.options[0][0]
    later.compare.show.click()
    assert later.state.status == "replayed"
    assert "replayed from a stored run" in later.charts.retention.value
    assert later.state.history.steps == first.state.history.steps


def test_pins_are_drawn_and_the_plane_refuses_a_mixture(make):
    dashboard = make(steps=20)
    dashboard.start()
    dashboard.wait(20)
    dashboard.compare.pin_current.click()
    assert list(dashboard.compare.pins) == ["A: full, lr 8e-04, mix 0%, seed 0"]
    dashboard.settings.mix_ratio.value = 0.2
    dashboard.start()
    dashboard.wait(20)
    assert "A: full, lr 8e-04, mix 0%, seed 0: knowledge says" in dashboard.charts.retention.value
    assert "this run" in dashboard.compare.plane.value
    assert "only within one model and one task" not in dashboard.compare.table.value
    other = History.of(fake_run.build(task="wrong_facts", controls=None, steps=12))
    dashboard.compare.add(other)
    assert "only within one model and one task" in dashboard.compare.table.value
    dashboard.compare.unpin.click()
    assert dashboard.compare.pins == {}


def test_too_many_pins_are_refused_in_words(make):
    dashboard = make(steps=12)
    dashboard.compare.pin_current.click()
    assert "nothing to pin" in dashboard.message.value
    dashboard.start()
    dashboard.wait(20)
    for _ in range(5):
        dashboard.compare.pin_current.click()
    assert len(dashboard.compare.pins) == 4 and "unpin some" in dashboard.message.value


def test_export_writes_everything_and_says_where(make, home):
    dashboard = make(steps=12)
    dashboard.exports.button.click()
    assert "nothing to export" in dashboard.message.value
    dashboard.start()
    dashboard.wait(20)
    dashboard.exports.button.click()
    (folder,) = (home / "exports").iterdir()
    assert str(folder) in dashboard.exports.where.value
    names = {path.name for path in folder.iterdir()}
    assert {"points.csv", "steps.csv", "answers.csv", "config.json", "retention.png"} <= names
    assert (folder / "retention.png").read_bytes().startswith(b"\x89PNG")
    config = json.loads((folder / "config.json").read_text())
    assert config["share"].startswith("lethe:") and config["seed"] == 0
    rows = (folder / "points.csv").read_text().splitlines()
    assert len(rows) == 1 + sum(len(p.scores) for p in dashboard.state.history.scores)
    assert len(History.from_json((folder / "history.json").read_text()).steps) == 12


def test_no_export_while_it_runs(make):
    dashboard = make(seconds=0.02, steps=500)
    dashboard.start()
    dashboard.exports.button.click()
    assert "when the run has ended" in dashboard.message.value


def test_a_share_string_restores_the_controls(make):
    first, second = make(), make()
    first.settings.lr_text.value = "0.0042"
    first.settings.mix_ratio.value = 0.35
    first.settings.seed.value = 11
    first.settings.task.value = "wrong_facts"
    first.settings.lr_text.value = "0.0042"
    second.exports.string.value = first.exports.string.value
    second.exports.restore.click()
    assert second.settings.read() == first.settings.read()


def test_a_malformed_share_string_is_one_sentence(make):
    dashboard = make()
    before = dashboard.settings.read()
    for text in ("", "hello", "lethe:", "lethe:model=mini", "lethe:model=mini&task=t&method=x&lr=1",
                 "lethe:model=mini&task=t&method=full&lr=nan", "lethe:" + "a" * 9000):  # fmt: skip
        dashboard.exports.string.value = text
        dashboard.exports.restore.click()
        assert "⚠" in dashboard.message.value, text
        assert dashboard.settings.read() == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ewc.strength": '"abc"'}, "ewc.strength must be a number"),
        ({"ewc.strength": "-5"}, "ewc.strength must be a number"),
        ({"ewc.importance": '"x"'}, "ewc.importance must be one of"),
        ({"ewc.soul": "1"}, "has no setting"),
        ({"epochs": "999"}, "number of epochs goes from"),
    ],
)
def test_a_share_string_with_a_wrong_value_changes_nothing(make, changed, says):
    dashboard = make()
    before = dashboard.share_string()
    given = {"model": "mini", "task": "replies", "method": "ewc", "lr": "0.1"} | changed
    dashboard.exports.string.value = "lethe:" + urlencode(given)
    dashboard.exports.restore.click()
    assert says in dashboard.message.value
    assert dashboard.share_string() == before


def test_memory_that_is_short_is_told_in_words():
    short = RuntimeError(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    )
    sentence, advice = in_words(short)
    assert "not enough memory" in sentence and "mini" in advice
    assert "should not happen" in in_words(RuntimeError("shapes do not fit"))[0]


def test_a_page_that_went_away_stops_the_run(make, monkeypatch):
    dashboard = make(seconds=0.02, steps=5000)
    dashboard.start()
    dashboard.heartbeat.widget.value = 1  # the page ticks once …
    dashboard.heartbeat._last -= GONE + 1  # … and then never again
    assert dashboard.wait(5)
    assert "page of this run was closed" in dashboard.message.value


def test_a_page_that_never_ticked_is_not_missed(make):
    dashboard = make()
    dashboard.heartbeat.start()
    assert not dashboard.heartbeat.gone(time.monotonic() + 10 * GONE)


def test_a_reloaded_page_is_woken(make):
    heart = make().heartbeat
    heart.start()
    heart.widget.value = 1
    now = time.monotonic()
    assert not heart.gone(now + KICK + 1) and not heart.ticking
    assert not heart.gone(now + KICK + 2) and heart.ticking


def test_a_read_only_home_is_said_and_the_run_goes_on(make, tmp_path, monkeypatch):
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("LETHE_HOME", str(blocker / "inside"))
    dashboard = make(steps=12)
    assert "LETHE_HOME" in dashboard.message.value
    dashboard.start()
    assert dashboard.wait(20) and dashboard.state.status == "done"


def test_rewind_looks_back_and_comes_forward(make):
    dashboard = make(steps=30)
    dashboard.start()
    dashboard.wait(20)
    now = dashboard.answers.table.value
    dashboard.rewind.steps.value = 2
    assert "it answered at step 2" in dashboard.answers.table.value
    assert "TICKET" not in dashboard.answers.table.value
    dashboard.rewind.steps.value = 30
    assert dashboard.answers.table.value.replace("answered at step 30", "answers now") == now


def test_predictions_are_drawn(make):
    dashboard = make(steps=12, prediction={"knowledge": 0.4})
    dashboard.start()
    dashboard.wait(20)
    assert "your prediction 0.40" in dashboard.charts.retention.value
    dashboard.prediction = ["format", "knowledge"]
    dashboard.draw()
    assert "You predicted: format, knowledge" in dashboard.charts.retention.value


def test_every_control_has_a_visible_label(make):
    dashboard = make()
    seen = 0

    def walk(widget):
        nonlocal seen
        for child in getattr(widget, "children", ()):
            walk(child)
        kind = type(widget).__name__
        if kind in ("HTML", "Play", "FloatProgress") or not hasattr(widget, "description"):
            return
        if "Style" not in kind and (hasattr(widget, "value") or kind == "Button"):
            seen += 1
            assert widget.description, widget

    walk(dashboard)
    assert seen > 20


def test_watch_does_the_same_in_the_foreground(make, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "google.colab", object())
    dashboard = make(steps=12)
    dashboard.start()
    assert "watch()" in dashboard.message.value
    history = dashboard.watch()
    assert history.finished.reason == "done" and dashboard.state.status == "done"


def test_changes_carry_old_and_new(make):
    dashboard = make(seconds=0.02, steps=60)
    dashboard.start()
    until(lambda: dashboard.state.step > 2)
    dashboard.settings.lr_text.value = "0.003"
    dashboard.wait(20)
    (change,) = dashboard.state.history.changes
    assert isinstance(change, ControlChanged) and (change.old, change.new) == (0.0008, 0.003)
