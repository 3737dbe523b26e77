"""A job in the background: what its line says when Start and Stop are pressed."""

from __future__ import annotations

import time

from lablib.controls import Controls
from lablib.events import Progress
from lablib.widgets.background import stop_under_way
from lablib.widgets.job import Job, until_stopped


def test_stop_does_not_take_back_what_is_done():
    """Showing the end takes a while, and Stop can be pressed in it."""
    job = Job("Go", lambda report, controls: [1, 2], lambda parts: None, lambda: job.stop())
    job.watch()
    assert "Done." in job.status.value
    assert job.stop_button.disabled and not job.start_button.disabled


def test_stop_ends_a_job_that_is_under_way():
    def make(report, controls):
        while not controls.stopped:
            yield Progress("waiting", 0, 1)

    ended = []
    job = Job("Go", make, lambda parts: None, lambda: ended.append(True))
    job.start()
    job.stop()
    assert "Stopping" in job.status.value or "Stopped" in job.status.value
    assert job.join(10) and "Stopped" in job.status.value and not ended


def test_an_error_while_showing_ends_the_job_and_is_said():
    def take(parts):
        raise OSError("The record cannot be written.")

    def make(report, controls):
        while not controls.stopped:
            yield Progress("waiting", 0, 1)

    job = Job("Go", make, take)
    job.start()
    assert job.join(10)
    assert "cannot be written" in job.status.value and not job.start_button.disabled


def waiting(report, controls):
    while not controls.stopped:
        time.sleep(0.01)
        yield Progress("waiting", 0, 1)


def test_a_panel_that_was_made_anew_stops_what_the_old_one_began():
    old, new = (Job("Go", waiting, lambda parts: None) for _ in range(2))
    old.start()
    new.start()
    assert "already under way" in new.status.value and not new.stop_button.disabled
    new.stop()
    assert old.join(10) and "being stopped" in new.status.value
    new.start()
    new.stop()
    assert new.join(10) and "Stopped" in new.status.value


def test_what_is_dropped_is_not_shown():
    seen = []
    job = Job("Go", waiting, seen.extend)
    job.start()
    while not seen:
        time.sleep(0.01)
    assert stop_under_way(drop=True)
    n = len(seen)
    assert job.join(10) and len(seen) - n <= 1 and not stop_under_way()


def test_preparing_ends_on_stop_and_gives_its_value_otherwise():
    def parts():
        yield 1
        yield 2
        return "whole"

    def through(controls):
        found = yield from until_stopped(parts(), controls)
        yield found

    assert list(through(Controls())) == [1, 2, "whole"]
    controls = Controls()
    going = through(controls)
    assert next(going) == 1
    controls.stop()
    assert list(going) == [None]
