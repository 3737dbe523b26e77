"""A histogram of weights with the levels that they may be rounded to."""

from __future__ import annotations

from collections.abc import Sequence

from lablib.plots.chart import COLORS, ticks
from lablib.plots.strokes import marker, n, open_svg, text

_LEFT, _TOP, _BOTTOM = 14, 58, 200


def levels_picture(
    title: str,
    counts: Sequence[int],
    yours: Sequence[float],
    other: Sequence[float] = (),
    other_name: str = "",
    width: int = 640,
) -> str:
    """Return weights between -1 and 1 as a histogram, with one or two sets of levels.

    Parameters
    ----------
    title : str
        Stands above the picture.
    counts : sequence of int
        Weights in bins of equal width from -1 to 1.
    yours : sequence of float
        The learner's levels: full lines, round marks below.
    other : sequence of float
        Levels to compare with: dashed lines, marks above.
    other_name : str
        What those are called.
    width : int
        Of the view box.
    """
    right, height = width - _LEFT, _BOTTOM + 52

    def x(value: float) -> float:
        return _LEFT + (value + 1) / 2 * (right - _LEFT)

    said = ", ".join(f"{value:.2f}" for value in sorted(yours))
    out = [open_svg(width, height, f"{title}. Your levels: {said}.")]
    out.append(f"<text x='0' y='14' font-weight='600' font-size='13'>{text(title)}</text>")
    out.append(
        "<text x='0' y='31' font-size='11' opacity='.8'>bars: how many weights there are · full "
        f"lines, ●: your levels{text(f' · dashed, ▽: {other_name}' if other else '')}</text>"
    )
    most = max([*counts, 1])
    step = (right - _LEFT) / max(len(counts), 1)
    path = "".join(
        f"M{n(_LEFT + i * step)} {_BOTTOM}v-{n((_BOTTOM - _TOP) * count / most)}h{n(step * 0.92)}"
        f"V{_BOTTOM}z"
        for i, count in enumerate(counts)
    )
    out.append(f"<path d='{path}' fill='{COLORS[4]}' fill-opacity='.45'/>")
    for value in ticks(-1, 1, 5):
        out.append(
            f"<text x='{n(x(value))}' y='{_BOTTOM + 32}' font-size='11' text-anchor='middle' "
            f"opacity='.75'>{value:g}</text>"
        )
    out.append(
        f"<text x='{n((_LEFT + right) / 2)}' y='{height - 3}' font-size='11' text-anchor='middle' "
        "opacity='.75'>weight, divided by the largest magnitude of its block</text>"
    )
    for i, value in enumerate(sorted(yours)):
        at = n(x(value))
        out.append(
            f"<g stroke='{COLORS[0]}' fill='{COLORS[0]}'><title>level {i + 1}: {value:.3f}</title>"
            f"<path d='M{at} {_TOP}V{_BOTTOM + 8}' stroke-width='1.6'/>"
            f"<path d='{marker('circle', x(value), _BOTTOM + 12, 3.6)}'/></g>"
        )
    for i, value in enumerate(sorted(other)):
        at = n(x(value))
        out.append(
            f"<g stroke='{COLORS[1]}'><title>{text(other_name)}, level {i + 1}: {value:.3f}"
            f"</title><path d='M{at} {_TOP - 8}V{_BOTTOM}' stroke-width='1.4' "
            "stroke-dasharray='4 3'/>"
            f"<path d='{marker('down', x(value), _TOP - 12, 3.4)}' fill='none'/></g>"
        )
    out.append("</svg>")
    return "".join(out)
