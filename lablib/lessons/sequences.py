"""Lab 03's runs: LoRA on tickets, and three tasks learned one after another.

A sequence is learned in one of three ways: by full fine-tuning, by one adapter that is carried
on, or by one adapter a task, each atop the frozen earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lablib import experiment, metrics, tasks
from lablib.controls import Controls
from lablib.experiment import SMALL
from lablib.history import History
from lablib.lessons.illnesses import FRANCE
from lablib.models import LoadedModel
from lablib.sweep.analysis import Estimate, estimate, mean_matrix
from lablib.train import Run

ORDER = ("tickets", "clinic", "clauses")
WAYS = {
    "carried": "one adapter, carried on",
    "per-task": "one adapter a task, stacked",
    "full": "full fine-tuning",
}
SETTING = "sequence-{}"  # name of a stored run, by key of WAYS
# Clinic and clauses are written with characters that mini has never seen (docs/LOG.md): without
# its embeddings an adapter cannot learn to say them. The rate is the one found for that.
SMALL_RATE = 2e-3
CAPABILITY = "knowledge"  # shown beside the tasks


def single(loaded: LoadedModel, seed: int = 0, controls: Controls | None = None) -> Run:
    """Return LoRA's default run on tickets, whose adapter the dial turns."""
    return experiment.build(loaded, ORDER[0], "lora", seed=seed, controls=controls)


def watched() -> tuple[str, ...]:
    """Return the prompts answered on the way: France, and the first test row of each task."""
    return (FRANCE, *(tasks.load(name).rows("test")[0].prompt for name in ORDER))


def build(loaded: LoadedModel, way: str, seed: int = 0, controls: Controls | None = None) -> Run:
    """Return the run of a sequence, learned in one of ``WAYS``.

    After each task all three are scored on up to 200 test rows, and knowledge on all items.
    """
    method, settings, given = "full", {}, {}
    if way != "full":
        method, settings = "lora", {"per_task": way == "per-task"}
        if loaded.n_parameters < SMALL:
            settings["embeddings"], given["lr"] = True, SMALL_RATE
    return experiment.build(
        loaded,
        ORDER,
        method,
        settings=settings,
        seed=seed,
        controls=controls,
        watch=watched(),
        probe_every=100 if loaded.n_parameters < SMALL else 20,
        probe_early=False,
        task_test_rows=34 if loaded.n_parameters < SMALL else 8,
        full_probes=(CAPABILITY,),
        **given,
    )


def whole(histories: Sequence[History]) -> list[list[list[float]]]:
    """Return the score matrices of those runs that have learned all tasks."""
    found = (history.matrix() for history in histories)
    return [matrix for matrix in found if len(matrix) == len(ORDER) + 1]


def matrix(histories: Sequence[History]) -> list[list[Estimate]]:
    """Return the score matrix over seeds: row ``t`` after ``t`` tasks, a column a task.

    Only whole sequences count; empty if there are none.
    """
    return mean_matrix(whole(histories))


def capability(histories: Sequence[History], which: str = "says") -> list[Estimate | None]:
    """Return retention of knowledge before training and after each task, over seeds."""
    rows: list[list[float]] = [[] for _ in range(len(ORDER) + 1)]
    for history in histories:
        ends = [0, *(done.step for done in history.tasks_done)]
        points = {p.step: p.scores.get(CAPABILITY) for p in history.scores if p.full}
        chance, base = history.chance(CAPABILITY, which), points.get(0)
        if base is None or history.nothing_to_lose(CAPABILITY, which):
            continue
        for row, step in zip(rows, ends, strict=False):
            if points.get(step) is not None:
                now = getattr(points[step], which)
                row.append(metrics.retention(now, getattr(base, which), chance))
    return list(map(estimate, rows))


def first_task_left(history: History) -> float:
    """Return the first task's score at the end, as a share of that right after learning it."""
    scores = history.matrix()
    return scores[-1][0] / max(scores[1][0], 1e-9)


def summary(histories: Sequence[History]) -> dict[str, Any]:
    """Return the measures of a sequence over seeds: ACC, learning accuracy, BWT.

    As ``metrics`` defines them; BWT is taken over all tasks but the last.
    """
    matrices = whole(histories)
    return {
        name: estimate([measure(m) for m in matrices])
        for name, measure in (
            ("learned", metrics.learning_accuracy),
            ("at the end", metrics.average_accuracy),
            ("backward transfer", metrics.bwt),
        )
        if matrices
    }
