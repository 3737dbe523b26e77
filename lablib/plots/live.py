"""Charts as SVG strings, written in about two milliseconds each: the live path.

Drawing with matplotlib in the training process slows the run down many times over; a string
does not. The strings take the text color of the page (``currentColor``), so they fit light and
dark themes; every value can be read by hovering, and from the table beside the picture.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from lablib.plots import crosses
from lablib.plots.chart import COLORS, MARKERS, Bars, Chart, Line, badge, ticks
from lablib.plots.strokes import marker, n, open_svg, text, thin

WIDTH, HEIGHT = 460, 250
_LABEL_ROOM = 92  # for labels at the right end of the lines
_LABEL_LETTERS = 14
# Lines do not strike letters through; and the color of a name comes nearer to the ink than that of
# its line, for letters need more contrast, on light and on dark.
_HALO = "paint-order:stroke;stroke:var(--lethe-ground,transparent);stroke-width:3px"
_NAME = f"{_HALO};fill:color-mix(in srgb,{{}} 70%,currentColor)"
# Longer lines are thinned, so that a picture stays below 60 kB: points of one line and of all,
# and markers of all lines together.
_LINE_POINTS, _ALL_POINTS, _ALL_MARKERS = 160, 1200, 260
_MOST_ROWS = 24  # of a table


def svg(chart: Chart | Bars, width: int = WIDTH, height: int = HEIGHT) -> str:
    """Return a chart as an SVG string.

    Parameters
    ----------
    chart : Chart or Bars
        What to draw.
    width, height : int
        Of the view box, in pixels at full size; the picture scales to its container.
    """
    if isinstance(chart, Bars):
        return _bars(chart, width)
    return _Canvas(chart, width, height).draw()


def panels(charts: Sequence[Chart], whole: Chart) -> str:
    """Return several small charts side by side, as many to a row as there is room for.

    Parameters
    ----------
    charts : sequence of Chart
        The small charts.
    whole : Chart
        What they are together: its title stands above them, its notes below.
    """
    if not charts:
        return svg(whole)
    small = "".join(f"<div>{svg(replace(c, source=''), 230, 160)}</div>" for c in charts)
    return (
        "<div style='display:flex;justify-content:space-between;gap:12px;flex-wrap:wrap'>"
        f"<b>{text(whole.title)}</b><span style='font-size:10px;opacity:.7'>"
        f"{text(badge(whole.source))}</span></div><div style='display:grid;gap:6px 14px;"
        f"grid-template-columns:repeat(auto-fit,minmax(min(100%,190px),1fr))'>{small}</div>"
    )


def table(chart: Chart | Bars) -> str:
    """Return the numbers of a chart as an HTML table with a caption."""
    if isinstance(chart, Bars):
        head = ["candidate", "base", "now"]
        rows = [
            [n, f"{b:.3f}", f"{w:.3f}"]
            for n, b, w in zip(chart.names, chart.base, chart.now, strict=True)
        ]
        return rows_table(chart.title, head, rows)
    if chart.crosses:
        return rows_table(chart.title, *crosses.rows(chart))
    lines = [line for line in chart.lines if not line.faint]  # a pinned run has its own table
    steps = sorted({x for line in lines for x in line.xs})
    # The probe points first: a loss has a value at every step, the rest only there.
    points = sorted({x for line in lines if len(line.xs) <= _MOST_ROWS for x in line.xs})
    shown = thin(points if len(points) > 1 else steps, _MOST_ROWS)
    left_out = f" (every value: export; {len(shown)} of {len(steps)} points)"
    caption = f"{chart.title}: {chart.y_label}" + (left_out if len(shown) < len(steps) else "")
    values = [dict(zip(line.xs, line.ys, strict=True)) for line in lines]
    rows = [[chart.x_name(x), *(f"{v[x]:.3f}" if x in v else "" for v in values)] for x in shown]
    return rows_table(caption, [chart.x_label, *(line.name for line in lines)], rows)


def rows_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text as an HTML table; the first cell of each names the row."""
    cells = "".join(f"<th scope='col'>{text(name)}</th>" for name in head)
    body = "".join(
        f"<tr><th scope='row'>{text(row[0])}</th>"
        + "".join(f"<td>{text(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<table class='lethe-table'><caption>{text(caption)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
    )


class _Canvas:
    """One chart being written."""

    def __init__(self, chart: Chart, width: int, height: int):
        self.chart, self.width, self.height = chart, width, height
        lines = [line for line in chart.lines if line.xs]
        # Pinned runs first: what is live lies on top.
        self.lines = sorted(lines, key=lambda line: not line.faint)
        self.labeled = any(line.label for line in self.lines) or bool(chart.crosses)
        self.left, self.top = 40, 42
        self.right = width - (_LABEL_ROOM if self.labeled else 14)
        self.bottom = height - 34
        self.x_low, self.x_high = chart.x_range or self._span(
            [v for ln in lines for v in ln.xs] + crosses.values(chart, "x")
        )
        marks = [level.value for level in chart.levels] + [e.value for e in chart.expected]
        spread = [v for ln in lines for v in (*ln.ys, *ln.low, *ln.high)]
        spread += crosses.values(chart, "y")
        self.y_low, self.y_high = chart.y_range or self._span(spread + marks, 0.06)

    @staticmethod
    def _span(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
        low, high = min(values, default=0.0), max(values, default=1.0)
        room = (high - low) * margin
        return (low - room, high + room) if high > low else (low - 0.5, high + 0.5)

    def x(self, value: float) -> float:
        share = (value - self.x_low) / ((self.x_high - self.x_low) or 1)
        return self.left + min(max(share, 0), 1) * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1)
        return self.bottom - min(max(share, 0), 1) * (self.bottom - self.top)

    def draw(self) -> str:
        chart = self.chart
        letters = int(self.width / 5.8)  # of a note's line
        notes = [line for note in chart.notes for line in textwrap.wrap(note, letters)]
        height = self.height + (15 * len(notes) + 4 if notes else 0)
        parts = [open_svg(self.width, height, chart.summary)]
        parts.append(
            f"<text x='0' y='14' font-weight='600' font-size='13'>{text(chart.title)}</text>"
        )
        drawn = self.lines or chart.crosses
        if chart.source:  # empty axes claim no training
            claim = badge(chart.source if drawn else "illustrative")
            parts.append(
                f"<text x='{self.width}' y='14' text-anchor='end' font-size='10' opacity='.7'>"
                f"{text(claim)}</text>"
            )
        parts.append(f"<text x='0' y='30' font-size='11' opacity='.8'>{text(chart.y_label)}</text>")
        parts += self._axes()
        parts += self._levels()
        parts += [part for line in self.lines for part in self._line(line)]
        parts += crosses.drawn(self)
        parts += self._expected()
        parts += self._labels()
        if not drawn:
            parts.append(self._middle(chart.empty))
        for row, note in enumerate(notes):
            parts.append(
                f"<text x='0' y='{self.bottom + 48 + 15 * row}' font-size='11' "
                f"opacity='.85'>{text(note)}</text>"
            )
        parts.append("</svg>")
        return "".join(parts)

    def _middle(self, said: str) -> str:
        return (
            f"<text x='{n((self.left + self.right) / 2)}' y='{n((self.top + self.bottom) / 2)}' "
            f"text-anchor='middle' opacity='.7' style='{_HALO}'>{text(said)}</text>"
        )

    def _axes(self) -> list[str]:
        parts = ["<g stroke='currentColor' stroke-opacity='.13'>"]
        y_ticks = ticks(self.y_low, self.y_high, 4)
        places = range(len(self.chart.x_names))
        x_ticks = list(places) or ticks(self.x_low, self.x_high, 5)
        path = "".join(f"M{self.left} {n(self.y(v))}H{n(self.right)}" for v in y_ticks)
        parts.append(f"<path d='{path}'/></g><g font-size='11' opacity='.75'>")
        for value in y_ticks:
            parts.append(
                f"<text x='{self.left - 9}' y='{n(self.y(value) + 4)}' text-anchor='end'>"
                f"{value:g}</text>"
            )
        for value in x_ticks:
            parts.append(
                f"<text x='{n(self.x(value))}' y='{n(self.bottom + 16)}' text-anchor='middle'>"
                f"{text(self.chart.x_name(value))}</text>"
            )
        parts.append(
            f"<text x='{n((self.left + self.right) / 2)}' y='{self.height - 4}' "
            f"text-anchor='middle'>{text(self.chart.x_label)}</text></g>"
        )
        return parts

    def _levels(self) -> list[str]:
        parts = []
        for level in self.chart.levels:
            y = n(self.y(level.value))
            dash = "" if level.strong else " stroke-dasharray='2 3'"
            about = level.about or f"{level.name}: {level.value:.3g}"
            parts.append(
                f"<g><title>{text(about)}</title><path d='M{self.left} {y}H{n(self.right)}' "
                f"stroke='currentColor' stroke-opacity='.55'{dash}/></g>"
            )
            if not self.labeled:
                parts.append(
                    f"<text x='{n(self.right)}' y='{n(self.y(level.value) - 4)}' font-size='10' "
                    f"text-anchor='end' opacity='.75'>{text(level.name)}</text>"
                )
        for change in self.chart.changes:
            x, flag = n(self.x(change.step)), marker("down", self.x(change.step), self.top + 2, 3)
            parts.append(
                f"<g><title>{text(change.text)}</title><path d='M{x} {self.top}V{self.bottom}' "
                f"stroke='currentColor' stroke-opacity='.4' stroke-dasharray='1 3'/>"
                f"<path d='{flag}' opacity='.6'/></g>"
            )
        if self.chart.cursor is not None:
            x = n(self.x(self.chart.cursor))
            parts.append(
                f"<path d='M{x} {self.top}V{self.bottom}' stroke='currentColor' "
                "stroke-opacity='.6' stroke-dasharray='6 3'/>"
            )
        return parts

    def _line(self, line: Line) -> list[str]:
        color = COLORS[line.style % len(COLORS)]
        keep = thin(range(len(line.xs)), min(_LINE_POINTS, _ALL_POINTS // len(self.lines)))
        points = [(self.x(line.xs[i]), self.y(line.ys[i])) for i in keep]
        dash = (
            "stroke-dasharray='1 3'"
            if line.faint
            else "stroke-dasharray='5 3'"
            if line.dashed
            else ""
        )
        width = 1.3 if line.faint else 2
        path = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in points)
        fade = " opacity='.6'" if line.faint else ""
        parts = [f"<g stroke='{color}' fill='{color}'{fade}>"]
        if line.low:
            edge = [f"{n(self.x(line.xs[i]))} {n(self.y(line.low[i]))}" for i in reversed(keep)]
            edge = [f"{n(self.x(line.xs[i]))} {n(self.y(line.high[i]))}" for i in keep] + edge
            parts.append(f"<path d='M{'L'.join(edge)}z' stroke='none' fill-opacity='.15'/>")
        parts.append(
            f"<path d='{path}' fill='none' stroke-width='{width}' stroke-linejoin='round' {dash}>"
            f"<title>{text(line.name)}</title></path>"
        )
        if line.markers and not line.faint:
            kind = MARKERS[line.style % len(MARKERS)]
            fill = "var(--lethe-ground,#fff)" if line.hollow else color
            parts.append(f"<g fill='{fill}' stroke-width='1.4'>")
            for i in thin(keep, max(_ALL_MARKERS // len(self.lines), 2)):
                x, y = self.x(line.xs[i]), self.y(line.ys[i])
                parts.append(
                    f"<path d='{marker(kind, x, y)}'><title>{text(line.name)}, "
                    f"{text(self.chart.x_label)} {text(self.chart.x_name(line.xs[i]))}: "
                    f"{line.ys[i]:.3g}</title></path>"
                )
            parts.append("</g>")
        parts.append("</g>")
        return parts

    def _expected(self) -> list[str]:
        parts = []
        for one in self.chart.expected:
            y, color = self.y(one.value), COLORS[one.style % len(COLORS)]
            star = marker("diamond", self.right, y, 5)
            said = text(f"you predicted: {one.name} {one.value:.2f}")
            parts.append(
                f"<g stroke='{color}'><title>{said}</title>"
                f"<path d='M{self.left} {n(y)}H{n(self.right)}' stroke-dasharray='8 3 1 3'/>"
                f"<path d='{star}' fill='none' stroke-width='1.6'/>"
                f"<text x='{n(self.right - 9)}' y='{n(y - 5)}' text-anchor='end' stroke='none' "
                f"font-size='10'>your prediction {one.value:.2f}</text></g>"
            )
        return parts

    def _labels(self) -> list[str]:
        """Names at the right ends of lines and levels, pushed apart where they would overlap."""
        if not self.labeled:
            return []
        lines = [
            (self.y(line.ys[-1]), self.x(line.xs[-1]), COLORS[line.style % len(COLORS)], line.label)
            for line in self.lines
            if line.label
        ]
        lines += [
            (self.y(c.y), self.x(c.x), COLORS[c.style % len(COLORS)], c.name)
            for c in self.chart.crosses
        ]
        levels = [
            (self.y(level.value), self.right, "currentColor", level.name)
            for level in self.chart.levels
        ]
        furthest = max(x for _, x, _, _ in lines)
        if furthest < self.right - _LABEL_ROOM:  # the run is under way: stay near its end
            return [*self._column(lines, furthest), *self._column(levels, self.right)]
        return self._column(lines + levels, self.right)

    def _column(self, ends: list[tuple[float, float, str, str]], left: float) -> list[str]:
        """Names under each other to the right of ``left``, joined to where they belong."""
        ends = sorted(ends)
        places: list[float] = []
        for y, *_ in ends:
            places.append(max(y, places[-1] + 12) if places else y)
        lowest: float = self.bottom - 4  # clear of the last number of the axis
        for k in reversed(range(len(places))):  # too low: push the last ones up again
            places[k] = lowest = min(places[k], lowest)
            lowest -= 12
        parts = []
        for (end, x, color, name), y in zip(ends, places, strict=True):
            short = name if len(name) <= _LABEL_LETTERS else name[: _LABEL_LETTERS - 1] + "…"
            parts.append(
                f"<path d='M{n(x + 4)} {n(end)}L{n(left + 6)} {n(y)}' stroke='{color}' "
                f"stroke-opacity='.5' stroke-dasharray='1 2' fill='none'/>"
                f"<text x='{n(left + 9)}' y='{n(y + 4)}' font-size='11' fill='{color}' "
                f"style='{_NAME.format(color)}'>{text(short)}</text>"
            )
        return parts


def _bars(bars: Bars, width: int) -> str:
    row, top, left = 30, 44, 130
    height = top + row * max(len(bars.names), 1) + 18
    right = width - 44
    parts = [open_svg(width, height, bars.summary)]
    parts.append(f"<text x='0' y='14' font-weight='600' font-size='13'>{text(bars.title)}</text>")
    parts.append(
        "<text x='0' y='31' font-size='11' opacity='.8'>share of probability among the candidates: "
        "outlined = base, filled = now</text>"
    )
    for index, name in enumerate(bars.names):
        y = top + row * index
        is_right = index == bars.right
        color = COLORS[0] if is_right else COLORS[1]
        base, now = (max(0.0, v) * (right - left) for v in (bars.base[index], bars.now[index]))
        sign = "✓ " if is_right else ""
        weight = " font-weight='600'" if is_right else ""
        parts.append(
            f"<g><title>{text(name)}: {bars.base[index]:.3f} at the base, "
            f"{bars.now[index]:.3f} now</title>"
            f"<text x='{left - 8}' y='{y + 17}' text-anchor='end'{weight}>"
            f"{sign}{text(name if len(name) < 16 else name[:14] + '…')}</text>"
            f"<rect x='{left}' y='{y + 2}' width='{n(base)}' height='9' fill='none' "
            f"stroke='{color}'/>"
            f"<rect x='{left}' y='{y + 13}' width='{n(now)}' height='10' fill='{color}'/>"
            f"<g font-size='10'><text x='{n(left + base + 5)}' y='{y + 11}' opacity='.75'>"
            f"{bars.base[index]:.2f}</text><text x='{n(left + now + 5)}' y='{y + 22}'{weight}>"
            f"{bars.now[index]:.2f}</text></g></g>"
        )
    if bars.chance is not None:
        x = n(left + bars.chance * (right - left))
        parts.append(
            f"<g><title>chance {bars.chance:.2f}</title><path d='M{x} {top - 4}V{height - 16}' "
            "stroke='currentColor' stroke-opacity='.55' stroke-dasharray='2 3'/>"
            f"<text x='{x}' y='{height - 4}' font-size='10' text-anchor='middle' opacity='.75'>"
            "chance</text></g>"
        )
    if not bars.names:
        parts.append(f"<text x='0' y='{top + 16}' opacity='.7'>{text(bars.empty)}</text>")
    parts.append("</svg>")
    return "".join(parts)
