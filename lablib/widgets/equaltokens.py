"""The diary against real rows at the same price: stored runs, opened after the prediction."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.lessons import equal as lesson
from lablib.plots import comparison as pictures
from lablib.plots import live
from lablib.sweep import verdict
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.parts import folded
from lablib.widgets.predict import Choice

OUTCOMES = lesson.OUTCOMES


class EqualTokens(widgets.VBox):
    """One plane of one task: the diary, real rows, and what stands on either side of them.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    real : Choice
        What was expected of the diary beside real rows.

    Notes
    -----
    The call that does the same: ``equal.at_matched(equal.load(model, task, pair), pair)``.
    """

    def __init__(self, lab: ModelChoice, real: Choice):
        self._lab, self._real = lab, real
        self._open = False
        self.task = control(
            widgets.Dropdown(options=lesson.TASKS, description="Task that was learned")
        )
        self.task.layout.width = "min(24em, 95%)"
        self.button = widgets.Button(
            description="Open the stored runs", button_style="primary", icon="folder-open"
        )
        self.button.layout.width = "auto"
        self.button.layout.align_self = "flex-start"
        self.button.on_click(lambda _: self.reveal())
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.task, self.button, self.view])
        self.add_class("lethe")
        self.task.observe(lambda _: self.draw(), "value")
        real.on_saved(lambda _: self.draw())
        lab.on_change(self.draw)
        self.draw()

    def reveal(self) -> None:
        """Show what was stored."""
        self._open = True
        self.draw()

    def watch(self) -> None:
        """Open, for those who press no buttons."""
        self.reveal()

    def draw(self) -> None:
        """Show the plane of the chosen task, or what is missing."""
        model, task = self._lab.model, self.task.value
        if not self._open:
            self.view.value = theme.note("Commit to your prediction, then open the stored runs.")
            return
        try:
            pairs = lesson.pairs_of(model, task)
            if not pairs:
                self.view.value = theme.note(
                    f"Diary and real rows were not both measured on {model} with {task} yet."
                )
                return
            found = [(lesson.load(model, task, pair), pair) for pair in pairs]
            self.view.value = (
                self._shown(*found[0])
                + self._met(lesson.at_matched(*found[0]))
                + "".join(self._second(*other) for other in found[1:])
                + self._elsewhere()
            )
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))

    def _second(self, comparison, pair: lesson.Pair) -> str:
        """A less fair comparison of the same two, said at once and drawn in a fold."""
        said = lesson.verdict(lesson.at_matched(comparison, pair), pair)
        return f"<p><b>{theme.escape(said, 2000)}</b></p>" + folded(
            f"The same at another price: {pair.price}", self._shown(comparison, pair)
        )

    def _elsewhere(self) -> str:
        """What is said of a larger model; if it is on show, what its planes do not say."""
        large, said = self._lab.model == lesson.LARGE, lesson.elsewhere()
        if large:
            said = said[len(lesson.pairs_of(lesson.LARGE, lesson.TASKS[0])) :]
        told = "".join(f"<li>{theme.escape(one, 2000)}</li>" for one in said)
        head = "Its diaries beside each other:" if large else "A larger model:"
        return f"{badge('replayed', lesson.LARGE)}<p>{head}</p><ul>{told}</ul>" if told else ""

    def _shown(self, comparison, pair: lesson.Pair) -> str:
        """The plane and the curve of a pair, its verdict and its numbers."""
        said = lesson.verdict(lesson.at_matched(comparison, pair), pair)
        n = len(comparison.arms[pair.own].seeds)
        plane = pictures.plane(comparison, "replayed")
        curve = pictures.at_matched_score(comparison, "replayed")
        charts = "".join(
            f"<div style='flex:1 1 330px;min-width:0'>{live.svg(chart, 470, 320)}</div>"
            for chart in (plane, curve)
        )
        numbers = live.rows_table("The stored runs", verdict.HEAD, verdict.rows(comparison))
        written = lesson.temperature(comparison, pair.own)
        return (
            badge("replayed", f"{comparison.model}, {comparison.task}, {_seeds(n)}")
            + theme.heading(
                f"{pair.own} (the diary) and {pair.real} (real rows): {pair.price}",
                (f"The diary was written at temperature {written:g}. " if written else "")
                + "full: nothing protects the old. joint: as many general rows beside the task "
                "rows, at twice the price.",
            )
            + f"<div style='display:flex;flex-wrap:wrap;gap:8px'>{charts}</div>"
            + f"<p role='status'><b>{theme.escape(said, 2000)}</b></p>"
            + folded("The numbers", theme.plain(numbers, classes="lethe-scroll"))
        )

    def _met(self, found: lesson.Matched) -> str:
        if found.outcome is None:
            return ""
        # The prediction asks for tickets at equal tokens, which the larger model does not have.
        if self.task.value == lesson.TASKS[0] and self._lab.model != lesson.LARGE:
            detail = f"difference {found.difference}, task score {found.target:.2f}"
            self._lab.record.measure(self._real.key, found.outcome, "replayed", detail)
        mine = "none saved" if self._real.value is None else self._real.value
        return (
            f"<p>Your prediction: {theme.escape(mine)}. Stored runs of {self.task.value}: "
            f"{theme.escape(found.outcome)}.</p>"
        )


def _seeds(n: int) -> str:
    return f"{n} seed{'s' * (n != 1)}"
