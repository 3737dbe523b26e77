"""A comparison in pictures: the plane of gain against forgetting, matched scores, divergence.

Arms are crosses: mean over seeds, with a bootstrap interval in each direction where there is
more than one seed. Beside every picture stands its table.
"""

from __future__ import annotations

from collections.abc import Iterable

from lablib.plots import live
from lablib.plots.chart import COLORS, Chart, Cross, Level, Line
from lablib.plots.retention import RANGE
from lablib.plots.strokes import text
from lablib.sweep import Comparison, verdict
from lablib.sweep.analysis import ArmResult, Estimate

_KEPT = "kept: {}says retention (1 − forgetting)"


def plane(comparison: Comparison, source: str = "live") -> Chart:
    """Return the arms on the plane of gain against what was kept, with the Pareto front."""
    places = {label: (arm.gain, arm.says) for label, arm in comparison.arms.items()}
    crosses = _crosses(comparison, places)
    by_name = {cross.name: cross for cross in crosses}
    front = [by_name[label] for label in comparison.front]
    line = Line(
        "Pareto front",
        tuple(cross.x for cross in front),
        tuple(cross.y for cross in front),
        style=4,
        dashed=True,
        markers=False,
    )
    return Chart(
        f"Gain against forgetting: {comparison.model}, {comparison.task}",
        "gain: new-task score minus base",
        kept_axis(comparison),
        (line,),
        crosses=crosses,
        levels=(Level("base", 1.0, strong=True, about="nothing forgotten"), Level("chance", 0.0)),
        y_range=RANGE,
        x_range=(min([0.0, *(cross.x for cross in crosses)]), 1.0),
        notes=_notes(comparison),
        source=source,
        empty="No run has ended yet.",
    )


def at_matched_score(comparison: Comparison, source: str = "live") -> Chart:
    """Return what every arm had kept when it first reached each of a few task scores."""
    lines = []
    for index, (label, arm) in enumerate(comparison.arms.items()):
        there = [level for level in arm.levels if level.n_reached == level.n and level.says]
        if there:
            known = all(level.says.low is not None for level in there)
            lines.append(
                Line(
                    label,
                    tuple(level.target for level in there),
                    tuple(level.says.mean for level in there),
                    index,
                    hollow=_hollow(index),
                    label=label,
                    low=tuple(level.says.low for level in there) if known else (),
                    high=tuple(level.says.high for level in there) if known else (),
                )
            )
    return Chart(
        f"Kept at the same task score: {comparison.model}, {comparison.task}",
        "task score, first reached",
        kept_axis(comparison),
        tuple(lines),
        levels=(Level("base", 1.0, strong=True), Level("chance", 0.0)),
        y_range=RANGE,
        notes=("A line ends where a seed no longer reaches the score.",),
        source=source,
    )


def displacement_and_divergence(comparison: Comparison, source: str = "live") -> Chart:
    """Return how far every arm moved the weights, against how far it moved the output."""
    places = {}
    for label, arm in comparison.arms.items():
        moved = arm.displacement
        places[label] = (moved and _times(moved, 100), arm.kl)
    crosses = _crosses(comparison, places)
    return Chart(
        f"Weights moved, output moved: {comparison.model}, {comparison.task}",
        "weight displacement, % of the length of the base's weights",
        "KL(base ‖ tuned), nats per answer of the base to a task prompt",
        crosses=crosses,
        x_range=_from_zero(cross.x_high or cross.x for cross in crosses),
        y_range=_from_zero(cross.y_high or cross.y for cross in crosses),
        source=source,
        empty="No run has ended yet.",
    )


