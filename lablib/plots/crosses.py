"""Points with an interval in each direction, as SVG and as rows of a table."""

from __future__ import annotations

from lablib.plots.chart import COLORS, MARKERS, Chart, Cross
from lablib.plots.strokes import marker, n, text


def values(chart: Chart, axis: str) -> list[float]:
    """Return everything that the crosses of a chart reach on ``"x"`` or ``"y"``."""
    names = (axis, f"{axis}_low", f"{axis}_high")
    found = [getattr(cross, name) for cross in chart.crosses for name in names]
    return [value for value in found if value is not None]


def drawn(canvas) -> list[str]:
    """Return the crosses of a canvas's chart, each with its interval in both directions."""
    return [part for cross in canvas.chart.crosses for part in _cross(canvas, cross)]


def rows(chart: Chart) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of a chart's crosses."""
    head = ["", chart.x_label, "interval", chart.y_label, "interval"]
    body = [
        [
            cross.name,
            f"{cross.x:.3g}",
            _interval(cross.x_low, cross.x_high),
            f"{cross.y:.3g}",
            _interval(cross.y_low, cross.y_high),
        ]
        for cross in chart.crosses
    ]
    return head, body


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{low:.3g} to {high:.3g}"


def _cross(canvas, cross: Cross) -> list[str]:
    color, x, y = COLORS[cross.style % len(COLORS)], canvas.x(cross.x), canvas.y(cross.y)
    arms = ""
    if cross.x_low is not None:
        arms += f"M{n(canvas.x(cross.x_low))} {n(y)}H{n(canvas.x(cross.x_high))}"
    if cross.y_low is not None:
        arms += f"M{n(x)} {n(canvas.y(cross.y_low))}V{n(canvas.y(cross.y_high))}"
    fill = "var(--lethe-ground,#fff)" if cross.hollow else color
    kind = MARKERS[cross.style % len(MARKERS)]
    said = cross.about or f"{cross.name}: {cross.x:.3g}, {cross.y:.3g}"
    return [
        f"<g stroke='{color}' stroke-width='1.6'><title>{text(said)}</title>",
        f"<path d='{arms}' fill='none' stroke-opacity='.7'/>" if arms else "",
        f"<path d='{marker(kind, x, y, 4)}' fill='{fill}'/></g>",
    ]
