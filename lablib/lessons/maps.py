"""Settings compared: one run as one row, and the stored map of task distance and intensity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lablib import metrics
from lablib.history import History
from lablib.lessons import stored
from lablib.methods import METHODS
from lablib.sweep import analysis
from lablib.sweep.analysis import Estimate


@dataclass(frozen=True)
class Setting:
    """A setting that a lab asks about, and how to recognize a run that has it."""

    name: str  # of the stored run
    mix_ratio: float
    lr_factor: float  # of the model's default learning rate

    def fits(self, history: History, model: str) -> bool:
        """Return True if a run of tickets had this setting from beginning to end."""
        started = history.started
        if started is None or history.changes or started.tasks != ("tickets",):
            return False
        if history.finished is None or history.finished.reason != "done":
            return False
        default = DEFAULT_LR.get(started.model)
        near = default and abs(started.config["lr"] / default - self.lr_factor) < 0.1
        return bool(
            near and started.model == model and started.config["mix_ratio"] == self.mix_ratio
        )


# Learning rates of the labs' defaults by model name, from the method's rule for its size.
DEFAULT_LR = {
    name: METHODS["full"]().default_lr(size)
    for name, size in (("mini", 1_000_000), ("smollm2-135m", 135_000_000))
}
LOW_LR = Setting("tickets-lr01", 0.0, 0.1)
MIXED = Setting("tickets-mix20", 0.2, 1.0)
MIXED_LONGER = "tickets-mix20-epochs2"  # the stored runs that train twice as long


def knowledge_kept(history: History) -> float | None:
    """Return the says retention of knowledge from base to end."""
    return history.final_retention("knowledge", "says")


def task_score(history: History) -> float | None:
    """Return the score at the end on the (last) task that was learned."""
    return history.task_score(history.started.tasks[-1])[1] if history.started else None


def ends(histories: Sequence[History]) -> tuple[Estimate | None, Estimate | None]:
    """Return knowledge kept (says) and task score at the end, each over the runs' seeds."""
    kept, task = (
        analysis.estimate([v for history in histories if (v := of(history)) is not None])
        for of in (knowledge_kept, task_score)
    )
    return kept, task


def seeds(n: int) -> str:
    """Return a number of seeds in words: ``"1 seed"``, ``"5 seeds"``."""
    return "1 seed" if n == 1 else f"{n} seeds"


def mixed_longer(model: str) -> str:
    """Say what the mix keeps after one pass and after two, or nothing if it is not stored."""
    parts = []
    for setting in (MIXED.name, MIXED_LONGER):
        histories = [one.history for one in stored.load_all(model, setting)]
        kept, task = ends(histories)
        if kept is None or task is None:
            return ""
        steps = histories[0].steps[-1].step
        parts.append(
            f"after {steps} steps {kept} of knowledge, at a task score of {task} ({seeds(kept.n)})"
        )
    return f"A fifth of general examples keeps {parts[0]}; {parts[1]}."


def row(history: History, name: str = "") -> dict[str, Any]:
    """Return one run as a row: name, examples seen, task score, retention, what was moved.

    Task score and retention are None where they are not defined.
    """
    config = history.started.config
    moved = sorted({change.name for change in history.changes})
    # A stopped run may have gone on after its last point, from which the scores are.
    measured = max((point.step for point in history.points()), default=0)
    shown = (
        f"{history.started.model} {'+'.join(history.started.tasks)} lr {config['lr']:g} "
        f"epochs {config['epochs']:g} mix {config['mix_ratio']:g} seed {history.started.seed}"
    )
    return {
        "name": name or shown,
        "examples": sum(step.n_rows for step in history.steps if step.step <= measured),
        "task": task_score(history),
        "retention": knowledge_kept(history),
        "moved": ", ".join(moved),
    }


@dataclass(frozen=True)
class Map:
    """The stored map, ready to be drawn."""

    model: str
    seeds: int
    rows: list[str]  # tasks, nearest first
    columns: list[str]  # intensities, gentlest first
    values: list[list[float | None]]  # mean retention over seeds
    notes: list[list[tuple[str, ...]]]
    cells: list[dict[str, Any]]

    @property
    def summary(self) -> str:
        """The map in one sentence."""
        known = [v for line in self.values for v in line if v is not None]
        return (
            f"Knowledge kept on {self.model}, {len(self.rows)} tasks by {len(self.columns)} "
            f"intensities: from {min(known):.2f} to {max(known):.2f}."
        )

    def as_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return header and rows of the map as a table."""
        header = ("task", "setting", "knowledge kept", "95% interval", "task score", "seeds")
        one_seed = all(len(cell["retention"]) < 2 for cell in self.cells)
        body = [
            (
                cell["task"],
                f"lr {cell['lr']:g}, {_epochs(cell['epochs'])}",
                f"{_mean(cell['retention']):.2f}",
                _interval(cell["retention"]) or "one seed: none",
                f"{_mean(cell['task_score']):.2f}",
                str(len(cell["retention"])),
            )
            for cell in self.cells
        ]
        if not one_seed:
            return header, body
        return header[:3] + header[4:], [line[:3] + line[4:] for line in body]


def load(model: str) -> Map | None:
    """Return the stored map of a model, or None if there is none."""
    path = stored.results_folder() / "map" / f"{model}.json"
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    cells = content["cells"]
    distance = {cell["task"]: cell["distance"] for cell in cells}
    tasks = sorted(distance, key=distance.get)
    kinds = sorted({(cell["lr"] * cell["epochs"], cell["lr"], cell["epochs"]) for cell in cells})
    values: list[list[float | None]] = []
    notes: list[list[tuple[str, ...]]] = []
    for task in tasks:
        by_kind = {(c["lr"], c["epochs"]): c for c in cells if c["task"] == task}
        line = [by_kind.get((lr, epochs)) for _, lr, epochs in kinds]
        values.append([_mean(c["retention"]) if c else None for c in line])
        notes.append([_note(c) if c else () for c in line])
    return Map(
        model,
        min(len(cell["retention"]) for cell in cells),
        [f"{task}\n{distance[task]:.1f} nats" for task in tasks],
        [f"lr {lr:g}\n{_epochs(epochs)}" for _, lr, epochs in kinds],
        values,
        notes,
        cells,
    )


def settings(model: str) -> list[dict[str, Any]]:
    """Return the stored settings of tickets as rows for the exercise, means over all seeds."""
    found = []
    for path in sorted((stored.results_folder() / model).glob("tickets-*-seed0.json")):
        setting = path.stem.removesuffix("-seed0")
        histories = [one.history for one in stored.load_all(model, setting)]
        kept, task = ends(histories)
        shown = row(histories[0], name=f"stored {setting} ({seeds(len(histories))})")
        found.append(
            {**shown, "task": task.mean if task else 0.0, "retention": kept.mean if kept else 0.0}
        )
    return found


def _note(cell: dict[str, Any]) -> tuple[str, ...]:
    spread, task = _interval(cell["retention"]), f"task {_mean(cell['task_score']):.2f}"
    return (spread, task) if spread else (task,)


def _epochs(n: float) -> str:
    return f"{n:g} epoch{'s' * (n != 1)}"


def _interval(values: list[float]) -> str:
    """Return the 95% interval of a mean; empty for one seed, which has no spread."""
    if len(values) < 2:
        return ""
    return "{:.2f} to {:.2f}".format(*metrics.bootstrap_mean_interval(values))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
