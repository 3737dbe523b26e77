"""Earlier runs, pinned runs, and the plane of gain against forgetting."""

from __future__ import annotations

import time
from collections.abc import Callable

import ipywidgets as widgets

from lablib.history import History
from lablib.plots import live, plane
from lablib.store import RunInfo, RunStore
from lablib.widgets import theme
from lablib.widgets.control import control

MOST_PINS = 4
_MOST_LISTED = 40  # earlier runs in the menu


class ComparePanel(widgets.HBox):
    """Earlier runs to show again or to pin, and the plane that collects them.

    Parameters
    ----------
    on_show : callable
        ``on_show(history)`` puts a stored run in place of the live one.
    on_pins : callable
        ``on_pins()`` is called when the pinned runs have changed.
    current : callable
        ``current()`` returns the run that is shown now.
    say : callable
        ``say(sentence)`` says what went wrong.

    Attributes
    ----------
    pins : dict of str to History
        The pinned runs by name.
    """

    def __init__(
        self,
        on_show: Callable[[History], None],
        on_pins: Callable[[], None],
        current: Callable[[], History],
        say: Callable[[str], None],
    ):
        self.pins: dict[str, History] = {}
        self._on_show, self._on_pins, self._current, self._say = on_show, on_pins, current, say
        self._store: RunStore | None = None
        self.runs = control(widgets.Dropdown(options=[], description="Earlier runs, newest first"))
        self.show = _button("Show it", "eye", lambda: self._act(self._show))
        self.pin = _button("Pin it", "thumb-tack", lambda: self._act(self._pin_stored))
        self.pin_current = _button("Pin the run above", "thumb-tack", self.pin_shown)
        self.unpin = _button("Unpin all", "times", self.clear)
        self.list = widgets.HTML()
        self.plane = widgets.HTML()
        self.table = widgets.HTML()
        row = widgets.HBox([self.show, self.pin, self.pin_current, self.unpin])
        row.add_class("lethe-buttons")
        left = widgets.VBox([self.runs, row, self.list])
        right = widgets.VBox([self.plane, self.table])
        left.add_class("lethe-side")
        right.add_class("lethe-main")
        super().__init__([left, right])
        self.add_class("lethe-columns")

    def refresh(self, store: RunStore | None) -> None:
        """List what is stored now."""
        self._store = store
        found = store.runs()[:_MOST_LISTED] if store else []
        self.runs.options = [(describe(info), info.run_id) for info in found]
        self.show.disabled = self.pin.disabled = not found
        if found:
            self.runs.value = found[0].run_id

    def draw(self, source: str = "live") -> None:
        """Draw the plane with the run that is shown and the pinned ones of its kind."""
        runs = {"this run": self._current(), **self.pins}
        runs = {name: run for name, run in runs.items() if run.started and run.scores}
        kind = plane.kind_of(runs["this run"]) if "this run" in runs else None
        kind = kind or next((plane.kind_of(run) for run in runs.values()), None)
        fitting = {name: run for name, run in runs.items() if plane.kind_of(run) == kind}
        chart = plane.plane(fitting, source)
        self.plane.value = live.svg(chart, 420, 280)
        refused = ""
        if len(fitting) < len(runs):
            refused = theme.note(plane.mixed_sentence({plane.kind_of(r) for r in runs.values()}))
        rows = [
            [name, *(f"{value:.2f}" for value in (line.xs[-1], line.ys[-1]))]
            for line in chart.lines
            for name in [line.name]
        ]
        head = ["run", "gain at the end", "kept at the end"]
        self.table.value = refused + (live.rows_table("Gain and forgetting", head, rows))
        names = "".join(f"<li>{theme.escape(name)}</li>" for name in self.pins)
        said = f"Pinned, drawn thin and dotted:<ul>{names}</ul>" if names else "No run is pinned."
        self.list.value = theme.plain(said, classes="lethe-soft")

    def pin_shown(self) -> None:
        """Pin the run that is shown now."""
        self._act(lambda: self.add(self._current()))

    def add(self, history: History) -> None:
        """Pin a run.

        Raises
        ------
        ValueError
            If nothing was measured in it, or enough are pinned.
        """
        if not history.started or not history.scores:
            raise ValueError("There is nothing to pin yet: start a run first.")
        if len(self.pins) >= MOST_PINS:
            raise ValueError(f"{MOST_PINS} runs are pinned, more cannot be told apart: unpin some.")
        self.pins[self._name(history)] = history
        self._on_pins()

    def clear(self) -> None:
        """Unpin all."""
        self.pins.clear()
        self._on_pins()

    def _name(self, history: History) -> str:
        letter = next(letter for letter in "ABCDEFGH" if letter not in "".join(self._letters()))
        config = history.started.config
        return (
            f"{letter}: {history.started.method}, lr {config.get('lr', 0):.0e}, "
            f"mix {mix(config):.0%}, seed {history.started.seed}"
        )

    def _letters(self) -> list[str]:
        return [name.partition(":")[0] for name in self.pins]

    def _stored(self) -> History:
        if self._store is None or self.runs.value is None:
            raise ValueError("No run is stored yet: start one first.")
        return self._store.history(self.runs.value)

    def _show(self) -> None:
        self._on_show(self._stored())

    def _pin_stored(self) -> None:
        self.add(self._stored())

    def _act(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            self._say(str(error))


def mix(config: dict) -> float:
    """Return the mix ratio of a run's config."""
    return float(config.get("mix_ratio") or 0.0)


def describe(info: RunInfo) -> str:
    """Return one line about a stored run."""
    when = time.strftime("%d %b %H:%M", time.localtime(info.created))
    lr = info.config.get("lr", 0)
    ended = info.reason or "not finished"
    return (
        f"{when} · {info.name or info.model} · {'+'.join(info.tasks)} · {info.method} · "
        f"lr {lr:.0e} · mix {mix(info.config):.0%} · seed {info.seed} · {ended}"
    )


def _button(description: str, icon: str, action: Callable[[], None]) -> widgets.Button:
    made = widgets.Button(description=description, icon=icon)
    made.on_click(lambda _: action())
    return made
