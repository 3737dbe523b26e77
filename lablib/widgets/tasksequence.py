"""Three tasks one after another: the score matrix, revealed task by task, from stored runs."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.history import History
from lablib.lessons import sequences, stored
from lablib.plots import adapters as pictures
from lablib.plots import live
from lablib.sweep.analysis import FEW, Estimate, paired
from lablib.widgets import theme
from lablib.widgets.answers import answers_table
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.layout import STYLE
from lablib.widgets.predict import Number

STAGES = ("nothing", *sequences.ORDER)  # short: they stand beside a slider
KEYS = {"carried": "03-first-carried", "per-task": "03-first-per-task"}


class TaskSequence(widgets.VBox):
    """Which adapter, which stage; curves, matrix and answers up to that stage.

    Parameters
    ----------
    lab : ModelChoice
        Of which model the stored sequences are.
    guesses : mapping of str to Number
        The predicted score on the first task at the end, by key of ``sequences.WAYS``.

    Notes
    -----
    The call that does the same: ``History.of(sequences.build(loaded, "carried")).matrix()``.
    """

    def __init__(self, lab: ModelChoice, guesses: dict[str, Number] | None = None):
        self._lab, self._guesses = lab, guesses or {}
        self._seen: set[str] = set()  # ways that were followed to their end
        self.way = control(
            widgets.Dropdown(
                options=[(name, key) for key, name in sequences.WAYS.items()],
                description="How the sequence is learned",
            )
        )
        self.next_button = widgets.Button(
            description="Learn the next task", button_style="primary", icon="step-forward"
        )
        self.next_button.layout.width = "auto"
        self.next_button.layout.align_self = "flex-end"
        self.next_button.on_click(lambda _: self.next())
        self.stage = control(
            widgets.SelectionSlider(
                options=[(name, place) for place, name in enumerate(STAGES)],
                description="Learned so far, up to",
            )
        )
        self.view, self.verdict = widgets.HTML(), widgets.HTML()
        row = widgets.HBox([self.way, self.stage, self.next_button])
        row.add_class("lethe-ask")
        super().__init__([widgets.HTML(STYLE), row, self.view, self.verdict])
        self.add_class("lethe")
        self.way.observe(lambda _: self._begin(), "value")
        self.stage.observe(lambda _: self.draw(), "value")
        lab.on_change(self._forget)
        for guess in self._guesses.values():
            guess.on_saved(lambda _: self._judge())
        self._forget()

    def _forget(self) -> None:
        self._seen = set()
        self._histories = {
            way: [
                one.history
                for one in stored.load_all(self._lab.model, sequences.SETTING.format(way))
            ]
            for way in sequences.WAYS
        }
        self._begin()

    def _begin(self) -> None:
        self.stage.value = 0
        self.draw()

    def next(self) -> None:
        """Go on by one task, or back to the beginning after the last."""
        self.stage.value = (self.stage.value + 1) % len(STAGES)

    def draw(self) -> None:
        """Show everything up to the chosen stage, and nothing of what comes later."""
        way, stage = self.way.value, self.stage.value
        histories: list[History] = self._histories[way]
        if stage == len(STAGES) - 1:
            self._seen.add(way)
        fields = sequences.matrix(histories)
        self._judge()
        if not fields:
            self.view.value = theme.note(
                f"No stored sequence of {self._lab.model} for this yet: "
                "data/results/make_runs.py makes it."
            )
            return
        ends = [0, *(done.step for done in histories[0].tasks_done)]
        kept = sequences.capability(histories)
        chart = pictures.sequence(histories, ends[stage])
        detail = f"{self._lab.model}, {_seeds(histories)}, {sequences.WAYS[way]}"
        self.view.value = (
            badge("replayed", detail)
            + "<div style='display:flex;flex-wrap:wrap;gap:12px'>"
            + f"<div style='flex:1 1 400px;min-width:0'>{live.svg(chart, 460, 280)}</div>"
            + f"<div style='flex:1 1 400px;min-width:0'>{pictures.matrix(fields, kept, stage + 1)}"
            + "</div></div>"
            + f"<details><summary>The numbers</summary>{live.table(chart)}</details>"
            + theme.heading("What it answers at this stage (first seed)")
            + answers_table(histories[0], ends[stage])
        )

    def _judge(self) -> None:
        """The predictions beside what was measured, for every way followed to its end."""
        lines = []
        for way in sequences.WAYS:
            fields = sequences.matrix(self._histories[way])
            if way not in self._seen or not fields:
                continue
            after, end = fields[1][0], fields[-1][0]
            lines.append(f"<p><b>{sequences.WAYS[way]}.</b> {self._first(way, after, end)}</p>")
        if len(self._seen) > 1:
            lines += [f"<p>{theme.escape(said, 900)}</p>" for said in self.compared()]
        self.verdict.value = "".join(lines)

    def _first(self, way: str, after: Estimate, end: Estimate) -> str:
        said = f"Tickets are at {after} right after they were learned, and at {end} after clauses."
        guess = self._guesses.get(way)
        if guess is None:
            return said
        try:
            detail = f"{self._lab.model}, {_seeds(self._histories[way])}"
            self._lab.record.measure(guess.key, round(end.mean, 2), "replayed", detail)
        except (OSError, ValueError) as error:
            return theme.error(str(error))
        mine = "none saved" if guess.value is None else f"{guess.value:.2f}"
        return f"{said} Your prediction for the end: {mine}."

    def compared(self) -> list[str]:
        """Return one sentence for each two ways that were seen, made from the stored runs."""
        at_end = {
            way: {
                h.started.seed: sum(h.matrix()[-1]) / len(sequences.ORDER)
                for h in self._histories[way]
                if len(h.matrix()) == len(STAGES)
            }
            for way in sequences.WAYS
            if way in self._seen
        }
        ways, found = list(at_end), []
        for place, one in enumerate(ways):
            for other in ways[place + 1 :]:
                gap = paired(at_end[one], at_end[other])
                if gap is None:
                    continue
                names = sequences.WAYS[one], sequences.WAYS[other]
                found.append(
                    f"Mean score on the three tasks at the end, {names[0]} minus {names[1]}: "
                    f"{gap} over {gap.n} seed{'s' * (gap.n != 1)}: {_word(gap, names)}."
                )
        return found


def _word(gap, names: tuple[str, str]) -> str:
    if gap.n < FEW:
        return "too few seeds to say which is higher"
    if gap.low > 0:
        return f"higher with {names[0]}"
    return f"higher with {names[1]}" if gap.high < 0 else "the difference may be chance"


def _seeds(histories: list[History]) -> str:
    return f"{len(histories)} seed{'s' * (len(histories) != 1)}"
