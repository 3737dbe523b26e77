"""LoRA and QLoRA side by side, from the stored comparison: is the same forgotten?"""

from __future__ import annotations

import ipywidgets as widgets

from lablib import metrics
from lablib.lessons import twins
from lablib.sweep.analysis import Estimate
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Prediction

TWIN_VERDICTS = twins.VERDICTS  # as the prediction offers them
_NAMES = {"lora": "LoRA", "qlora": "QLoRA"}


class TwinsLook(widgets.VBox):
    """What both methods learned and kept, over seeds; the verdict is made from the figures.

    The stored comparison lies folded until the prediction is saved.

    Parameters
    ----------
    lab : ModelChoice
        The model; its own runs are listed above the stored ones.
    dashboard : Dashboard
        Redraws this when a run of it ends.
    expected : Prediction
        One of ``twins.VERDICTS``, asked about ``tickets``.

    Notes
    -----
    The call that does the same: ``twins.load(model, task)``.
    """

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, expected: Prediction):
        self._lab, self._dashboard, self._expected = lab, dashboard, expected
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        lab.on_change(self.draw)
        expected.on_saved(lambda _: self.draw())
        dashboard.state.observe(lambda _: self._run_changed(), "status")
        self.draw()

    def _run_changed(self) -> None:
        if self._dashboard.state.ended:
            self.draw()

    def draw(self) -> None:
        """Show the learner's runs and the stored comparison."""
        try:
            stored = "".join(map(self._stored, twins.TASKS))
            told = self._expected.value is not None
            self.view.value = self._own() + (
                stored if told else folded("Open without a prediction", stored)
            )
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))

    def _own(self) -> str:
        rows = []
        for history in self._lab.histories:
            started = history.started
            known = (history.final_retention(name, "says") for name in history.capabilities())
            kept = metrics.mean_kept(value for value in known if value is not None)
            score = history.task_score(started.tasks[-1])[1]
            rows.append(
                (
                    f"{started.method} on {', '.join(started.tasks)}, seed {started.seed}",
                    "–" if score is None else f"{score:.2f}",
                    "nothing to lose" if kept is None else f"{kept:z.2f}",
                )
            )
        if not rows:
            return theme.note("Your own runs appear here when they have ended.")
        head = ("run", "task score", "kept: mean says retention")
        return badge("live") + table("Your runs", head, rows)

    def _stored(self, task: str) -> str:
        found = twins.load(self._lab.model, task)
        if found is None:
            return theme.note(
                f"LoRA and QLoRA on {task} were not compared on {self._lab.model}: nothing is "
                "stored, so nothing is claimed."
            )
        rows = [
            (
                _NAMES[arm],
                str(side.task or "–"),
                str(side.at_score or "never there"),
                str(side.says or "–"),
                str(side.knows or "–"),
            )
            for arm, side in found.sides.items()
        ]
        rows.append(("QLoRA minus LoRA", *map(_gap, self._gaps(found))))
        head = (
            "method",
            "task score at the end",
            f"kept at task score {found.target:.2f}",
            "kept at the end: says",
            "ranks first",
        )
        seeds = f"{found.model}, {len(found.seeds)} seed{'s' * (len(found.seeds) != 1)}"
        return (
            badge("replayed", seeds)
            + table(f"{task}: mean over seeds [bootstrap 95% interval]", head, rows)
            + f"<p>{theme.escape(found.sentence)}</p>"
            + (self._met(found, seeds) if task == twins.TASKS[0] else "")
        )

    @staticmethod
    def _gaps(found: twins.Twins) -> tuple[Estimate | None, ...]:
        return found.task, found.at_score, found.says, found.knows

    def _met(self, found: twins.Twins, seeds: str) -> str:
        guess = self._expected.value
        self._lab.record.measure(self._expected.key, found.verdict, "replayed", seeds)
        mine = "none saved" if guess is None else theme.escape(guess)
        return (
            f"<p><b>QLoRA on {found.name}, at the same task score.</b> Your prediction: {mine}. "
            f"Measured: {theme.escape(found.verdict)}.</p>"
        )


def _gap(value: Estimate | None) -> str:
    return "–" if value is None else str(value)