def divergence_and_forgetting(comparison: Comparison, source: str = "live") -> Chart:
    """Return what every arm kept against how far its output moved on the task's prompts."""
    places = {label: (arm.kl, arm.says) for label, arm in comparison.arms.items()}
    crosses = _crosses(comparison, places)
    return Chart(
        f"Output moved, skills kept: {comparison.model}, {comparison.task}",
        "KL(base ‖ tuned), nats per answer of the base to a task prompt",
        kept_axis(comparison),
        crosses=crosses,
        x_range=_from_zero(cross.x_high or cross.x for cross in crosses),
        levels=(Level("base", 1.0, strong=True), Level("chance", 0.0)),
        y_range=RANGE,
        source=source,
        empty="No run has ended yet.",
    )


def kept_axis(comparison: Comparison) -> str:
    """Return the name of the axis of what was kept: of one capability, or a mean over several."""
    names = dict.fromkeys(name for run in comparison.runs for name in run.says)
    if len(names) == 1:
        return _KEPT.format("") + f" of {next(iter(names))}"
    few = f" of {' and '.join(names)}" if len(names) == 2 else ""
    return _KEPT.format("mean ") + few


def table(comparison: Comparison) -> str:
    """Return the whole comparison as an HTML table, one row an arm."""
    caption = (
        f"{comparison.model} on {comparison.task}; matched at task score {comparison.target:.2f}; "
        "[bootstrap 95% interval over seeds]; * on the Pareto front"
    )
    return live.rows_table(caption, verdict.HEAD, verdict.rows(comparison))


def page(comparison: Comparison, source: str = "live") -> str:
    """Return all pictures, tables and verdicts as one HTML page that needs nothing else."""
    charts = (plane, at_matched_score, displacement_and_divergence, divergence_and_forgetting)
    shown = [made(comparison, source) for made in charts]
    figures = "".join(
        f"<figure>{live.svg(chart, 640, 340)}<details><summary>As a table</summary>"
        f"{live.table(chart)}</details></figure>"
        for chart in shown
    )
    said = "".join(f"<li>{text(sentence)}</li>" for sentence in verdict.sentences(comparison))
    title = text(f"{comparison.model} on {comparison.task}: methods compared")
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"{table(comparison)}<ul>{said}</ul>{figures}</html>\n"
    )


_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;"
    "margin:2em auto;padding:0 1em}table{border-collapse:collapse;font-size:13px}"
    "th,td{padding:.25em .6em;text-align:right;border-bottom:1px solid #8884}"
    "tbody th{text-align:left;white-space:nowrap}caption{text-align:left;margin:.5em 0}"
    "figure{margin:2em 0}"
)


def _crosses(
    comparison: Comparison, places: dict[str, tuple[Estimate | None, Estimate | None]]
) -> tuple[Cross, ...]:
    found = []
    for index, (label, (x, y)) in enumerate(places.items()):
        if x and y:
            said = f"{label}: {x}, {y}; {_seeds(comparison.arms[label])}"
            found.append(
                Cross(
                    label, x.mean, y.mean, index, _hollow(index), x.low, x.high, y.low, y.high, said
                )
            )
    return tuple(found)


def _from_zero(values: Iterable[float]) -> tuple[float, float]:
    """Return a range from 0 to a little more than the highest value."""
    return 0.0, 1.05 * max(values, default=0.0) or 1.0


def _hollow(index: int) -> bool:
    """True for arms beyond the cycle of colors, so that no two look alike up to twice as many."""
    return index // len(COLORS) % 2 == 1


def _seeds(arm: ArmResult) -> str:
    return f"{len(arm.seeds)} seed{'s' if len(arm.seeds) != 1 else ''}"


def _notes(comparison: Comparison) -> tuple[str, ...]:
    notes = []
    if any(len(arm.seeds) < 2 for arm in comparison.arms.values()):
        notes.append("One seed has no interval.")
    broken = [label for label, arm in comparison.arms.items() if arm.diverged]
    if broken:
        notes.append(f"Diverged in at least one seed: {', '.join(broken)}.")
    return tuple(notes)


def _times(found: Estimate, factor: float) -> Estimate:
    low, high = (None if end is None else end * factor for end in (found.low, found.high))
    return Estimate(found.mean * factor, low, high, found.n)
