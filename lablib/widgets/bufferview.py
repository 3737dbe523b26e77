"""A stream of three tasks goes by once; sixty places keep some of it, by one rule or another."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.lessons import buffers
from lablib.lessons.taskstream import TASKS
from lablib.plots import mixing as pictures
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.parts import table
from lablib.widgets.predict import Prediction


class BufferView(widgets.VBox):
    """The buffer after any part of the stream; the ends of the tried rules in a table.

    Parameters
    ----------
    record : Record
        A solved exercise ``reservoir`` becomes a rule.
    guess : Prediction
        How many places the first task was expected to have at the end, by the rule asked for.

    Notes
    -----
    The call that does the same: ``buffers.after(rule, length)``.
    """

    def __init__(self, record: Record, guess: Prediction):
        self._record, self._guess = record, guess
        self._ends: dict[str, list[int]] = {}
        self.rule = control(
            widgets.Dropdown(options=list(buffers.RULES), description="When the buffer is full")
        )
        self.length = control(
            widgets.IntSlider(
                value=0,
                min=0,
                max=buffers.total(),
                step=20,
                description="Rows that have gone by",
                continuous_update=False,
            )
        )
        self.rule.layout.width = "min(22em, 95%)"
        self.length.layout.width = "min(40em, 95%)"
        self.picture, self.table = widgets.HTML(), widgets.HTML()
        super().__init__(
            [widgets.HTML(theme.style()), self.rule, self.length, self.picture, self.table]
        )
        self.add_class("lethe")
        self.rule.observe(lambda _: self.draw(), "value")
        self.length.observe(lambda _: self.draw(), "value")
        guess.on_saved(lambda _: self.draw())
        self.draw()

    def refresh(self) -> None:
        """Offer the learner's own reservoir once it is written."""
        if buffers.OWN not in self.rule.options:
            self.rule.options = [*self.rule.options, buffers.OWN]
        self._ends.pop(buffers.OWN, None)
        self.rule.value = buffers.OWN
        self.draw()

    def draw(self) -> None:
        """Show what lies in the buffer at the slider."""
        name, length = self.rule.value, self.length.value
        try:
            kept = self._kept(name, length)
            self.picture.value = badge("illustrative", "rows are drawn, nothing is trained") + (
                pictures.buffer_places(
                    kept, buffers.SIZE, TASKS, f"In the buffer after {length} rows"
                )
            )
            if length == buffers.total():
                self._ends[name] = buffers.counts(kept)
            self.table.value = self._met()
        except Exception as error:  # the learner's own rule may do anything
            said = str(error) if isinstance(error, OSError | ValueError) else type(error).__name__
            self.table.value = theme.error(f"{name}: {said}")

    def _kept(self, name: str, length: int) -> list[buffers.Item]:
        if name != buffers.OWN:
            return buffers.after(buffers.RULES[name], length)
        found = buffers.after(self._record.solved["reservoir"], length)
        return buffers.checked(found, length)

    def _met(self) -> str:
        if not self._ends:
            return theme.note("Move the slider to the end of the stream.")
        rows = [(name, *map(str, counts)) for name, counts in self._ends.items()]
        shown = table("What is left at the end of the stream", ("rule", *TASKS), rows)
        if buffers.ASKED not in self._ends:
            return shown + theme.note(
                f"To meet your prediction, try the rule: {buffers.ASKED}, and go to the end."
            )
        first = self._ends[buffers.ASKED][0]
        self._record.measure(self._guess.key, first, "live", f"rule: {buffers.ASKED}")
        guess = self._guess.value
        said = "none saved" if guess is None else str(guess)
        return shown + (
            f"<p role='status'>Your prediction for the first task, if {buffers.ASKED}: {said}. "
            f"Left: {first} of {buffers.SIZE}.</p>"
        )
