"""Two weights, two valleys, two springs: the plane of lab 05 as an SVG string."""

from __future__ import annotations

from collections.abc import Collection

from lablib.lessons.springs import (
    KINDS,
    LOW,
    SHORT,
    STIFFNESSES,
    Bowl,
    Pair,
    Walk,
    tasks,
    trade,
)
from lablib.plots.chart import COLORS, Chart, Cross, Line, badge
from lablib.plots.strokes import marker, n, open_svg, text, thin

OLD, NEW = COLORS[0], COLORS[1]
_LEVELS = (1, 3, 6)  # of LOW
_X, _Y = (-0.4, 3.0), (-0.9, 2.3)  # first and second weight
_WIDTH, _LEFT, _TOP = 460, 42, 46
_UNIT = 116.0  # pixels a unit of weight, the same both ways


def plane(one: Walk, strength: float, kind: str, valley: str) -> str:
    """Return the level lines of both tasks, the path of a run and the springs it pulls.

    Parameters
    ----------
    one : Walk
        The run.
    strength, kind, valley
        What it was made with, as in ``springs.walk``.
    """
    wide, tall = _UNIT * (_X[1] - _X[0]), _UNIT * (_Y[1] - _Y[0])
    old, new = tasks(valley)
    end = one.path[-1]
    summary = (
        f"Two weights. The run starts at {_at(one.path[0])}, best for the old task, and ends at "
        f"{_at(end)}; best for the new task is {_at(tuple(new.best))}. Excess loss at the end: "
        f"old {one.old:.2f}, new {one.new:.2f}."
    )
    parts = [
        open_svg(_WIDTH, _TOP + tall + 44, summary),
        f"<text x='0' y='14' font-weight='600' font-size='13'>{text(f'Stiffness {strength:g}')}"
        f"</text><text x='{_WIDTH}' y='14' text-anchor='end' font-size='10' opacity='.7'>"
        f"{text(badge('live'))}</text>"
        f"<text x='0' y='32' font-size='11' opacity='.8'>{text(KINDS[kind])}</text>",
        # a picture inside the picture: what leaves it is cut off
        f"<svg x='{_LEFT}' y='{_TOP}' width='{n(wide)}' height='{n(tall)}' "
        f"viewBox='0 0 {n(wide)} {n(tall)}'>",
        *_valley(old, OLD, "", "the old task is good inside"),
        *_valley(new, NEW, "stroke-dasharray='5 3'", "the new task is good inside"),
        *_path(one),
        *_best(old, "old best", OLD, -8, "end"),
        *_best(new, "new best", NEW, 9, "start"),
        "</svg>",
        f"<rect x='{_LEFT}' y='{_TOP}' width='{n(wide)}' height='{n(tall)}' fill='none' "
        "stroke='currentColor' stroke-opacity='.25'/>",
        *_springs(one, tall),
        *_axes(wide, tall),
        "</svg>",
    ]
    return "".join(parts)


def trade_chart(one: Walk, valley: str, kinds: Collection[str]) -> Chart:
    """Return what every stiffness of these kinds of spring costs, and the run on show."""
    lines = []
    for style, kind in enumerate(KINDS):
        if kind not in kinds:  # not tried yet: it would answer the prediction
            continue
        walks = [walked for _, walked in trade(kind, valley)]
        lines.append(
            Line(
                f"{KINDS[kind]}, stiffness {STIFFNESSES[0]:g} to {STIFFNESSES[-1]:g}",
                tuple(walked.new for walked in walks),
                tuple(walked.old for walked in walks),
                style,
                label=SHORT[kind],
                dashed=style > 0,
                hollow=style > 0,
            )
        )
    return Chart(
        "Every stiffness",
        "new task: excess loss at the end",
        "old task: excess loss at the end",
        tuple(lines),
        crosses=(Cross("this run", one.new, one.old, style=7),),
        y_range=(0.0, 0.8),
        x_range=(0.0, 0.8),
        notes=("The lower left corner is where both are good.",),
    )


def _xy(point: Pair) -> Pair:
    return _UNIT * (point[0] - _X[0]), _UNIT * (_Y[1] - point[1])


