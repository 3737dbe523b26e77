"""The thread that runs: one at a time, stopped within a step, errors brought back."""

from __future__ import annotations

import threading
import time

import pytest

from lablib.controls import Controls
from lablib.events import Finished, Progress, StepDone
from lablib.history import History
from lablib.widgets.background import BackgroundRun
from lablib.widgets.pump import Pump
from tests.widgets.fake_run import FakeRun


def controls() -> Controls:
    return Controls(lr=1e-3, mix_ratio=0.0, epochs=1.0)


def lethe_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("lethe")]


def test_events_come_through_in_order():
    mine = controls()
    background = BackgroundRun(lambda report: FakeRun(mine, steps=12), mine)
    background.start()
    assert background.join(10)
    events = background.drain()
    steps = [e.step for e in events if isinstance(e, StepDone)]
    assert steps == list(range(1, 13))
    assert isinstance(events[-1], Finished) and events[-1].reason == "done"
    assert background.drain() == [] and not background.alive
    assert background.result() is background.run


def test_stop_ends_within_a_step():
    mine = controls()
    background = BackgroundRun(lambda report: FakeRun(mine, seconds=0.02, steps=1000), mine)
    background.start()
    time.sleep(0.2)
    background.stop()
    assert background.join(1.0)
    assert background.drain()[-1].reason == "stopped"


def test_only_one_at_a_time():
    mine = controls()
    first = BackgroundRun(lambda report: FakeRun(mine, seconds=0.02, steps=1000), mine)
    first.start()
    second = BackgroundRun(lambda report: FakeRun(controls()))
    with pytest.raises(ValueError, match="already under way"):
        second.start()
    first.stop()
    assert first.join(2)
    second.start()
    assert second.join(5)


def test_an_exception_travels():
    background = BackgroundRun(lambda report: FakeRun(controls(), fail_at=3))
    background.start()
    with pytest.raises(RuntimeError, match="broke"):
        background.result()
    assert "fake_run.py" in background.traceback
    assert lethe_threads() == []


def test_an_exception_while_making_travels_and_frees_the_place():
    def broken(report):
        raise OSError("The model is missing.")

    background = BackgroundRun(broken)
    background.start()
    with pytest.raises(OSError, match="missing"):
        background.result()
    after = BackgroundRun(lambda report: [])
    after.start()
    assert after.join(5)


def test_making_may_report():
    def make(report):
        report(Progress("loading", 1, 2))
        return []

    background = BackgroundRun(make)
    background.start()
    background.join(5)
    assert background.drain() == [Progress("loading", 1, 2)]


def test_the_time_limit_stops_it():
    mine = controls()
    background = BackgroundRun(lambda r: FakeRun(mine, seconds=0.01, steps=10_000), mine, 0.2)
    background.start()
    assert background.join(5)
    assert background.timed_out and background.drain()[-1].reason == "stopped"


def test_twenty_runs_leave_no_thread():
    for _ in range(20):
        mine = controls()
        background = BackgroundRun(
            lambda report, c=mine: FakeRun(c, steps=1000, seconds=0.005), mine
        )
        seen = []
        pump = Pump(background, seen.extend, lambda problem: None)
        background.start()
        pump.start()
        background.stop()
        assert background.join(5) and pump.join(5)
    assert lethe_threads() == []


def test_the_pump_shows_everything_once_and_not_too_often():
    mine = controls()
    background = BackgroundRun(lambda report: FakeRun(mine, seconds=0.01, steps=60), mine)
    batches, ends = [], []
    pump = Pump(background, batches.append, ends.append)
    background.start()
    pump.run()
    history = History.of(event for batch in batches for event in batch)
    assert [s.step for s in history.steps] == list(range(1, 61))
    assert ends == [None]
    assert len(batches) < 30  # 60 steps, about 12 probe points


def test_two_who_pump_keep_the_order_and_end_it_once():
    """A dashboard's thread and ``watch`` in the foreground."""
    mine = controls()
    background = BackgroundRun(lambda report: FakeRun(mine, seconds=0.002, steps=200), mine)
    seen, ends = [], []

    def show(events):
        time.sleep(0.005)  # so that the other one could overtake
        seen.extend(events)

    pump = Pump(background, show, ends.append)
    background.start()
    pump.start()
    pump.run()
    assert pump.join(10) and ends == [None]
    assert [s.step for s in History.of(seen).steps] == list(range(1, 201))
