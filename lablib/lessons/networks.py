"""The claims of lab 01 as numbers: one value a network of 1989, by its seed."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from lablib.classic import Settings, Trail
from lablib.classic.addition import run
from lablib.classic.lists import run_lists


def value(effect: dict[str, Any], seed: int) -> float:
    """Return the quantity of one effect of lab 01 for one network.

    Parameters
    ----------
    effect : dict
        ``run`` is ``"addition"`` or ``"lists"``; ``settings`` are fields of
        ``classic.Settings`` that differ from the paper's.
    seed : int
        Of the network.
    """
    if effect["run"] == "lists":
        return float(_lists(seed))
    settings = tuple(sorted(effect.get("settings", {}).items()))
    return float(_OF_TRAIL[effect["metric"]](_trail(settings, seed)))


@functools.lru_cache(maxsize=256)  # several effects look at the same run
def _trail(settings: tuple[tuple[str, Any], ...], seed: int) -> Trail:
    chosen = Settings(**dict(settings))
    return Trail.of(run(chosen, seed), chosen)


@functools.cache
def _lists(seed: int) -> int:
    """Passes until all pairs of the first list are within .1."""
    first = itertools.takewhile(lambda one: one.phase == "A-B", run_lists(seed))
    return max(one.number for one in first)


def _ones_after(number: int) -> Callable[[Trail], float]:
    return lambda trail: trail.at(number).ones


def _at_all_twos(trail: Trail) -> float:
    kept = trail.ones_at(1.0)
    if kept is None:
        raise ValueError("This network never ranked all twos first.")
    return kept


def _end(trail: Trail) -> float:
    """The smaller of ones kept and twos learned at the end: both have to be there."""
    return min(trail.points()[-1])


def _reached(trail: Trail) -> float:
    """Whether the ones came within .1 before the passes were used up: 1 or 0."""
    return float(trail.trials_to_criterion()[0] < trail.settings.most_ones)


_OF_TRAIL: dict[str, Callable[[Trail], float]] = {
    **{f"ones after {number} passes": _ones_after(number) for number in range(3)},
    "twos at the start": lambda trail: trail.at(0).twos,
    "passes until the ones are said": lambda trail: trail.trials_to_criterion()[0],
    "ones said before the passes are used up": _reached,
    "ones when all twos are right": _at_all_twos,
    "the lower of ones and twos at the end": _end,
}
