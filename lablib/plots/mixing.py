"""Pictures of lab 07: what a mix ratio keeps, one batch row by row, a buffer place by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from lablib.lessons.mixing import ENOUGH, RATIOS, Point, Reading, mean_of
from lablib.plots.chart import COLORS, Chart, Level, Line, badge
from lablib.plots.strokes import n, open_svg, text
from lablib.sweep.analysis import Estimate

KNOWLEDGE, MEAN, TASK = 0, 2, 1  # places in the cycle of colors and markers


def place(ratio: float) -> float:
    """Return where a ratio stands on an axis on which the stored ratios are equally far apart."""
    for i, (left, right) in enumerate(pairwise(RATIOS)):
        if ratio <= right:
            return i + (ratio - left) / (right - left)
    return len(RATIOS) - 1.0


def ratio_curve(
    points: Mapping[float, Point],
    own: Sequence[tuple[float, Reading]] = (),
    source: str = "replayed",
) -> Chart:
    """Return what was kept and learned over the mix ratio, with the learner's runs on it.

    Parameters
    ----------
    points : mapping of float to Point
        Stored runs by ratio.
    own : sequence of (float, Reading)
        The learner's runs: ratio, and what they came to.
    source : str
        Of the curves.
    """
    of = mean_of({name: 0 for one in points.values() for name in one.kept}) or "mean"
    label = "all six" if of.endswith("all six") else of
    lines = [
        _curve("knowledge kept", "knowledge", points, lambda one: one.main, KNOWLEDGE),
        _curve(f"{of} kept", label, points, lambda one: one.mean, MEAN, hollow=True),
        _curve("task score", "task score", points, lambda one: one.task, TASK, dashed=True),
    ]
    for number, (ratio, reading) in enumerate(own, 1):
        for value, style in ((reading.main, KNOWLEDGE), (reading.task, TASK)):
            if value is not None:
                name = f"your run {number}, {'task' if style == TASK else 'knowledge'}"
                lines.append(Line(name, (place(ratio),), (value,), style=style + 4, label=""))
    seeds = {one.seeds for one in points.values()}
    notes = ["The ratios are spaced evenly. Shaded: 95% interval of the mean over seeds."]
    if own:
        notes.append("Single markers: your own runs, one seed each.")
    return Chart(
        "How much general data, how much kept",
        "mix ratio (share of general rows)",
        f"share; {_seeds(seeds)}" if seeds else "share",
        tuple(line for line in lines if line.xs),
        levels=(Level("base", 1.0, strong=True), Level("enough", ENOUGH), Level("chance", 0.0)),
        notes=tuple(notes),
        y_range=(-0.05, 1.1),
        x_range=(-0.2, len(RATIOS) - 0.8),
        x_names=tuple(f"{ratio:g}" for ratio in RATIOS),
        source=source,
        empty="No run yet.",
    )


def _seeds(found: set[int]) -> str:
    least, most = min(found), max(found)
    said = f"{least} to {most}" if least < most else str(most)
    return f"mean of {said} seed{'s' * (most != 1)}"


def _curve(name: str, label: str, points: Mapping[float, Point], value, style: int, **how) -> Line:
    known: list[tuple[float, Estimate]] = [
        (place(ratio), found) for ratio, one in sorted(points.items()) if (found := value(one))
    ]
    spread = bool(known) and all(found.low is not None for _, found in known)
    return Line(
        name,
        tuple(x for x, _ in known),
        tuple(found.mean for _, found in known),
        style,
        label=label,
        low=tuple(found.low for _, found in known) if spread else (),
        high=tuple(found.high for _, found in known) if spread else (),
        **how,
    )


def batch_rows(rows: Sequence[tuple[bool, int]], title: str, source: str = "illustrative") -> str:
    """Return one batch as bars, one a row, as long as its answer has tokens.

    Parameters
    ----------
    rows : sequence of (bool, int)
        Whether the row is general, and its answer tokens.
    title : str
        Above the picture.
    source : str
        A key of the badges.
    """
    width, top, tall = 460, 42, 14
    longest = max((tokens for _, tokens in rows), default=1)
    general = [tokens for is_general, tokens in rows if is_general]
    total = sum(tokens for _, tokens in rows)
    said = (
        f"{title}: {len(general)} of {len(rows)} rows are general, "
        f"{sum(general)} of {total} answer tokens"
    )
    parts = [
        open_svg(width, top + tall * len(rows) + 6, said),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>",
        f"<text x='{width}' y='14' text-anchor='end' font-size='10' opacity='.7'>"
        f"{text(badge(source))}</text>",
        "<text x='0' y='32' font-size='11' opacity='.8'>one bar a row, as long as its answer has "
        "tokens; G: general row</text>",
    ]
    for i, (is_general, tokens) in enumerate(rows):
        y, long = top + tall * i, max(tokens / longest * (width - 90), 2)
        color = COLORS[0] if is_general else COLORS[1]
        sign = "G" if is_general else "task"
        fill = "fill-opacity='.85'" if is_general else "fill-opacity='.25'"
        parts.append(
            f"<text x='30' y='{y + 10}' text-anchor='end' font-size='10'>{sign}</text>"
            f"<rect x='36' y='{y + 1}' width='{n(long)}' height='{tall - 3}' fill='{color}' "
            f"stroke='{color}' {fill}/><text x='{n(42 + long)}' y='{y + 10}' font-size='10' "
            f"opacity='.75'>{tokens}</text>"
        )
    return "".join([*parts, "</svg>"])


def buffer_places(
    kept: Sequence[tuple[int, int]], size: int, names: Sequence[str], title: str
) -> str:
    """Return a buffer place by place: the number of the task that each row came from.

    Parameters
    ----------
    kept : sequence of (int, int)
        Task number and row number of what lies in each place.
    size : int
        Places, free ones included.
    names : sequence of str
        Of the tasks.
    title : str
        Above the picture.
    """
    columns, cell, top = 20, 23, 46
    rows = -(-size // columns)
    counts = [sum(task == number for task, _ in kept) for number in range(len(names))]
    said = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    width = columns * cell
    parts = [
        open_svg(width, top + rows * cell + 4, f"{title}: {said}"),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>",
        f"<text x='{width}' y='14' text-anchor='end' font-size='10' opacity='.7'>"
        f"{text(badge('illustrative'))}</text>",
        f"<text x='0' y='33' font-size='11'>{text(said)}</text>",
    ]
    for i in range(size):
        x, y = i % columns * cell, top + i // columns * cell
        if i < len(kept):
            task, row = kept[i]
            color = COLORS[task % len(COLORS)]
            parts.append(
                f"<g><title>{text(names[task])}, row {row + 1}</title><rect x='{x + 1}' "
                f"y='{y + 1}' width='{cell - 3}' height='{cell - 3}' rx='3' fill='{color}' "
                f"fill-opacity='.3' stroke='{color}'/><text x='{n(x + cell / 2 - 0.5)}' "
                f"y='{y + 15}' text-anchor='middle' font-size='11'>{task + 1}</text></g>"
            )
        else:
            parts.append(
                f"<rect x='{x + 1}' y='{y + 1}' width='{cell - 3}' height='{cell - 3}' rx='3' "
                "fill='none' stroke='currentColor' stroke-opacity='.3' stroke-dasharray='2 2'/>"
            )
    return "".join([*parts, "</svg>"])
