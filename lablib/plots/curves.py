"""The course of a run apart from retention: task score, loss, displacement, likeliest answers."""

from __future__ import annotations

from lablib.history import History
from lablib.plots.axes import Pins, changes, short, x_range
from lablib.plots.chart import Bars, Chart, Level, Line

OVERFITTING = 0.2  # nats per token; a training loss below it hints at learning rows by heart
_BY_HEART = f"below {OVERFITTING}, suspect learning by heart"


def task_score(
    history: History,
    *,
    pins: Pins | None = None,
    cursor: float | None = None,
    source: str = "live",
) -> Chart:
    """Return the score on the new task over the steps, with the base's level."""
    lines: list[Line] = []
    tasks = history.started.tasks if history.started else ()
    for index, task in enumerate(dict.fromkeys(tasks)):
        steps, values = history.task_curve(task)
        lines.append(Line(task, steps, values, style=index, label=task))
    for pin, other in (pins or {}).items():
        for index, task in enumerate(dict.fromkeys(tasks)):
            steps, values = other.task_curve(task)
            lines.append(Line(f"{pin}: {task}", steps, values, index, faint=True, label=short(pin)))
    lines = [line for line in lines if line.ys]
    levels = [Level("base", lines[0].ys[0])] if lines and not lines[0].faint else []
    return Chart(
        "New-task score",
        "step",
        "share right on held-out rows",
        tuple(lines),
        tuple(levels),
        changes=changes(history),
        y_range=(0.0, 1.05),
        x_range=x_range(history, pins),
        cursor=cursor,
        source=source,
    )


def loss(
    history: History,
    *,
    pins: Pins | None = None,
    cursor: float | None = None,
    source: str = "live",
) -> Chart:
    """Return training and validation loss over the steps, with the 0.2 overfitting line."""
    steps = [s.step for s in history.steps]
    lines = [
        Line(
            "training",
            tuple(steps),
            tuple(s.loss for s in history.steps),
            0,
            markers=False,
            label="training",
        ),
    ]
    points = [p for p in history.points() if p.validation_loss is not None]
    lines.append(
        Line(
            "validation",
            tuple(p.step for p in points),
            tuple(p.validation_loss for p in points),
            1,
            label="validation",
        )
    )
    for pin, other in (pins or {}).items():
        losses = tuple(s.loss for s in other.steps)
        lines.append(
            Line(
                f"{pin}: training",
                tuple(s.step for s in other.steps),
                losses,
                0,
                faint=True,
                label=short(pin),
            )
        )
    lines = [line for line in lines if line.ys]
    high = max((max(line.ys) for line in lines), default=1.0)
    return Chart(
        "Loss",
        "step",
        "nats per answer token",
        tuple(lines),
        (Level(f"overfit? {OVERFITTING}", OVERFITTING, about=_BY_HEART),),
        changes=changes(history),
        y_range=(0.0, max(high * 1.05, 0.5)),
        x_range=x_range(history, pins),
        cursor=cursor,
        source=source,
    )


def displacement(
    history: History,
    *,
    pins: Pins | None = None,
    cursor: float | None = None,
    source: str = "live",
) -> Chart:
    """Return how far the weights have moved from the base, over the steps."""
    lines = []
    for pin, run in {"this run": history, **(pins or {})}.items():
        points = run.points()
        xs, ys = tuple(p.step for p in points), tuple(p.displacement * 100 for p in points)
        faint = run is not history
        lines.append(Line(pin, xs, ys, 2, faint=faint, label=short(pin) if pins else ""))
    lines = [line for line in lines if line.ys]
    high = max((max(line.ys) for line in lines), default=1.0)
    return Chart(
        "Weight displacement",
        "step",
        "% of the length of the base's weights",
        tuple(lines),
        changes=changes(history),
        y_range=(0.0, high * 1.1 or 1.0),
        x_range=x_range(history, pins),
        cursor=cursor,
        source=source,
    )


def likeliest_answers(
    history: History, prompt: str, step: float | None = None, source: str = "live"
) -> Bars:
    """Return the weight of each candidate answer to a watched prompt, at the base and now.

    Parameters
    ----------
    history : History
        The run.
    prompt : str
        One of its watched prompts.
    step : float, optional
        The moment to look at; default the latest.
    source : str
        Where the numbers come from.
    """
    known = [a for a in history.answers if a.prompt == prompt and a.candidates]
    before = [a for a in known if step is None or a.step <= step]
    title = f"Likeliest answers: {prompt if len(prompt) <= 34 else prompt[:33] + '…'}"
    if not before:
        return Bars(title, (), (), (), source=source)
    base, now = dict(known[0].candidates), dict(before[-1].candidates)
    names = tuple(base)
    return Bars(
        title,
        names,
        tuple(base[name] for name in names),
        tuple(now.get(name, 0.0) for name in names),
        chance=1 / len(names),
        source=source,
    )
