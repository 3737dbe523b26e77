"""A loaded coin that learns from its own flips: temperature, flips, and whose flips they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import numpy as np

from lablib.controls import Controls
from lablib.lessons import coins as lesson
from lablib.lessons.coins import Coins
from lablib.plots import coins as pictures
from lablib.plots import live
from lablib.report import Record
from lablib.runtime import fast_mode
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import table
from lablib.widgets.predict import Choice, Number

COLD = 0.3
ENDS = lesson.ENDS  # where coins may end, as the prediction offers it
_FLIPPED = "coins are flipped here, no model is trained"
_A_SECOND = 10  # generations shown
_TEMPERATURES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.5, 2.0)


class CoinDemo(widgets.VBox):
    """Start, Stop, three sliders; the coins generation by generation; both predictions.

    Parameters
    ----------
    record : Record
        Keeps what was measured.
    mean : Number
        The mean chance of heads expected at temperature 1, at the end.
    cold : Choice
        What most coins were expected to do at temperature 0.3.

    Notes
    -----
    The calls that do the same: ``list(coins.generations(demo.settings))`` and
    ``coins.exact_means(demo.settings)``.
    """

    def __init__(self, record: Record, mean: Number, cold: Choice):
        self.record, self._mean, self._cold = record, mean, cold
        self.temperature = control(
            widgets.SelectionSlider(
                options=[(f"{t:g}", t) for t in _TEMPERATURES],
                value=1.0,
                description="Temperature (1: the coin as it is)",
            )
        )
        self.flips = control(
            widgets.SelectionSlider(
                options=[(str(n), n) for n in (10, 20, 50, 100, 200)],
                value=50,
                description="Flips that a generation learns from (number)",
            )
        )
        self.writer = control(
            widgets.Dropdown(options=lesson.WRITERS, description="Whose flips are learned from")
        )
        self.seed = control(
            widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="Seed (whole number)")
        )
        self._shown, self._seen = Coins(), []
        self.ends: list[tuple[Coins, np.ndarray]] = []  # finished runs
        self.job = Job("Start", self._make, self._take, self._done)
        self.picture, self.numbers, self.look = (widgets.HTML() for _ in range(3))
        left = widgets.VBox([self.job, self.temperature, self.flips, self.writer, self.seed])
        right = widgets.VBox([self.picture, self.numbers, self.look])
        for card, place in ((left, "lethe-left"), (right, "lethe-right")):
            card.add_class("lethe-card")
            card.add_class(place)
        body = widgets.HBox([left, right])
        body.add_class("lethe-body")
        super().__init__([widgets.HTML(STYLE), body])
        self.add_class("lethe")
        mean.on_saved(lambda _: self.draw())
        cold.on_saved(lambda _: self.draw())
        self.draw()

    @property
    def settings(self) -> Coins:
        """The settings that the controls show."""
        return Coins(
            flips=self.flips.value,
            temperature=self.temperature.value,
            writer=self.writer.value,
            seed=self.seed.value,
        )

    def watch(self) -> None:
        """Run in the foreground with the settings shown."""
        self.job.watch()

    def _make(self, _report: Any, controls: Controls) -> Iterator[Coins | np.ndarray]:
        settings = self.settings
        yield settings
        for now in lesson.generations(settings):
            if controls.stopped:
                return
            yield now
            if not fast_mode():
                time.sleep(1 / _A_SECOND)

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, Coins):
                self._shown, self._seen = part, []
            else:
                self._seen.append(part)
        if parts:
            said = f"Generation {max(len(self._seen) - 1, 0)} of {self._shown.generations}."
            self.job.status.value = theme.note(said)
            self.draw()

    def _done(self) -> None:
        self.ends.append((self._shown, self._seen[-1]))
        self.draw()

    def draw(self) -> None:
        """Show the newest run, the table of all, and the predictions."""
        guess = self._mean.value if self._shown.temperature == 1 else None
        chart = pictures.trails(self._shown, self._seen, guess)
        self.picture.value = badge("illustrative", _FLIPPED) + live.svg(chart, 520, 300)
        details = f"<details><summary>The numbers</summary>{live.table(chart)}</details>"
        self.numbers.value = (details if self._seen else "") + self._runs()
        self.look.value = self._met()

    def _runs(self) -> str:
        rows = []
        for settings, shares in self.ends[-8:]:
            heads, tails = lesson.one_sided(shares)
            rows.append(
                (
                    f"T {settings.temperature:g}, {settings.flips} flips, {settings.writer}",
                    f"{shares.mean():.2f}",
                    f"{lesson.exact_means(settings)[-1]:.2f}",
                    f"{heads:.2f}",
                    f"{tails:.2f}",
                )
            )
        if not rows:
            return ""
        head = ("run", "mean at the end", "computed exactly", "heads only", "tails only")
        return table("Your runs: where the coins end (shares of them)", head, rows)

    def _met(self) -> str:
        own = [run for run in self.ends if run[0].writer == lesson.WRITERS[0]]
        plain = [(s, at) for s, at in own if s.temperature == 1]
        cold = [(s, at) for s, at in own if s.temperature == COLD]
        lines = []
        try:
            if plain:
                settings, shares = plain[-1]
                mean, spread = float(shares.mean()), float(shares.std())
                detail = f"{settings.flips} flips, seed {settings.seed}"
                self.record.measure(self._mean.key, mean, "illustrative", detail)
                lines.append(
                    f"<b>Temperature 1.</b> Your prediction: {_said(self._mean.value)}. Measured: "
                    f"a mean of {mean:.2f}; the standard deviation of single coins is {spread:.2f}."
                )
            if cold:
                settings, shares = cold[-1]
                end = lesson.ending(shares, settings.start)
                self.record.measure(self._cold.key, end, "illustrative", f"seed {settings.seed}")
                lines.append(
                    f"<b>Temperature {COLD:g}.</b> Your prediction: {_said(self._cold.value)}. "
                    f"Measured: {theme.escape(end)}."
                )
        except (OSError, ValueError) as error:
            return theme.error(str(error))
        return "".join(f"<p role='status'>{line}</p>" for line in lines)


def _said(value: Any) -> str:
    if value is None:
        return "none saved"
    return f"{value:.2f}" if isinstance(value, float) else theme.escape(value)
