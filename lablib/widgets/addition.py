"""The addition demo of 1989, live: ones facts die one by one while twos facts are learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets as widgets

from lablib.classic import Pass, Settings, Trail, side_by_side
from lablib.classic.addition import FREEZE
from lablib.controls import Controls
from lablib.lessons import addition as lesson
from lablib.plots import classic, live
from lablib.report import Record
from lablib.runtime import fast_mode
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.factstrip import CSS, strip
from lablib.widgets.job import Job
from lablib.widgets.layout import STYLE
from lablib.widgets.predict import Number
from lablib.widgets.trailplane import TrailPlane

RESCUES = ("hidden", "rate", "momentum", "overtraining", "freeze")
KNOBS = (*RESCUES, "interleave")
SLOW = 8  # passes over the twos that are shown at the chosen speed; later ones go ten times faster
_UNPACED = 40  # of them at most: a gentle run takes hundreds of passes
_SPEEDS = (("half a pass", 0.5), ("1 pass", 1), ("2 passes", 2), ("5 passes", 5), ("all", 0))
_MOST_SEED = 2**31 - 1


def knob(name: str) -> widgets.Widget:
    """Return the control of one setting, at the value of the paper, with label and unit."""
    plain = Settings()
    value = getattr(plain, name)
    if name == "hidden":
        options, label = (5, 10, 20, 50, 70, 100), "Hidden units (number)"
    elif name == "rate":
        options, label = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0), "Learning rate (per update)"
    elif name == "momentum":
        options, label = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9), "Momentum (share of the last update)"
    elif name == "overtraining":
        options, label = (0, 30, 100, 300, 1000), "Overtraining on the ones (passes)"
    elif name == "interleave":
        options = tuple(range(16))
        label = "Ones facts mixed into each pass over the twos (of 15)"
    else:
        return control(
            widgets.Dropdown(
                options=FREEZE, value=value, description="Frozen while the twos are learned"
            )
        )
    shown = [(f"{option:g}", option) for option in options]
    slider = widgets.SelectionSlider(
        options=shown, value=value, description=label, continuous_update=False
    )
    return control(slider)


class AdditionDemo(widgets.VBox):
    """Start, Stop, Reset; the curves of ones and twos; every fact as a card; the plane.

    Parameters
    ----------
    record : Record
        Notes the runs.
    plane : TrailPlane, optional
        Collects the runs; shown below if there are knobs.
    knobs : sequence of str
        The settings that may be moved, of ``KNOBS``; none: the demo as in the paper.
    guess : Number, optional
        The prediction of ones facts (of 15) right after one pass, drawn on the curve.

    Attributes
    ----------
    trail : Trail
        The newest run.

    Notes
    -----
    The call that does the same:
    ``Trail.of(side_by_side(demo.settings, demo.seeds), demo.settings)``.
    """

    def __init__(
        self,
        record: Record,
        plane: TrailPlane | None = None,
        knobs: Sequence[str] = (),
        guess: Number | None = None,
    ):
        self.record, self.plane, self._guess = record, plane, guess
        self.trail = Trail()
        self._shows_plane = bool(plane is not None and knobs)
        self._callbacks: list[Callable[[Trail], None]] = []
        self._controls = Controls()
        self.ended = False  # True if ``trail`` is a whole run
        self.knobs = {name: knob(name) for name in knobs}
        self.networks = control(
            widgets.SelectionSlider(
                options=[(str(n), n) for n in (1, 2, 4, 8)],
                value=self._plain_networks(),
                description="Networks side by side (their mean is drawn)",
            )
        )
        self.seed = control(
            widgets.BoundedIntText(
                value=0, min=0, max=_MOST_SEED, description="Seed of the first (whole number)"
            )
        )
        self.speed = control(
            widgets.SelectionSlider(
                options=_SPEEDS, value=1, description="Shown per second, in the first passes"
            )
        )
        self.speed.observe(lambda change: self._controls.set("speed", change["new"]), "value")
        self.job = Job("Start", self._make, self._take, self._done)
        self.reset_button = widgets.Button(description="Reset", icon="undo")
        self.reset_button.layout.width = "auto"
        self.reset_button.on_click(lambda _: self.reset())
        self.head = widgets.HTML()
        self.pictures = {phase: widgets.HTML() for phase in ("ones", "twos")}
        self.tables = widgets.HTML()
        self.at = control(
            widgets.IntSlider(min=0, max=0, description="Look at the facts after pass (over twos)")
        )
        self.at.observe(lambda _: self._facts(), "value")
        self.facts = widgets.HTML()
        super().__init__(self._arranged())
        self.add_class("lethe")
        if guess is not None:
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def _arranged(self) -> list[widgets.Widget]:
        buttons = self.job.children[0]
        buttons.children = (*buttons.children, self.reset_button)
        buttons.add_class("lethe-buttons")
        options = [*self.knobs.values(), self.networks, self.seed, self.speed]
        left, right = widgets.VBox([self.job, *options]), widgets.VBox()
        curves = widgets.HBox(list(self.pictures.values()))
        curves.add_class("lethe-columns")
        for picture in self.pictures.values():
            picture.add_class("lethe-half")
        cards = [
            widgets.VBox([self.head, curves, self.tables]),
            widgets.VBox([self.at, self.facts]),
        ]
        for card in (left, *cards):
            card.add_class("lethe-card")
        right.children = cards
        left.add_class("lethe-left")
        right.add_class("lethe-right")
        body = widgets.HBox([left, right])
        body.add_class("lethe-body")
        style = widgets.HTML(f"{STYLE}<style>{CSS}{_CSS}</style>")
        return [style, body, *([self.plane] if self._shows_plane else [])]

    # ------------------------------------------------------------------ what is set

    @property
    def settings(self) -> Settings:
        """The settings that the controls show."""
        return Settings(**{name: one.value for name, one in self.knobs.items()})

    @property
    def seeds(self) -> range:
        """One seed a network."""
        return range(self.seed.value, self.seed.value + self.networks.value)

    def reset(self) -> None:
        """Set every control as in the paper and clear the pictures; the plane stays."""
        plain = Settings()
        for name, one in self.knobs.items():
            one.value = getattr(plain, name)
        self.networks.value, self.seed.value = self._plain_networks(), 0
        if self.job.stop_button.disabled:  # nothing is under way
            self.trail, self.ended = Trail(), False
            self.draw()

    def _plain_networks(self) -> int:
        """One network to watch; where runs are compared, the mean of a few."""
        return 4 if self.knobs else 1

    def on_done(self, callback: Callable[[Trail], None]) -> None:
        """Call ``callback(trail)`` at the end of every whole run."""
        self._callbacks.append(callback)

    # ------------------------------------------------------------------ a run

    def watch(self) -> Trail:
        """Run in the foreground with the settings shown; return the trail."""
        self.job.watch()
        return self.trail

    def _make(self, _report: Any, controls: Controls) -> Iterator[Settings | Pass]:
        self._controls = controls
        controls.set("speed", self.speed.value)
        settings = self.settings
        yield settings
        yield from paced(side_by_side(settings, self.seeds), controls)

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, Settings):
                self.trail, self.ended = Trail(part), False
            else:
                self.trail.add(part)
        if parts:
            self.job.status.value = theme.note(self._under_way())
            self.draw()

    def _under_way(self) -> str:
        if self.trail.twos_phase:
            return f"Learning the twos: pass {self.trail.length}."
        newest = max((passes[-1].number for passes in self.trail.ones_phase.values()), default=0)
        return f"Learning the ones: pass {newest}."

    def _done(self) -> None:
        self.ended = True
        settings = self.trail.settings
        slow = [n for n in self.trail.trials_to_criterion() if n >= settings.most_ones]
        ends = f"Done: {self.trail.length} passes over the twos."
        if slow:
            ends += (
                f" The ones were not all within .1 after {settings.most_ones} passes; the twos "
                "began all the same."
            )
        elif self.trail.length >= settings.most_twos:
            ends += " The twos never came within .1."
        self.job.status.value = theme.note(ends)
        seeds = ", ".join(str(seed) for seed in sorted(self.trail.twos_phase))
        kept = self.trail.points()[-1][1]
        self.record.run(
            f"{lesson.describe(settings)}; seeds {seeds}",
            model="28-50-24 network" if settings.hidden == 50 else f"28-{settings.hidden}-24",
            task="twos facts",
            method=", ".join(settings.changed()) or "as in 1989",
            lr=settings.rate,
            seed=seeds,
            steps=self.trail.length,
            source="live",
            ones_kept=kept,
        )
        if self.plane is not None:
            self.plane.add(self.trail)
        for callback in self._callbacks:
            callback(self.trail)

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show the newest run as it is now."""
        n = max(len(self.trail.ones_phase), len(self.trail.twos_phase))
        self.head.value = (
            badge("live", f"{n} network{'s' * (n != 1)}")
            if n
            else badge("illustrative", "nothing trained yet")
        )
        tables = []
        guess = self._guess.value / 15 if self._guess and self._guess.value is not None else None
        for phase, picture in self.pictures.items():
            chart = classic.phase_chart(self.trail, phase, guess)
            picture.value = live.svg(chart, 400, 260)
            tables.append(live.table(chart))
        self.tables.value = (
            f"<details><summary>The numbers</summary>{''.join(tables)}</details>" if n else ""
        )
        self.at.max = self.trail.length
        self.at.value = self.trail.length  # follows the run; moved by hand afterwards
        self._facts()
        if self._shows_plane and self.trail.twos_phase and not self.trail.finished:
            self.plane.draw(self.trail)

    def _facts(self) -> None:
        if self.trail.twos_phase:
            one = self.trail.at(self.at.value)
        else:
            first = next(iter(self.trail.ones_phase.values()), None)
            one = first[-1] if first else None
        self.facts.value = (
            theme.note("Every fact appears here as a card once training begins.")
            if one is None
            else strip(one)
        )


def paced(passes: Iterator[Pass], controls: Controls) -> Iterator[Pass]:
    """Yield passes slowly enough to be watched, and end when the controls say stop.

    The control ``speed`` is in passes per second and may be moved; 0 does not wait.
    """
    shown = None
    for one in passes:
        if controls.stopped:
            return
        yield one
        if (one.phase, one.number) != shown:  # networks side by side wait together
            shown = (one.phase, one.number)
            _wait(one, controls)


def _wait(one: Pass, controls: Controls) -> None:
    begun = time.monotonic()
    while not controls.stopped:
        speed = controls.snapshot().get("speed", 0)
        if fast_mode() or not speed or one.number >= _UNPACED:
            return
        fast = one.phase == "ones" or one.number >= SLOW
        left = begun + 1 / (speed * (10 if fast else 1)) - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.1))


_CSS = """
.lethe .lethe-half{flex:1 1 300px;min-width:0;max-width:100%}
"""
