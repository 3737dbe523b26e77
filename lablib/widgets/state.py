"""What a dashboard shows, as traits without widgets: status, progress, figures, history."""

from __future__ import annotations

import time
from collections.abc import Iterable

import traitlets

from lablib import runtime
from lablib.events import Answered, Event, Finished, Probed, Progress, Started, StepDone
from lablib.history import History

STATUSES = ("idle", "loading", "running", "paused", "stopping", "done", "failed", "replayed")
ENDED = ("idle", "done", "failed", "replayed")


class RunState(traitlets.HasTraits):
    """A run as a learner sees it, folded from events.

    Attributes
    ----------
    history : History
        Everything measured so far; ``revision`` goes up when it has grown, ``points`` counts
        its probe points and answers.
    """

    status = traitlets.Enum(STATUSES, "idle")
    what = traitlets.Unicode()  # what it is doing, in words
    share = traitlets.Float()  # of the whole run that is done, 0 to 1
    step = traitlets.Int()
    total_steps = traitlets.Int()
    elapsed = traitlets.Float()  # seconds since the start, pauses left out
    steps_per_s = traitlets.Float()
    seconds_left = traitlets.Float(allow_none=True, default_value=None)
    memory_mb = traitlets.Float()
    error = traitlets.Unicode()  # one sentence
    traceback = traitlets.Unicode()
    revision = traitlets.Int()
    points = traitlets.Int()

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new run begins."""
        self.history = History()
        self.run_id = ""
        self._clock = time.monotonic()
        self._step_seconds = 0.0
        with self.hold_trait_notifications():
            self.status, self.what, self.share, self.error, self.traceback = "idle", "", 0.0, "", ""
            self.step = self.total_steps = 0
            self.elapsed = self.steps_per_s = 0.0
            self.seconds_left = None
            self.points = 0
            self.revision += 1

    def replay(self, history: History) -> None:
        """Show a stored run."""
        self.reset()
        self.history = history
        with self.hold_trait_notifications():
            if history.started:
                self.run_id, self.total_steps = history.started.run_id, history.started.total_steps
            if history.steps:
                self.step, self.share = history.steps[-1].step, 1.0
                self.total_steps = history.steps[-1].total_steps
            if history.finished:
                self.elapsed = history.finished.seconds
            self.points = len(history.scores)
            self.status = "replayed"
            self.revision += 1

    @property
    def ended(self) -> bool:
        """True if nothing is under way."""
        return self.status in ENDED

    def begin(self, what: str) -> None:
        """Start the clock."""
        self._clock = time.monotonic()
        self.status, self.what = "loading", what

    def fold(self, events: Iterable[Event]) -> None:
        """Take in what a run said."""
        events = list(events)
        if not events:
            return
        with self.hold_trait_notifications():
            points = 0
            for event in events:
                self._one(event)
                points += isinstance(event, Probed | Answered)
            self.points += points
            self.revision += 1

    def _one(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.what = event.what
            if not self.step and event.total:
                self.share = 0.0
            return
        self.history.add(event)
        if isinstance(event, Started):
            self.run_id, self.total_steps = event.run_id, event.total_steps
            if self.status == "loading":
                self.status = "running"
        elif isinstance(event, StepDone):
            self.step, self.total_steps = event.step, event.total_steps
            self._step_seconds += event.seconds
            self.steps_per_s = event.step / max(self._step_seconds, 1e-9)
            self.share = min(event.step / max(event.total_steps, 1), 1.0)
            self.what = f"training on {event.task}"
        elif isinstance(event, Finished):
            self.elapsed, self.step, self.seconds_left = event.seconds, event.step, 0.0
            self.what = {"done": "finished"}.get(event.reason, event.reason)

    def tick(self) -> None:
        """Move the clock, the memory and the estimate of the time left."""
        if self.ended:
            return
        if self.status != "paused":
            now = time.monotonic()
            self.elapsed += now - self._clock
        self._clock = time.monotonic()
        self.memory_mb = runtime.memory_mb()
        if self.step:
            # Probing included: what is left will be probed as often as what is done.
            self.seconds_left = self.elapsed / self.step * max(self.total_steps - self.step, 0)
