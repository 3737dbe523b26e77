"""Keeps every run of the dashboard in the run store, and never stops a run because it cannot."""

from __future__ import annotations

from collections.abc import Iterable

from lablib.events import Event, Started
from lablib.store import RunStore


class Recorder:
    """Writes the events of a run to the learner's run store.

    Attributes
    ----------
    store : RunStore or None
        None where the learner's folder cannot be written.
    problem : str
        Why runs are not kept, or what was repaired, in one sentence; else empty.
    """

    def __init__(self):
        self.store: RunStore | None = None
        self.problem = ""
        self._run_id = ""
        try:
            self.store = RunStore()
            self.problem = self.store.notice
        except OSError as error:
            self.problem = str(error)

    def record(self, events: Iterable[Event]) -> None:
        """Write events; a run that can no longer be written goes on unwritten."""
        for event in events:
            if isinstance(event, Started):
                self._run_id = event.run_id
            if self.store is None or not self._run_id:
                continue
            try:
                self.store.record(self._run_id, event)
            except OSError as error:
                self.store, self.problem = None, str(error)

    def flush(self) -> None:
        """Write what is waiting."""
        if self.store is not None:
            try:
                self.store.flush()
            except OSError as error:
                self.store, self.problem = None, str(error)
