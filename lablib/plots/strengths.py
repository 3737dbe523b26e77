"""Springs of several strengths and kinds: what was learned against what was kept."""

from __future__ import annotations

from lablib.lessons import equal, strengths
from lablib.plots import live
from lablib.plots.chart import Chart, Cross, Level, Line
from lablib.plots.retention import RANGE
from lablib.sweep import Comparison

_HEAD = (
    "springs", "seeds", "task score at the end", "kept at the end (says)", "and (knows)",
    "kept at the matched score (says)", "and (knows)", "seeds that reach it",
)  # fmt: skip


def frontier(comparison: Comparison, kinds: tuple[str, ...], own: tuple[Cross, ...] = ()) -> Chart:
    """Return one line a kind of spring, from its weakest to its stiffest.

    Parameters
    ----------
    comparison : Comparison
        Of ``strengths.comparison``.
    kinds : tuple of str
        Keys of ``strengths.KINDS`` to be drawn.
    own : tuple of Cross
        The learner's own runs.
    """
    lines = []
    for style, (kind, name) in enumerate(strengths.KINDS.items()):
        arms = [
            arm
            for label, arm in comparison.arms.items()
            if label.startswith(f"{name} ") and arm.task_score and arm.says and kind in kinds
        ]
        if arms:
            many = all(arm.says.low is not None for arm in arms)
            lines.append(
                Line(
                    f"springs: {name}, from {arms[0].label.split()[-1]} to "
                    f"{arms[-1].label.split()[-1]}",
                    tuple(arm.task_score.mean for arm in arms),
                    tuple(arm.says.mean for arm in arms),
                    style,
                    label=name,
                    dashed=style > 0,
                    hollow=style > 0,
                    low=tuple(arm.says.low for arm in arms) if many else (),
                    high=tuple(arm.says.high for arm in arms) if many else (),
                )
            )
    full = comparison.arms["full"]
    free = Cross(
        strengths.FREE, full.task_score.mean, full.says.mean, 4, False, full.task_score.low,
        full.task_score.high, full.says.low, full.says.high,
    )  # fmt: skip
    return Chart(
        f"Learned and kept: {comparison.model}, {comparison.task}",
        f"task score at the end ({comparison.task})",
        f"kept at the end: says retention, {equal.mean_of(equal.capabilities(comparison.runs))}",
        tuple(lines),
        crosses=(free, *own),
        levels=(Level("base", 1.0, strong=True, about="nothing forgotten"), Level("chance", 0.0)),
        y_range=RANGE,
        x_range=(0.0, 1.0),
        source="replayed",
    )


def table(comparison: Comparison, kinds: tuple[str, ...]) -> str:
    """Return the same runs as an HTML table, intervals in brackets."""
    rows = []
    for label, arm in comparison.arms.items():
        kind = label.rpartition(" ")[0]
        if label != "full" and kind not in {strengths.KINDS[key] for key in kinds}:
            continue
        at = arm.at
        rows.append(
            [
                strengths.FREE if label == "full" else label,
                str(len(arm.seeds)),
                *(str(v) if v else "–" for v in (arm.task_score, arm.says, arm.knows)),
                *(str(v) if v else "–" for v in (at.says, at.knows)),
                f"{at.n_reached} of {at.n}",
            ]
        )
    caption = (
        f"{comparison.model} on {comparison.task}: means over seeds [bootstrap 95% interval]; "
        f"matched at task score {comparison.target:.2f}"
    )
    return live.rows_table(caption, _HEAD, rows)
