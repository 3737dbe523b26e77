"""Learning rate, epochs and mix ratio: predictions, the learner's runs, the measured map."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.history import History
from lablib.lessons import maps, stored
from lablib.plots import lessons
from lablib.report import Record
from lablib.sweep.analysis import Estimate
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice, Number

MIX_OPTIONS = (
    "The other answers are kept, and tickets are learned",
    "The other answers are kept, but tickets are learned badly",
    "Both suffer",
    "Nothing changes",
)
GOOD = 0.9


class KnobPredictions(widgets.VBox):
    """What a tenth of the learning rate and a fifth of general examples will do."""

    def __init__(self, record: Record):
        self.record = record
        self.lr = Number(
            record,
            "02-lr",
            "The same number of steps at a tenth of the learning rate: what retention of knowledge "
            "(says) is left at the end?",
            unit="share",
        )
        self.mix = Choice(
            record,
            "02-mix",
            "A fifth of each batch is general examples: what happens?",
            MIX_OPTIONS,
        )
        super().__init__([self.lr, self.mix])


class KnobsLook(widgets.VBox):
    """The learner's runs in a table, the predictions, and the map of stored runs.

    Notes
    -----
    The calls that do the same: ``maps.row(history)`` and ``maps.load(model).as_table()``.
    """

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, predictions: KnobPredictions):
        self._lab, self._predictions, self._dashboard = lab, predictions, dashboard
        self.runs, self.answers, self.map = (widgets.HTML() for _ in range(3))
        super().__init__([widgets.HTML(theme.style()), self.runs, self.answers, self.map])
        self.add_class("lethe")
        predictions.lr.on_saved(lambda _: self.draw())
        predictions.mix.on_saved(lambda _: self.draw())
        lab.on_change(self.draw)
        dashboard.state.observe(self._run_changed, "status")
        self.draw()

    def _run_changed(self, _) -> None:
        if self._dashboard.state.ended:
            self.draw()

    def draw(self) -> None:
        """Show everything as it is now."""
        self.runs.value = self._own_runs()
        try:
            self.answers.value = self._answers()
        except (OSError, ValueError) as error:
            self.answers.value = theme.error(str(error))
        self.map.value = self._map()

    def _own_runs(self) -> str:
        rows = [maps.row(history) for history in self._lab.histories]
        if not rows:
            return theme.note("Your own runs appear here when they have ended.")
        shown = [
            (
                row["name"],
                str(row["examples"]),
                _number(row["task"]),
                _number(row["retention"]),
                row["moved"] or "nothing",
            )
            for row in rows
        ]
        header = ("run", "examples seen", "task score", "knowledge kept (says)", "moved during it")
        return badge("live") + table("Your runs", header, shown)

    def _answers(self) -> str:
        lines = []
        low = self._measured(maps.LOW_LR)
        if low:
            histories, source = low
            kept, task = maps.ends(histories)
            self._lab.record.measure(
                "02-lr", kept.mean if kept else None, source,
                f"task score {_number(task)}, {maps.seeds(len(histories))}",
            )  # fmt: skip
            guess = self._predictions.lr.value
            lines.append(
                f"<b>A tenth of the learning rate.</b> Your prediction: "
                f"{'none saved' if guess is None else f'{guess:.2f}'}. Measured: {_number(kept)} "
                f"kept, at a task score of {_number(task)}. {_badge(source, histories)}"
            )
        mixed = self._measured(maps.MIXED)
        if mixed:
            histories, source = mixed
            kept, task = maps.ends(histories)
            verdict = _verdict(kept and kept.mean, task and task.mean)
            detail = f"kept {_number(kept)}, task {_number(task)}, {maps.seeds(len(histories))}"
            self._lab.record.measure("02-mix", verdict, source, detail)
            guess = self._predictions.mix.value or "none saved"
            lines.append(
                f"<b>A fifth of general examples.</b> Your prediction: {theme.escape(guess)}. "
                f"Measured: {verdict} ({detail}). {_badge(source, histories)}"
            )
        longer = maps.mixed_longer(self._lab.model)
        if longer:
            lines.append(f"<b>Twice as long.</b> {longer} {badge('replayed')}")
        return (
            folded("Meet your predictions", "".join(f"<p>{line}</p>" for line in lines))
            if lines
            else ""
        )

    def _measured(self, setting: maps.Setting) -> tuple[list[History], str] | None:
        """The learner's own run with a setting, else all stored seeds of it."""
        for history in reversed(self._lab.histories):
            if setting.fits(history, self._lab.model):
                return [history], "live"
        kept = [one.history for one in stored.load_all(self._lab.model, setting.name)]
        return (kept, "replayed") if kept else None

    def _map(self) -> str:
        found = maps.load(self._lab.model)
        if found is None:
            return theme.note(f"No map was measured for {self._lab.model}: it takes hours.")
        svg = lessons.shaded_map(
            found.rows, found.columns, found.values, found.notes, found.summary
        )
        numbers = table("The map in numbers", *found.as_table())
        return (
            badge("replayed", f"{found.model}, {maps.seeds(found.seeds)} a field")
            + theme.heading(
                "Knowledge kept (says), by task and intensity",
                "Rows: from the nearest task to the farthest, by the base model's loss on its "
                f"answers. {_fields(found.seeds)}",
            )
            + f"<div class='lethe-scroll'>{svg}</div>"
            + folded("The numbers", numbers)
        )


def _verdict(kept: float | None, task: float | None) -> str:
    if kept is None or task is None:
        return "not measured"
    if kept >= GOOD:
        return MIX_OPTIONS[0] if task >= GOOD else MIX_OPTIONS[1]
    return MIX_OPTIONS[2] if task < GOOD else "Tickets are learned, the other answers suffer"


def _fields(seeds: int) -> str:
    """Say what stands in a field of the map."""
    if seeds == 1:
        return "Each field is one run, one seed. Below each number: the task score."
    return (
        f"Each field is the mean of {seeds} seeds or more. Below each number: its 95% interval "
        "over seeds, and the task score."
    )


def _badge(source: str, histories: list[History]) -> str:
    return badge(source, maps.seeds(len(histories)))


def _number(value: Estimate | float | None) -> str:
    if value is None:
        return "not defined"
    return str(value) if isinstance(value, Estimate) else f"{value:.2f}"
