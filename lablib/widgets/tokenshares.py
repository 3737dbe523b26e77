"""What a mix ratio really mixes: batches as the loop draws them, counted; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets

from lablib.lessons import mixing, shares
from lablib.plots import mixing as pictures
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.parts import table
from lablib.widgets.predict import Prediction

TASKS = ("tickets", "wrong_facts", "replies", "clauses")
UNITS = ("examples", "tokens")


class TokenShares(widgets.VBox):
    """Draw batches of a task at a ratio; the share of general rows and of general tokens.

    Parameters
    ----------
    lab : ModelChoice
        Whose tokenizer counts; a solved exercise ``realized_mix`` gets a column of its own.
    guess : Prediction
        The share of general tokens that was expected on tickets, a fifth of the rows general.

    Notes
    -----
    The call that does the same: ``shares.draw(loaded, task, ratio, unit)``.
    """

    def __init__(self, lab: ModelChoice, guess: Prediction):
        self._lab, self._guess = lab, guess
        self._drawn: list[tuple[str, str, float, str, shares.Batches]] = []
        self.task = control(widgets.Dropdown(options=TASKS, description="Task"))
        self.unit = control(widgets.Dropdown(options=UNITS, description="The ratio counts"))
        self.ratio = control(
            widgets.FloatSlider(
                value=mixing.MIX, min=0.05, max=0.5, step=0.05, description="Mix ratio (share)"
            )
        )
        for box in (self.task, self.unit, self.ratio):
            box.layout.width, box.layout.margin = "min(18em, 95%)", "2px 14px 6px 0"
        row = widgets.HBox([self.task, self.unit, self.ratio])
        row.layout.flex_flow = "row wrap"
        self.job = Job("Draw the batches", self._make, self._take, self.draw)
        self.picture, self.table, self.met = (widgets.HTML() for _ in range(3))
        super().__init__(
            [widgets.HTML(theme.style()), row, self.job, self.picture, self.table, self.met]
        )
        self.add_class("lethe")
        lab.on_change(self.draw)
        guess.on_saved(lambda _: self.draw())
        self.draw()

    def _make(self, report, controls) -> Iterator:
        task, ratio, unit = self.task.value, self.ratio.value, self.unit.value
        for part in shares.draw(self._lab.load(), task, ratio, unit):
            if controls.stopped:
                return
            yield (self._lab.model, task, ratio, unit, part) if isinstance(part, list) else part

    def _take(self, parts) -> None:
        self._drawn += [part for part in parts if isinstance(part, tuple)]

    def draw(self) -> None:
        """Show the newest batch as a picture, and all draws in a table."""
        if not self._drawn:
            self.picture.value = theme.note("Nothing drawn yet: press the button above.")
            return
        _, task, ratio, unit, batches = self._drawn[-1]
        title = f"The first batch: {task}, mix ratio {ratio:g} by {unit}"
        self.picture.value = badge(
            "illustrative", "drawn as a run would draw it; nothing is trained"
        ) + pictures.batch_rows(batches[0], title)
        header = ["drawn", "general rows, share of rows", "share of answer tokens"]
        own = self._lab.record.solved.get("realized_mix")
        header += ["by your realized_mix"] * bool(own)
        rows = [
            (
                f"{model}, {task}, {ratio:g} by {unit}",
                f"{shares.by_rows(found):.2f}",
                f"{shares.by_tokens(found):.2f}",
                *([_mine(own, found)] if own else []),
            )
            for model, task, ratio, unit, found in self._drawn
        ]
        self.table.value = table(
            f"{shares.BATCHES} batches each, counted after drawing", header, rows
        )
        try:
            self.met.value = self._met()
        except (OSError, ValueError) as error:
            self.met.value = theme.error(str(error))

    def _met(self) -> str:
        asked = [
            (model, found)
            for model, task, ratio, unit, found in self._drawn
            if (task, unit) == ("tickets", "examples") and abs(ratio - mixing.MIX) < 1e-9
        ]
        if not asked:
            return theme.note("Draw tickets at 0.2 by examples to meet your prediction.")
        model, batches = asked[-1]
        share = shares.by_tokens(batches)
        self._lab.record.measure(self._guess.key, share, "live", f"{model}, counted")
        guess = self._guess.value
        said = "none saved" if guess is None else f"{guess:.2f}"
        return (
            f"<p role='status'><b>A fifth of the rows on tickets.</b> Your prediction: {said} of "
            f"the learned tokens. Counted: {share:.2f}.</p>"
        )


def _mine(own, batches: shares.Batches) -> str:
    try:
        found = own([list(batch) for batch in batches])
        return f"{found:.2f}" if isinstance(found, float) else str(found)
    except Exception as error:  # the check has seen only its own cases
        return type(error).__name__
