"""You be the masker: cross words out by hand, train, and compare with STM and with dice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import ipywidgets as widgets

from lablib.events import Probed
from lablib.history import History
from lablib.lessons import masking, surprise
from lablib.methods import Method
from lablib.plots import live, plane
from lablib.sweep import Measured
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job

CSS = """
.lethe .lethe-words{display:flex;flex-wrap:wrap;gap:3px;margin:6px 0;overflow:visible}
.lethe .lethe-words .jupyter-button{width:auto;height:auto;min-width:1.6em;padding:0 7px;
margin:0;line-height:24px;font-size:13px}
.lethe .lethe-words .jupyter-button.mod-active{text-decoration:line-through;
outline:2px dashed #c96a00;outline-offset:-2px}
.lethe .lethe-answers-of{display:flex;flex-flow:row wrap;gap:0 10px;overflow:visible}
"""
MOST_WORDS = 48  # of one answer that can be crossed out
HEAD = ("mask", "tokens masked", "task score", "kept: says", "knows", "at matched score")


class MaskBench(widgets.VBox):
    """Two answers whose words can be crossed out, a budget, and the runs that follow.

    A word that is crossed out is not learned in any row of the task.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.

    Attributes
    ----------
    crossed : dict of str to set of str
        By task, the words crossed out.
    runs : dict of tuple to (float, Measured)
        By task and mask, the share of the tokens masked and the run.

    Notes
    -----
    The call that does the same: ``History.of(masking.build(loaded, task, method))`` with
    ``masking.method_of("hand", words)`` and the like.
    """

    def __init__(self, lab: ModelChoice):
        self._lab, self._callbacks = lab, []
        self.crossed: dict[str, set[str]] = {}
        self.runs: dict[tuple[str, str], tuple[float, Measured]] = {}
        self._words: dict[str, surprise.Vocabulary] = {}
        self._histories: dict[tuple[str, str], History] = {}
        self._now: tuple[str, str, float] | None = None  # task, mask and share of the run under way
        self.bring = Job("Bring the rows", self._read, self._take, self._fill)
        self.row = control(
            widgets.IntSlider(
                value=1, min=1, max=surprise.N_READ, description="Training row (number)",
                continuous_update=False,
            )
        )  # fmt: skip
        self.row.observe(lambda _: self._fill(), "value")
        self.panels = {task: _Panel(task, self._toggled) for task in surprise.TASKS}
        both = widgets.Box(list(self.panels.values()))
        both.add_class("lethe-answers-of")
        self.clear_button = widgets.Button(description="Clear my words", icon="eraser")
        self.clear_button.layout.width = "auto"
        self.clear_button.layout.align_self = "flex-start"
        self.clear_button.on_click(lambda _: self.clear())
        self.own = Job("Train without my words", self._train_own, self._take, self._done)
        self.others = Job("Train STM and random masks", self._train_others, self._take, self._done)
        self.picture, self.results = widgets.HTML(), widgets.HTML()
        super().__init__(
            [
                widgets.HTML(f"<style>{theme.CSS}{CSS}</style>"),
                self.bring,
                self.row,
                both,
                self.clear_button,
                self.own,
                self.others,
                self.picture,
                self.results,
            ]
        )
        self.add_class("lethe")
        lab.on_change(self._forget)
        self._forget()

    def on_result(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when a run has ended, and when another model is chosen."""
        self._callbacks.append(callback)

    def _forget(self) -> None:
        self.picture.value = ""
        self.crossed = {task: set() for task in surprise.TASKS}
        self.runs, self._words, self._histories, self._now = {}, {}, {}, None
        self._fill()
        self._tell()

    def _tell(self) -> None:
        self.draw()
        for callback in self._callbacks:
            callback()

    def clear(self) -> None:
        """Cross nothing out."""
        for words in self.crossed.values():
            words.clear()
        self._fill()

    def cross(self, task: str, *words: str) -> None:
        """Cross words of a task out, as the buttons do."""
        self.crossed[task] |= set(words)
        self._fill()

    def share(self, task: str) -> float:
        """Return which share of the answer tokens of a task is crossed out."""
        return self._words[task].share(self.crossed[task]) if task in self._words else 0.0

    def _toggled(self, task: str, word: str, out: bool) -> None:
        (self.crossed[task].add if out else self.crossed[task].discard)(word)
        self.panels[task].mark(self.crossed[task])
        self.panels[task].say(self.share(task))

    def _fill(self) -> None:
        for task, panel in self.panels.items():
            if task in self._words:
                panel.fill(self._lab.load(), self.row.value - 1, self.crossed[task])
                panel.say(self.share(task))
            else:
                panel.empty()

    # ------------------------------------------------------------------ in the background

    def _read(self, report, controls) -> Iterator:
        loaded = self._lab.load()
        for task in surprise.TASKS:
            if controls.stopped:
                return
            yield task, surprise.vocabulary(loaded, task)

    def _train_own(self, report, controls) -> Iterator:
        if not self._words:
            raise ValueError("Bring the rows first, and cross out some words.")
        chosen = [task for task, words in self.crossed.items() if words]
        if not chosen:
            raise ValueError("Cross out some words first.")
        for task in chosen:
            if self.share(task) > surprise.BUDGET:
                raise ValueError(
                    f"Your words are {self.share(task):.0%} of the tokens of {task}, and the "
                    f"budget is {surprise.BUDGET:.0%}: give some of them back."
                )
        for task in chosen:
            method = masking.method_of("hand", self.crossed[task])
            yield from self._run(task, "hand", self.share(task), method, controls)

    def _train_others(self, report, controls) -> Iterator:
        for task in surprise.TASKS:
            own = self.runs.get((task, "hand"))
            share = own[0] if own else surprise.BUDGET
            for mask in ("high", "random"):
                method = masking.method_of(mask, share=share)
                yield from self._run(task, mask, share, method, controls)

    def _run(self, task: str, mask: str, share: float, method: Method, controls) -> Iterator:
        if why := self._lab.why_not_live:
            raise ValueError(why)
        yield task, mask, share
        yield from masking.build(self._lab.load(), task, method, controls=controls)

    # ---------------------------------------------------------------------- on the page

    def _take(self, parts) -> None:
        new_point = False
        for part in parts:
            if isinstance(part, tuple) and len(part) == 2:
                self._words[part[0]] = part[1]
            elif isinstance(part, tuple):
                self._now = part
                self._histories[part[:2]] = History()
            elif self._now is not None:
                history = self._histories[self._now[:2]]
                history.add(part)
                new_point = new_point or isinstance(part, Probed)
                if history.finished:
                    self._keep(*self._now, history)
        if new_point:
            self._draw_trails()

    def _keep(self, task: str, mask: str, share: float, history: History) -> None:
        self._now = None
        if history.finished.reason != "done":
            return
        self.runs[task, mask] = (share, masking.as_measured(history, masking.MASKS[mask]))
        self._lab.note_run(history, masked=f"{masking.MASKS[mask]}, {share:.0%} of the tokens")
        self.draw()

    def _done(self) -> None:
        self._tell()

    def lines(self, task: str) -> list[masking.Line]:
        """Return the runs of a task that were trained here, as rows of a table."""
        found = masking.stored(self._lab.model, task)
        target = found.target if found else None
        return [
            masking.own_line(mask, *self.runs[task, mask], target)
            for mask in masking.MASKS
            if (task, mask) in self.runs
        ]

    def _draw_trails(self) -> None:
        """Draw every run as a trail: to the right what it learned, upward what it kept."""
        shown = []
        for task in surprise.TASKS:
            trails = {
                masking.MASKS[mask]: history
                for (of, mask), history in self._histories.items()
                if of == task
            }
            if trails:
                chart = replace(plane.plane(trails), title=f"{task}: gain against forgetting")
                shown.append(f"<div style='flex:1 1 380px;min-width:0'>{live.svg(chart)}</div>")
        self.picture.value = (
            f"<div style='display:flex;flex-wrap:wrap;gap:10px'>{''.join(shown)}</div>"
        )

    def draw(self) -> None:
        """Show what was trained here."""
        shown = [table(task, self.lines(task), "trained live here") for task in surprise.TASKS]
        shown = [one for one in shown if one]
        self.results.value = (
            badge("live", f"{self._lab.model}, seed 0") + "".join(shown)
            if shown
            else theme.note("Your runs appear here.")
        )


class _Panel(widgets.VBox):
    """One answer as a row of buttons, one a word."""

    def __init__(self, task: str, toggled: Callable[[str, str, bool], None]):
        self._task, self._toggled, self._busy = task, toggled, False
        self.head, self.meter = widgets.HTML(), widgets.HTML()
        # All buttons are made now and shown when needed: what a thread makes later, a page may
        # miss. They share two layouts, so that a lab's page stays light.
        self._shown, self._hidden = widgets.Layout(), widgets.Layout(display="none")
        made = [widgets.ToggleButton(layout=self._hidden) for _ in range(MOST_WORDS)]
        for button in made:
            button.observe(self._clicked, "value")
        self.buttons = widgets.Box(made)
        self.buttons.add_class("lethe-words")
        super().__init__([self.head, self.buttons, self.meter])
        self.add_class("lethe-card")
        self.layout.flex, self.layout.min_width = "1 1 380px", "0"

    def empty(self) -> None:
        """Say that there is nothing to show yet."""
        self.head.value = theme.heading(theme.escape(self._task), "Bring the rows first.")
        self.meter.value = ""
        self._put([], set())

    def fill(self, loaded, i: int, crossed: set[str]) -> None:
        """Show the answer of a training row."""
        prompt, answer = surprise.answer_words(loaded, self._task, i)
        self.head.value = theme.heading(theme.escape(self._task), theme.escape(prompt))
        self._put(answer[:MOST_WORDS], crossed)

    def _put(self, answer: list[str], crossed: set[str]) -> None:
        self._busy = True
        for at, button in enumerate(self.buttons.children):
            there = at < len(answer)
            button.description = answer[at] if there else ""
            button.value = there and answer[at] in crossed
            button.layout = self._shown if there else self._hidden
        self._busy = False

    def words(self) -> list[widgets.ToggleButton]:
        """Return the buttons on show, in reading order."""
        return [button for button in self.buttons.children if button.description]

    def _clicked(self, change) -> None:
        if not self._busy:
            self._toggled(self._task, change["owner"].description, change["new"])

    def mark(self, crossed: set[str]) -> None:
        """Let every button of a word show the same."""
        self._busy = True
        for button in self.words():
            button.value = button.description in crossed
        self._busy = False

    def say(self, share: float) -> None:
        """Show how much of the budget is spent."""
        over = ". That is over the budget: give some back" if share > surprise.BUDGET else ""
        self.meter.value = theme.plain(
            f"<span role='status'>Crossed out: <b>{share:.1%}</b> of all answer tokens of this "
            f"task; the budget is {surprise.BUDGET:.0%}{over}.</span>"
        )


def table(task: str, lines: list[masking.Line], caption: str) -> str:
    """Return runs or arms under their masks as an HTML table; an empty string without any."""
    if not lines:
        return ""
    rows = [
        (
            line.mask,
            "–" if line.masked is None else f"{line.masked:.0%}",
            *(_number(v) for v in (line.task_score, line.says, line.knows, line.at_score)),
        )
        for line in lines
    ]
    shown = live.rows_table(f"{task}: {caption}", HEAD, rows)
    return theme.plain(shown, "div", "lethe-scroll")


def _number(value) -> str:
    if value is None:
        return "–"
    return f"{value:z.2f}" if isinstance(value, float) else str(value)
