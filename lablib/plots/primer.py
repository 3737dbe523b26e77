"""Pictures of the primer that are no curves: tokens as bars, a walk downhill, matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lablib.plots.chart import COLORS
from lablib.plots.strokes import n, open_svg, text

_ROW = 24


def tokens(
    words: Sequence[str],
    values: Sequence[float],
    shown: Sequence[str],
    title: str,
    level: float | None = None,
    log: bool = False,
) -> str:
    """Return one bar a token, from the top in reading order.

    Parameters
    ----------
    words : sequence of str
        The tokens.
    values : sequence of float
        Lengths of the bars: shares, or with ``log`` numbers from one upward.
    shown : sequence of str
        What is written at the end of each bar.
    title : str
        Above the picture.
    level : float, optional
        Where a line is drawn across all bars.
    log : bool
        Bars as long as the logarithm of the value.
    """
    left, width, top = 120, 460, 34
    most = max([*values, level or 0.0, 2.0]) if log else 1.0

    def length(value: float) -> float:
        share = math.log(max(value, 1.0)) / math.log(most) if log else value
        return max(share, 0.0) * (width - left - 80)

    height = top + _ROW * max(len(words), 1) + 10
    parts = [open_svg(width, height, f"{title}: {', '.join(map(_pair, words, shown))}")]
    parts.append(f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>")
    for row, (word, value, said) in enumerate(zip(words, values, shown, strict=True)):
        y = top + _ROW * row
        short = word if len(word) <= 14 else word[:13] + "…"
        parts.append(
            f"<g><title>{text(_pair(word, said))}</title>"
            f"<text x='{left - 8}' y='{y + 14}' text-anchor='end'>{text(short)}</text>"
            f"<rect x='{left}' y='{y + 3}' width='{n(max(length(value), 1))}' height='15' "
            f"fill='{COLORS[0]}'/><text x='{n(left + length(value) + 6)}' y='{y + 15}' "
            f"font-size='11'>{text(said)}</text></g>"
        )
    if level is not None and words:
        x = n(left + length(level))
        parts.append(
            f"<path d='M{x} {top - 6}V{height - 6}' stroke='currentColor' stroke-opacity='.7' "
            f"stroke-dasharray='4 3'><title>{level:.3g}</title></path>"
        )
    return "".join([*parts, "</svg>"])


def _pair(word: str, said: str) -> str:
    return f"{word} {said}"


def valley(places: Sequence[float], title: str) -> str:
    """Return the walk of one weight over the loss ``w**2 / 2``, one point a step.

    Parameters
    ----------
    places : sequence of float
        The weight before the first and after every step.
    title : str
        Above the picture.
    """
    width, height, top, reach = 460, 240, 34, 6.0

    def at(w: float) -> tuple[float, float]:
        w = min(max(w, -reach), reach)
        x = width / 2 + w / reach * (width / 2 - 16)
        return x, height - 26 - (w * w / 2) / (reach * reach / 2) * (height - top - 40)

    curve = "L".join(f"{n(x)} {n(y)}" for x, y in (at(w / 10) for w in range(-60, 61)))
    steps = "L".join(f"{n(x)} {n(y)}" for x, y in map(at, places))
    parts = [open_svg(width, height, f"{title}: the weight goes from {places[0]:.3g} to "
                      f"{places[-1]:.3g}")]  # fmt: skip
    parts.append(
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>"
        f"<text x='0' y='30' font-size='11' opacity='.8'>loss</text>"
        f"<text x='{width / 2}' y='{height - 4}' text-anchor='middle' font-size='11' "
        "opacity='.75'>weight (the bottom of the valley lies at zero)</text>"
        f"<path d='M{curve}' fill='none' stroke='currentColor' stroke-opacity='.45'/>"
        f"<path d='M{steps}' fill='none' stroke='{COLORS[1]}' stroke-width='1.5' "
        "stroke-dasharray='4 3'/>"
    )
    for number, w in enumerate(places):
        x, y = at(w)
        off = " (beyond the picture)" if abs(w) > reach else ""
        parts.append(
            f"<circle cx='{n(x)}' cy='{n(y)}' r='{5 if number in (0, len(places) - 1) else 3}' "
            f"fill='{COLORS[0]}'><title>after step {number}: weight {w:.3g}{off}</title></circle>"
        )
    return "".join([*parts, "</svg>"])


def side_by_side(pictures: dict[str, np.ndarray]) -> str:
    """Return matrices as fields of gray, each under its name; values from 0 to 1."""
    field, gap, top = 20, 36, 22
    side = max(matrix.shape[1] for matrix in pictures.values())
    width = len(pictures) * side * field + (len(pictures) - 1) * gap
    height = top + field * max(matrix.shape[0] for matrix in pictures.values()) + 4
    parts = [open_svg(width, height, ", ".join(pictures))]
    for place, (name, matrix) in enumerate(pictures.items()):
        left = place * (side * field + gap)
        parts.append(f"<text x='{left}' y='14' font-weight='600'>{text(name)}</text>")
        for (row, column), value in np.ndenumerate(matrix):
            shade = min(max(float(value), 0.0), 1.0)
            parts.append(
                f"<rect x='{left + column * field}' y='{top + row * field}' width='{field}' "
                f"height='{field}' fill='currentColor' fill-opacity='{0.04 + 0.8 * shade:.2f}'>"
                f"<title>row {row + 1}, column {column + 1}: {value:.2f}</title></rect>"
            )
    return "".join([*parts, "</svg>"])
