"""Springs on the model: the first steps, strengths, illnesses, controls; runs beside claims."""

from __future__ import annotations

import ipywidgets as widgets

from lablib import metrics
from lablib.history import History
from lablib.lessons import equal, strengths
from lablib.plots import live
from lablib.plots import strengths as pictures
from lablib.plots.chart import Chart, Cross, Line
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice

HELPS, STIFFER, EARNS = strengths.HELPS, strengths.STIFFER, strengths.EARNS  # as offered
SHOWN_STEPS = (1, 2, 3, 5, 10, 20, 50, 100, 200)
_MOST_OWN = 4  # of the learner's runs on one picture


class FirstSteps(widgets.HTML):
    """Loss and penalty of the learner's newest run with springs, from its first step on."""

    def __init__(self, lab: ModelChoice):
        self._lab = lab
        super().__init__()

    def draw(self) -> None:
        """Show the newest run with springs."""
        runs = own_runs(self._lab)
        if not runs:
            self.value = theme.note("Run EWC in the dashboard above to see its first steps.")
            return
        history = runs[-1]
        steps = history.steps
        xs = tuple(float(step.step) for step in steps)
        losses = tuple(s.loss for s in steps)
        energies = tuple(s.penalty for s in steps)
        # A chart each: beside the loss of the first steps the energy would be a flat line.
        loss = Chart(
            "The loss on the task", "step", "nats per answer token",
            (Line("loss on the task", xs, losses, 1, label="loss"),),
            y_range=(0.0, max(*losses[:3], 1e-6)),
        )  # fmt: skip
        name = "energy in the springs (penalty)"
        penalty = Line(name, xs, energies, 0, dashed=True, label="springs")
        energy = Chart(
            "The energy in the springs", "step", "nats per answer token", (penalty,),
            y_range=(0.0, max(*energies, 1e-6)),
        )  # fmt: skip
        charts = "".join(
            f"<div style='flex:1 1 330px;min-width:0'>{live.svg(chart, 440, 260)}</div>"
            for chart in (loss, energy)
        )
        by_step = {step.step: step for step in steps}
        rows = [
            (str(at), f"{by_step[at].loss:.3f}", f"{by_step[at].penalty:.3g}")
            for at in SHOWN_STEPS
            if at in by_step
        ]
        shown = table("Loss and penalty", ("step", "loss", "penalty"), rows)
        self.value = (
            f"<div class='lethe-card'>{badge('live', _short(history))}"
            f"<div style='display:flex;flex-wrap:wrap;gap:8px'>{charts}</div>"
            f"{folded('The numbers', shown)}</div>"
        )


class StoredLook(widgets.VBox):
    """Base of both looks: two stored pictures, the learner's runs in them, and a verdict.

    What would answer a prediction lies folded until the prediction is saved.
    """

    kinds: tuple[str, ...] = ()  # keys of ``strengths.KINDS`` that are drawn

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, guesses: tuple[Choice, ...]):
        self._lab, self._guesses = lab, guesses
        self.views = {task: widgets.HTML() for task in strengths.TASKS}
        for view in self.views.values():
            view.layout.flex, view.layout.min_width = "1 1 380px", "0"
        self.verdict = widgets.HTML()
        both = widgets.HBox(list(self.views.values()))
        both.add_class("lethe-columns")
        super().__init__([widgets.HTML(STYLE), both, self.verdict])
        self.add_class("lethe")
        for guess in guesses:
            guess.on_saved(lambda _: self.draw())
        lab.on_change(self.draw)
        dashboard.state.observe(lambda _: self.draw() if dashboard.state.ended else None, "status")
        self.draw()

    def draw(self) -> None:
        """Show the stored runs of the chosen model."""
        for task, view in self.views.items():
            view.value = self._task(task)
        try:
            self.verdict.value = self._judged()
        except (OSError, ValueError) as error:
            self.verdict.value = theme.error(str(error))

    def _judged(self) -> str:
        raise NotImplementedError

    def _task(self, task: str) -> str:
        model = self._lab.model
        missing = strengths.why_missing(model, task)
        if missing:
            return theme.note(missing)
        found = strengths.comparison(model, task)
        more = theme.note(strengths.why_missing(model, task, swept=True))
        read = equal.capabilities(found.runs)
        own = tuple(
            cross
            for at, history in enumerate(own_runs(self._lab)[-_MOST_OWN:])
            if history.started.tasks == (task,) and (cross := _cross(history, at, read))
        )
        chart = pictures.frontier(found, self.kinds, own)
        numbers = theme.plain(pictures.table(found, self.kinds), "div", "lethe-scroll")
        inner = (
            badge("replayed", f"{model}, seeds in the table")
            + live.svg(chart, 440, 300)
            + folded("The numbers", numbers)
            + more
        )
        if any(guess.value is None for guess in self._guesses):
            inner = folded(f"Open the stored runs on {task}", inner)
        return f"<div class='lethe-card'>{inner}</div>"

    def _met(self, guess: Choice, verdict: strengths.Verdict, *more: str) -> str:
        """A prediction beside what the stored runs say, or why they say nothing yet."""
        answer, said = verdict
        told = guess.value is not None
        if answer is not None:
            self._lab.record.measure(guess.key, answer, "replayed", self._lab.model)
        mine = theme.escape(guess.value if told else "none saved")
        measured = theme.escape(answer or "nothing yet")
        sentences = "".join(f"<p>{theme.escape(one, 2000)}</p>" for one in (said, *more))
        met = (
            f"<p role='status'>Your prediction: {mine}. The stored runs say: {measured}.</p>"
            f"{sentences}"
        )
        return f"<p><b>{theme.escape(guess.question)}</b></p>" + (
            met if told else folded("Open without a prediction", met)
        )


