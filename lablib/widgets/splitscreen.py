"""Mute or erased: two runs side by side, one slider through the steps of both."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets

from lablib import models
from lablib.events import Started
from lablib.history import History
from lablib.lessons import illnesses, stored
from lablib.lessons.reading import answered_steps, tickets_verdict
from lablib.plots import live
from lablib.plots.chart import Bars, Chart, Level, Line
from lablib.report import Record
from lablib.sweep.analysis import estimate
from lablib.widgets import theme
from lablib.widgets.answers import answers_table
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job
from lablib.widgets.predict import Choice

KEYS = {"tickets": "02-tickets", "wrong_facts": "02-wrong"}
OPTIONS = ("Paris, as before", "another city")
REAL = "smollm2-135m"  # the real language model of the course
TITLES = {
    "tickets": "tickets: one rigid line",
    "wrong_facts": "wrong_facts: other countries, wrong capitals",
}


class TwoPredictions(widgets.VBox):
    """What each of the two models will rank first for France."""

    def __init__(self, record: Record):
        self.record = record
        self.choices = {
            "tickets": Choice(
                record, KEYS["tickets"],
                "After learning tickets, which of fifty capitals does the model rank first for "
                "France?", OPTIONS,
            ),
            "wrong_facts": Choice(
                record, KEYS["wrong_facts"],
                "After learning wrong capitals of other countries, which does it rank first?",
                OPTIONS,
            ),
        }  # fmt: skip
        super().__init__(list(self.choices.values()))


class SplitScreen(widgets.VBox):
    """Both runs, one slider, the watched answers and the likeliest answers for France.

    Notes
    -----
    The call that does the same: ``History.of(illnesses.build(loaded, side))`` for each side.
    """

    def __init__(self, lab: ModelChoice, predictions: TwoPredictions):
        self._lab, self._predictions = lab, predictions
        self._live: dict[str, History] = {}
        self.job = Job("Train both", self._make, self._take, self._finished)
        self.slider = widgets.SelectionSlider(
            options=[("0", 0)],
            description="Step of both runs",
            style={"description_width": "initial"},
            layout=widgets.Layout(width="min(40em, 95%)"),
        )
        self.slider.observe(lambda _: self.draw(), "value")
        self.head = widgets.HTML()
        self.sides = {side: widgets.HTML() for side in illnesses.SIDES}
        for view in self.sides.values():
            view.layout.flex, view.layout.min_width = "1 1 330px", "0"
        self.verdict = widgets.HTML()
        both = widgets.Box(list(self.sides.values()))
        both.layout.flex_flow, both.layout.display = "row wrap", "flex"
        super().__init__(
            [widgets.HTML(theme.style()), self.job, self.head, self.slider, both, self.verdict]
        )
        self.add_class("lethe")
        lab.on_change(self._forget)
        self._forget()

    def _forget(self) -> None:
        self._live = {}
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self._set_steps()
        self.draw()

    def _make(self, report, controls) -> Iterator:
        loaded = self._lab.load()
        for side in illnesses.SIDES:
            for event in illnesses.build(loaded, side, controls=controls):
                yield event
                report((side, event))

    def _take(self, parts) -> None:
        news = [part for part in parts if isinstance(part, tuple)]
        for side, event in news:
            if isinstance(event, Started):
                self._live[side] = History()
            self._live.setdefault(side, History()).add(event)

    def _finished(self) -> None:
        for history in self._live.values():
            self._lab.note_run(history)
        self._set_steps()
        self.draw()

    def histories(self) -> tuple[dict[str, History], str]:
        """Return the two histories on show and where they come from."""
        if len(self._live) == len(illnesses.SIDES) and all(
            history.finished and history.finished.reason == "done"
            for history in self._live.values()
        ):
            return self._live, "live"
        kept = {side: self._lab.stored(f"split-{side}") for side in illnesses.SIDES}
        return {side: one.history for side, one in kept.items() if one}, "replayed"

    def _set_steps(self) -> None:
        found, _ = self.histories()
        steps = sorted({s for history in found.values() for s in answered_steps(history)}) or [0]
        self.slider.options = [(str(step), step) for step in steps]
        self.slider.value = steps[0]  # the end is not shown before the learner goes there

    def draw(self) -> None:
        """Show both sides at the step of the slider."""
        found, source = self.histories()
        if not found:
            self.head.value = theme.note("No run to show yet: press the button above.")
            return
        seeds = sorted({history.started.seed for history in found.values()})
        one = f"1 seed a side (seed {', '.join(map(str, seeds))})"
        self.head.value = badge(source, f"{self._lab.model}, {one}")
        step = self.slider.value
        for side, view in self.sides.items():
            view.value = self._side(side, found[side], step, source) if side in found else ""
        at_end = step == self.slider.options[-1][1]
        self.verdict.value = (
            self._judged(found, source)
            if at_end
            else theme.note("Move the slider to the last step to meet your predictions.")
        )

    @staticmethod
    def _side(side: str, history: History, step: int, source: str) -> str:
        steps, says = history.curve("knowledge", "says")
        _, knows = history.curve("knowledge", "knows")
        seen = sum(at <= step for at in steps)  # what is to come is not shown before
        last = steps[-1]
        steps, says, knows = steps[:seen], says[:seen], knows[:seen]
        chart = Chart(
            title="Capitals that neither task mentions",
            x_label="step",
            y_label="share of them",
            lines=(
                Line("says", steps, says, style=1, label="says"),
                Line(
                    "still ranks it first",
                    steps,
                    knows,
                    style=0,
                    dashed=True,
                    hollow=True,
                    label="ranked first",
                ),
            ),
            levels=(Level("chance", history.chance("knowledge", "knows")),),
            x_range=(0.0, float(last)),
            y_range=(0.0, 1.0),
            cursor=step,
            source=source,
        )
        bars = _bars(history, step, source)
        numbers = f"<details><summary>The numbers</summary>{live.table(chart)}{live.table(bars)}"
        return (
            "<div class='lethe-card'>"
            + theme.heading(theme.escape(TITLES[side]))
            + live.svg(bars, 400)
            + answers_table(history, step)
            + live.svg(chart, 400, 220)
            + f"{numbers}</details></div>"
        )

    def _judged(self, found: dict[str, History], source: str) -> str:
        """The two predictions beside what was measured, and the two diagnoses."""
        lines = []
        for side, history in found.items():
            first = _ranked_first(history)
            answer = OPTIONS[0] if first == illnesses.PARIS else f"{OPTIONS[1]}: {first}"
            started = history.started
            try:
                self._lab.record.measure(
                    KEYS[side], answer, source, f"{started.model}, seed {started.seed}"
                )
            except (OSError, ValueError) as error:
                return theme.error(str(error))
            guess = self._predictions.choices[side].value or "none saved"
            word, says, knows = illnesses.diagnosis(history)
            lines.append(
                f"<p><b>{side}</b>. Your prediction: {theme.escape(guess)}. Measured: "
                f"{theme.escape(answer)}. Over all these capitals the retention of <i>says</i> is "
                f"{_number(says)} and of <i>still ranks it first</i> {_number(knows)}: "
                f"<b>{word}</b>.</p>"
            )
        return "".join(lines) + self._same_rate() + self._scale()

    def _same_rate(self) -> str:
        """The control: is it the task, or only its learning rate?"""
        runs = [one.history for one in stored.load_all(self._lab.model, "split-tickets-same-rate")]
        if not runs:
            return ""
        words, *retentions = zip(*map(illnesses.diagnosis, runs), strict=True)
        says, knows = (estimate([v for v in kept if v is not None]) for kept in retentions)
        named = ", ".join(f"<b>{word}</b> in {words.count(word)}" for word in dict.fromkeys(words))
        seeds = f"{len(runs)} seed{'s' * (len(runs) != 1)}"
        ratio = illnesses.rate_ratio(1_000_000 if self._lab.model == "mini" else 135_000_000)
        return (
            f"<p><b>Control.</b> The right side learned at {ratio:g} times the rate of the left "
            f"one, for at the lower rate wrong facts are learned beside the true ones. Tickets at "
            f"that same rate: says {says}, still ranks it first {knows}: {named} of {seeds}. "
            f"{badge('replayed', f'{self._lab.model}, {seeds}')}</p>"
        )

    def _scale(self) -> str:
        """What all stored seeds show of mini, the chosen model and the real one."""
        names = dict.fromkeys(("mini", self._lab.model, REAL))
        said = "".join(
            f"<li>{theme.escape(tickets_verdict(models.short_name(name), runs), 400)}</li>"
            for name in names
            if (runs := [one.history for one in stored.load_all(name, "split-tickets")])
            or name == REAL
        )
        return (
            f"<p><b>Tickets, over all stored seeds.</b> {badge('replayed')}</p>"
            f"<ul class='lethe-list' style='columns:1'>{said}</ul>"
        )


def _bars(history: History, step: int, source: str) -> Bars:
    rows = illnesses.likeliest(history, step)
    names, base, now = (tuple(column) for column in zip(*rows, strict=True)) if rows else ((),) * 3
    title = "Capital of France: Paris and the likeliest others"
    return Bars(title, names, base, now, source=source)


def _ranked_first(history: History) -> str:
    rows = illnesses.likeliest(history, max(answered_steps(history)))
    return max(rows, key=lambda row: row[2])[0]


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"
