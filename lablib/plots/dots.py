"""Named values on one scale, each with its interval: what was kept with each of a few things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lablib.plots.chart import COLORS, MARKERS, badge, ticks
from lablib.plots.strokes import marker, n, open_svg, text

_ROW, _TOP, _LEFT = 34, 50, 168


@dataclass(frozen=True)
class Dot:
    """One value; ``low`` and ``high`` are None where nothing is known of its spread."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        spread = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{spread}"


def dots(
    title: str,
    what: str,
    rows: Sequence[tuple[str, Sequence[Dot | None]]],
    series: Sequence[str],
    *,
    level: tuple[str, float] | None = None,
    source: str = "replayed",
    width: int = 560,
) -> str:
    """Return rows of dots with intervals as an SVG string.

    Parameters
    ----------
    title, what : str
        Above the picture; ``what`` names the scale.
    rows : sequence of (str, sequence of Dot or None)
        A name and one dot of each series.
    series : sequence of str
        What the dots of a row are, told apart by color and marker.
    level : tuple of str and float, optional
        A vertical line to compare with, and its name.
    source : str
        A key of the badges.
    width : int
        Of the view box.
    """
    values = [v for _, found in rows for d in found if d for v in (d.value, d.low, d.high)]
    values = [v for v in values if v is not None] + ([level[1]] if level else [])
    low, high = min([0.0, *values]), max([1.0, *values])
    right, bottom = width - 16, _TOP + _ROW * max(len(rows), 1)

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (right - _LEFT)

    said = "; ".join(f"{name}: {', '.join(map(str, filter(None, found)))}" for name, found in rows)
    parts = [
        open_svg(width, bottom + 44, f"{title}, {what}. {said}"),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>",
        f"<text x='{width}' y='14' text-anchor='end' font-size='10' opacity='.7'>"
        f"{text(badge(source))}</text>",
        *_key(series),
    ]
    for tick in ticks(low, high, 5):
        parts.append(
            f"<path d='M{n(x(tick))} {_TOP}V{bottom}' stroke='currentColor' stroke-opacity='.13'/>"
            f"<text x='{n(x(tick))}' y='{bottom + 16}' text-anchor='middle' font-size='11' "
            f"opacity='.75'>{tick:g}</text>"
        )
    if level:
        parts.append(
            f"<g><title>{text(level[0])}</title><path d='M{n(x(level[1]))} {_TOP}V{bottom}' "
            "stroke='currentColor' stroke-opacity='.6' stroke-dasharray='2 3'/></g>"
        )
    for i, (name, found) in enumerate(rows):
        middle = _TOP + _ROW * (i + 0.5)
        parts.append(
            f"<text x='{_LEFT - 12}' y='{n(middle + 4)}' text-anchor='end'>{text(name)}</text>"
        )
        for k, dot in enumerate(found):
            if dot:
                shift = (k - (len(series) - 1) / 2) * 10
                parts += _dot(dot, k, x, middle + shift, f"{name}, {series[k]}: {dot}")
    parts.append(
        f"<text x='{n((_LEFT + right) / 2)}' y='{bottom + 36}' text-anchor='middle' "
        f"font-size='11' opacity='.8'>{text(what)}</text></svg>"
    )
    return "".join(parts)


def _key(series: Sequence[str]) -> list[str]:
    """Marker and name of each series, in one line under the title."""
    parts, left = [], 4.0
    for k, name in enumerate(series):
        color = COLORS[k % len(COLORS)]
        sign = marker(MARKERS[k % len(MARKERS)], left, 31, 4)
        parts.append(
            f"<path d='{sign}' fill='{color}' stroke='{color}'/>"
            f"<text x='{n(left + 10)}' y='35' font-size='11'>{text(name)}</text>"
        )
        left += 30 + 6.2 * len(name)
    return parts


def _dot(dot: Dot, k: int, x, y: float, said: str) -> list[str]:
    color = COLORS[k % len(COLORS)]
    arms = "" if dot.low is None else f"M{n(x(dot.low))} {n(y)}H{n(x(dot.high))}"
    return [
        f"<g stroke='{color}' stroke-width='1.6'><title>{text(said)}</title>",
        f"<path d='{arms}' fill='none' stroke-opacity='.7'/>" if arms else "",
        f"<path d='{marker(MARKERS[k % len(MARKERS)], x(dot.value), y, 4)}' fill='{color}'/></g>",
    ]