class StrengthsLook(StoredLook):
    """The first steps of the learner's run, and strengths on both tasks, stored over seeds.

    Parameters
    ----------
    lab, dashboard
        The lab's model and record, and where runs come from.
    stiff, helps : Choice
        What stiffer springs do, and which illness springs help.

    Notes
    -----
    The calls that do the same: ``strengths.comparison(model, task)``, ``strengths.stiffer(model)``
    and ``strengths.helps(model)``.
    """

    kinds = ("fisher",)

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, stiff: Choice, helps: Choice):
        self.first = FirstSteps(lab)
        super().__init__(lab, dashboard, (stiff, helps))
        style, *others = self.children
        self.children = (style, self.first, *others)

    def draw(self) -> None:
        """Show the newest run, the stored ones and both predictions."""
        self.first.draw()
        super().draw()

    def _judged(self) -> str:
        model, (stiff, helps) = self._lab.model, self._guesses
        first = self._met(stiff, strengths.verdict_on_stiffer(model))
        late = [said] if (said := strengths.early()) else []
        return first + self._met(helps, strengths.verdict_on_illness(model), *late)


class ControlsLook(StoredLook):
    """Strengths of all three kinds of spring, and what each costs.

    Parameters
    ----------
    lab, dashboard
        The lab's model and record, and where runs come from.
    earns : Choice
        Whether the Fisher keeps more than its controls, one of ``strengths.EARNS``.

    Notes
    -----
    The call that does the same: ``strengths.earns(model, task)``.
    """

    kinds = tuple(strengths.KINDS)

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, earns: Choice):
        super().__init__(lab, dashboard, (earns,))

    def _judged(self) -> str:
        model = self._lab.model
        verdict, other = (strengths.verdict_on_fisher(model, task) for task in strengths.TASKS)
        said = self._met(self._guesses[0], verdict, other[1])
        return said + ("" if strengths.why_missing(model, "tickets") else self._costs())

    def _costs(self) -> str:
        rows = []
        for label, arm in strengths.comparison(self._lab.model, "tickets").arms.items():
            springs = label != "full"
            copies = {"full": "none", "equal": "one (where it began)"}.get(
                label.split()[0], "two (Fisher, where it began)"
            )
            cost = arm.cost
            rows.append(
                (
                    label if springs else strengths.FREE,
                    f"{cost['prepare_seconds']:.1f}",
                    f"{cost['train_seconds']:.1f}",
                    f"{cost['extra_forwards']:.0f}",
                    copies,
                )
            )
        header = (
            "run", "seconds to prepare", "seconds to train", "extra forward passes",
            "copies of all weights held besides",
        )  # fmt: skip
        return badge("replayed", self._lab.model) + table(
            "What springs cost on tickets", header, rows
        )


def own_runs(lab: ModelChoice) -> list[History]:
    """Return the learner's whole runs with springs, of the lab's model."""
    return [
        history
        for history in lab.histories
        if history.started.method == "ewc"
        and history.started.model == lab.model
        and history.finished
        and history.finished.reason == "done"
        and history.steps
    ]


def _short(history: History) -> str:
    settings = history.started.config.get("method_settings") or {}
    kind = settings.get("importance", "fisher")
    moved = ", moved during the run" if history.changes else ""
    return (
        f"{history.started.model}, {'+'.join(history.started.tasks)}, {kind} "
        f"{settings.get('strength', 0):g}{moved}"
    )


def _cross(history: History, at: int, read: tuple[str, ...]) -> Cross | None:
    score = history.task_score(history.started.tasks[-1])[1]
    kept = [value for name in read if (value := history.final_retention(name, "says")) is not None]
    if score is None or not kept:
        return None
    mean = metrics.mean_kept(kept)  # as the stored runs are read
    return Cross(f"yours {at + 1}", score, mean, 5 + at, True, about=_short(history))
