"""The dial: train an adapter, turn it between nothing and everything, and talk to the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ipywidgets as widgets

from lablib.events import Event, Progress, Started
from lablib.history import History
from lablib.lessons import dial as lesson
from lablib.lessons import sequences
from lablib.lessons.dial import Notch
from lablib.plots import adapters as pictures
from lablib.plots import curves, live
from lablib.train import Run
from lablib.widgets import theme
from lablib.widgets.answers import check_prompt, marked
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.layout import STYLE
from lablib.widgets.predict import Number

ASKED = 0.5  # the notch that the predictions are about
FLOOR = 0.9  # of what is said, that the best notch must keep


class AdapterDial(widgets.VBox):
    """Train LoRA on tickets, measure every notch of the dial, and talk to the model at each.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.

    Attributes
    ----------
    notches : list of Notch
        The dial of the learner's own adapter, or of a stored one.
    source : str
        ``"live"`` or ``"replayed"``.

    Notes
    -----
    The calls that do the same: ``run = sequences.single(loaded); list(run)``, then
    ``with dial.turned(run, 0.5): dial.talk(run, ["…"])``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab = lab
        self._run: Run | None = None
        self._own: dict[str, dict[float, str]] = {}
        self._callbacks: list[Callable[[], None]] = []
        self._history = History()
        self.notches: list[Notch] = []
        self.source = "live"
        self.job = Job("Train the adapter", self._make, self._take, self._done)
        self.stored_button = widgets.Button(
            description="Use a stored adapter's dial", icon="history"
        )
        self.stored_button.layout.width = "auto"
        self.stored_button.on_click(lambda _: self.replay())
        self.slider = control(
            widgets.SelectionSlider(
                options=[("0", 0.0)], description="Dial (share of the adapter's strength)"
            )
        )
        self.slider.observe(lambda _: self.draw(), "value")
        self.prompt = control(
            widgets.Text(
                value="Which country has the capital Rome?",
                description="Ask it something yourself",
            )
        )
        self.asking = Job("Ask at every notch", self._ask, self._hear, self.draw)
        self.head, self.view = widgets.HTML(), widgets.HTML()
        buttons = self.job.children[0]
        buttons.children = (*buttons.children, self.stored_button)
        buttons.add_class("lethe-buttons")
        super().__init__(
            [widgets.HTML(STYLE), self.job, self.head, self.slider, self.view, self.prompt,
             self.asking]
        )  # fmt: skip
        self.add_class("lethe")
        lab.on_change(self._forget)
        self._forget()

    def on_done(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` whenever there is a new dial."""
        self._callbacks.append(callback)

    def replay(self) -> None:
        """Show the first stored dial of the chosen model."""
        found = lesson.load(self._lab.model)
        if not found:
            self.head.value = theme.note(
                f"No dial of {self._lab.model} is stored: data/results/make_dial.py makes it."
            )
            return
        self.job.drop()  # a dial that is being made would be mixed with it
        self._run, self._own, self.source = None, {}, "replayed"
        self.notches = found[min(found)]
        self._ready()

    def _forget(self) -> None:
        self._run, self._own, self.notches = None, {}, []
        self.slider.options = [("0", 0.0)]
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self._tell()
        self.head.value = theme.note("Nothing trained yet.")
        self.view.value = ""

    def _make(self, report, controls) -> Iterator:
        self._run, self._own, self.notches, self.source = None, {}, [], "live"
        self._history = History()
        loaded = self._lab.load()
        run = sequences.single(loaded, controls=controls)
        yield from run
        if controls.stopped:
            return
        self._run = run
        for part in lesson.trace(run, loaded):
            yield part
            if controls.stopped:
                return

    def _take(self, parts) -> None:
        for part in parts:
            if isinstance(part, Notch):
                self.notches.append(part)
            elif not isinstance(part, Progress):
                self._note(part)
        if self._history.started:
            self.head.value = badge(self.source, self._lab.model)
            self.view.value = _under_way(self._history, self.notches)

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._history = History()
        self._history.add(event)

    def _done(self) -> None:
        self._lab.note_run(self._history)
        self._ready()

    def _ready(self) -> None:
        """Offer all notches, with the dial at full strength."""
        self.slider.options = [(f"{notch.dial:g}", notch.dial) for notch in self.notches]
        self.slider.value = self.notches[-1].dial
        self.head.value = badge(self.source, self._lab.model)
        self.draw()
        self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()

    def _ask(self, report, controls) -> Iterator:
        prompt = check_prompt(self.prompt.value)
        if self._run is None:
            raise ValueError(
                "There is no adapter in memory to ask: train it above. Stored dials answer only "
                "the questions in the table."
            )
        for place, text in lesson.ask(self._run, prompt, [n.dial for n in self.notches]):
            yield prompt, place, text
            if controls.stopped:
                return

    def _hear(self, parts) -> None:
        for part in parts:
            if isinstance(part, tuple):
                prompt, place, text = part
                self._own.setdefault(prompt, {})[place] = text

    def draw(self) -> None:
        """Show the model where the dial stands."""
        now = next((n for n in self.notches if n.dial == self.slider.value), None)
        if now is None:
            return
        base = self.notches[0]
        figures = (
            f"score on tickets {now.task:.2f}; retention of what it says "
            f"{_number(now.kept())} and of what it ranks first {_number(now.kept('knows'))}; "
            f"weights moved {100 * now.displacement:.2f}% of their length; output moved "
            f"{now.kl:.3g} nats an answer (KL)"
        )
        rows = [(prompt, base.answers[prompt], text) for prompt, text in now.answers.items()]
        rows += [
            (prompt, by_place.get(base.dial, "…"), by_place.get(now.dial, "…"))
            for prompt, by_place in self._own.items()
        ]
        body = "".join(
            f"<tr><th scope='row'>{theme.escape(prompt, 160)}</th><td>{theme.escape(first)}</td>"
            f"<td>{marked(last, first.strip() != last.strip())}</td></tr>"
            for prompt, first, last in rows
        )
        self.view.value = theme.plain(
            f"<p role='status'>Dial at <b>{now.dial:g}</b>: {figures}.</p>"
            "<table class='lethe-table'><thead><tr><th scope='col'>prompt</th><th scope='col'>dial "
            f"at 0, the base</th><th scope='col'>dial at {now.dial:g}</th></tr></thead>"
            f"<tbody>{body}</tbody></table>",
            classes="lethe-scroll lethe-answers",
        )


class DialLook(widgets.VBox):
    """The whole trace beside the predictions, the stored seeds, and the dial of full fine-tuning.

    Parameters
    ----------
    adapter : AdapterDial
        Whose trace is drawn.
    lab : ModelChoice
        The lab's model and record.
    task, kept : Number
        The predicted task score and retention with the dial at one half.
    """

    def __init__(self, adapter: AdapterDial, lab: ModelChoice, task: Number, kept: Number):
        self._adapter, self._lab, self._guessed = adapter, lab, {"task": task, "kept": kept}
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        adapter.on_done(self.draw)
        for guess in self._guessed.values():
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def draw(self) -> None:
        """Draw the trace of the newest dial."""
        notches, source = self._adapter.notches, self._adapter.source
        if not notches:
            self.view.value = theme.note("Nothing to see yet: train the adapter above.")
            return
        detail = f"{self._lab.model}, seed 0"
        try:
            against = self._against(notches, source, detail)
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        guesses = {
            name: guess.value for name, guess in self._guessed.items() if guess.value is not None
        }
        own = pictures.dial({0: notches}, ASKED, guesses, source)
        self.view.value = (
            badge(source, detail)
            + live.svg(own, 560, 320)
            + f"<details><summary>The numbers</summary>{live.table(own)}</details>"
            + against
            + self._stored()
        )

    def _against(self, notches: list[Notch], source: str, detail: str) -> str:
        half = min(notches, key=lambda notch: abs(notch.dial - ASKED))
        lines = []
        for name, value, what in (
            ("task", half.task, "Score on tickets"),
            ("kept", half.kept(), "Retention of what it says, mean over capabilities"),
        ):
            guess = self._guessed[name]
            if value is not None:
                self._lab.record.measure(guess.key, round(value, 2), source, detail)
            mine = "none saved" if guess.value is None else f"{guess.value:.2f}"
            lines.append(
                f"<p><b>{what}, dial at {half.dial:g}.</b> Your prediction: {mine}. Measured: "
                f"{_number(value)}.</p>"
            )
        top, full = lesson.best(notches, FLOOR), notches[-1]
        if full.kept() is None:
            lines.append("<p>This base has nothing to lose, so that nothing can be kept.</p>")
        elif full.kept() >= FLOOR:
            lines.append(
                f"<p>Even at full strength {full.kept():.2f} is kept: in this run the effect that "
                "the dial is for did not appear.</p>"
            )
        else:
            lines.append(
                f"<p>Best notch that keeps at least {FLOOR:g}: dial {top.dial:g}, with a score of "
                f"{top.task:.2f} on tickets; at full strength it is {full.task:.2f}, with "
                f"{full.kept():.2f} kept.</p>"
            )
        return "".join(lines)

    def _stored(self) -> str:
        """The stored seeds of both methods on one plane."""
        found = {
            "LoRA": lesson.load(self._lab.model, "lora"),
            "full: weights between base and end": lesson.load(self._lab.model, "full"),
        }
        found = {name: traces for name, traces in found.items() if traces}
        if not found:
            return theme.note("No stored dials of this model to compare with.")
        chart = pictures.dial_plane(found)
        seeds = ", ".join(f"{name.partition(':')[0]} {len(t)}" for name, t in found.items())
        return (
            f"<p>{badge('replayed', f'{self._lab.model}, seeds: {seeds}')}</p>"
            + live.svg(chart, 560, 330)
            + theme.plain(f"<p>{theme.escape(self._verdict(found))}</p>")
        )

    @staticmethod
    def _verdict(found: dict[str, dict[int, list[Notch]]]) -> str:
        parts = []
        for name, traces in found.items():
            tops = [lesson.best(notches, FLOOR) for notches in traces.values()]
            scores = [top.task for top in tops if top is not None]
            if scores:
                parts.append(
                    f"{name.partition(':')[0]} {sum(scores) / len(scores):.2f} "
                    f"({min(scores):.2f} to {max(scores):.2f})"
                )
        return (
            f"Highest score on tickets at a notch that keeps at least {FLOOR:g}, mean and range "
            f"over the seeds: {'; '.join(parts)}."
        )


def _under_way(history: History, notches: list[Notch]) -> str:
    """Return the loss while the adapter is trained, and what has been measured so far.

    What becomes of the old skills is left for the dial to tell.
    """
    (task,) = history.started.tasks
    rows = [
        (str(step), f"{score:.2f}") for step, score in zip(*history.task_curve(task), strict=True)
    ]
    table = live.rows_table("While it learns", ("step", f"score on {task}"), rows)
    said = f"<p role='status'>{len(notches)} notches of the dial measured.</p>" if notches else ""
    chart = live.svg(curves.loss(history), 460, 220)
    return f"<div style='max-width:560px'>{chart}{theme.plain(table)}{said}</div>"


def _number(value: float | None) -> str:
    return "nothing to lose" if value is None else f"{value:.2f}"
