"""The identity behind the diary, checked: does the model's own text pull it anywhere?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from lablib.controls import Controls
from lablib.lessons import anchor as lesson
from lablib.plots import anchor as pictures
from lablib.plots import live
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice

GUESSES = lesson.GUESSES


class GradientCheck(widgets.VBox):
    """Measure the mean gradient of four kinds of text at the base, over more and more samples.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    guess : Choice
        What four times as many own samples were expected to do.

    Notes
    -----
    The call that does the same: ``list(anchor.measure(loaded))``.
    """

    def __init__(self, lab: ModelChoice, guess: Choice):
        self._lab, self._guess = lab, guess
        self.curves: dict[str, lesson.Curve] = {}
        self.job = Job("Measure the gradients", self._make, self._take, self.draw)
        self.picture, self.look = widgets.HTML(), widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.job, self.picture, self.look])
        self.add_class("lethe")
        guess.on_saved(lambda _: self.draw())
        lab.on_change(self._forget)
        self.draw()

    def watch(self) -> None:
        """Measure in the foreground."""
        self.job.watch()

    def _forget(self) -> None:
        self.curves = {}
        self.draw()

    def _make(self, _report: Callable[[Any], None], controls: Controls) -> Iterator[Any]:
        self.curves = {}
        for part in lesson.measure(self._lab.load()):
            yield part
            if controls.stopped:
                return

    def _take(self, parts: list[Any]) -> None:
        news = [part for part in parts if isinstance(part, lesson.Curve)]
        for curve in news:
            self.curves[curve.kind] = curve
        if news:
            self.draw()

    def draw(self) -> None:
        """Show the curves that there are."""
        chart = pictures.lengths(self.curves)
        self.picture.value = (
            badge("live", self._lab.model) + live.svg(chart, 560, 320) if self.curves else ""
        )
        if not self.curves:
            self.look.value = theme.note("Nothing measured yet: press the button above.")
            return
        numbers = table("Length of the mean gradient", *pictures.rows(self.curves))
        said = "".join(
            f"<li>{theme.escape(lesson.verdict(curve))}</li>" for curve in self.curves.values()
        )
        try:
            self.look.value = f"<ul>{said}</ul>{self._met()}{folded('The numbers', numbers, True)}"
        except (OSError, ValueError) as error:
            self.look.value = theme.error(str(error))

    def _met(self) -> str:
        own = self.curves.get("own")
        if own is None:
            return ""
        measured = lesson.measured_guess(own)
        detail = f"× {own.ratio:.2f} for four times as many, {self._lab.model}"
        self._lab.record.measure(self._guess.key, measured, "live", detail)
        mine = "none saved" if self._guess.value is None else self._guess.value
        return (
            f"<p role='status'>Your prediction: {theme.escape(mine)}. Measured: "
            f"{theme.escape(measured)} ({theme.escape(detail)}).</p>"
        )
