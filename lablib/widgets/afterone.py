"""What one pass over the twos did: the learner's run, its prediction, the figures of 1989."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.classic import Trail
from lablib.classic.addition import SCORED_ONES
from lablib.lessons import addition as lesson
from lablib.widgets import theme
from lablib.widgets.addition import AdditionDemo
from lablib.widgets.badge import badge
from lablib.widgets.parts import table
from lablib.widgets.predict import Choice, Number

TURNS = lesson.TURNS  # what a ones fact may become, as the prediction offers it
_PASSES = (0, 1, 2, 5, 10)


class AfterOnePass(widgets.VBox):
    """A table of the ones pass by pass, and both predictions beside it.

    Parameters
    ----------
    demo : AdditionDemo
        Whose runs are read; only those with the settings of the paper count.
    after_one : Number
        Ones facts (of 15) that were expected to be right after one pass.
    becomes : Choice
        What the ones were expected to turn into, one of ``lesson.TURNS``.
    """

    def __init__(self, demo: AdditionDemo, after_one: Number, becomes: Choice):
        self._record, self._after_one, self._becomes = demo.record, after_one, becomes
        self._trail: Trail | None = None
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        demo.on_done(self._take)
        if demo.ended:  # before this cell was run
            self._trail = None if demo.trail.settings.changed() else demo.trail
        after_one.on_saved(lambda _: self.draw())
        becomes.on_saved(lambda _: self.draw())
        self.draw()

    def _take(self, trail: Trail) -> None:
        if not trail.settings.changed():
            self._trail = trail
            self.draw()

    def draw(self) -> None:
        """Show the newest run with the settings of the paper."""
        trail = self._trail
        if trail is None:
            self.view.value = theme.note("Nothing to see yet: press Start above.")
            return
        networks = len(trail.twos_phase)
        detail = f"{networks} network{'s' * (networks != 1)}, seed {min(trail.twos_phase)}"
        # Of 15 facts, as it was asked. One network keeps a whole number of them, a mean need not.
        kept = round(15 * _mean(trail, 1, "best match"), 1 if networks > 1 else None)
        kind, often, total = lesson.turned(trail.at(trail.length))
        try:
            self._record.measure(self._after_one.key, kept, "live", detail)
            self._record.measure(self._becomes.key, kind, "live", detail)
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        self.view.value = badge("live", detail) + self._table(trail) + (
            "<p><b>Of 15 ones facts, still ranked first after one pass.</b> Your prediction: "
            f"{_or_none(self._after_one.value)}. Measured: {kept}.</p>"
            f"<p><b>What they turn into.</b> Your prediction: {_or_none(self._becomes.value)}. "
            f"Measured at the end of the run: {theme.escape(kind)} ({often} of {total} errors of "
            "the first network).</p>"
        )  # fmt: skip

    @staticmethod
    def _table(trail: Trail) -> str:
        rows = []
        for number in (n for n in _PASSES if n <= trail.length):
            paper = f"{lesson.PAPER_ONES[number]:.2f}" if number < len(lesson.PAPER_ONES) else "–"
            now = [trail.at(number, seed) for seed in trail.twos_phase]
            rows.append(
                (
                    str(number),
                    f"{_mean(trail, number, 'best match'):.2f}",
                    paper,
                    f"{_mean(trail, number, 'within'):.2f}",
                    f"{sum(one.twos for one in now) / len(now):.2f}",
                )
            )
        header = (
            "passes over the twos",
            "ones still ranked first (best match)",
            "the same in 1989 [1], two networks",
            "ones said (within .1)",
            "twos ranked first",
        )
        return table("Shares of facts that are right", header, rows)


def _mean(trail: Trail, number: int, measure: str) -> float:
    shares = [trail.at(number, seed).share(SCORED_ONES, measure) for seed in trail.twos_phase]
    return sum(shares) / len(shares)


def _or_none(value: object) -> str:
    return "none saved" if value is None else theme.escape(value)
