"""Pictures of the networks of 1989: what is known pass by pass, and runs as trails on a plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lablib.classic.addition import SCORED_ONES, Pass
from lablib.classic.codes import SUMS
from lablib.classic.lists import PEOPLE, ListPass
from lablib.classic.trail import Trail
from lablib.plots.chart import Chart, Expected, Level, Line

_CHANCE = Level("chance", 1 / len(SUMS), about="chance of best match: one of 19 sums")
_ONES, _TWOS = 1, 0  # their places in the cycle of colors and markers
_ALL = (0.0, 1.0)


def phase_chart(trail: Trail, phase: str, guess: float | None = None) -> Chart:
    """Return what is known after each pass of one phase, ``"ones"`` or ``"twos"``.

    Parameters
    ----------
    trail : Trail
        The run; of several networks the mean is drawn, with the least and the most around it.
    guess : float, optional
        What the learner predicted for the ones after one pass over the twos.
    """
    runs = list((trail.ones_phase if phase == "ones" else trail.twos_phase).values())
    lines: tuple[Line, ...] = ()
    if runs:
        lines = (
            _line("ones, still ranked first", runs, lambda one: one.ones, _ONES, "ones"),
            _line("ones, said", runs, _said, _ONES, "ones, said", hollow=True),
            _line("twos, ranked first", runs, lambda one: one.twos, _TWOS, "twos"),
        )
    expected = () if guess is None or phase == "ones" else (Expected("after one pass", guess, 1),)
    last = max((len(run) - 1 for run in runs), default=0)
    return Chart(
        "First the ones" if phase == "ones" else "Then the twos",
        f"passes over the {phase}",
        "share of facts right",
        lines,
        (_CHANCE,),
        expected,
        y_range=_ALL,
        x_range=(0, max(last, 10)),
        empty="Press Start.",
    )


def _said(one: Pass) -> float:
    return one.share(SCORED_ONES, "within")


def _line(
    name: str,
    runs: Sequence[Sequence[Pass]],
    value: Callable[[Pass], float],
    style: int,
    label: str,
    hollow: bool = False,
) -> Line:
    columns = []
    for number in range(max(len(run) for run in runs)):
        columns.append([value(run[min(number, len(run) - 1)]) for run in runs])
    mean = tuple(sum(column) / len(column) for column in columns)
    several = len(runs) > 1 and not hollow
    return Line(
        name,
        tuple(range(len(columns))),
        mean,
        style,
        dashed=hollow,
        hollow=hollow,
        label=label,
        low=tuple(min(column) for column in columns) if several else (),
        high=tuple(max(column) for column in columns) if several else (),
    )


def plane(trails: Mapping[str, Trail]) -> Chart:
    """Return runs as trails: twos learned (x) against ones kept (y), one point a pass.

    Parameters
    ----------
    trails : mapping of str to Trail
        Runs by name; what stands before a colon is written at the end of the trail.
    """
    lines = []
    for place, (name, trail) in enumerate(trails.items()):
        points = trail.points()
        if points:
            xs, ys = zip(*points, strict=True)
            lines.append(Line(name, xs, ys, place, label=name.partition(":")[0]))
    return Chart(
        "Every run as a trail",
        "twos learned (share of 17 facts)",
        "ones kept (share of 15 facts)",
        tuple(lines),
        y_range=_ALL,
        x_range=_ALL,
        empty="Each run leaves its trail here, one point a pass.",
    )


def lists_chart(runs: Sequence[Sequence[ListPass]], passes: int = 20) -> Chart:
    """Return networks and people beside each other while the second list is learned.

    Parameters
    ----------
    runs : sequence of sequences of ListPass
        One run a network; the mean is drawn.
    passes : int
        How many passes over the second list are drawn.
    """
    second = [[one for one in run if one.phase == "A-C"] for run in runs]
    second = [run for run in second if run]
    lines = []
    for style, (name, value) in enumerate(_LISTS.items()):
        if second:
            columns = [
                [value(run[min(number, len(run) - 1)]) for run in second]
                for number in range(1, min(passes, max(len(run) for run in second) - 1) + 1)
            ]
            mean = tuple(sum(column) / len(column) for column in columns)
            xs = tuple(range(1, len(columns) + 1))
            lines.append(Line(f"networks, {name}", xs, mean, style, label=f"net {name}"))
        xs, ys = zip(*PEOPLE[name], strict=True)
        people = Line(
            f"people, {name}", xs, ys, style, dashed=True, hollow=True, label=f"people {name}"
        )
        lines.append(people)
    return Chart(
        "The first list while the second is learned",
        "passes over the second list (A-C)",
        "share of pairs right",
        tuple(lines),
        y_range=_ALL,
        x_range=(0, passes),
    )


_LISTS: dict[str, Callable[[ListPass], float]] = {
    "A-B": lambda one: one.ab,
    "A-C": lambda one: one.ac,
}
