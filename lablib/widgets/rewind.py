"""Rewind: the run as it was at any probe point, to look at, to talk to, to go on from."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from lablib import models
from lablib.history import History
from lablib.lessons.reading import displayable
from lablib.models import LoadedModel
from lablib.runtime import home_folder
from lablib.train import load_snapshot
from lablib.widgets import theme
from lablib.widgets.answers import check_prompt
from lablib.widgets.control import control

_GOES_BACK = "The charts and the answers above go back with it;"
KEPT = 3  # runs whose snapshots stay on disk; some megabytes a probe point


def new_folder(keep: Path | None = None) -> Path:
    """Return a folder for the snapshots of a new run; those of old runs but ``keep`` go.

    Raises
    ------
    OSError
        If the learner's folder cannot be written.
    """
    parent = home_folder() / "snapshots"
    parent.mkdir(exist_ok=True)
    old = sorted((p for p in parent.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in old[: -(KEPT - 1)]:
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
    return parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def weights_at(history: History, step: int) -> tuple[Path, int] | None:
    """Return where the weights of a step lie: folder and the step under which they lie there.

    None if they were not kept. A run that branched off counts its files from its own beginning.
    """
    found = next((s for s in history.snapshots if s.step == step), None)
    if found is None or not Path(found.folder).is_dir():
        return None
    return Path(found.folder), step - int(history.started.config.get("branched_at", 0))


class RewindPanel(widgets.VBox):
    """A slider over the probe points of a run.

    Parameters
    ----------
    on_look : callable
        ``on_look(step)`` puts a cursor at this step into all charts.
    on_branch : callable
        ``on_branch(weights, step)`` starts a new run from there.
    say : callable
        ``say(sentence)`` says what went wrong.

    Notes
    -----
    With snapshots (``mini``) the model itself comes back; without, its recorded answers do.
    """

    def __init__(
        self,
        on_look: Callable[[int], None],
        on_branch: Callable[[tuple[Path, int], int], None],
        say: Callable[[str], None],
    ):
        self._on_look, self._on_branch, self._say = on_look, on_branch, say
        self._history = History()
        self._loaded: LoadedModel | None = None
        self._filling = False
        self.steps = control(
            widgets.SelectionSlider(
                options=[0], value=0, description="Back to step", continuous_update=False
            )
        )
        self.play = widgets.Play(min=0, max=1, step=1, interval=700, value=0)
        self.prompt = control(
            widgets.Text(description="Ask the model as it was then", continuous_update=True)
        )
        self.ask = widgets.Button(description="Ask it then", icon="comment")
        self.reply = widgets.HTML()
        self.branch = widgets.Button(description="New run from here", icon="code-fork")
        self.about = widgets.HTML()
        self.steps.observe(lambda change: self._moved(change["new"]), "value")
        self.play.observe(lambda change: self._played(change["new"]), "value")
        self.ask.on_click(lambda _: self._act(lambda: self.talk(self.prompt.value)))
        self.branch.on_click(lambda _: self._act(self._go_on))
        play = widgets.VBox([widgets.HTML("Play the run"), self.play])
        slider_row = widgets.HBox([self.steps, play])
        ask_row = widgets.HBox([self.prompt, self.ask, self.branch])
        slider_row.add_class("lethe-ask")
        ask_row.add_class("lethe-ask")
        super().__init__([slider_row, self.about, ask_row, self.reply])
        self.draw(self._history)

    def draw(self, history: History) -> None:
        """Offer the probe points of a run that has ended."""
        steps = sorted({point.step for point in history.points()}) or [0]
        new = history is not self._history
        self._history = history
        if new or list(self.steps.options) != steps:
            self._filling = True
            self.steps.options = steps
            self.steps.value = steps[-1]
            self.play.max = len(steps) - 1
            self.play.value = len(steps) - 1
            self._filling = False
        can = any(weights_at(history, step) for step in steps)
        if not history.scores:
            said = "When a run has ended, move the slider to see it as it was."
        elif can:
            said = f"{_GOES_BACK} ask the model as it was, or go on from there."
        else:
            said = f"{_GOES_BACK} only runs of mini that were made here keep their weights."
        self.about.value = theme.plain(theme.escape(said), classes="lethe-soft")
        self.show(self.steps.value)

    def show(self, step: int) -> None:
        """Offer what can be done at a step."""
        can = weights_at(self._history, step) is not None
        self.ask.disabled = self.branch.disabled = self.prompt.disabled = not can

    def talk(self, prompt: str) -> str:
        """Ask the model as it was at the chosen step; the answer is shown and returned.

        Raises
        ------
        ValueError, OSError
            If there is nothing to ask, or the weights are gone.
        """
        prompt = check_prompt(prompt)
        step = self.steps.value
        said = self.answer(step, prompt)
        self.reply.value = theme.plain(
            f"<b>Step {step}.</b> {theme.escape(prompt)}<br>→ {theme.escape(said)}",
            classes="lethe-note",
        )
        return said

    def answer(self, step: int, prompt: str) -> str:
        """Return what the model answers with the weights of ``step``.

        Raises
        ------
        ValueError, OSError
            If the weights are gone.
        """
        weights, name = self._weights(step), self._history.started.model
        if self._loaded is None or self._loaded.name != name:
            self._loaded = models.load(name)
        load_snapshot(self._loaded.model, *weights)
        said = models.generate(
            self._loaded.model, self._loaded.tokenizer, [prompt], max_new_tokens=48
        )
        return displayable(prompt, said[0])

    def _weights(self, step: int) -> tuple[Path, int]:
        weights = weights_at(self._history, step)
        if weights is None:
            raise ValueError(f"The weights of step {step} are not kept: start the run again.")
        return weights

    def _moved(self, step: int) -> None:
        if self._filling:
            return
        self.show(step)
        self._on_look(step)

    def _played(self, index: int) -> None:
        options = list(self.steps.options)
        if not self._filling and index < len(options):
            self.steps.value = options[index]

    def _go_on(self) -> None:
        step = self.steps.value
        self._on_branch(self._weights(step), step)

    def _act(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            self._say(str(error))
