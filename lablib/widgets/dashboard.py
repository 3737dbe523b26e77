"""The dashboard: start a run, move its controls while it learns, watch what it forgets."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from lablib import experiment
from lablib.controls import Controls
from lablib.events import Event, Probed
from lablib.widgets import theme
from lablib.widgets.answers import AnswersPanel, check_prompt
from lablib.widgets.background import BackgroundRun, Report
from lablib.widgets.charts import ChartsPanel
from lablib.widgets.layout import STYLE
from lablib.widgets.page import Heartbeat
from lablib.widgets.pump import Pump
from lablib.widgets.settings import SettingsPanel, default_lr
from lablib.widgets.share import Settings
from lablib.widgets.state import RunState
from lablib.widgets.status import StatusBar, in_words

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
    Everything a click does, a method does: ``start``, ``pause``, ``step_once``, ``stop``,
    ``reset``, ``ask``; ``wait`` blocks until the run has ended, and ``watch`` shows it from the
    foreground where updates from a thread do not arrive (Colab).
    """

    def __init__(
        self,
        model: str = "mini",
        task: str = "tickets",
        method: str = "full",
        *,
        lr: float | None = None,
        epochs: float = 1.0,
        mix_ratio: float = 0.0,
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
        self.state = RunState()
        self.background: BackgroundRun | None = None
        self.controls = Controls()
        self.prediction = prediction
        self._build, self._max_seconds, self._config = build, max_seconds, config
        self._pump: Pump | None = None
        self._drawing = threading.RLock()  # the run's view and the learner's clicks both draw
        first = Settings(
            model,
            task,
            method,
            lr or default_lr(model, method),
            epochs,
            mix_ratio,
            seed,
            settings or {},
        )
        self._first = first
        self.settings = SettingsPanel(
            first, self._live, self.say_error, models=models, tasks=tasks, methods=methods
        )
        self.status = StatusBar(
            start=self.start,
            pause=self.toggle_pause,
            step=self.step_once,
            stop=self.stop,
            reset=self.reset,
        )
        self.message = widgets.HTML()
        self.charts = ChartsPanel(self.draw)
        self.answers = AnswersPanel(self._guarded(self.ask))
        self.heartbeat = Heartbeat()
        left = widgets.VBox([self.settings])
        left.add_class("lethe-left")
        left.add_class("lethe-card")
        right = widgets.VBox([self.charts])
        right.add_class("lethe-right")
        body = widgets.HBox([left, right])
        body.add_class("lethe-body")
        super().__init__(
            [
                widgets.HTML(STYLE),
                self.status,
                self.message,
                body,
                self.answers,
                self.heartbeat.widget,
            ]
        )
        self.add_class("lethe")
        self.draw()

    # What a learner does -------------------------------------------------------------------

    def start(self) -> None:
        """Start a run with what the controls show."""
        if self.background is not None and self.background.alive:
            self.say("A run is under way. Stop it before starting another.")
            return
        try:
            settings = self.settings.read()
            background = self._new_run(settings)
            self.state.reset()
            self.state.begin(f"loading {settings.model}")
            background.start()
        except (ValueError, OSError) as error:
            self.state.status = "idle"
            self.say_error(str(error))
            return
        self.background = background
        self.message.value = ""
        self.settings.lock(True)
        self.heartbeat.start()
        self._pump = Pump(background, self._show, self._end)
        self.draw()
        if "google.colab" in sys.modules:
            self.say("Run the next cell, dashboard.watch(), to see the run here in Colab.")
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
        """Do one step and hold; starts a paused run if there is none."""
        if self.state.ended:
            self.start()
        if self.state.ended:
            return  # it could not be started; the reason is shown
        self.controls.pause()
        self.state.status = "paused"
        self.controls.step_once()
        self.status.draw(self.state)

    def stop(self) -> None:
        """End the run; it does within one step, and keeps what was measured."""
        if self.background is not None and self.background.alive:
            self.state.status = "stopping"
            self.background.stop()
            self.status.draw(self.state)

    def reset(self) -> None:
        """Stop, forget the picture and put the controls back to where they began."""
        self.stop()
        self.wait(30)
        self.state.reset()
        self.settings.put(self._first)
        self.message.value = ""
        self.draw()

    def ask(self, prompt: str) -> None:
        """Ask the model something, between two steps of a run.

        Raises
        ------
        ValueError
            If the prompt is empty or endless, or no run is under way.
        """
        prompt = check_prompt(prompt)
        if self.background is None or not self.background.alive:
            raise ValueError("No run is under way: press Start, then ask.")
        self.controls.ask(prompt)
        self.say("Asked; the answer comes after this step, beside that of the base.")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended and everything is shown; False after ``timeout``."""
        end = None if timeout is None else time.monotonic() + timeout
        if self.background is not None and not self.background.join(timeout):
            return False
        left = None if end is None else max(end - time.monotonic(), 0.1)
        return self._pump is None or self._pump.join(left)

    def watch(self) -> None:
        """Show the run from this cell until it ends; interrupting the cell stops the run."""
        if self.background is None or not self.background.alive:
            self.start()
        if self._pump is None or self.state.status == "failed":
            return
        try:
            self._pump.run()
        except KeyboardInterrupt:
            self.stop()
            self._pump.run()

    # What the run does ---------------------------------------------------------------------

    def _new_run(self, settings: Settings) -> BackgroundRun:
        self.controls = controls = Controls(
            lr=settings.lr, epochs=settings.epochs, mix_ratio=settings.mix_ratio, **settings.fields
        )
        build, config = self._build or experiment.build, dict(self._config)

        def make(report: Report):
            return build(
                settings.model,
                settings.task,
                settings.method,
                settings=settings.fields,
                controls=controls,
                lr=settings.lr,
                epochs=settings.epochs,
                mix_ratio=settings.mix_ratio,
                seed=settings.seed,
                **config,
            )

        return BackgroundRun(make, controls, self._max_seconds)

    def _show(self, events: list[Event]) -> None:
        """Take in what the run said; called at most twice a second, on the pump's thread."""
        if self.heartbeat.gone() and not self.controls.stopped:
            self.stop()
            self.say("The page of this run was closed, so the run was stopped.")
        self.state.fold(events)
        self.state.tick()
        new_point = any(isinstance(event, Probed) for event in events)
        if events:
            self.draw(only_loss=not new_point)
            if any(type(event).__name__ == "Answered" for event in events):
                self.answers.draw(self.state.history)
        self.status.draw(self.state)

    def _end(self) -> None:
        background, state = self.background, self.state
        self.heartbeat.stop()
        if background.error is not None:
            sentence, what_to_do = in_words(background.error)
            state.error, state.traceback, state.status = sentence, background.traceback, "failed"
            self.message.value = theme.error(sentence, what_to_do, background.traceback)
        else:
            state.status = "done"
            if background.timed_out:
                self.say(f"The run reached its limit of {self._max_seconds:.0f} s and was stopped.")
        self.settings.lock(False)
        self.draw()

    def _live(self, name: str, value: Any) -> None:
        """A control was moved: it acts from the next step on."""
        if not self.state.ended:
            try:
                self.controls.set(name, value)
            except ValueError as error:
                self.say_error(str(error))

    # What is shown -------------------------------------------------------------------------

    def draw(self, only_loss: bool = False) -> None:
        """Draw the charts, the answers and the status as they are now."""
        with self._drawing:
            history = self.state.history
            self.charts.draw(history, prediction=self._predicted(), only_loss=only_loss)
            if not only_loss:
                self.answers.draw(history)
            self.status.draw(self.state)

    def _predicted(self) -> Any:
        prediction = self.prediction
        return prediction.value if hasattr(prediction, "value") else prediction

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self.message.value = theme.note(sentence)

    def say_error(self, sentence: str) -> None:
        """Show what is wrong."""
        self.message.value = theme.error(sentence)

    def _guarded(self, action: Callable[..., None]) -> Callable[..., None]:
        """Return ``action`` with its ValueErrors shown instead of raised."""

        def act(*arguments: Any) -> None:
            try:
                action(*arguments)
            except (ValueError, OSError) as error:
                self.say_error(str(error))

        return act
