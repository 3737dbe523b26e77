"""A run in a thread of its own, heard through a queue. No widgets here.

The thread touches nothing but the queue and the run; whoever watches takes the events out
whenever it suits. Exceptions travel: they are kept, and raised again by ``result``.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from lablib import runtime
from lablib.controls import Controls
from lablib.events import Event

Report = Callable[[Event], None]

_one_at_a_time = threading.Lock()
_under_way: BackgroundRun | None = None  # what holds the lock
BUSY = "A run is already under way in this notebook; press Stop to end it, then start again."

OTHER_STOPPED = "What was under way is being stopped; start again in a moment."


def stop_under_way(*, drop: bool = False) -> bool:
    """Stop what is under way in this notebook, whoever began it; False if there is nothing.

    The panel that began it may have left the page when its cell was run again. With ``drop``
    nothing more of it is shown: what it was asked for is no longer wanted.
    """
    found = _under_way
    if found is None or not found.alive:
        return False
    found.dropped = found.dropped or drop
    found.stop()
    return True


class Busy(ValueError):
    """Something else is under way in this notebook."""


class BackgroundRun:
    """One run, or another iterable of events, consumed in a daemon thread.

    Parameters
    ----------
    make : callable
        Called in the thread with a function that takes events; returns the iterable of events.
        What takes long, such as loading a model, belongs in here.
    controls : Controls, optional
        Shared with the run; ``stop`` sets its flag.
    max_seconds : float, optional
        Wall time after which the run is stopped, pauses counted.

    Attributes
    ----------
    run : object
        What ``make`` returned, for export; None before.
    error : BaseException or None
        What ended the run, if it failed; ``traceback`` holds its text.
    dropped : bool
        True if nothing more of it is to be shown.
    """

    def __init__(
        self,
        make: Callable[[Report], Iterable[Event]],
        controls: Controls | None = None,
        max_seconds: float | None = None,
    ):
        self.controls = controls or Controls()
        self.run: Any = None
        self.error: BaseException | None = None
        self.traceback = ""
        self.timed_out = self.dropped = False
        self._make, self._max_seconds = make, max_seconds
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._ended, self._begun = threading.Event(), 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin.

        Raises
        ------
        Busy
            If another run of this kernel is under way: there is one model and one processor.
        """
        if self._thread is not None:
            raise ValueError("This run was started before; make a new one.")
        if not _one_at_a_time.acquire(blocking=False):
            raise Busy(BUSY)
        global _under_way
        _under_way = self
        self._begun = time.monotonic()
        runtime.release_threads()  # the caller waits now; the run's own thread computes
        self._thread = threading.Thread(target=self._work, name="lethe-run", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        events: Iterable[Event] = ()
        try:
            self.run = events = self._make(self._queue.put)
            events = iter(events)
            for event in events:
                self._queue.put(event)
                self.check_time()
        except BaseException as error:  # it travels to whoever asks for the result
            self.error, self.traceback = error, traceback.format_exc()
        finally:
            try:
                if hasattr(events, "close"):
                    events.close()
            finally:  # whatever happens there, the next run may begin
                _one_at_a_time.release()
                self._ended.set()

    def check_time(self) -> None:
        """Stop the run if its time is up; a paused run is asked by whoever watches it."""
        over = self._max_seconds and time.monotonic() - self._begun > self._max_seconds
        if over and not self.controls.stopped:
            self.timed_out = True
            self.controls.stop()

    def stop(self) -> None:
        """Ask the run to end; it does within one step or one batch of preparation or probing."""
        self.controls.stop()

    @property
    def alive(self) -> bool:
        """True from ``start`` until the thread has nothing more to do."""
        return self._thread is not None and not self._ended.is_set()

    def drain(self) -> list[Event]:
        """Return the events that have come since the last call."""
        events = []
        while True:
            try:
                events.append(self._queue.get_nowait())
            except queue.Empty:
                return events

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; return False if it has not come within ``timeout`` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def result(self) -> Any:
        """Wait for the end and return the run, or raise what ended it."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.run