def _at(point: Pair) -> str:
    return f"({point[0]:.2f}, {point[1]:.2f})"


def _valley(bowl: Bowl, color: str, dash: str, said: str) -> list[str]:
    parts = []
    for level in reversed(_LEVELS):
        path = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in map(_xy, bowl.ellipse(level * LOW)))
        fill = f"fill='{color}' fill-opacity='.22'" if level == 1 else "fill='none'"
        width, fade = (2, 1) if level == 1 else (1, 0.45)
        parts.append(
            f"<path d='{path}z' {fill} stroke='{color}' stroke-width='{width}' "
            f"stroke-opacity='{fade}' {dash}><title>{text(said)}: excess loss up to "
            f"{level * LOW:.2f}</title></path>"
        )
    return parts


def _path(one: Walk) -> list[str]:
    points = [_xy(point) for point in one.path]
    line = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in thin(points, 160))
    dots = "".join(marker("circle", *point, 2) for point in points[:12])
    return [
        f"<path d='{line}' fill='none' stroke='currentColor' stroke-width='2.2'>"
        "<title>the path of the run</title></path>",
        f"<path d='{dots}' fill='currentColor'><title>the first steps, one dot each</title></path>",
        f"<path d='{marker('diamond', *points[-1], 6)}' fill='currentColor' "
        f"stroke='var(--lethe-ground,#fff)'><title>here the run stops: "
        f"{text(_at(one.path[-1]))}</title></path>",
    ]


def _best(bowl: Bowl, name: str, color: str, aside: float, anchor: str) -> list[str]:
    x, y = _xy(tuple(bowl.best))
    return [
        f"<path d='{marker('cross', x, y, 5)}' stroke='{color}' stroke-width='2.4'/>"
        f"<text x='{n(x + aside)}' y='{n(y + 15)}' font-size='11' text-anchor='{anchor}'>"
        f"{text(name)}</text>"
    ]


def _springs(one: Walk, tall: float) -> list[str]:
    """One spring below the plane for the first weight, one beside it for the second."""
    (x0, y0), (x1, y1) = _xy(one.path[0]), _xy(one.path[-1])
    bottom, side = _TOP + tall + 7, _LEFT - 7
    across = _zigzag(_LEFT + x0, _LEFT + x1)
    up = _zigzag(_TOP + y0, _TOP + y1)
    paths = (
        "M" + "L".join(f"{n(at)} {n(bottom + off)}" for at, off in across),
        "M" + "L".join(f"{n(side + off)} {n(at)}" for at, off in up),
    )
    return [
        f"<path d='{path}' fill='none' stroke='currentColor' stroke-width='{width:.1f}'>"
        f"<title>spring on weight {i + 1}: stiffness {stiff:.2f}</title></path>"
        for i, (path, stiff) in enumerate(zip(paths, one.springs, strict=True))
        for width in [min(0.6 + 1.1 * stiff**0.5, 4)]
        if stiff > 0
    ]


def _zigzag(start: float, end: float, teeth: int = 8) -> list[Pair]:
    """Places along a spring and how far it leans aside there."""
    places = [start + (end - start) * i / (2 * teeth) for i in range(2 * teeth + 1)]
    return [(at, 0 if i in (0, 2 * teeth) else (3 if i % 2 else -3)) for i, at in enumerate(places)]


def _axes(wide: float, tall: float) -> list[str]:
    parts = ["<g font-size='11' opacity='.8'>"]
    for value in (0, 1, 2):
        x, y = _xy((value, value))
        parts.append(
            f"<text x='{n(_LEFT + x)}' y='{n(_TOP + tall + 24)}' text-anchor='middle'>{value}"
            f"</text><text x='{_LEFT - 18}' y='{n(_TOP + y + 4)}' text-anchor='end'>{value}</text>"
        )
    middle = n(_TOP + tall / 2)
    parts.append(
        f"<text x='{n(_LEFT + wide / 2)}' y='{n(_TOP + tall + 39)}' text-anchor='middle'>"
        f"first weight</text><text x='10' y='{middle}' text-anchor='middle' "
        f"transform='rotate(-90 10 {middle})'>second weight</text></g>"
    )
    return parts
