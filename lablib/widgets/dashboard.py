"""The dashboard: start a run, move its controls while it learns, watch what it forgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from lablib import experiment, runtime
from lablib.controls import Controls
from lablib.events import Answered, Event, Probed
from lablib.history import History
from lablib.lessons import device
from lablib.widgets import share, theme
from lablib.widgets.answers import AnswersPanel, check_prompt, talk_after
from lablib.widgets.background import OTHER_STOPPED, BackgroundRun, Busy, stop_under_way
from lablib.widgets.charts import ChartsPanel
from lablib.widgets.compare import ComparePanel
from lablib.widgets.export import ExportPanel, export
from lablib.widgets.launch import launch, stored_instead
from lablib.widgets.layout import STYLE, arrange
from lablib.widgets.page import Heartbeat
from lablib.widgets.pump import Pump
from lablib.widgets.recorder import Recorder
from lablib.widgets.rewind import RewindPanel
from lablib.widgets.settings import SettingsPanel, defaults
from lablib.widgets.share import Settings
from lablib.widgets.state import RunState
from lablib.widgets.status import StatusBar, guarded, in_words

MAX_SECONDS = 3600.0  # wall time of a run, whatever happens to its page


class Dashboard(widgets.VBox):
    """Fine-tune a model live and watch what it forgets.

    Parameters
    ----------
    model, task, method : str
        What the controls show first.
    lr, epochs, mix_ratio, seed : float, float, float, int
        Default: what ``experiment`` takes for this model and method; one epoch; 0; 0.
    settings : dict, optional
        Hyper-parameters of the method.
    prediction : mapping, sequence or prediction widget, optional
        What the learner expects, drawn on the retention chart: retention at the end by
        capability, or the capabilities in order of loss; a widget's ``value`` is read anew
        at every drawing.
    models, tasks, methods : sequence of str, optional
        What may be chosen; default all.
    build : callable, optional
        Makes the run; default ``experiment.build``.
    max_seconds : float
        Wall time after which a run is stopped.
    **config
        Further fields of ``TrainConfig``, e.g. ``max_steps=20``.

    Notes
    -----
    Everything a click does, a method does: ``start``, ``toggle_pause``, ``step_once``, ``stop``,
    ``reset``, ``ask``, ``replay``, ``branch``, ``export``, ``share_string``, ``restore``.
    ``wait`` blocks until the run has ended, and ``watch`` shows it from the foreground where
    updates from a thread do not arrive (Colab).
    """

    def __init__(
        self,
        model: str = "mini",
        task: str = "tickets",
        method: str = "full",
        *,
        lr: float | None = None,
        epochs: float = 1.0,
        mix_ratio: float | None = None,
        seed: int = 0,
        settings: dict[str, Any] | None = None,
        prediction: Any = None,
        models: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        methods: Sequence[str] | None = None,
        build: Callable[..., Any] | None = None,
        max_seconds: float = MAX_SECONDS,
        **config: Any,
    ):
        self.state, self.controls, self.prediction = RunState(), Controls(), prediction
        self.background: BackgroundRun | None = None
        self._build, self._max_seconds, self._config = build, max_seconds, config
        self._pump: Pump | None = None
        self._talk: BackgroundRun | None = None  # a question to the model of a run that ended
        self.finished: list[History] = []  # the runs that were made here
        self._drawing = threading.RLock()  # the run's view and the learner's clicks both draw
        self._recorder = Recorder()
        given = defaults(model, method, task)
        lr = given.lr if lr is None else lr
        mix_ratio = given.mix_ratio if mix_ratio is None else mix_ratio
        self._first = Settings(model, task, method, lr, epochs, mix_ratio, seed, settings or {})
        self.settings = SettingsPanel(
            self._first, self._live, self.say_error, models=models, tasks=tasks, methods=methods
        )
        self.status = StatusBar(
            start=self.start, pause=self.toggle_pause, step=self.step_once, stop=self.stop,
            reset=self.reset,
        )  # fmt: skip
        self.message = widgets.HTML()
        self.charts = ChartsPanel(self.draw)
        self.answers = AnswersPanel(guarded(self.ask, self.say_error))
        self.rewind = RewindPanel(self.look, self.branch, self.say_error)
        self.compare = ComparePanel(
            self.replay, self.draw, lambda: self.state.history, self.say_error
        )
        self.exports = ExportPanel(self.export, self.restore, self.say_error)
        self.heartbeat = Heartbeat()
        super().__init__(arrange(self, STYLE))
        self.add_class("lethe")
        self.settings.on_change(self._settings_moved)
        self._settings_moved()
        self._list_runs()
        self.draw()

    def start(self, *, paused: bool = False, branch: tuple | None = None) -> None:
        """Start a run with what the controls show; ``paused`` holds it after its first step."""
        try:
            settings = self.settings.read()
            controls = Controls(
                lr=settings.lr, epochs=settings.epochs, mix_ratio=settings.mix_ratio,
                **settings.fields,
            )  # fmt: skip
            if paused:
                controls.pause()
                controls.step_once()
            if self._build is None and (why := device.why_not_live(settings.model)):
                self.replay(stored_instead(settings, why))
                self.say(why)
                return
            background, notice = launch(
                settings, controls, self._build or experiment.build, self._config,
                self._max_seconds, branch,
            )  # fmt: skip
            background.start()
        except (ValueError, OSError) as error:
            self.say_error(str(error))
            self.status.stop.disabled = not isinstance(error, Busy)  # Stop ends the other one
            return
        self.background, self.controls = background, controls
        self.state.reset()
        self.state.begin(f"loading {settings.model}")
        self.message.value = theme.note(notice)
        self.settings.lock(True)
        self.heartbeat.start()
        self._pump = Pump(background, self._show, self._end)
        self.draw()
        if runtime.on_colab():
            self.say("Run dashboard.watch() in the next cell: Colab shows the run from there.")
        else:
            self._pump.start()

    def toggle_pause(self) -> None:
        """Pause the run, or let it go on."""
        if self.state.status == "running":
            self.controls.pause()
            self.state.status = "paused"
        elif self.state.status == "paused":
            self.controls.resume()
            self.state.status = "running"
        self.status.draw(self.state)

    def step_once(self) -> None:
        """Do one step and hold; starts a run if there is none."""
        if self.state.ended:
            self.start(paused=True)
            return
        self.controls.pause()
        self.controls.step_once()

    def stop(self) -> None:
        """End the run; it does within one step, and keeps what was measured."""
        if self.background is not None and self.background.alive:
            self.state.status = "stopping"
            self.background.stop()
            self.status.draw(self.state)
        elif stop_under_way():
            self.say(OTHER_STOPPED)

    def reset(self) -> None:
        """Stop, forget the picture and put the controls back to where they began."""
        self.stop()
        self.wait(30)
        self.state.reset()
        self.settings.lock(self.background is not None and self.background.alive)
        self.settings.put(self._first)
        self.message.value = ""
        self.draw()

    def ask(self, prompt: str) -> None:
        """Ask the model something: between two steps of a run, or after it.

        Raises
        ------
        ValueError
            If the prompt is empty or endless, or there is no model to ask.
        """
        prompt, history = check_prompt(prompt), self.state.history
        if self._talk is not None and self._talk.alive:
            raise ValueError("It is still answering: wait a moment.")
        if self.background is not None and self.background.alive:
            self.controls.ask(prompt)
            self.say("Asked; the answer comes after this step, beside that of the base.")
        elif self.run is not None:
            self._talk = talk_after(self.run, history, prompt, self._answered)
        else:
            raise ValueError("There is no run whose model could answer: press Start, then ask.")

    def look(self, step: int) -> None:
        """Look at the run as it was at ``step``: a cursor in the charts, the answers then."""
        with self._drawing:
            self._draw_charts(cursor=step)
            self.answers.draw(self.state.history, step, self.source)

    def branch(self, weights: tuple[Path, int], step: int) -> None:
        """Start a new run from a snapshot of the run that is shown, with the controls as set."""
        self.start(branch=(self.state.history, weights, step))

    def replay(self, history: History) -> None:
        """Show a stored run in place of a live one."""
        if not self.state.ended:
            raise ValueError("A run is under way: stop it before showing another.")
        self.state.replay(history)
        self.draw()

    def export(self, with_model: bool = False) -> Path:
        """Write the run that is shown to files and return their folder.

        Raises
        ------
        ValueError, OSError
            If a run is under way, there is nothing to write, or it cannot be written.
        """
        if not self.state.ended:
            raise ValueError("Export when the run has ended: drawing would slow it down.")
        if with_model and self.run is None:
            raise ValueError("The model of this run is not in memory: start it again to export it.")
        return export(
            self.state.history, self.run if with_model else None, pins=self.compare.pins,
            source=self.source,
        )  # fmt: skip

    def share_string(self) -> str:
        """Return the controls as a string for ``restore``."""
        return share.to_string(self.settings.read())

    def restore(self, text: str) -> None:
        """Set the controls from a share string.

        Raises
        ------
        ValueError
            If the string is damaged, or a run is under way.
        """
        if not self.state.ended:
            raise ValueError("A run is under way: stop it before restoring another's controls.")
        self.settings.put(share.from_string(text))
        self.say("The controls are set; press Start to repeat the run.")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended and everything is shown; False after ``timeout``."""
        end = None if timeout is None else time.monotonic() + timeout
        for part in (self.background, self._talk, self._pump):
            left = None if end is None else max(end - time.monotonic(), 0.1)
            if part is not None and not part.join(left):
                return False
        return True

    def watch(self) -> History:
        """Show the run from this cell until it ends; interrupting the cell stops the run."""
        if self.state.ended:
            self.start()
        if self._pump is not None and not self.state.ended:
            try:
                self._pump.run()
            except KeyboardInterrupt:
                self.stop()
                self._pump.run()
        return self.state.history

    @property
    def run(self) -> Any:
        """The run whose model is in memory, if it is the one that is shown; else None."""
        return self.background.run if self.background and self.source == "live" else None

    # What the run does ---------------------------------------------------------------------

    def _show(self, events: list[Event]) -> None:
        """Take in what the run said; called at most twice a second, on the pump's thread."""
        if self.heartbeat.gone() and not self.controls.stopped:
            self.stop()
            self.say("The page of this run was closed, so the run was stopped.")
        self._recorder.record(events)
        self.state.fold(events)
        if self.state.status in ("running", "paused"):
            self.state.status = "paused" if self.controls.paused else "running"
        self.state.tick()
        if any(isinstance(event, Probed | Answered) for event in events):
            self.draw()
        elif events:
            with self._drawing:
                self._draw_charts(only_loss=True)
                self.status.draw(self.state)
        else:
            self.status.draw(self.state)

    def _end(self, problem: Exception | None = None) -> None:
        background, state = self.background, self.state
        error = background.error or problem
        self.heartbeat.stop()
        self._recorder.flush()
        if error is not None:
            sentence, what_to_do = in_words(error)
            state.error, state.traceback = sentence, background.traceback
            self.message.value = theme.error(sentence, what_to_do, background.traceback)
        elif background.timed_out:
            self.say(f"The run reached its limit of {self._max_seconds:.0f} s and was stopped.")
        self.settings.lock(False)
        if state.history.finished:
            self.finished.append(state.history)
        try:
            state.status = "done" if error is None else "failed"
        except (OSError, ValueError) as unnoted:  # by a lab, which keeps a record of its runs
            self.say_error(str(unnoted))
        self._list_runs()
        self.draw()

    def _answered(self, answers: list[Answered], error: BaseException | None) -> None:
        """The model of a run that has ended was asked something, and this came of it."""
        if error is not None:
            self.say_error(" ".join(in_words(error)).strip())
        self.state.fold(answers)
        with self._drawing:
            self.answers.draw(self.state.history, None, self.source)

    def _live(self, name: str, value: Any) -> None:
        """A control was moved: it acts from the next step on."""
        if not self.state.ended:
            guarded(self.controls.set, self.say_error)(name, value)

    # What is shown -------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """Where the figures come from, for their badge."""
        return "replayed" if self.state.status == "replayed" else "live"

    def draw(self) -> None:
        """Draw everything as it is now."""
        with self._drawing:
            self._draw_charts()
            self.answers.draw(self.state.history, None, self.source)
            self.compare.draw(self.source)
            if self.state.ended:
                self.rewind.draw(self.state.history)
            self.status.draw(self.state)

    def _draw_charts(self, cursor: float | None = None, only_loss: bool = False) -> None:
        prediction = self.prediction
        self.charts.draw(
            self.state.history,
            pins=self.compare.pins,
            prediction=prediction.value if hasattr(prediction, "value") else prediction,
            cursor=cursor,
            source=self.source,
            only_loss=only_loss,
        )

    def _list_runs(self) -> None:
        guarded(self.compare.refresh, self.say_error)(self._recorder.store)
        if self._recorder.problem and not self.state.error:
            self.say(self._recorder.problem)

    def _settings_moved(self) -> None:
        try:
            self.exports.string.value = self.share_string()
        except ValueError:
            return  # half typed; what is wrong is said on Start
        if self._build is None and self.state.ended:
            self.message.value = theme.note(device.why_not_live(self.settings.model.value))

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self.message.value = theme.note(sentence)

    def say_error(self, sentence: str) -> None:
        """Show what is wrong."""
        self.message.value = theme.error(sentence)
