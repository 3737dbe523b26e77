"""A button that starts something long in the background, and says what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

import ipywidgets as widgets

from lablib import runtime
from lablib.controls import Controls
from lablib.events import Progress, StepDone
from lablib.widgets import theme
from lablib.widgets.background import OTHER_STOPPED, BackgroundRun, Busy, stop_under_way
from lablib.widgets.pump import Pump
from lablib.widgets.status import in_words

MOST_SECONDS = 600.0  # a page that was left alone must not train for ever

Report = Callable[[Any], None]
Make = Callable[[Report, Controls], Iterable[Any]]


class Job(widgets.VBox):
    """Start and Stop, a line that says what is going on, errors in words.

    Parameters
    ----------
    label : str
        On the start button.
    make : callable
        ``make(report, controls)``, called in the background; returns an iterable of events or
        of anything else. Loading a model belongs in here.
    take : callable
        ``take(parts)``, called with what has come, on the viewing thread.
    done : callable
        ``done()``, called once at the end if nothing failed.

    Notes
    -----
    The call that does the same without a click: ``watch()``, which returns at the end.
    """

    def __init__(
        self,
        label: str,
        make: Make,
        take: Callable[[list[Any]], None],
        done: Callable[[], None] = lambda: None,
    ):
        self._make, self._take, self._done = make, take, done
        self._background: BackgroundRun | None = None
        self._pump: Pump | None = None
        self.start_button = widgets.Button(description=label, button_style="primary", icon="play")
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.start_button.layout.width = self.stop_button.layout.width = "auto"
        self.start_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        self.status = widgets.HTML()
        super().__init__([widgets.HBox([self.start_button, self.stop_button]), self.status])
        self.add_class("lethe")

    def start(self) -> None:
        """Begin in the background and return at once; on Colab, return when it has ended."""
        if self._begin():
            if runtime.on_colab():
                self._pump.run()
            else:
                self._pump.start()

    def watch(self) -> None:
        """Begin and return when it has ended; what failed is raised."""
        if self._begin():
            self._pump.run()
            self._background.result()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything has been shown; return False if it takes longer."""
        return self._pump.join(timeout) if self._pump else True

    def stop(self) -> None:
        """Ask it to end soon; what has ended already, and is only being shown, stays done."""
        if stop_under_way():
            self._say("Stopping …" if self._alive else OTHER_STOPPED)

    def drop(self) -> None:
        """Ask it to end and show nothing more of it: what it was begun for is no longer chosen."""
        if self._alive:
            stop_under_way(drop=True)

    @property
    def _alive(self) -> bool:
        return self._background is not None and self._background.alive

    def _begin(self) -> bool:
        controls = Controls()
        background = BackgroundRun(
            lambda report: self._make(report, controls), controls, MOST_SECONDS
        )
        try:
            background.start()
        except Busy as error:
            self._say(str(error))
            self.stop_button.disabled = False  # it stops the other one
            return False
        self._background = background
        self._pump = Pump(background, self._show, self._end)
        self.start_button.disabled, self.stop_button.disabled = True, False
        self._say("Starting …")
        return True

    def _show(self, parts: list[Any]) -> None:
        if self._background.dropped:
            return
        for part in parts:
            if isinstance(part, Progress):
                self._say(f"{part.what} ({part.done} of {part.total})")
            elif isinstance(part, StepDone):
                self._say(f"Training on {part.task}: step {part.step} of {part.total_steps}")
        self._take(parts)

    def _end(self, problem: Exception | None = None) -> None:
        background = self._background
        try:
            if error := background.error or problem:
                self._fail(error, background.traceback)
            elif background.controls.stopped:
                self._say("Stopped. Start again for a whole run.")
            else:
                self._say("Done.")
                self._done()
        except (OSError, ValueError) as error:  # the record could not be written
            self._fail(error, "")
        finally:
            self.start_button.disabled, self.stop_button.disabled = False, True

    def _fail(self, error: BaseException, text: str) -> None:
        sentence, advice = in_words(error)
        advice = advice or "Change what it says and start again."
        self.status.value = theme.error(sentence, advice, text)

    def _say(self, text: str) -> None:
        self.status.value = theme.note(text)


def until_stopped(parts: Generator[Any, None, Any], controls: Controls) -> Generator:
    """Yield from a generator and return what it returns; end it, with None, once Stop is asked."""
    while not controls.stopped:
        try:
            yield next(parts)
        except StopIteration as end:
            return end.value
    parts.close()
    return None
