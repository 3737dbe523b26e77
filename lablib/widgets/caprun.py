"""Under a cap: two training steps of each method in a process that may take only so much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import ipywidgets as widgets

from lablib.controls import Controls
from lablib.events import Progress
from lablib.lessons import capped, shapes
from lablib.lessons.capped import Step
from lablib.plots.memory import Bar, bars
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.memorystep import ASKED, NAMES, NOT_STORED, model_options
from lablib.widgets.parts import table
from lablib.widgets.predict import Prediction

SURVIVORS = capped.SURVIVORS  # as the prediction offers them
ASKED_FACTOR = 1.5  # the cap of the prediction, in float32 weights of the model
_MB = 1e6
_NOTHING = (0.0,) * 4


class CapRun(widgets.VBox):
    """Three processes under one limit; who survives, and where the others end.

    Parameters
    ----------
    record : Record
        Where the measurement goes.
    survive : Prediction
        Which methods were expected to survive at ``ASKED_FACTOR``; drawn on the result.

    Attributes
    ----------
    tried : dict
        Steps by (model, factor), each a dictionary by method.

    Notes
    -----
    The call that does the same: ``capped.attempt(model, method, cap=bytes)`` for each method.
    """

    def __init__(self, record: Record, survive: Prediction):
        self.record, self._survive = record, survive
        self.model = control(widgets.Dropdown(options=model_options(), description="Model"))
        self.factor = control(
            widgets.SelectionSlider(
                options=[(f"{factor:g} times", factor) for factor in capped.FACTORS],
                value=ASKED_FACTOR,
                description="Cap, as a multiple of the model's own weights in 32 bits",
                continuous_update=False,
            )
        )
        for one in (self.model, self.factor):
            one.layout.width = "min(34em, 95%)"
            one.observe(lambda _: self._moved(), "value")
        self.cap_line = widgets.HTML()
        self.tried: dict[tuple[str, float], dict[str, Step]] = {}
        self._sources: dict[tuple[str, float], str] = {}
        self._now: tuple[str, float] = (self.model.value, self.factor.value)
        self.job = Job("Try all three under the cap", self._make, self._take)
        self.view = widgets.HTML()
        style = widgets.HTML(theme.style())
        super().__init__([style, self.model, self.factor, self.cap_line, self.job, self.view])
        self.add_class("lethe")
        survive.on_saved(lambda _: self.draw())
        self._moved()
        self.draw()

    @property
    def cap(self) -> int:
        """The cap in bytes."""
        return capped.cap_bytes(self.model.value, self.factor.value)

    def _moved(self) -> None:
        self.cap_line.value = theme.note(
            f"The weights of this model take {capped.weight_bytes(self.model.value) / _MB:,.0f} MB "
            f"in 32 bits, so the cap is {self.cap / _MB:,.0f} MB beside what the libraries take."
        )

    def _make(self, _report: Any, controls: Controls) -> Iterator[Any]:
        model, factor, cap = self.model.value, self.factor.value, self.cap
        why = capped.why_not_live(model, cap)
        yield (model, factor), "replayed" if why else "live"
        if why:
            kept = capped.stored_steps(model)
            found = [capped.find(kept, method, ASKED[1], cap) for method in capped.METHODS]
            if not any(found):
                raise OSError(f"{why} But none are stored for this model: choose another one.")
            yield from filter(None, found)
            return
        for method in capped.METHODS:
            yield from capped.attempt(
                model, method, ASKED[1], cap=cap, stopped=lambda: controls.stopped
            )
            if controls.stopped:
                return

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, tuple):
                self._now, self._sources[part[0]] = part
                self.tried[self._now] = {}
            elif isinstance(part, Step):
                self.tried[self._now][part.method] = part
        if any(not isinstance(part, Progress) for part in parts):
            self.draw()

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show the newest try, the table of all of them, and the prediction."""
        steps = self.tried.get(self._now)
        if not steps:
            self.view.value = theme.note("Nothing tried yet: press the button above.")
            return
        model, factor = self._now
        source = self._sources[self._now]
        title = shapes.SHAPES[model].title if model in shapes.SHAPES else model
        picture = bars(
            "Two training steps under the cap",
            [self._bar(step) for step in steps.values()],
            capped.cap_bytes(model, factor),
        )
        try:
            met = self._met()
        except (OSError, ValueError) as error:
            met = theme.error(str(error))
        self.view.value = (
            badge(source, f"{title}, {ASKED[1]} rows of {capped.TOKENS} tokens")
            + f"<div class='lethe-card'>{picture}{self._said(steps)}</div>"
            + met
            + self._table()
        )

    @staticmethod
    def _bar(step: Step) -> Bar:
        formula = capped.expected(step.model, step.method, step.rows, step.tokens)
        parts = astuple(step.parts) if step.parts else astuple(formula) if formula else _NOTHING
        end = "✓ survived" if step.survived else "✗ died"
        note = "measured" if step.parts else "by the formula"
        return Bar(NAMES[step.method], parts, note, step.parts is None, step.peak, end)

    @staticmethod
    def _said(steps: dict[str, Step]) -> str:
        lines = []
        for step in steps.values():
            name = NAMES[step.method]
            if step.problem:
                said = step.problem
            elif step.survived:
                said = f"done, highest moment {step.peak / _MB:,.0f} MB"
            else:
                said = f"it died while {_doing(step.stage)}"
                if step.wanted:
                    said += f", when it asked for {_size(step.wanted)} more"
            lines.append(f"<li><b>{name}</b>: {theme.escape(said)}.</li>")
        return f"<ul class='lethe-list' style='columns:1'>{''.join(lines)}</ul>"

    def _met(self) -> str:
        """The prediction beside what came of the cap that it asks about."""
        at = (ASKED[0], ASKED_FACTOR)
        here = self.tried.get(at, {})
        source = self._sources.get(at, "live")
        if len(here) < len(capped.METHODS):
            kept, cap = capped.stored_steps(at[0]), capped.cap_bytes(*at)
            found = {m: capped.find(kept, m, ASKED[1], cap) for m in capped.METHODS}
            here, source = {m: step for m, step in found.items() if step}, "replayed"
        if len(here) < len(capped.METHODS):
            return theme.note(NOT_STORED)
        alive = capped.survivors(here)
        detail = f"{shapes.SHAPES[ASKED[0]].title}, {ASKED_FACTOR:g} times its weights"
        self.record.measure(self._survive.key, alive, source, detail)
        guess = self._survive.value
        mine = "none saved" if guess is None else theme.escape(guess)
        return (
            f"<p>{badge(source, detail)}<br><b>Who survives two steps?</b> Your prediction: "
            f"{mine}. Measured: {theme.escape(alive)}.</p>"
        )

    def _table(self) -> str:
        """Everything that was tried, gentlest cap last."""
        rows = []
        for (model, factor), steps in sorted(self.tried.items()):
            marks = [
                ("✓" if steps[m].survived else f"✗ {steps[m].stage}") if m in steps else "–"
                for m in capped.METHODS
            ]
            title = shapes.SHAPES[model].title if model in shapes.SHAPES else model
            rows.append((f"{title}, {factor:g} times", *marks))
        return table("What you tried", ("cap", *NAMES.values()), rows)


def _doing(stage: str) -> str:
    """The stage as part of a sentence."""
    return {
        "putting the method on": "the method was put on the model",
        "forward pass": "the forward pass was computed",
        "backward pass": "the backward pass was computed",
        "first step of the optimizer": "the optimizer took its first step",
        "second training step": "the second training step was done",
        "loading the model": "the model was loaded",
    }.get(stage, stage)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / _MB:,.1f} MB" if n_bytes >= _MB / 10 else f"{n_bytes / 1e3:,.0f} kB"
