"""How little is enough: the learner's mix ratios beside the stored curve over seeds."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.history import History
from lablib.lessons import maps, mixing
from lablib.lessons.reading import NAMES
from lablib.plots import live
from lablib.plots import mixing as pictures
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Prediction

RATIO_OPTIONS = (*mixing.RATIO_NAMES.values(), mixing.NOT_EVEN)


class MixLook(widgets.VBox):
    """The learner's runs of tickets at several ratios, the prediction, the stored curve.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    dashboard : Dashboard
        Whose finished runs are collected.
    smallest : Prediction
        Which ratio was expected to be the smallest that keeps enough.

    Notes
    -----
    The calls that do the same: ``mixing.read(history)`` and ``mixing.curve(model)``.
    """

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, smallest: Prediction):
        self._lab, self._dashboard, self._smallest = lab, dashboard, smallest
        self._added: list[History] = []
        self._points: dict[str, dict[float, mixing.Point]] = {}
        self.own, self.stored = widgets.HTML(), widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.own, self.stored])
        self.add_class("lethe")
        smallest.on_saved(lambda _: self.draw())
        lab.on_change(self.draw)
        dashboard.state.observe(self._run_changed, "status")
        self.draw()

    def _run_changed(self, _) -> None:
        if self._dashboard.state.status == "done":
            self.draw()

    def add(self, history: History) -> None:
        """Take in a run that has ended elsewhere."""
        self._added.append(history)
        self.draw()

    def draw(self) -> None:
        """Show the learner's runs, and beside them what is stored."""
        ended = [*self._dashboard.finished, *self._added]
        runs = [history for history in ended if history.started.model == self._lab.model]
        self.own.value = self._own(runs)
        try:
            self.stored.value = folded("Meet your prediction", self._met(runs))
        except (OSError, ValueError) as error:
            self.stored.value = theme.error(str(error))

    def _own(self, runs: list[History]) -> str:
        if not runs:
            return theme.note("Your own runs appear here when they have ended.")
        rows = []
        for history in runs:
            reading, config = mixing.read(history), history.started.config
            rows.append(
                (
                    f"mix ratio {config['mix_ratio']:g}, rate {config['lr']:g}, "
                    f"{config['epochs']:g} epochs, seed {history.started.seed}",
                    f"{reading.counts['n_general']} of {reading.counts['n_rows']}",
                    _number(reading.main),
                    _number(reading.mean),
                    _number(reading.task),
                    maps.row(history)["moved"] or "nothing",
                )
            )
        of = mixing.mean_of({name: 0 for h in runs for name in mixing.read(h).kept})
        header = (
            "run", "general rows it saw", "knowledge kept (says)", f"{of} kept",
            "task score", "moved during it",
        )  # fmt: skip
        return badge("live", self._lab.model) + table("Your runs", header, rows)

    def _met(self, runs: list[History]) -> str:
        model = self._lab.model
        if model not in self._points:
            self._points[model] = mixing.curve(model)
        points = self._points[model]
        guess = theme.escape(self._smallest.value or "none saved")
        if len(points) < 3:
            return theme.note(
                f"Too few ratios are stored for {model} to draw a curve: choose mini above, or "
                "make your own runs."
            ) + self._beside(points, runs)
        found = mixing.smallest_in_words(points)
        missing = mixing.not_stored(points)
        detail = f"{model}, mean of {_seeds(points)} seeds. {missing}".strip()
        self._lab.record.measure(self._smallest.key, found, "replayed", detail)
        return (
            f"<p>Your prediction: {guess}. Measured: the smallest ratio at which the mean over "
            f"seeds keeps at least {mixing.ENOUGH:g} of knowledge is <b>{found}</b>.</p>"
            + theme.note(missing)
            + self._beside(points, runs)
            + theme.note(mixing.rule_of_thumb(points))
            + folded("The numbers", _numbers(points) + _by_capability(points))
        )

    def _beside(self, points: dict[float, mixing.Point], runs: list[History]) -> str:
        """The curve with the runs on it, and the two models side by side."""
        own = [(h.started.config["mix_ratio"], mixing.read(h)) for h in runs if _plain(h)]
        chart = pictures.ratio_curve(points, own)
        header = (
            "model", "general rows", "mix ratio", "knowledge kept (says)", "task score",
            "steps of a run", "rows it saw", "seeds",
        )  # fmt: skip
        return (
            (badge("replayed", self._lab.model) if points else "")
            + (badge("live", self._lab.model) if own else "")
            + live.svg(chart, 600, 320)
            + table("Data of one's own past, and foreign data", header, mixing.foreign())
        )


def _plain(history: History) -> bool:
    """True if a whole run differs from the stored ones in nothing but its ratio and seed."""
    started, config = history.started, history.started.config
    usual = maps.DEFAULT_LR.get(started.model, config["lr"])
    return (
        started.tasks == ("tickets",)
        and history.finished
        and history.finished.reason == "done"
        and not history.changes
        and abs(config["lr"] / usual - 1) < 0.1
        and config["epochs"] == 1
    )


def _seeds(points: dict[float, mixing.Point]) -> str:
    counts = {one.seeds for one in points.values()}
    return f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _numbers(points: dict[float, mixing.Point]) -> str:
    rows = [
        (
            f"{ratio:g}",
            str(one.main or "–"),
            str(one.mean or "–"),
            str(one.task or "–"),
            f"{one.matched} ({one.matched.n} of {one.seeds})" if one.matched else "never there",
            str(one.seeds),
        )
        for ratio, one in sorted(points.items())
    ]
    of = mixing.mean_of({name: 0 for one in points.values() for name in one.kept})
    header = (
        "mix ratio", "knowledge kept (says)", f"{of} kept", "task score",
        f"knowledge kept when the task first reached {mixing.MATCH:g}", "seeds",
    )  # fmt: skip
    return table("By mix ratio, with 95% intervals over seeds", header, rows)


def _by_capability(points: dict[float, mixing.Point]) -> str:
    rows = [
        (name, mixing.smallest_in_words(points, key))
        for key, name in NAMES.items()
        if any(key in one.kept for one in points.values())
    ]
    header = ("capability", f"smallest ratio that keeps {mixing.ENOUGH:g} of it")
    return table("Not every capability needs as much", header, rows)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"
