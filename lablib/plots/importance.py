"""The Fisher of a model as a picture: one field a matrix, one row a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lablib.lessons.importance import Cell, Shared
from lablib.plots.chart import COLORS
from lablib.plots.strokes import open_svg, text

_COLOR = COLORS[0]
_ROW, _TOP, _LEFT, _WIDTH = 30, 66, 84, 620


def by_layer(cells: Sequence[Cell], title: str) -> str:
    """Return a grid: layers downward, parts across; outside the layers in a last row.

    The number in a field is the mean Fisher of its weights over that of all weights.
    """
    layers = sorted({cell.layer for cell in cells if cell.layer is not None})
    parts = list(dict.fromkeys(cell.part for cell in cells if cell.layer is not None))
    outside = [cell for cell in cells if cell.layer is None]
    row = _ROW if len(layers) <= 12 else 18
    columns = max(len(parts), len(outside), 1)
    field = (_WIDTH - _LEFT) / columns
    height = _TOP + row * len(layers) + (26 + row if outside else 0) + 8
    most = max(cells, key=lambda cell: cell.relative)
    summary = (
        f"{title}: highest mean Fisher in {_name(most)}, {_times(most.relative)} times that of an "
        "average weight."
    )
    parts_of = [
        open_svg(_WIDTH, height, summary),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>"
        f"<text x='0' y='31' font-size='11' opacity='.8'>{text(_LEGEND)}</text>",
    ]
    for at, part in enumerate(parts):
        parts_of.append(_label(_LEFT + (at + 0.5) * field, _TOP - 8, _short(part, field), "middle"))
    for down, layer in enumerate(layers):
        y = _TOP + down * row
        parts_of.append(_label(_LEFT - 8, y + row / 2 + 4, f"layer {layer + 1}", "end"))
        for cell in cells:
            if cell.layer == layer:
                x = _LEFT + parts.index(cell.part) * field
                parts_of += _field(cell, x, y, field, row)
    y = _TOP + row * len(layers) + 26
    for at, cell in enumerate(outside):
        x = _LEFT + at * field
        parts_of.append(_label(x + field / 2, y - 6, _short(cell.part, field), "middle"))
        parts_of += _field(cell, x, y, field, row)
    if outside:
        parts_of.append(_label(_LEFT - 8, y + row / 2 + 4, "outside", "end"))
    return "".join([*parts_of, "</svg>"])


_LEGEND = (
    "Number: mean Fisher of its weights, 1 is the average weight. Stronger color is more "
    "(logarithm)."
)


def shared_table(shared: Shared, caption: str) -> str:
    """Return the overlap of the top weights of single questions as an HTML table."""
    head = "".join(f"<th scope='col'>{text(q)}</th>" for q in shared.questions)
    rows = ""
    for i, question in enumerate(shared.questions):
        cells = "".join(
            f"<td>{'<i>' if i == j else ''}{value:.0%}{' (itself)</i>' if i == j else ''}</td>"
            for j, value in enumerate(shared.overlap[i])
        )
        rows += (
            f"<tr><th scope='row'>{text(question)}<br><small>{text(shared.answers[i][:60])}"
            f"</small></th>{cells}</tr>"
        )
    return (
        f"<table class='lethe-table'><caption>{text(caption)}</caption><thead><tr><th></th>{head}"
        f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def table_rows(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """Return the cells as rows of text: part, weights, mean, share of the whole."""
    return [
        (_name(cell), f"{cell.n:,}", f"{cell.relative:.3g}", f"{cell.share:.1%}")
        for cell in sorted(cells, key=lambda cell: -cell.relative)
    ]


def _name(cell: Cell) -> str:
    return cell.part if cell.layer is None else f"layer {cell.layer + 1}, {cell.part}"


def _short(part: str, field: float) -> str:
    letters = int(field / 6.2)
    part = (
        part.removesuffix("_proj").replace("_layernorm", " norm").replace("post_attention", "2nd")
    )
    part = part.replace("input norm", "1st norm").replace("embed_tokens", "embedding")
    return part if len(part) <= letters else part[: letters - 1] + "…"


def harm_bars(rows: Sequence[tuple[str, Sequence[float]]], title: str, y_label: str) -> str:
    """Return one bar a choice: the mean of what is left, the kicks as marks, 1 as a line.

    Parameters
    ----------
    rows : sequence of (str, sequence of float)
        Name of a choice and what was left after each kick, in [0, 1] or a little outside.
    title, y_label : str
        What is shown, and of what it is a share.
    """
    left, right, top, row = 150, 540, 52, 34
    unit = right - left
    said = ", ".join(f"{name} {sum(v) / len(v):.2f}" for name, v in rows)
    parts = [
        open_svg(600, top + row * len(rows) + 22, f"{title}: {said}."),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>"
        f"<text x='0' y='31' font-size='11' opacity='.8'>{text(y_label)}</text>",
    ]
    for at, (name, values) in enumerate(rows):
        y, mean = top + at * row, sum(values) / len(values)
        wide = unit * min(max(mean, 0.0), 1.1)
        parts.append(
            f"<g><title>{text(name)}: {mean:.2f}, mean of {len(values)}</title>"
            f"<rect x='{left}' y='{y}' width='{wide:.1f}' height='18' rx='2' fill='{_COLOR}' "
            "fill-opacity='.55'/>"
        )
        for value in values:
            x = left + unit * min(max(value, 0.0), 1.1)
            parts.append(
                f"<path d='M{x:.1f} {y - 2}v22' stroke='currentColor' stroke-width='1.4'/>"
            )
        parts.append(_label(left - 8, y + 14, name, "end"))
        parts.append(_label(right + 52, y + 14, f"{mean:z.2f}", "end") + "</g>")
    bottom = top + row * len(rows)
    parts.append(
        f"<path d='M{right} {top - 6}V{bottom - 6}' stroke='currentColor' stroke-dasharray='2 3'/>"
        + _label(right, bottom + 10, "the base", "middle")
    )
    return "".join([*parts, "</svg>"])


def _label(x: float, y: float, said: str, anchor: str) -> str:
    return (
        f"<text x='{x:.0f}' y='{y:.0f}' font-size='11' text-anchor='{anchor}'>{text(said)}</text>"
    )


def _times(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _field(cell: Cell, x: float, y: float, width: float, height: float) -> list[str]:
    # From a hundredth of the average to a hundred times it; never so strong that the page's own
    # text color could not be read on it.
    place = 0.0 if cell.relative <= 0 else (math.log10(cell.relative) + 2) / 4
    shade = 0.04 + 0.52 * min(max(place, 0.0), 1.0)
    said = (
        f"{_name(cell)}: {cell.n:,} weights, mean Fisher {cell.relative:.3g} of the average, "
        f"{cell.share:.1%} of the whole"
    )
    return [
        f"<g><title>{text(said)}</title><rect x='{x + 1:.1f}' y='{y + 1:.1f}' "
        f"width='{width - 2:.1f}' height='{height - 2:.1f}' rx='3' fill='{_COLOR}' "
        f"fill-opacity='{shade:.2f}' stroke='currentColor' stroke-opacity='.2'/>",
        _label(x + width / 2, y + height / 2 + 4, _times(cell.relative), "middle"),
        "</g>",
    ]
