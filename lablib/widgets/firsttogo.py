"""Which capability fell first: the predicted order beside the measured one, five symptoms."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.history import History
from lablib.lessons import reading, stored
from lablib.plots import lessons
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Order

SETTING = "tickets-mix0"


class FirstToGo(widgets.VBox):
    """Drawn anew when a run ends, the prediction is saved or another model is chosen.

    Notes
    -----
    The calls that do the same: ``reading.order_of_fall(history)`` and
    ``reading.symptoms(history)``.
    """

    def __init__(self, lab: ModelChoice, dashboard: Dashboard, order: Order):
        self._lab, self._dashboard, self._order = lab, dashboard, order
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        order.on_saved(lambda _: self.draw())
        lab.on_change(self.draw)
        dashboard.state.observe(self._run_changed, "status")
        self.draw()

    def _run_changed(self, _) -> None:
        if self._dashboard.state.ended:
            self.draw()

    def _history(self) -> tuple[History, str] | None:
        """The learner's last run on tickets without mixing, else the stored one."""
        for history in reversed(self._lab.histories):
            started = history.started
            whole = history.finished and history.finished.reason == "done"
            plain = whole and started.config["mix_ratio"] == 0 and not history.changes
            if started.tasks == ("tickets",) and started.model == self._lab.model and plain:
                return history, "live"
        kept = self._lab.stored(SETTING)
        return (kept.history, "replayed") if kept else None

    def draw(self) -> None:
        """Show the newest run there is."""
        found = self._history()
        if found is None:
            self.view.value = theme.note("Nothing to see yet: start the run above.")
            return
        history, source = found
        falls = reading.order_of_fall(history)
        names = [reading.NAMES[fall.capability] for fall in falls]
        started = history.started
        detail = f"{started.model}, seed {started.seed}"
        try:
            self._lab.record.measure("02-order", names, source, detail)
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        inner = (
            badge(source, detail)
            + lessons.order_lines(self._order.value, names)
            + theme.note(self._over_seeds())
            + self._table(falls)
            + self._left_out(history)
            + self._symptoms(history)
        )
        if source == "replayed":
            inner = theme.note(
                "You have not finished a run on tickets here yet; your own will take this place."
            ) + folded("Open the stored run instead", inner)
        self.view.value = inner

    def _over_seeds(self) -> str:
        kept = stored.load_all(self._lab.model, SETTING)
        return reading.over_seeds([one.history for one in kept])

    @staticmethod
    def _table(falls: list[reading.Fall]) -> str:
        rows = [
            (
                reading.NAMES[fall.capability],
                "never" if fall.step is None else f"{fall.step:.1f}",
                f"{fall.last:.2f}",
            )
            for fall in falls
        ]
        header = ("capability", "says retention fell below one half at step", "left at the end")
        return folded("The numbers", table("Order of falling", header, rows))

    @staticmethod
    def _left_out(history: History) -> str:
        names = [reading.NAMES[name] for name in reading.NAMES if history.nothing_to_lose(name)]
        if not names:
            return ""
        return theme.note(
            f"Nothing to lose: in {', '.join(names)} the base model is no better than chance, so "
            "no share can be formed."
        )

    @staticmethod
    def _symptoms(history: History) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{symptom.name}</th><td>{theme.escape(symptom.prompt)}</td>"
            f"<td>{theme.escape(symptom.before)}</td><td>{'yes' if symptom.right else 'no'}</td>"
            f"<td>{theme.escape(symptom.after)}</td></tr>"
            for symptom in reading.symptoms(history)
        )
        return theme.plain(
            "<table class='lethe-table'><caption>Five symptoms, each in one answer</caption>"
            "<thead><tr><th scope='col'>symptom</th><th scope='col'>question</th>"
            "<th scope='col'>before</th><th scope='col'>right before?</th>"
            "<th scope='col'>after</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>",
            classes="lethe-scroll",
        )
