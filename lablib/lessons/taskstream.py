"""Lab 07's stream: three tasks learned in turn, with and without a small buffer of the past."""

from __future__ import annotations

from typing import Any

from lablib import experiment
from lablib.controls import Controls
from lablib.history import History
from lablib.lessons import stored
from lablib.models import LoadedModel
from lablib.sweep.analysis import Estimate, estimate
from lablib.train import Run

TASKS = ("tickets", "clinic", "clauses")
BUFFER = 60  # rows kept of all tasks that are over
MIX = 0.2
STEPS = 100  # of each task: enough to learn it, short enough to watch all three

# Without a buffer, and with one that a reservoir keeps.
SETTINGS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "stream-nothing": (TASKS, {"max_steps": STEPS, "probe_every": 50}),
    "stream-buffer": (
        TASKS,
        {
            "method": "replay",
            "settings": {"source": "past", "buffer": BUFFER},
            "mix_ratio": MIX,
            "max_steps": STEPS,
            "probe_every": 50,
        },
    ),
}
NAMES = {"stream-nothing": "no buffer", "stream-buffer": f"a buffer of {BUFFER} rows"}


def build(
    loaded: LoadedModel, setting: str, seed: int = 0, controls: Controls | None = None
) -> Run:
    """Return the run of one of ``SETTINGS``."""
    tasks, given = SETTINGS[setting]
    return experiment.build(loaded, tasks, seed=seed, controls=controls, **given)


def stored_histories(model: str) -> dict[str, list[History]]:
    """Return the stored runs by setting, one a seed."""
    return {
        setting: [one.history for one in stored.load_all(model, setting)] for setting in SETTINGS
    }


def mean(found: list[list[list[float]]]) -> list[list[Estimate]]:
    """Return a score matrix over seeds, entry by entry; empty if there is none."""
    if not found:
        return []
    n_rows, n_tasks = len(found[0]), len(found[0][0])
    return [
        [estimate([matrix[t][k] for matrix in found]) for k in range(n_tasks)]
        for t in range(n_rows)
    ]


def forgotten(matrix: list[list[float]]) -> float | None:
    """Return how much of the earlier tasks was lost, in score points, as a mean.

    For every task but the last: its score right after it was learned, minus that at the end.
    """
    earlier = len(matrix) - 2
    if earlier < 1:
        return None
    return sum(matrix[k + 1][k] - matrix[-1][k] for k in range(earlier)) / earlier


def complete(history: History) -> bool:
    """Return True if a run has learned all three tasks."""
    return history.started is not None and len(history.matrix()) == len(TASKS) + 1
