"""Where memory goes, as bars of four parts; and how much of it there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lablib.plots.chart import COLORS, ticks
from lablib.plots.strokes import n, open_svg, text

PARTS = ("weights", "gradients", "optimizer", "activations")
_LETTERS = ("W", "G", "O", "A")  # so that a part is not told by its color alone
_MB = 1e6
_LEFT, _TOP, _ROW = 150, 54, 40


@dataclass(frozen=True)
class Bar:
    """One bar: four parts in bytes, and what is said of it."""

    name: str
    parts: tuple[float, ...]  # in the order of ``PARTS``
    note: str = ""  # a second, softer line under the name
    guess: bool = False  # a prediction or a formula: drawn as an outline
    peak: float | None = None  # bytes at the highest moment, drawn as a mark
    end: str = ""  # written behind the bar instead of its size


def bars(
    title: str, shown: Sequence[Bar], cap: float | None = None, empty: str = "", width: int = 640
) -> str:
    """Return the bars under each other as an SVG string.

    Parameters
    ----------
    title : str
        Stands above the picture.
    shown : sequence of Bar
        From top to bottom.
    cap : float, optional
        A limit in bytes, drawn as a line across.
    empty : str
        Said where there are no bars.
    width : int
        Of the view box.
    """
    height = _TOP + _ROW * max(len(shown), 1) + 34
    right = width - 84
    top = max([sum(bar.parts) for bar in shown] + [b.peak or 0 for b in shown] + [cap or 0, 1e6])
    scale = (right - _LEFT) / (top * 1.02)
    said = "; ".join(f"{bar.name}: {sum(bar.parts) / _MB:.0f} MB" for bar in shown) or empty
    out = [open_svg(width, height, f"{title}. {said}")]
    out.append(f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>")
    out += _legend()
    bottom = _TOP + _ROW * max(len(shown), 1)
    out += _axis(top, scale, bottom, right)
    for index, bar in enumerate(shown):
        out += _bar(bar, _TOP + index * _ROW, scale, cap)
    if cap is not None:
        x = n(_LEFT + cap * scale)
        out.append(
            f"<g><title>the cap: {cap / _MB:.0f} MB</title><path d='M{x} {_TOP - 10}V{bottom}' "
            "stroke='#c0392b' stroke-width='2' stroke-dasharray='6 3'/>"
            f"<text x='{x}' y='{_TOP - 13}' text-anchor='middle' font-size='10'>cap</text></g>"
        )
    if not shown:
        out.append(f"<text x='{_LEFT}' y='{_TOP + 20}' opacity='.7'>{text(empty)}</text>")
    out.append("</svg>")
    return "".join(out)


def _legend() -> list[str]:
    out, x = [], 0
    for letter, part, color in zip(_LETTERS, PARTS, COLORS, strict=False):
        out.append(
            f"<rect x='{x}' y='22' width='14' height='12' fill='{color}'/>"
            f"<text x='{x + 7}' y='32' font-size='9' text-anchor='middle' fill='#fff'>{letter}"
            f"</text><text x='{x + 18}' y='32' font-size='11'>{part}</text>"
        )
        x += 36 + 7 * len(part)
    out.append(
        f"<text x='{x + 6}' y='32' font-size='11' opacity='.8'>outlined: by the formula · "
        "▾ highest moment</text>"
    )
    return out


def _axis(top: float, scale: float, bottom: float, right: float) -> list[str]:
    out = []
    for value in ticks(0, top / _MB, 5):
        x = n(_LEFT + value * _MB * scale)
        out.append(
            f"<path d='M{x} {_TOP}V{n(bottom)}' stroke='currentColor' stroke-opacity='.13'/>"
            f"<text x='{x}' y='{n(bottom + 14)}' font-size='11' text-anchor='middle' "
            f"opacity='.75'>{value:g}</text>"
        )
    out.append(
        f"<text x='{n((_LEFT + right) / 2)}' y='{n(bottom + 29)}' font-size='11' "
        "text-anchor='middle' opacity='.75'>megabytes</text>"
    )
    return out


def _bar(bar: Bar, y: float, scale: float, cap: float | None) -> list[str]:
    out = [
        f"<text x='{_LEFT - 8}' y='{y + 15}' text-anchor='end'>{text(bar.name)}</text>",
        f"<text x='{_LEFT - 8}' y='{y + 28}' text-anchor='end' font-size='10' opacity='.75'>"
        f"{text(bar.note)}</text>",
    ]
    x = float(_LEFT)
    for letter, part, value, color in zip(_LETTERS, PARTS, bar.parts, COLORS, strict=False):
        wide = value * scale
        paint = f"fill='none' stroke='{color}' stroke-width='1.5'" if bar.guess else (
            f"fill='{color}'"
        )  # fmt: skip
        ink = "currentColor" if bar.guess else "#fff"
        out.append(
            f"<g><title>{text(bar.name)}, {part}: {value / _MB:.1f} MB</title>"
            f"<rect x='{n(x)}' y='{y + 4}' width='{n(max(wide, 0))}' height='22' {paint}/>"
        )
        if wide > 15:
            out.append(
                f"<text x='{n(x + wide / 2)}' y='{y + 19}' font-size='11' text-anchor='middle' "
                f"fill='{ink}'>{letter}</text>"
            )
        out.append("</g>")
        x += wide
    if bar.peak is not None:
        at = _LEFT + bar.peak * scale
        out.append(
            f"<g><title>{text(bar.name)}, highest moment: {bar.peak / _MB:.0f} MB</title>"
            f"<path d='M{n(at - 4)} {y - 3}h8l-4 6z'/></g>"
        )
        x = max(x, at)
    line = x if cap is None else _LEFT + cap * scale
    if x < line + 4 < x + 70:  # the words would stand on the line of the cap
        x = line + 2
    end = bar.end or f"{sum(bar.parts) / _MB:.0f} MB"
    out.append(f"<text x='{n(x + 6)}' y='{y + 20}' font-size='11'>{text(end)}</text>")
    return out
