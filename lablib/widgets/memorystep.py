"""Where the memory of one training step goes: three ways of fine-tuning, measured by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import ipywidgets as widgets

from lablib.controls import Controls
from lablib.events import Progress
from lablib.lessons import capped, shapes
from lablib.lessons.capped import Step
from lablib.plots.memory import PARTS, Bar, bars
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Prediction
from lablib.widgets.shares import Shares

MEMORY_PARTS = PARTS  # as the prediction names them
NAMES = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}
ASKED = ("smollm2-135m", 4)  # model and rows of the two predictions
NOT_STORED = (
    f"Your predictions are about {shapes.SHAPES[ASKED[0]].title}, of which nothing is stored: "
    f"choose it above, with {ASKED[1]} rows, to meet them."
)
_MB = 1e6


def model_options() -> list[tuple[str, str]]:
    """Return the shapes that can be measured, as a drop-down shows them."""
    return [
        (f"{shapes.SHAPES['small'].title}: a minute or two", "small"),
        (f"{shapes.SHAPES['smollm2-135m'].title}: some minutes, 3 GB of memory", "smollm2-135m"),
        ("mini: a minute or two", "mini"),
    ]


class MemoryStep(widgets.VBox):
    """One training step of each method in a process of its own, by part and by formula.

    Parameters
    ----------
    record : Record
        Where measurements go.
    shares : Shares
        The predicted shares of full fine-tuning.
    lora : Prediction
        LoRA's total, predicted in hundredths of full fine-tuning's.

    Notes
    -----
    The call that does the same: ``capped.attempt(model, method, rows)`` for each method.
    """

    def __init__(self, record: Record, shares: Shares, lora: Prediction):
        self.record, self._shares, self._lora = record, shares, lora
        self.model = control(widgets.Dropdown(options=model_options(), description="Model"))
        self.rows = control(
            widgets.SelectionSlider(
                options=[(str(n), n) for n in capped.ROWS],
                value=ASKED[1],
                description=f"Rows in the batch (each of {capped.TOKENS} tokens)",
            )
        )
        for one in (self.model, self.rows):
            one.layout.width = "min(30em, 95%)"
        self.steps: list[Step] = []
        self.source = "live"
        self.job = Job("Measure one step, three ways", self._make, self._take)
        self.view = widgets.HTML()
        style = widgets.HTML(theme.style())
        super().__init__([style, self.model, self.rows, self.job, self.view])
        self.add_class("lethe")
        for prediction in (shares, lora):
            prediction.on_saved(lambda _: self.draw())
        self.draw()

    def _make(self, _report: Any, controls: Controls) -> Iterator[Progress | Step | str]:
        model, rows = self.model.value, self.rows.value
        why = capped.why_not_live(model)
        yield "replayed" if why else "live"
        if why:
            kept = capped.stored_steps(model)
            found = [capped.find(kept, method, rows, None) for method in capped.METHODS]
            if not any(found):
                raise OSError(f"{why} But none are stored for this model: choose another one.")
            yield from filter(None, found)
            return
        for method in capped.METHODS:
            yield from capped.attempt(model, method, rows, stopped=lambda: controls.stopped)
            if controls.stopped:
                return

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, str):
                self.source, self.steps = part, []
            elif isinstance(part, Step):
                self.steps.append(part)
        if any(isinstance(part, str | Step) for part in parts):
            self.draw()

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show the newest steps, and both predictions once there is something to compare."""
        if not self.steps:
            self.view.value = theme.note("Nothing measured yet: press the button above.")
            return
        first = self.steps[0]
        detail = f"{self._title(first.model)}, {first.rows} rows of {first.tokens} tokens"
        try:
            met = self._met() if len(self.steps) == len(capped.METHODS) else ""
        except (OSError, ValueError) as error:
            met = theme.error(str(error))
        picture = bars("Memory of one training step", self._bars())
        self.view.value = (
            badge(self.source, detail)
            + f"<div class='lethe-card'>{picture}{self._problems()}</div>"
            + met
            + folded("The numbers", self._table())
        )

    @staticmethod
    def _title(model: str) -> str:
        return shapes.SHAPES[model].title if model in shapes.SHAPES else model

    def _bars(self) -> list[Bar]:
        shown = []
        for step in self.steps:
            if step.parts is None:
                continue
            name = NAMES[step.method]
            shown.append(Bar(name, astuple(step.parts), "measured", peak=step.peak))
            formula = capped.expected(step.model, step.method, step.rows, step.tokens)
            if formula:
                shown.append(Bar("", astuple(formula), "by the formula", guess=True))
        return shown

    def _problems(self) -> str:
        missing = [step for step in self.steps if step.parts is None]
        return "".join(
            theme.note(f"{NAMES[step.method]}: {step.problem or 'it ran out of memory'}")
            for step in missing
        )

    def _met(self) -> str:
        """Both predictions beside the figures of the model that they ask about."""
        steps, source = self._asked_for()
        full, lora = (capped.find(steps, m, ASKED[1], None) for m in ("full", "lora"))
        if not (full and lora and full.parts and lora.parts):
            return theme.note(NOT_STORED)
        shares = {
            part: round(100 * value / full.parts.total)
            for part, value in zip(PARTS, astuple(full.parts), strict=True)
        }
        share = round(100 * lora.parts.total / full.parts.total)
        detail = f"{self._title(ASKED[0])}, {ASKED[1]} rows of {capped.TOKENS} tokens"
        self.record.measure(self._shares.key, shares, source, detail)
        self.record.measure(self._lora.key, share, source, detail)
        guess, of_lora = self._shares.value, self._lora.value
        rows = [
            (part, "none saved" if guess is None else f"{guess.get(part, 0)}%", f"{value}%")
            for part, value in shares.items()
        ]
        mine = "none saved" if of_lora is None else f"{of_lora}%"
        head = ("part of full fine-tuning", "your prediction", "measured")
        return (
            badge(source, detail)
            + table("Your shares beside the measured ones", head, rows)
            + f"<p><b>LoRA, of what full fine-tuning takes.</b> Your prediction: {mine}. "
            f"Measured: {share}%.</p>"
        )

    def _asked_for(self) -> tuple[list[Step], str]:
        here = [step for step in self.steps if (step.model, step.rows) == ASKED]
        if len(here) == len(capped.METHODS):
            return here, self.source
        return capped.stored_steps(ASKED[0]), "replayed"

    def _table(self) -> str:
        rows = []
        for step in self.steps:
            if step.parts is None:
                continue
            formula = capped.expected(step.model, step.method, step.rows, step.tokens)
            by_formula = f"{formula.total / _MB:,.0f}" if formula else "no formula for it"
            rows.append(
                (
                    NAMES[step.method],
                    *(f"{value / _MB:,.1f}" for value in astuple(step.parts)),
                    f"{step.parts.total / _MB:,.0f}",
                    by_formula,
                    f"{step.peak / _MB:,.0f}" if step.peak else "–",
                )
            )
        head = ("method", *PARTS, "sum", "sum by the formula", "highest moment")
        return table("Megabytes (10^6 bytes), beside what the libraries take", head, rows)
