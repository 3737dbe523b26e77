"""What all charts of a run have in common: its capabilities, its steps, its moved controls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lablib.history import History
from lablib.plots.chart import Change

# The place of a capability in the cycle of colors and markers is the same in every picture.
ORDER = ("knowledge", "reasoning", "instruction", "format", "safety", "language")

Pins = Mapping[str, History]  # name of a pinned run -> its history
Points = tuple[tuple[float, ...], tuple[float, ...]]


def capabilities(history: History) -> tuple[str, ...]:
    """Return the capabilities of a run, in the order in which they are always drawn."""
    return tuple(sorted(history.capabilities(), key=lambda name: (style_of(name), name)))


def style_of(capability: str) -> int:
    """Return the place of a capability in the cycle of colors and markers."""
    return ORDER.index(capability) if capability in ORDER else len(ORDER)


def finite(steps: Sequence[float], values: Sequence[float]) -> Points:
    """Return the points that have a value: nothing to lose has none."""
    pairs = [
        (s, v) for s, v in zip(steps, values, strict=True) if v is not None and math.isfinite(v)
    ]
    return tuple(s for s, _ in pairs), tuple(v for _, v in pairs)


def changes(history: History) -> tuple[Change, ...]:
    """Return the moved controls as marks on the time axis."""
    return tuple(
        Change(c.step, f"step {c.step}: {c.name} {show(c.old)} → {show(c.new)}")
        for c in history.changes
    )


def show(value: object) -> str:
    """Return a setting as short text."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def x_range(history: History, pins: Pins | None = None) -> tuple[float, float]:
    """Return the range of steps: the whole planned run, so that the picture stays still."""
    ends = [10]
    for run in (history, *(pins or {}).values()):
        if run.steps:
            ends.append(run.steps[-1].step if run.finished else run.steps[-1].total_steps)
        elif run.started:
            ends.append(run.started.total_steps)
        ends += [point.step for point in run.scores]
    return 0, max(ends[1:] or ends)


def short(name: str) -> str:
    """Return what stands at the end of a line: the part of a run's name before the colon."""
    return name.partition(":")[0]
