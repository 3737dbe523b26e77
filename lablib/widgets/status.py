"""The bar above the dashboard: what the run is doing, and the buttons that act on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from lablib import runtime
from lablib.widgets import theme
from lablib.widgets.state import RunState

_SIGNS = {
    "idle": "○ ready",
    "loading": "◔ preparing",
    "running": "● running",
    "paused": "❚❚ paused",
    "stopping": "■ stopping",
    "done": "✓ done",
    "failed": "⚠ failed",
    "replayed": "▷ replayed",
}


class StatusBar(widgets.VBox):
    """Buttons, progress and figures of a run."""

    def __init__(
        self,
        *,
        start: Callable[[], None],
        pause: Callable[[], None],
        step: Callable[[], None],
        stop: Callable[[], None],
        reset: Callable[[], None],
    ):
        self.start = _button("Start", "play", start, "success")
        self.pause = _button("Pause", "pause", pause)
        self.step = _button("Step", "step-forward", step)
        self.stop = _button("Stop", "stop", stop)
        self.reset = _button("Reset", "undo", reset)
        self.progress = widgets.FloatProgress(min=0, max=1, value=0)
        self.progress.add_class("lethe-progress")
        self.doing = widgets.HTML()
        self.figures = widgets.HTML()
        buttons = widgets.HBox([self.start, self.pause, self.step, self.stop, self.reset])
        buttons.add_class("lethe-buttons")
        super().__init__([buttons, self.progress, self.doing, self.figures])
        self.add_class("lethe-card")
        self.add_class("lethe-status")

    def draw(self, state: RunState) -> None:
        """Show the state; only what has changed is sent to the page."""
        going, ended = state.status in ("running", "paused"), state.ended
        self.start.disabled = not ended
        self.pause.disabled = not going
        self.pause.description = "Go on" if state.status == "paused" else "Pause"
        self.pause.icon = "play" if state.status == "paused" else "pause"
        self.step.disabled = state.status not in ("idle", "done", "failed", "paused", "running")
        self.stop.disabled = ended or state.status == "stopping"
        self.reset.disabled = state.status in ("loading", "stopping")
        self.progress.value = state.share
        sign = _SIGNS[state.status]
        if state.status == "done" and state.what not in ("", "finished"):
            sign = f"✓ ended ({state.what})"
        self.doing.value = theme.plain(
            f"<b role='status' aria-live='polite'>{theme.escape(sign)}</b>"
        )
        self.figures.value = theme.plain(self._figures(state), classes="lethe-figures")

    def _figures(self, state: RunState) -> str:
        if state.status == "idle":
            return "Press Start. The controls may be moved while it runs."
        parts = [f"step <b>{state.step}</b> of {state.total_steps}"]
        if not state.ended:
            parts.insert(0, theme.escape(state.what))
        parts.append(f"elapsed {duration(state.elapsed)}")
        if state.steps_per_s:
            parts.append(f"{state.steps_per_s:.3g} steps/s")
        if state.seconds_left is not None and not state.ended:
            parts.append(f"about {duration(state.seconds_left)} left")
        if state.memory_mb:
            parts.append(f"memory {state.memory_mb:,.0f} MB")
        return "".join(f"<span>{part}</span>" for part in parts)


def duration(seconds: float) -> str:
    """Return seconds as a learner reads them."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def in_words(error: BaseException) -> tuple[str, str]:
    """Return what went wrong and what to do, in words."""
    if runtime.out_of_memory(error):
        return (
            "There is not enough memory for this.",
            "Choose mini or fewer rows a step, or close other notebooks.",
        )
    if isinstance(error, ValueError | OSError):
        return str(error) or type(error).__name__, ""
    said = str(error).strip().splitlines()
    reason = f" ({said[0]})" if said else ""
    return (
        f"Something that should not happen has happened: {type(error).__name__}{reason}.",
        "What was measured is kept. Start again; if it comes back, send the text below with a "
        "bug report.",
    )


def _button(
    description: str, icon: str, action: Callable[[], None], kind: str = ""
) -> widgets.Button:
    made = widgets.Button(description=description, icon=icon, button_style=kind)
    made.on_click(lambda _: action())
    return made


def guarded(action: Callable[..., None], say_error: Callable[[str], None]) -> Callable[..., None]:
    """Return ``action`` with its errors shown in words instead of raised."""

    def act(*arguments: Any) -> None:
        try:
            action(*arguments)
        except (ValueError, OSError) as error:
            say_error(str(error))

    return act
