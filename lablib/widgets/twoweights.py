"""Two weights on springs: drag the stiffness and watch where the run stops."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.lessons import springs
from lablib.plots import live
from lablib.plots import springs as pictures
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.layout import STYLE
from lablib.widgets.predict import Choice, Number

STOPS = springs.STOPS  # as the prediction offers them
_HEAD = ("springs", "stiffness", "first step", "old loss", "new loss", "both good")
_CAPTION = "The runs that you have tried: length of the first step, and excess losses at the end"


class TwoWeights(widgets.VBox):
    """A model of two weights that has learned one task and now learns another.

    Parameters
    ----------
    stop : Choice
        Where the best spring lets the run stop, one of ``springs.STOPS``.
    first : Number
        By how many percent stiff springs shorten the first step. Both answers are shown once
        the springs have been moved.

    Notes
    -----
    The call that does the same: ``springs.walk(strength, kind, valley)``.
    """

    def __init__(self, stop: Choice, first: Number):
        self._stop, self._first, self._tried = stop, first, set()
        self.stiffness = control(
            widgets.SelectionSlider(
                options=[(f"{value:g}", value) for value in springs.STIFFNESSES],
                value=0.0,
                description="Stiffness of the springs (strength)",
            )
        )
        self.kind = _menu("Springs are", springs.KINDS)
        self.valley = _menu("The old task's valley lies", springs.VALLEYS)
        self.picture, self.chart, self.table, self.verdict = (widgets.HTML() for _ in range(4))
        for one in (self.stiffness, self.kind, self.valley):
            one.observe(lambda _: self._moved(), "value")
        left = widgets.VBox([self.stiffness, self.kind, self.valley, self.picture])
        right = widgets.VBox([self.chart, self.table])
        left.add_class("lethe-main")
        right.add_class("lethe-side")
        right.layout.flex = "2 1 330px"  # as wide as its table
        body = widgets.HBox([left, right])
        body.add_class("lethe-columns")
        card = widgets.VBox([body, self.verdict])
        card.add_class("lethe-card")
        super().__init__([widgets.HTML(STYLE), card])
        self.add_class("lethe")
        for guess in (stop, first):
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def _moved(self) -> None:
        if self.stiffness.value:
            self._tried.add((self.kind.value, self.stiffness.value, self.valley.value))
        self.draw()

    def draw(self) -> None:
        """Train with what the controls show, and draw it."""
        strength, kind, valley = self.stiffness.value, self.kind.value, self.valley.value
        one = springs.walk(strength, kind, valley)
        self.picture.value = pictures.plane(one, strength, kind, valley)
        seen = {k for k, _, v in self._tried if v == valley}
        chart = pictures.trade_chart(one, valley, seen)
        self.chart.value = live.svg(chart, 380, 280)
        rows = [self._row("none", 0.0, springs.walk(0.0, "fisher", valley))]
        tried = sorted((k, s) for k, s, v in self._tried if v == valley)
        rows += [self._row(springs.SHORT[k], s, springs.walk(s, k, valley)) for k, s in tried]
        shown = live.rows_table(_CAPTION, _HEAD, rows)
        self.table.value = theme.plain(shown, "div", "lethe-scroll")
        self.verdict.value = self._judged()

    @staticmethod
    def _row(name: str, strength: float, one: springs.Walk) -> tuple[str, ...]:
        return (
            name, f"{strength:g}", f"{one.first_step:.3f}", f"{one.old:.3f}", f"{one.new:.3f}",
            "yes" if one.in_overlap else "no",
        )  # fmt: skip

    def _judged(self) -> str:
        if len([1 for k, _, v in self._tried if (k, v) == ("fisher", "straight")]) < 2:
            return theme.note("Try two stiffnesses or more to meet your predictions here.")
        strength, best = springs.best_strength()
        stop = springs.where(best)
        steps = [springs.walk(s).first_step for s in (springs.STIFFNESSES[-1], 0.0)]
        shorter = round(100 * (1 - steps[0] / steps[1]))
        found = (
            (self._stop, stop, f"stiffness {strength:g}, the least sum of both losses"),
            (self._first, shorter, f"percent, stiffness {springs.STIFFNESSES[-1]:g} for none"),
        )
        lines = [badge("live")]
        for guess, value, detail in found:
            try:
                guess.record.measure(guess.key, value, "live", detail)
            except (OSError, ValueError) as error:
                return theme.error(str(error))
            mine = theme.escape("none saved" if guess.value is None else guess.value)
            lines.append(
                f"<p role='status'><b>{theme.escape(guess.question)}</b><br>Your prediction: "
                f"{mine}. Computed: {theme.escape(value)} ({theme.escape(detail)}).</p>"
            )
        return "".join(lines)


def _menu(label: str, names: dict[str, str]) -> widgets.Dropdown:
    return control(
        widgets.Dropdown(options=[(said, key) for key, said in names.items()], description=label)
    )
