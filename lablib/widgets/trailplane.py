"""The plane that collects runs as trails: twos learned against ones kept; what it says."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.classic import Trail
from lablib.lessons import addition as lesson
from lablib.plots import classic, live
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.predict import Prediction

RESCUE_NAMES = (*lesson.RESCUES.values(), lesson.NONE)  # as the prediction offers them
MOST = 7  # trails that can be told apart, beside the one under way
LEVEL = 0.8  # of the twos: where the learner's own function reads the trails
_HEAD = (
    "run",
    "ones after one pass",
    f"ones at twos = {LEVEL:.2f} (by your ones_at)",
    "ones when all twos are right",
    "ones at the end",
    "passes over the twos",
)
_OWN = 2  # the place of the learner's column


class TrailPlane(widgets.VBox):
    """Runs of the addition demo on one plane, with a table beside it.

    Parameters
    ----------
    record : Record
        Holds the learner's ``ones_at`` once it is solved; runs are noted in it.

    Attributes
    ----------
    trails : dict of str to Trail
        The finished runs, the newest last; at most seven are kept.

    Notes
    -----
    The calls that do the same: ``trail.points()`` and ``trail.ones_at(level)``.
    """

    def __init__(self, record: Record):
        self.record, self.trails, self._count = record, {}, 0
        self._callbacks = []
        self.picture, self.table = widgets.HTML(), widgets.HTML()
        self.clear_button = widgets.Button(description="Clear the plane", icon="times")
        self.clear_button.layout.width = "auto"
        self.clear_button.layout.align_self = "flex-start"
        self.clear_button.on_click(lambda _: self.clear())
        super().__init__([self.picture, self.table, self.clear_button])
        self.add_class("lethe-card")
        self.draw()

    def on_change(self, callback) -> None:
        """Call ``callback()`` whenever a run was added or the plane was cleared."""
        self._callbacks.append(callback)

    def add(self, trail: Trail) -> None:
        """Keep a finished run; the oldest goes where there would be too many."""
        letter = chr(ord("A") + self._count % 26)
        self._count += 1
        several = f", mean of {len(trail.twos_phase)}" if len(trail.twos_phase) > 1 else ""
        self.trails[f"{letter}: {lesson.describe(trail.settings)}{several}"] = trail
        while len(self.trails) > MOST:
            del self.trails[next(iter(self.trails))]
        self._changed()

    def clear(self) -> None:
        """Forget all trails."""
        self.trails.clear()
        self._count = 0
        self._changed()

    def draw(self, running: Trail | None = None) -> None:
        """Draw all trails, and the one that is under way."""
        shown = dict(self.trails)
        if running is not None and running.twos_phase:
            shown["now: the run under way"] = running
        self.picture.value = live.svg(classic.plane(shown), 520, 400)
        own = self.record.solved.get("ones_at")
        head, *rows = _HEAD, *lesson.table_rows(shown, own, LEVEL)
        if own is None:  # in the web version, which has no exercises, it would stay empty for ever
            head, *rows = ((*row[:_OWN], *row[_OWN + 1 :]) for row in (head, *rows))
        caption = "The same runs in numbers (shares of 15 ones facts, best match)"
        self.table.value = theme.plain(live.rows_table(caption, head, rows), "div", "lethe-scroll")

    def _changed(self) -> None:
        self.draw()
        for callback in self._callbacks:
            callback()


class PlaneLook(widgets.VBox):
    """The predictions about rescues beside what the runs on the plane say so far.

    Parameters
    ----------
    plane : TrailPlane
        Where the runs are.
    rescue, gentle, mixed : Prediction, optional
        Which rescue keeps most; what the gentlest run keeps; how many facts must be mixed in.
    """

    def __init__(
        self,
        plane: TrailPlane,
        rescue: Prediction | None = None,
        gentle: Prediction | None = None,
        mixed: Prediction | None = None,
    ):
        self._plane = plane
        self._asked = [
            (prediction, read, to_do)
            for prediction, read, to_do in (
                (rescue, self._rescue, "Run each of the five rescues above, one at a time."),
                (gentle, self._gentle, "Run a small rate or little momentum above."),
                (mixed, self._mixed, "Mix some ones facts in above, and look for the fewest."),
            )
            if prediction is not None
        ]
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        plane.on_change(self.draw)
        for prediction, *_ in self._asked:
            prediction.on_saved(lambda _: self.draw())
        self.draw()

    def draw(self) -> None:
        """Compare every prediction with the runs that there are."""
        n = len(self._plane.trails)
        lines = [badge("live", f"{n} run{'s' * (n != 1)} on the plane")] if n else []
        for prediction, read, to_do in self._asked:
            measured, detail = read()
            try:
                if measured is not None:
                    self._plane.record.measure(prediction.key, measured, "live", detail)
                guess = prediction.value
            except (OSError, ValueError) as error:
                lines.append(theme.error(str(error)))
                continue
            mine = theme.escape("none saved" if guess is None else guess)
            said = f"nothing yet. {to_do}" if measured is None else f"{measured} ({detail})."
            lines.append(
                f"<p role='status'><b>{theme.escape(prediction.question)}</b><br>"
                f"Your prediction: {mine}. Your runs say: {theme.escape(said)}</p>"
            )
        self.view.value = "".join(lines)

    def _rescue(self) -> tuple[str | None, str]:
        trails = self._plane.trails.values()
        n = sum(lesson.is_rescue(trail.settings) for trail in trails)
        return lesson.verdict(trails), f"after {n} run{'s' * (n != 1)} with a rescue"

    def _gentle(self) -> tuple[int | None, str]:
        found = [
            (trail.ones_at(1.0), lesson.describe(trail.settings))
            for trail in self._plane.trails.values()
            if lesson.is_gentle(trail.settings) and trail.ones_at(1.0) is not None
        ]
        kept, how = max(found, default=(None, ""))
        return (None if kept is None else round(15 * kept)), f"of 15, {how}"

    def _mixed(self) -> tuple[int | None, str]:
        return lesson.smallest_mix(self._plane.trails.values()), "the fewest that did it so far"
