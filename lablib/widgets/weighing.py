"""Weigh the weights of a base, scramble one percent of them, ask which carry one question."""

from __future__ import annotations

import statistics
from collections.abc import Generator, Iterator
from typing import Any

import ipywidgets as widgets

from lablib import experiment
from lablib.lessons import importance
from lablib.lessons.importance import PICKS, Scrambled, Shared, Weighed
from lablib.plots import importance as pictures
from lablib.plots import lessons
from lablib.runtime import fast_mode
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job, until_stopped
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Number, Order

CHOICES = tuple(sorted(PICKS.values()))  # as the prediction offers them: no order of harm
KICKS = 3  # of each choice, for a small model
_HEAD = (
    "what was scrambled", "answers moved: KL", "as the Fisher says: KL", "kept (says)",
    "kept (knows)", "knowledge kept (says)", "knowledge kept (knows)",
)  # fmt: skip


class Weighing(widgets.VBox):
    """Three buttons: weigh, scramble, compare single questions; a prediction for each.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    share : Number
        Percent of the whole Fisher that the highest one percent of the weights holds.
    order : Order
        Which choice of one percent does most harm.
    overlap : Number
        Percent of France's weights that are also those of another capital.

    Notes
    -----
    The calls that do the same: ``importance.iter_weigh(loaded)``,
    ``importance.iter_scramble(loaded, weighed)`` and ``importance.iter_shared(loaded)``.
    """

    def __init__(self, lab: ModelChoice, share: Number, order: Order, overlap: Number):
        self._lab, self._share, self._order, self._overlap = lab, share, order, overlap
        self.weighed: Weighed | None = None
        self.kicks: list[Scrambled] = []
        self.shared: Shared | None = None
        self.jobs = {
            "weigh": Job("Weigh the weights", self._weigh, self._take, self.draw),
            "scramble": Job("Scramble one percent", self._scramble, self._take, self.draw),
            "compare": Job("Compare single questions", self._compare, self._take, self.draw),
        }
        self.views = {name: widgets.HTML() for name in self.jobs}
        cards = []
        for name, job in self.jobs.items():
            card = widgets.VBox([job, self.views[name]])
            card.add_class("lethe-card")
            cards.append(card)
        super().__init__([widgets.HTML(STYLE), *cards])
        self.add_class("lethe")
        for guess in (share, order, overlap):
            guess.on_saved(lambda _: self.draw())
        lab.on_change(self._forget)
        self.draw()

    def _forget(self) -> None:
        self.weighed, self.kicks, self.shared = None, [], None
        self.draw()

    # ------------------------------------------------------------------ what is computed

    def _weigh(self, report, controls) -> Iterator:
        yield from until_stopped(self._weighing(report), controls)

    def _weighing(self, report) -> Generator[Any, None, Weighed]:
        why = self._lab.why_not_live
        if why:
            raise OSError(f"{why.partition(';')[0]}: choose mini.")
        found = yield from importance.iter_weigh(self._lab.load())
        report(found)
        return found

    def _scramble(self, report, controls) -> Iterator:
        def work() -> Iterator:
            weighed = self.weighed or (yield from self._weighing(report))
            loaded = self._lab.load()
            large = loaded.n_parameters >= experiment.SMALL
            draws = 1 if large or fast_mode() else KICKS
            names = ("knowledge",) if large else tuple(importance.NAMES)
            yield "again"
            yield from importance.iter_scramble(loaded, weighed, draws=draws, names=names)

        yield from until_stopped(work(), controls)

    def _compare(self, _report, controls) -> Iterator:
        def work() -> Iterator:
            draws = 8 if fast_mode() else importance.N_DRAWS
            found = yield from importance.iter_shared(self._lab.load(), draws=draws)
            yield found

        yield from until_stopped(work(), controls)

    def _take(self, parts) -> None:
        for part in parts:
            if part == "again":
                self.kicks = []
            elif isinstance(part, Weighed):
                self.weighed = part
            elif isinstance(part, Scrambled):
                self.kicks.append(part)
            elif isinstance(part, Shared):
                self.shared = part

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show what there is, each beside its prediction."""
        for name, show in (
            ("weigh", self._weighed), ("scramble", self._scrambled), ("compare", self._compared),
        ):  # fmt: skip
            try:
                self.views[name].value = show()
            except (OSError, ValueError) as error:
                self.views[name].value = theme.error(str(error))

    def _source(self) -> str:
        return badge("live", f"{self._lab.model}, seed 0")

    def _weighed(self) -> str:
        if self.weighed is None:
            return ""
        cells = importance.cells(self.weighed.values)
        held = 100 * self.weighed.held_by()
        self._lab.record.measure(self._share.key, round(held), "live", f"{self._lab.model}")
        header = ("part", "weights", "mean Fisher, average is 1", "share of the whole")
        return (
            self._source()
            + pictures.by_layer(cells, f"The Fisher of {self._lab.model} by layer")
            + folded("The numbers", table("Fisher by part", header, pictures.table_rows(cells)))
            + self._met(self._share, f"{held:.0f}", "percent of the whole Fisher")
        )

    def _scrambled(self) -> str:
        kicks = [one for one in self.kicks if one.base]
        if not kicks:
            return ""
        measured = importance.order_of_harm(kicks)
        names = [PICKS[pick] for pick in measured]
        draws = len(kicks) // len(measured) or 1
        detail = f"{self._lab.model}, by the movement of the answers (KL), {draws} kicks each"
        self._lab.record.measure(self._order.key, names, "live", detail)
        by_pick = {pick: [one for one in kicks if one.pick == pick] for pick in measured}
        bars = [
            (PICKS[pick], values)
            for pick, found in by_pick.items()
            if (values := [v for one in found if (v := one.kept()) is not None])
        ]
        rows = [(PICKS[pick], *_row(found)) for pick, found in by_pick.items()]
        caption = f"Means over {draws} kicks; KL in nats per answer token"
        nothing = "" if bars else theme.note("The base has nothing to lose, so nothing is drawn.")
        return (
            self._source()
            + (pictures.harm_bars(bars, "What is left after one percent was scrambled", _KEPT)
               if bars else nothing)
            + table(caption, _HEAD, rows)
            + "<p><b>Which choice does most harm?</b> Ordered by the movement of the answers.</p>"
            + lessons.order_lines(self._order.value, names)
        )  # fmt: skip

    def _compared(self) -> str:
        if self.shared is None:
            return ""
        other = 100 * self.shared.overlap[0][1]
        detail = f"{self.shared.questions[0]} and {self.shared.questions[1]}"
        self._lab.record.measure(self._overlap.key, round(other), "live", detail)
        shown = pictures.shared_table(
            self.shared,
            "Of the one percent of weights with the highest Fisher for the question on the left: "
            "how many are also in the one percent of the question above (by chance: one percent)",
        )
        return (
            self._source()
            + theme.plain(shown, "div", "lethe-scroll")
            + "<p class='lethe-soft'>Below each question: the base's own answer. <i>Itself</i>: "
            "two halves of the random draws for one question, the most that can be found.</p>"
            + self._met(self._overlap, f"{other:.0f}", "percent in common with the other capital")
        )

    @staticmethod
    def _met(guess: Number, measured: str, unit: str) -> str:
        mine = "none saved" if guess.value is None else f"{guess.value:g}"
        return (
            f"<p role='status'><b>{theme.escape(guess.question)}</b><br>Your prediction: {mine}. "
            f"Measured: {measured} {unit}.</p>"
        )


_KEPT = "retention (says), mean of the capabilities; each mark is one kick"


def _row(found: list[Scrambled]) -> tuple[str, ...]:
    moved = ([one.kl for one in found], [one.predicted for one in found])
    kept = [
        [one.kept(which, capability) for one in found]
        for capability in (None, "knowledge")
        for which in ("says", "knows")
    ]
    return (
        *(f"{statistics.fmean(values):.2g}" for values in moved),
        *("–" if None in values else f"{statistics.fmean(values):.2f}" for values in kept),
    )
