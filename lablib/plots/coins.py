"""Coins trained on their own flips, generation by generation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lablib.lessons.coins import Coins, exact_means
from lablib.plots.chart import Chart, Expected, Level, Line

_SHOWN = 24  # single coins that are drawn behind their mean


def trails(settings: Coins, seen: Sequence[np.ndarray], guess: float | None = None) -> Chart:
    """Return single coins, their mean, and the exact mean.

    Parameters
    ----------
    settings : Coins
        What is done.
    seen : sequence of arrays
        Chance of heads of every coin, one array a generation so far.
    guess : float, optional
        The predicted mean at the end.
    """
    lines: tuple[Line, ...] = ()
    if len(seen) > 1:
        steps = tuple(range(len(seen)))
        single = [
            Line(
                f"coin {i + 1}",
                steps,
                tuple(float(at[i]) for at in seen),
                4,
                faint=True,
                markers=False,
            )
            for i in range(min(_SHOWN, settings.coins))
        ]
        exact = exact_means(settings)[: len(seen)]
        lines = (
            *single,
            Line(
                f"mean of {settings.coins} coins",
                steps,
                tuple(float(at.mean()) for at in seen),
                0,
                label="mean",
            ),
            Line(
                "mean, computed exactly",
                steps,
                tuple(exact),
                1,
                dashed=True,
                markers=False,
                label="exact mean",
            ),
        )
    return Chart(
        f"Chance of heads, temperature {settings.temperature:g}",
        "generation",
        "chance of heads",
        lines,
        (Level("first coin", settings.start, strong=True),),
        () if guess is None else (Expected("mean", guess, 0),),
        y_range=(0.0, 1.0),
        x_range=(0, settings.generations),
        source="illustrative",  # no model is trained
        empty="Press Start.",
    )
