"""The learner's LoRA beside the library's, trained for a few steps each."""

from __future__ import annotations

import ipywidgets as widgets

from lablib import models
from lablib.lessons import byhand
from lablib.plots import live
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.job import Job

_EQUAL = 1e-4  # nats; sums in another order differ in the last digits


class BesideLibrary(widgets.VBox):
    """A button that trains mini with the learner's layers and with peft's, and both losses.

    Notes
    -----
    The call that does the same: ``byhand.side_by_side(models.load("mini"), add_lora)``.
    """

    def __init__(self, record: Record):
        self._record = record
        self._steps: list[byhand.Step] = []
        self.job = Job("Train yours beside the library's", self._make, self._take, self._done)
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.job, self.view])
        self.add_class("lethe")

    def _make(self, report, controls):
        self._steps = []
        own = self._record.solved.get("add_lora")
        if own is None:
            return
        for part in byhand.side_by_side(models.load("mini"), own):
            yield part
            if controls.stopped:
                return

    def _take(self, parts) -> None:
        self._steps += [part for part in parts if isinstance(part, byhand.Step)]
        rows = [(str(s.step), f"{s.by_hand:.4f}", f"{s.library:.4f}") for s in self._steps]
        head = ("step", "your layers: loss (nats per token)", "peft: loss (nats per token)")
        caption = "mini learns tickets with both, rank 16 on all linear layers"
        if rows:
            self.view.value = badge("live", "mini") + live.rows_table(caption, head, rows)

    def _done(self) -> None:
        if not self._steps:
            self.view.value = theme.note("Solve the exercise above first; then press again.")
            return
        gap = max(abs(s.by_hand - s.library) for s in self._steps)
        same = "the same run" if gap < _EQUAL else "not the same run: look at your scale again"
        self.view.value += f"<p role='status'>Largest difference: {gap:.1g} nats: {same}.</p>"
