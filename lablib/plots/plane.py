"""Gain against forgetting: runs as trails on one plane, of one model and one task only."""

from __future__ import annotations

from collections.abc import Mapping

from lablib import metrics
from lablib.events import Probed
from lablib.history import History
from lablib.plots.axes import Points, capabilities, finite, short
from lablib.plots.chart import Chart, Level, Line
from lablib.plots.retention import RANGE


def kept(history: History, which: str = "says") -> Points:
    """Return what was kept (``metrics.mean_kept``) of what had something to lose."""
    curves = [finite(*history.retention(name, which)) for name in capabilities(history)]
    curves = [dict(zip(steps, values, strict=True)) for steps, values in curves if values]
    steps = sorted(set.intersection(*(set(c) for c in curves))) if curves else []
    return tuple(steps), tuple(metrics.mean_kept(c[s] for c in curves) for s in steps)


def plane(runs: Mapping[str, History], source: str = "live") -> Chart:
    """Return runs as trails on the plane of gain (new task) against what was kept.

    Raises
    ------
    ValueError
        If the runs are not all of one model and one task: such a plane would compare what
        cannot be compared.
    """
    kinds = {kind_of(run) for run in runs.values() if run.started}
    if len(kinds) > 1:
        raise ValueError(mixed_sentence(kinds))
    lines = []
    for index, (name, run) in enumerate(runs.items()):
        steps, values = kept(run)
        points = {p.step: p for p in run.points()}
        pairs = [(gain(points, step), value) for step, value in zip(steps, values, strict=True)]
        if pairs:
            xs, ys = zip(*pairs, strict=True)
            lines.append(Line(name, xs, ys, index, label=short(name)))
    low = min([0.0, *(x for line in lines for x in line.xs)])
    return Chart(
        "Gain against forgetting",
        "gain: new-task score minus base",
        "kept: mean says retention (1 − forgetting)",
        tuple(lines),
        (Level("base", 1.0, strong=True, about="nothing forgotten"), Level("chance", 0.0)),
        y_range=RANGE,
        x_range=(low, 1.0),
        source=source,
        empty="Runs appear here as they are probed.",
    )


def gain(points: Mapping[int, Probed], step: int) -> float:
    """Return the mean new-task score at ``step`` minus the base's."""
    first, now = points[min(points)].task_scores, points[step].task_scores
    shared = [task for task in now if task in first]
    return sum(now[t] - first[t] for t in shared) / len(shared) if shared else 0.0


def kind_of(history: History) -> tuple[str, tuple[str, ...]]:
    """Return what must agree before two runs may share a plane: model and tasks."""
    return history.started.model, tuple(history.started.tasks)


def mixed_sentence(kinds: set) -> str:
    """Return why these runs are not drawn together."""
    names = " and ".join(sorted(f"{model} on {' + '.join(tasks)}" for model, tasks in kinds))
    return (
        f"Gain and forgetting compare only within one model and one task, so {names} are not "
        "drawn on one plane; choose runs of one kind."
    )
