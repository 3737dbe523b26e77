"""The right side of the dashboard: the live charts, each with a table beside it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from lablib.history import History
from lablib.plots import curves, live, retention
from lablib.plots.axes import capabilities
from lablib.plots.chart import Chart
from lablib.widgets.control import control
from lablib.widgets.summary import summary

TOGETHER, APART = "all in one", "one chart each"
WIDE = (680, 330)
NARROW = (360, 300)
SMALL = (300, 200)


class ChartsPanel(widgets.VBox):
    """Retention, new-task score, loss and displacement of one run, with pinned runs behind."""

    def __init__(self, on_change: Callable[[], None]):
        self.layout_choice = control(
            widgets.Dropdown(
                options=[TOGETHER, APART], value=TOGETHER, description="Retention charts"
            )
        )
        self.tables = widgets.Checkbox(value=False, description="Tables of numbers", indent=False)
        self.retention = widgets.HTML()
        self.retention.add_class("lethe-wide")
        self.small = {name: widgets.HTML() for name in ("task", "loss", "displacement")}
        self._tables = {name: widgets.HTML() for name in ("retention", *self.small)}
        self.words = widgets.HTML()
        words = widgets.VBox([self.words])
        words.add_class("lethe-card")
        words.add_class("lethe-words")
        grid = widgets.Box([*(self._card(name, self.small[name]) for name in self.small), words])
        grid.add_class("lethe-grid")
        bar = widgets.HBox([self.layout_choice, self.tables])
        bar.add_class("lethe-bar")
        super().__init__([self._card("retention", self.retention, bar), grid])
        self.layout_choice.observe(lambda _: on_change(), "value")
        self.tables.observe(lambda _: on_change(), "value")

    def _card(self, name: str, chart: widgets.HTML, *more: widgets.Widget) -> widgets.VBox:
        card = widgets.VBox([chart, self._tables[name], *more])
        card.add_class("lethe-card")
        return card

    def draw(
        self,
        history: History,
        *,
        pins: dict[str, History] | None = None,
        prediction: retention.Prediction = None,
        cursor: float | None = None,
        source: str = "live",
        only_loss: bool = False,
    ) -> None:
        """Draw what has been measured; ``only_loss`` where no new probe point has come."""
        common = {"pins": pins, "cursor": cursor, "source": source}
        charts = {"loss": curves.loss(history, **common)}
        if not only_loss:
            charts["task"] = curves.task_score(history, **common)
            charts["displacement"] = curves.displacement(history, **common)
            whole = retention.retention(history, prediction=prediction, **common)
            self.retention.value = self._retention(history, whole, prediction, common)
            self._table("retention", whole)
            self.words.value = summary(history)
        for name, chart in charts.items():
            self.small[name].value = live.svg(chart, *SMALL)
            self._table(name, chart)

    def _retention(
        self, history: History, whole: Chart, prediction: retention.Prediction, common: dict
    ) -> str:
        if self.layout_choice.value == TOGETHER:
            # Text would be too small in a picture that only shrinks; the style sheet shows one.
            wide, narrow = live.svg(whole, *WIDE), live.svg(whole, *NARROW)
            return (
                f"<div class='lethe-if-wide'>{wide}</div>"
                f"<div class='lethe-if-narrow'>{narrow}</div>"
            )
        return live.panels(
            [
                retention.retention(history, only=name, prediction=prediction, **common)
                for name in capabilities(history)
            ],
            whole,
        )

    def _table(self, name: str, chart: Chart) -> None:
        shown = self.tables.value
        self._tables[name].value = (
            f"<div class='lethe-scroll'>{live.table(chart)}</div>" if shown else ""
        )
