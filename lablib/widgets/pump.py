"""Moves events from a background run into what is shown, at most twice a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lablib.events import Answered, Event, Finished, Probed
from lablib.widgets.background import BackgroundRun

LOOK = 0.1  # seconds between two looks at the queue
SHOW = 0.5  # seconds between two updates without a new probe point
_AT_ONCE = (Probed, Answered, Finished)


class Pump:
    """Hands the events of a run to ``show`` in batches.

    Parameters
    ----------
    background : BackgroundRun
        Where the events come from.
    show : callable
        ``show(events)``, called every half second, and at once for a new probe point.
    end : callable
        ``end(problem)``, called once after the last events, with what ``show`` has raised or None.
        After such an error nothing more is shown, and the run is asked to stop.

    Notes
    -----
    ``start`` pumps in a thread, which suits Jupyter, Voila and Binder. Where updates from a
    thread do not arrive (Colab), or without any front end, ``run`` pumps in the foreground. Both
    may be at it at once: they take turns, so that events stay in order and ``end`` is called once.
    """

    def __init__(
        self,
        background: BackgroundRun,
        show: Callable[[list[Event]], None],
        end: Callable[[Exception | None], None],
    ):
        self._background, self._show, self._end = background, show, end
        self._waiting: list[Event] = []
        self._turns, self._over = threading.RLock(), False
        self._shown = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Pump in a daemon thread until the run has ended."""
        self._thread = threading.Thread(target=self.run, name="lethe-view", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Pump until the run has ended."""
        problem = None
        while self._background.alive:
            problem = problem or self._try(last=False)
            self._background.join(LOOK)
        self._background.join()
        with self._turns:
            if not self._over:
                self._over = True
                self._end(problem or self._try(last=True))

    def _try(self, last: bool) -> Exception | None:
        """One turn; what it raised, for this thread has nobody to raise it to."""
        try:
            self.turn(last)
        except Exception as error:
            self._background.stop()
            return error
        return None

    def turn(self, last: bool = False) -> None:
        """Take what has come, and show it if it is time."""
        self._background.check_time()
        with self._turns:
            self._waiting += self._background.drain()
            now = time.monotonic()
            new_point = any(isinstance(event, _AT_ONCE) for event in self._waiting)
            if last or new_point or now - self._shown >= SHOW:
                events, self._waiting = self._waiting, []
                self._shown = now
                self._show(events)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything has been shown; return False if it takes longer."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()
