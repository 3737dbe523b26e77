"""Three tasks in turn, without and with a buffer of the past: what is left of the first ones."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets

from lablib.events import Started
from lablib.history import History
from lablib.lessons import mixing, taskstream
from lablib.sweep.analysis import Estimate, estimate, mean_matrix
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job
from lablib.widgets.parts import folded, table


class TaskStream(widgets.VBox):
    """Train the stream twice; scores of all tasks after each task, stored runs folded below.

    Notes
    -----
    The call that does the same: ``History.of(taskstream.build(loaded, setting)).matrix()``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab = lab
        self._live: dict[str, History] = {}
        self.job = Job("Train the stream twice", self._make, self._take, self._done)
        self.own, self.stored = widgets.HTML(), widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.job, self.own, self.stored])
        self.add_class("lethe")
        lab.on_change(self._forget)
        self._forget()

    def _forget(self) -> None:
        self._live = {}
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self.draw()

    def _make(self, report, controls) -> Iterator:
        loaded = self._lab.load()
        for setting in taskstream.SETTINGS:
            for event in taskstream.build(loaded, setting, controls=controls):
                yield event
                report((setting, event))

    def _take(self, parts) -> None:
        for setting, event in (part for part in parts if isinstance(part, tuple)):
            if isinstance(event, Started):
                self._live[setting] = History()
            self._live.setdefault(setting, History()).add(event)

    def _done(self) -> None:
        for setting, history in self._live.items():
            self._lab.note_run(history, general_rows=taskstream.NAMES[setting])
        self.draw()

    def draw(self) -> None:
        """Show the learner's runs, and fold the stored ones below them."""
        whole = {s: h for s, h in self._live.items() if taskstream.complete(h)}
        self.own.value = (
            badge("live", f"{self._lab.model}, seed 0")
            + theme.note(taskstream.learned({s: [h] for s, h in whole.items()}))
            + "".join(self._one(setting, [h]) for setting, h in whole.items())
            if whole
            else theme.note("Not trained yet: press the button above.")
        )
        kept = taskstream.stored_histories(self._lab.model)
        if any(kept.values()):
            tables = "".join(self._one(setting, found) for setting, found in kept.items())
            seeds = min(len(found) for found in kept.values())
            seeds = f"{seeds} seed{'s' * (seeds != 1)}"
            told = theme.note(taskstream.learned(kept))
            shown = badge("replayed", f"{self._lab.model}, {seeds}") + told + tables
            self.stored.value = folded("Open the stored runs", shown)
        else:
            self.stored.value = theme.note(f"No stream is stored for {self._lab.model}.")

    @staticmethod
    def _one(setting: str, histories: list[History]) -> str:
        """The score matrix of one setting, and what was lost."""
        found = [history.matrix() for history in histories]
        names = ("nothing yet", *taskstream.TASKS)
        rows = [
            (names[t], *(_text(value) for value in row)) for t, row in enumerate(mean_matrix(found))
        ]
        lost = [value for matrix in found if (value := taskstream.forgotten(matrix)) is not None]
        kept = [v for h in histories if (v := mixing.read(h).kept.get("knowledge")) is not None]
        header = ("after training on", *(f"score on {name}" for name in taskstream.TASKS))
        return table(taskstream.NAMES[setting], header, rows) + (
            "<p>Lost of the first two tasks, from right after each was learned to the end: "
            f"{_text(estimate(lost))}. "
            f"Knowledge kept (says): {_text(estimate(kept))}.</p>"
        )


def _text(found: Estimate | None) -> str:
    return "–" if found is None else str(found)
