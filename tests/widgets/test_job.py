"""A job in the background: what its line says when Start and Stop are pressed."""

from __future__ import annotations

from lablib.events import Progress
from lablib.widgets.job import Job


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
