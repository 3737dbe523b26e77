"""Lab 07's stream: three tasks trained in turn, with and without a small buffer of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lablib import experiment, metrics
from lablib.controls import Controls
from lablib.history import History
from lablib.lessons import stored
from lablib.models import LoadedModel
from lablib.sweep.analysis import estimate
from lablib.train import Run

TASKS = ("tickets", "clinic", "clauses")
BUFFER = 60  # rows kept of all tasks that are over
MIX = 0.2
STEPS = 100  # of each task: enough to learn it, short enough to watch all three

# Without a buffer, and with one that a reservoir keeps.
SETTINGS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "stream-nothing": (TASKS, {"max_steps": STEPS, "probe_every": 50, "probe_early": False}),
    "stream-buffer": (
        TASKS,
        {
            "method": "replay",
            "settings": {"source": "past", "buffer": BUFFER},
            "mix_ratio": MIX,
            "max_steps": STEPS,
            "probe_every": 50,
            "probe_early": False,
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


HARDLY = 0.3  # score right after its own training below which a task is hardly learned


def learned(found: Mapping[str, Sequence[History]]) -> str:
    """Say how well each task was learned by its own training, and which hardly; or nothing.

    Parameters
    ----------
    found : mapping of str to sequence of History
        Whole runs by setting.
    """
    scores = {
        setting: [
            estimate([h.matrix()[k + 1][k] for h in histories]).mean for k in range(len(TASKS))
        ]
        for setting, histories in found.items()
        if histories
    }
    if not scores:
        return ""
    n = min(len(found[setting]) for setting in scores)
    parts = [
        f"{task} {' and '.join(f'{values[k]:.2f}' for values in scores.values())}"
        for k, task in enumerate(TASKS)
    ]
    weak = [task for k, task in enumerate(TASKS) if all(v[k] < HARDLY for v in scores.values())]
    names = " and with ".join(NAMES[setting] for setting in scores)
    return (
        f"The tasks are trained in turn, for {STEPS} steps each. Score of a task right after its "
        f"own training, with {names} ({n} seed{'s' * (n != 1)}): {', '.join(parts)}."
        + (f" Hardly learned: {' and '.join(weak)}." if weak else "")
    )


def forgotten(matrix: list[list[float]]) -> float | None:
    """Return how much of the earlier tasks was lost, in score points, as a mean.

    For every task but the last: its score right after it was learned, minus that at the end,
    which is backward transfer with the other sign.
    """
    return -metrics.bwt(matrix) if len(matrix) > 2 else None


def complete(history: History) -> bool:
    """Return True if a run has learned all three tasks."""
    return history.started is not None and len(history.matrix()) == len(TASKS) + 1
