"""Two figures of the labs as SVG strings: an order beside a prediction, and a shaded map.

Curves and bars come from ``plots.live``; these two shapes are not charts over steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from lablib.plots.chart import COLORS
from lablib.plots.strokes import open_svg, text
from lablib.sweep.analysis import Estimate

SAME, MOVED = COLORS[0], COLORS[1]


def _svg(width: int, height: int, body: list[str], summary: str) -> str:
    return f"{open_svg(width, height, summary)}<title>{text(summary)}</title>{''.join(body)}</svg>"


def _words(x: float, y: float, said: str, anchor: str = "start", extra: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' {extra}>{text(said)}</text>"


def order_lines(predicted: Sequence[str] | None, measured: Sequence[str]) -> str:
    """Return two columns, the predicted and the measured order, joined by lines."""
    row, top, left, right = 30, 46, 200, 330
    body = [
        _words(left, 22, "your prediction", "end", "font-weight='bold'"),
        _words(right, 22, "measured", "start", "font-weight='bold'"),
    ]
    for rank, name in enumerate(measured):
        body.append(_words(right, top + rank * row + 4, f"{rank + 1}. {name}"))
    if not predicted:
        body.append(_words(left, top + 4, "none saved", "end", "font-style='italic'"))
    for rank, name in enumerate(predicted or ()):
        y = top + rank * row
        body.append(_words(left, y + 4, f"{rank + 1}. {name}", "end"))
        if name in measured:
            to = measured.index(name)
            # Solid and dashed as well as two colors: right and moved are told apart without them.
            color, dash = (SAME, "") if to == rank else (MOVED, "stroke-dasharray='6 4'")
            body.append(
                f"<line x1='{left + 8}' y1='{y}' x2='{right - 8}' y2='{top + to * row}' "
                f"stroke='{color}' stroke-width='2' {dash}><title>{text(name)}: predicted "
                f"{rank + 1}, measured {to + 1}</title></line>"
            )
    height = top + row * max(len(measured), len(predicted or ())) - 8
    return _svg(520, height, body, f"Measured order: {', '.join(measured)}")


def shaded_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    notes: Sequence[Sequence[tuple[str, ...]]],
    summary: str,
) -> str:
    """Return a grid of shaded fields: one row a task, one column an intensity of training.

    Parameters
    ----------
    rows, columns : sequence of str
        Names; a column name may hold one line break.
    values : rows of values in [0, 1] or None
        Shade and number of each field; None leaves it open.
    notes : rows of tuples of str
        Smaller lines below the number, two at most.
    summary : str
        The map in one sentence, for those who do not see it.
    """
    field, tall, left, top = 104, 66, 130, 44
    body = []
    for j, name in enumerate(columns):
        for line, part in enumerate(name.split("\n")[:2]):
            body.append(_words(left + (j + 0.5) * field, 18 + 16 * line, part, "middle"))
    for i, name in enumerate(rows):
        y = top + i * tall
        for line, part in enumerate(name.split("\n")[:2]):
            body.append(_words(left - 10, y + tall / 2 - 2 + 16 * line, part, "end"))
        for j, value in enumerate(values[i]):
            body += _field(left + j * field, y, field, tall, value, notes[i][j])
    return _svg(left + field * len(columns) + 8, top + tall * len(rows) + 8, body, summary)


def interval_note(found: Estimate | None) -> tuple[str, ...]:
    """Return the interval of an estimate as a note of ``shaded_map``; none where there is none."""
    return () if found is None or found.low is None else (f"{found.low:.2f} to {found.high:.2f}",)


def _field(x, y, width, height, value: float | None, notes: tuple[str, ...]) -> list[str]:
    shown = "–" if value is None else f"{value:.2f}"
    # Never so dark that the page's own text color could not be read on it.
    shade = 0.0 if value is None else 0.06 + 0.5 * min(max(value, 0.0), 1.0)
    middle = x + width / 2
    return [
        f"<rect x='{x + 2}' y='{y + 2}' width='{width - 4}' height='{height - 4}' rx='4' "
        f"fill='{SAME}' fill-opacity='{shade:.2f}' stroke='currentColor' stroke-opacity='0.3'/>",
        _words(middle, y + 24, shown, "middle", "font-weight='bold' style='font-size:15px'"),
        *(
            _words(middle, y + 41 + 14 * line, note, "middle", "style='font-size:11px'")
            for line, note in enumerate(notes[:2])
        ),
    ]
