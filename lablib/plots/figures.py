"""The charts as still matplotlib figures, for export and for stored results.

Object interface only, never pyplot, and one lock round all drawing: text layout in matplotlib
is not safe in two threads at once. Nothing here may be called while a step runs in the same
process; ``plots.live`` is for that.
"""

from __future__ import annotations

import io
import threading

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lablib.plots.chart import COLORS, MARKERS, Bars, Chart, Cross, Line, badge

_MARKS = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "down": "v",
    "plus": "P",
    "cross": "X",
    "ring": "o",
}
_render = threading.Lock()
_SIZE = (7.2, 4.2)  # inches
_DPI = 130


def figure(chart: Chart | Bars, size: tuple[float, float] = _SIZE) -> Figure:
    """Return a chart as a matplotlib figure.

    Parameters
    ----------
    chart : Chart or Bars
        What to draw; the same that ``live.svg`` takes.
    size : tuple of float
        Width and height in inches.
    """
    with _render:
        made = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(made)
        axes = made.add_subplot()
        if isinstance(chart, Bars):
            _draw_bars(axes, chart)
        else:
            _draw_chart(axes, chart)
        axes.set_title(_verbatim(chart.title), loc="left", fontweight="bold", fontsize=11)
        notes = " ".join(chart.notes)
        made.supxlabel(
            _verbatim(f"{badge(chart.source)}. {notes}" if notes else badge(chart.source)),
            fontsize=7, x=0.01, ha="left", color="#555555", wrap=True,
        )  # fmt: skip
        return made


def png(chart: Chart | Bars, size: tuple[float, float] = _SIZE) -> bytes:
    """Return a chart as a PNG file."""
    made, buffer = figure(chart, size), io.BytesIO()
    with _render:
        made.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _verbatim(said: str) -> str:
    """Return text in which no dollar sign begins a formula."""
    return said.replace("$", r"\$")


def _draw_chart(axes, chart: Chart) -> None:
    for level in chart.levels:
        axes.axhline(level.value, color="#555555", lw=1, ls="-" if level.strong else ":")
        axes.annotate(
            _verbatim(level.name), (1, level.value), xycoords=("axes fraction", "data"),
            xytext=(-3, 2), textcoords="offset points", ha="right", fontsize=8, color="#555555",
        )  # fmt: skip
    for change in chart.changes:
        axes.axvline(change.step, color="#888888", lw=0.8, ls=":")
        axes.annotate(
            _verbatim(change.text), (change.step, 1), xycoords=("data", "axes fraction"),
            xytext=(2, -2), textcoords="offset points", va="top", fontsize=6, rotation=90,
            color="#555555",
        )  # fmt: skip
    for line in chart.lines:
        if line.xs:
            _draw_line(axes, line)
    for cross in chart.crosses:
        _draw_cross(axes, cross)
    for one in chart.expected:
        color = COLORS[one.style % len(COLORS)]
        axes.axhline(one.value, color=color, lw=1, ls="-.")
        axes.plot(
            [1], [one.value], marker="D", ms=9, mfc="none", color=color, clip_on=False,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
        axes.annotate(
            _verbatim(f"your prediction for {one.name}: {one.value:.2f}"), (1, one.value),
            xycoords=("axes fraction", "data"), xytext=(-12, 3), textcoords="offset points",
            ha="right", fontsize=8, color=color,
        )  # fmt: skip
    if not any(line.xs for line in chart.lines) and not chart.crosses:
        axes.annotate(_verbatim(chart.empty), (0.5, 0.5), xycoords="axes fraction", ha="center")
    if chart.y_range:
        axes.set_ylim(*chart.y_range)
    if chart.x_range:
        axes.set_xlim(*chart.x_range)
    if chart.x_names:
        axes.set_xticks(range(len(chart.x_names)), [_verbatim(name) for name in chart.x_names])
    axes.set_xlabel(_verbatim(chart.x_label))
    axes.set_ylabel(_verbatim(chart.y_label), fontsize=8)
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.lines) + len(chart.crosses) > 1:
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)


def _draw_line(axes, line: Line) -> None:
    color = COLORS[line.style % len(COLORS)]
    axes.plot(
        line.xs,
        line.ys,
        color=color,
        lw=1 if line.faint else 1.8,
        ls=":" if line.faint else "--" if line.dashed else "-",
        alpha=0.6 if line.faint else 1.0,
        marker=_MARKS[MARKERS[line.style % len(MARKERS)]] if line.markers else None,
        ms=3 if line.faint else 5,
        mfc="white" if line.hollow else color,
        label=_verbatim(line.name),
    )
    if line.low:
        axes.fill_between(line.xs, line.low, line.high, color=color, alpha=0.15, lw=0)


def _draw_cross(axes, cross: Cross) -> None:
    color = COLORS[cross.style % len(COLORS)]
    spread = {
        f"{axis}err": None if low is None else ([value - low], [high - value])
        for axis, value, low, high in (
            ("x", cross.x, cross.x_low, cross.x_high),
            ("y", cross.y, cross.y_low, cross.y_high),
        )
    }
    axes.errorbar(
        [cross.x],
        [cross.y],
        **spread,
        color=color,
        marker=_MARKS[MARKERS[cross.style % len(MARKERS)]],
        ms=6,
        mfc="white" if cross.hollow else color,
        ls="none",
        label=_verbatim(cross.name),
    )


def _draw_bars(axes, bars: Bars) -> None:
    places = range(len(bars.names))
    for place in places:
        color = COLORS[0] if place == bars.right else COLORS[1]
        axes.barh(place - 0.2, bars.base[place], 0.34, fill=False, edgecolor=color)
        axes.barh(place + 0.2, bars.now[place], 0.34, color=color)
    names = [f"✓ {n}" if i == bars.right else n for i, n in enumerate(bars.names)]
    axes.set_yticks(list(places), [_verbatim(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of probability among the candidates (outlined: base, filled: now)")
    if bars.chance is not None:
        axes.axvline(bars.chance, color="#555555", ls=":", lw=1)
    axes.spines[["top", "right"]].set_visible(False)
