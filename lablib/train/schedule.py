"""How many steps a run takes, when it is measured, and how long it has been at work."""

from __future__ import annotations

import math
import time

from lablib.train.config import TrainConfig

EARLY_POINTS = (2, 5, 10)  # steps of a task that have a live point of their own


def planned_steps(config: TrainConfig, epochs: float, n_rows: int) -> int:
    """Return the steps of a task: ``ceil(epochs * n_rows / batch_size)``, capped."""
    # Rounded first: 0.1 * 160 / 16 is a hair above 1 in binary and must not give 2 steps.
    steps = math.ceil(round(epochs * n_rows / config.batch_size, 6))
    return max(1, min(steps, config.max_steps or steps))


def is_live_point(config: TrainConfig, task_step: int) -> bool:
    """Return True if the model is measured after this step of a task."""
    early = config.probe_early and task_step in EARLY_POINTS
    return early or task_step % config.probe_every == 0


class Clock:
    """Seconds a run has been at work: time spent paused, or between two iterations, is left out.

    Parameters
    ----------
    before : float
        Seconds of earlier iterations.
    """

    def __init__(self, before: float = 0.0):
        self._seconds = before
        self._since: float | None = None

    def start(self) -> None:
        """Begin to count, or go on."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Cease to count."""
        self._seconds, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Seconds counted so far."""
        return self._seconds + (time.perf_counter() - self._since if self._since else 0.0)
