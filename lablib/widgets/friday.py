"""Friday's decision: constraints, a prediction, one plane, a recommendation with evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from lablib import experiment
from lablib.controls import Controls
from lablib.lessons import equal
from lablib.lessons import friday as lesson
from lablib.plots import comparison as pictures
from lablib.plots import live
from lablib.plots.chart import Chart, Cross
from lablib.plots.plane import mixed_sentence
from lablib.runtime import fast_mode
from lablib.sweep import Comparison, archive
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice

FULL = 0.0  # stands for nine tenths of what full fine-tuning reaches: a menu has no None
MODELS, TASKS = ("mini", "smollm2-135m"), ("tickets", "wrong_facts")
_CSS = (
    "<style>.lethe .lethe-half{flex:1 1 330px;min-width:0;max-width:100%}"
    ".lethe .lethe-control>select[multiple]{height:auto}"
    ".lethe .lethe-half>.widget-checkbox{height:auto}"
    ".lethe .lethe-half>.widget-checkbox>label{height:auto;white-space:normal;line-height:1.5}"
    "</style>"
)
_NOBODY = "none of them reaches it in every seed"
_HEAD = (
    "option", "task score at the end", "kept at the matched score", "still ranks it first",
    "seeds there", "pass the test", "your constraints",
)  # fmt: skip


class Friday(widgets.VBox):
    """State constraints, predict, open one plane, recommend; the report prints it.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model (for the prompt, which is tried live) and record.

    Notes
    -----
    The calls that do the same: ``friday.evidence(friday.load(model, task), floor)`` and
    ``friday.advice``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab, self._open = lab, False
        self._prompted: dict[tuple[str, str], list[float]] = {}  # (model, task) -> scores
        self.constraints = {
            key: widgets.Checkbox(value=False, description=text, indent=False)
            for key, text in lesson.CONSTRAINTS.items()
        }
        self.floor = control(
            widgets.FloatSlider(
                value=0.8, min=0.3, max=1.0, step=0.05, continuous_update=False,
                description="Regression test: least share kept of every capability",
            )
        )  # fmt: skip
        self.needed = control(
            widgets.Dropdown(
                options=[
                    ("nine tenths of what full fine-tuning reaches", FULL),
                    *((f"{score:.2f}", score) for score in (0.5, 0.6, 0.7, 0.8, 0.9)),
                ],
                description="Task score that the help desk needs (runs are matched there)",
            )
        )
        titles = [option.title for option in lesson.OPTIONS.values()]
        self.guess = Choice(
            lab.record, "08-friday",
            "Which of these keeps most of the old at the same task score?", (*titles, _NOBODY),
        )  # fmt: skip
        kinds = [(_named(*kind), kind) for kind in _stored()]
        self.kinds = control(
            widgets.SelectMultiple(
                options=kinds,
                value=[kinds[0][1]] if kinds else [],
                rows=max(len(kinds), 3),
                description="Runs on the plane",
            )
        )
        self.button = widgets.Button(
            description="Open the plane", button_style="primary", icon="folder-open"
        )
        self.button.layout.width = "auto"
        self.button.on_click(lambda _: self.reveal())
        self.job = Job("Try the prompt, untrained", self._make, self._take, self.draw)
        self.view = widgets.HTML()
        self.choice = control(
            widgets.Dropdown(
                options=[*((o.title, k) for k, o in lesson.OPTIONS.items()), (lesson.NONE, "")],
                description="I recommend to the help desk",
            )
        )
        self.save_button = widgets.Button(description="Save my recommendation", icon="check")
        self.save_button.layout.width = "auto"
        self.save_button.on_click(lambda _: self.save())
        self.status = widgets.HTML()
        stated = widgets.VBox(
            [
                widgets.HTML(theme.heading("Your constraints")),
                *self.constraints.values(),
                self.needed,
                self.floor,
            ]
        )
        self.tried = widgets.HTML()
        chosen = widgets.VBox([self.guess, self.kinds, self.button, self.job, self.tried])
        for part in (stated, chosen):
            part.add_class("lethe-half")
        settings = widgets.HBox([stated, chosen])
        settings.add_class("lethe-columns")
        for box in self.constraints.values():
            box.layout.width = "100%"
        for button in (self.button, self.save_button):
            button.layout.align_self = "flex-start"
        below = widgets.VBox([self.view, self.choice, self.save_button, self.status])
        for card in (settings, below):
            card.add_class("lethe-card")
        super().__init__([widgets.HTML(STYLE + _CSS), settings, below])
        self.add_class("lethe")
        for each in (*self.constraints.values(), self.needed, self.floor, self.kinds):
            each.observe(lambda _: self.draw(), "value")
        self.guess.on_saved(lambda _: self.draw())
        lab.on_change(self._tell_model)
        self._tell_model()
        self.draw()

    def _tell_model(self) -> None:
        """Say whose prompt is tried, for it is seen on that model's planes only."""
        model = self._lab.model
        self.tried.value = theme.note(
            f"The prompt is tried on the lab's model, {model}; it appears on a plane of {model} "
            "and on no other."
        )

    def reveal(self) -> None:
        """Show the plane."""
        self._open = True
        self.draw()

    def watch(self) -> None:
        """Try the prompt and open the plane, in the foreground."""
        self.job.watch()
        self.reveal()

    @property
    def stated(self) -> tuple[str, ...]:
        """The constraints that were stated, by key."""
        return tuple(key for key, box in self.constraints.items() if box.value)

    def kind(self) -> tuple[str, str] | None:
        """Return the model and task of the plane, if exactly one of each is chosen."""
        return self.kinds.value[0] if len(self.kinds.value) == 1 else None

    # ------------------------------------------------------------- the prompt, tried live

    def _make(self, _report: Callable[[Any], None], controls: Controls) -> Iterator[Any]:
        kind = self.kind()
        task = kind[1] if kind else TASKS[0]
        loaded = self._lab.load()
        small = loaded.n_parameters < experiment.SMALL and not fast_mode()
        draws, rows = (5, 96) if small else (1, 8)
        for draw in range(draws):
            for part in lesson.prompted(loaded, task, draw, 4, rows):
                if controls.stopped:
                    return
                yield (loaded.name, task, draw, part) if isinstance(part, float) else part

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, tuple):
                model, task, draw, score = part
                scores = self._prompted.setdefault((model, task), [])
                if draw == 0:
                    scores.clear()
                scores.append(score)

    # ------------------------------------------------------------------- what is shown

    def draw(self) -> None:
        """Show the plane, the table and the advice for what is stated now."""
        if not self._open:
            self.view.value = theme.note(
                "State your constraints, commit to a prediction, then open the plane."
            )
            return
        if len(self.kinds.value) > 1:
            self.view.value = theme.note(mixed_sentence({(m, (t,)) for m, t in self.kinds.value}))
            return
        if not self.kinds.value:
            self.view.value = theme.note(
                "Choose a comparison above."
                if self.kinds.options
                else "No comparison is stored here; data/results/make_comparison.py makes one."
            )
            return
        try:
            self.view.value = self._shown(lesson.load(*self.kind(), self.needed.value or None))
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))

    def _found(self, comparison: Comparison) -> dict[str, lesson.Evidence]:
        prompted = self._prompted.get((comparison.model, comparison.task), [])
        return lesson.evidence(comparison, self.floor.value, prompted)

    def _shown(self, comparison: Comparison) -> str:
        found = self._found(comparison)
        target, floor = comparison.target, self.floor.value
        _, reasons = lesson.advice(found, self.stated, target, floor)
        plane = self._with_prompt(pictures.plane(comparison, "replayed"), found)
        curve = pictures.at_matched_score(comparison, "replayed")
        charts = "".join(
            f"<div style='flex:1 1 330px;min-width:0'>{live.svg(chart, 520, 340)}</div>"
            for chart in (plane, curve)
        )
        rows = [self._row(key, found.get(key)) for key in lesson.OPTIONS]
        caption = (
            f"{comparison.model} on {comparison.task}, matched at task score {target:.2f}; kept: "
            f"{equal.mean_of(equal.capabilities(comparison.runs))}"
        )
        numbers = table(caption, _HEAD, rows)
        items = "".join(f"<li>{theme.escape(reason, 2000)}</li>" for reason in reasons)
        names = "; ".join(
            f"{option.arm or 'prompt'}: {option.title}" for option in lesson.OPTIONS.values()
        )
        return (
            badge("replayed", f"{comparison.model}, {comparison.task}")
            + (badge("live", "the prompt") if "prompt" in found else "")
            + f"<div style='display:flex;flex-wrap:wrap;gap:8px'>{charts}</div>"
            + theme.plain(theme.escape(names, 2000), classes="lethe-soft")
            + f"<div class='lethe-scroll'>{numbers}</div>"
            + self._met(found)
            + folded("What follows from your constraints", f"<ul>{items}</ul>", True)
        )

    def _with_prompt(self, chart: Chart, found: dict[str, lesson.Evidence]) -> Chart:
        one = found.get("prompt")
        if one is None:
            return chart
        score = one.task_score
        cross = Cross(
            "prompt", score.mean, 1.0, len(chart.crosses), True, score.low, score.high,
            about="prompt, untrained: no weight moves; measured live",
        )  # fmt: skip
        return replace(chart, crosses=(*chart.crosses, cross))

    def _row(self, key: str, one: lesson.Evidence | None) -> tuple[str, ...]:
        option = lesson.OPTIONS[key]
        why = lesson.ruled_out(option, self.stated)
        allowed = f"ruled out: {why}" if why else "allowed"
        name = f"{option.title} {option.source}"
        if one is None:
            missing = "try it with the button" if not option.arm else "not measured here"
            return (name, missing, "–", "–", "–", "–", allowed)
        return (
            name,
            str(one.task_score),
            str(one.at) if one.at else "never reached",
            str(one.knows) if one.knows else "–",
            f"{one.reached} of {one.n}",
            f"{one.passed} of {one.n}",
            allowed,
        )

    def _met(self, found: dict[str, lesson.Evidence]) -> str:
        there = [one for one in found.values() if one.n and one.reached == one.n and one.at]
        best = max(there, key=lambda one: one.at.mean, default=None)
        measured = lesson.OPTIONS[best.key].title if best else _NOBODY
        model, task = self.kind()
        kept = f"{best.at} kept, " if best else ""
        self._lab.record.measure(self.guess.key, measured, "replayed", f"{kept}{model} on {task}")
        mine = "none saved" if self.guess.value is None else self.guess.value
        short = "; ".join(
            f"{lesson.OPTIONS[one.key].title} ({one.reached} of {one.n} seeds, which keep {one.at})"
            for one in found.values()
            if one.one_short
        )
        beside = f" Left out for want of one seed: {theme.escape(short, 2000)}." if short else ""
        return (
            f"<p role='status'>Your prediction: {theme.escape(mine)}. Measured: "
            f"{theme.escape(measured)} ({theme.escape(kept)}{model} on {task}).{beside}</p>"
        )

    # ------------------------------------------------------------------- the recommendation

    def save(self) -> None:
        """Keep the recommendation with everything it rests on; the report prints it."""
        kind = self.kind()
        try:
            if not self._open or kind is None:
                raise ValueError("Open the plane of one model and one task first.")
            comparison = lesson.load(*kind, self.needed.value or None)
            found = self._found(comparison)
            _, reasons = lesson.advice(found, self.stated, comparison.target, self.floor.value)
            key = self.choice.value
            said = lesson.OPTIONS[key].title if key else lesson.NONE
            self._lab.record.keep(
                "recommendation",
                text=said,
                constraints=[lesson.CONSTRAINTS[name] for name in self.stated],
                basis=f"{comparison.model} on {comparison.task}, matched at task score "
                f"{comparison.target:.2f}, regression test at {self.floor.value:.2f}",
                evidence=reasons,
            )
        except (OSError, ValueError) as error:
            self.status.value = theme.error(str(error))
            return
        why = lesson.ruled_out(lesson.OPTIONS[key], self.stated) if key else ""
        warning = f" It breaks a constraint that you stated: {why}." if why else ""
        self.status.value = theme.note(f"Saved: {said}. Your report prints it.{warning}")


def _named(model: str, task: str) -> str:
    """Return the words of the menu: where the diary alone was measured, they say so."""
    there = lesson.measured(model, task)
    only = " (diary only)" if there == ["diary"] else ""
    return f"{model} on {task}{only}"


def _stored() -> list[tuple[str, str]]:
    """Return model and task of every stored comparison that has full fine-tuning."""
    return [
        (model, task)
        for model in MODELS
        for task in TASKS
        if next(archive.folder_of(model).glob(f"{task}-full-seed*.json"), None)
    ]
