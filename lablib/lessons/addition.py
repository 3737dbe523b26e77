"""What lab 01 reads off its runs: which errors there are, what was changed, what it saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lablib.classic import Settings, Trail
from lablib.classic.addition import RIGHT, SCORED_ONES, Pass

# What a ones fact may turn into; the prediction offers these in this order.
TURNS = (
    "one too few: 5+1 becomes 5",
    "one too many: 5+1 becomes 7",
    "two too many: 5+1 becomes 8",
    "anything: no wrong sum stands out",
)
_BY = {-1: TURNS[0], 1: TURNS[1], 2: TURNS[2]}

RESCUES = {
    "hidden": "more hidden units",
    "rate": "a lower learning rate",
    "momentum": "less momentum",
    "overtraining": "overtraining on the ones",
    "freeze": "freezing weights",
}
NONE = "none of them keeps even five of the fifteen"
SAVED = 5 / 15  # of the ones left when all twos are right: from here on a rescue counts as one
ENOUGH = 14 / 15  # ones that count as kept in the search for the smallest mix

# Best match on the ones after 0, 1 and 2 passes over the twos; means over two runs
# (McCloskey & Cohen 1989, pp. 119-121).
PAPER_ONES = (1.00, 0.57, 0.30)


def turned(one: Pass) -> tuple[str, int, int]:
    """Return the most frequent kind of error on the ones, how often it is, how many there are."""
    gaps = Counter(one.answers[i] - RIGHT[i] for i in SCORED_ONES if one.answers[i] != RIGHT[i])
    total = sum(gaps.values())
    if not total:
        return "none: all are right", 0, 0
    gap, often = gaps.most_common(1)[0]
    stands_out = 2 * often > total
    return (_BY.get(gap, TURNS[-1]) if stands_out else TURNS[-1]), often, total


def describe(settings: Settings) -> str:
    """Return in a few words how a run differs from that of the paper."""
    words = {
        "hidden": "{} hidden units",
        "rate": "rate {:g}",
        "momentum": "momentum {:g}",
        "overtraining": "{} passes more on the ones",
        "freeze": "frozen: {}",
        "interleave": "{} ones facts mixed in",
        "batch": "batch updates",
        "together": "all facts from the start",
    }
    changed = settings.changed()
    parts = [text.format(changed[name]) for name, text in words.items() if name in changed]
    return ", ".join(parts) or "as in the paper"


def is_rescue(settings: Settings) -> bool:
    """Return True if a run tries one of the rescues of 1989 and mixes nothing in."""
    changed = settings.changed()
    rehearsed = {"interleave", "together", "batch"} & changed.keys()
    return bool(RESCUES.keys() & changed.keys()) and not rehearsed


def is_gentle(settings: Settings) -> bool:
    """Return True if a run takes smaller steps than the paper's and mixes nothing in."""
    smaller = settings.rate <= 0.1 or settings.momentum <= 0.5
    return smaller and is_rescue(settings)


def verdict(trails: Iterable[Trail], level: float = 1.0) -> str | None:
    """Return which rescue kept most ones where ``level`` of the twos is right, or None.

    A rescue counts if it kept at least ``SAVED`` of the ones. That there is ``NONE`` can be said
    once all have been tried, each in its own direction: fewer units are not more of them.
    """
    tried: dict[str, float] = {}
    plain = Settings()
    for trail in trails:
        settings, kept = trail.settings, trail.ones_at(level)
        names = [name for name in RESCUES if name in settings.changed()]
        if settings.hidden < plain.hidden or settings.rate > plain.rate:
            continue
        if is_rescue(trail.settings) and len(names) == 1 and kept is not None:
            tried[names[0]] = max(kept, tried.get(names[0], 0.0))
    best = max(tried, key=tried.__getitem__, default="")
    if best and tried[best] >= SAVED:
        return RESCUES[best]
    return NONE if tried.keys() == RESCUES.keys() else None


def smallest_mix(trails: Iterable[Trail]) -> int | None:
    """Return the fewest facts mixed in with which a run ended with the ones kept, or None."""
    enough = [
        trail.settings.interleave
        for trail in trails
        if trail.settings.interleave and trail.finished and end(trail)[1] >= ENOUGH
    ]
    return min(enough, default=None)


def end(trail: Trail) -> tuple[float, float]:
    """Return (twos learned, ones kept) at the end of a run."""
    return trail.points()[-1]


def table_rows(trails: Mapping[str, Trail], own=None, level: float = 0.8) -> list[list[str]]:
    """Return one row a run for the table beside the plane.

    Parameters
    ----------
    trails : mapping of str to Trail
        Runs by name.
    own : callable, optional
        The learner's ``ones_at(trail, level)``; its column stays open without it.
    """
    rows = []
    for name, trail in trails.items():
        points = trail.points()
        if not points:
            continue
        mine = "–" if own is None else _mine(own, points, level)
        rows.append(
            [
                name,
                _number(points[1][1]) if len(points) > 1 else "–",
                mine,
                _number(trail.ones_at(1.0)),
                _number(points[-1][1]),
                str(trail.length),
            ]
        )
    return rows


def _mine(own, points: list[tuple[float, float]], level: float) -> str:
    try:
        return _number(own([*points], level))
    except Exception as error:  # the check has seen only its own cases
        return type(error).__name__


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "never" if value is None else str(value)
    return f"{value:.2f}"
