"""One choice of model for a whole lab: live where it fits, a stored run where it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from lablib import models
from lablib.history import History
from lablib.lessons import device as capacity
from lablib.lessons import maps, reading, stored
from lablib.models import LoadedModel
from lablib.probes import PROBES
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.background import stop_under_way
from lablib.widgets.control import control
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.predict import Order

_OTHER = "another"  # no folder is called so in earnest
CAPABILITIES = tuple(reading.NAMES.values())


class _ByProbe:
    """An order of capabilities as the dashboard wants it: probe names, read anew each time."""

    def __init__(self, order: Order):
        self._order = order

    @property
    def value(self) -> list[str] | None:
        probe = {name: key for key, name in reading.NAMES.items()}
        return [probe[name] for name in self._order.value] if self._order.value else None


class ModelChoice(widgets.VBox):
    """Which model the lab uses, shared by all its widgets.

    Parameters
    ----------
    record : Record
        The learner's record; the runs of the lab are noted in it.
    model : str, optional
        What is chosen first; default: what ``LETHE_MODEL`` names, else mini. Besides the two
        models of the course any hub id or folder of a causal language model may be typed.
    """

    def __init__(self, record: Record, model: str | None = None):
        self.record = record
        self.histories: list[History] = []  # runs finished in this notebook, in order
        self._loaded: LoadedModel | None = None
        self._callbacks: list[Callable[[], None]] = []
        first = model or models.first_choice()
        known = first in models.MODELS
        self.menu = control(
            widgets.Dropdown(
                options=[
                    ("mini: about a million weights, seconds", "mini"),
                    ("SmolLM2-135M-Instruct: a real model, minutes", "smollm2-135m"),
                    ("another one: hub id or folder, best with a GPU", _OTHER),
                ],
                value=first if known else _OTHER,
                description="Model",
            )
        )
        self.other = control(
            widgets.Text(
                value="" if known else first,
                placeholder="owner/name or a path",
                description="Hub id or folder",
                continuous_update=False,
            )
        )
        self.menu.layout.width = self.other.layout.width = "min(34em, 95%)"
        self.note = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.menu, self.other, self.note])
        self.add_class("lethe")
        self.menu.observe(lambda _: self._changed(), "value")
        self.other.observe(lambda _: self._changed(), "value")
        self._explain()

    @property
    def model(self) -> str:
        """The chosen model; mini for as long as another one is not yet named."""
        if self.menu.value == _OTHER:
            return self.other.value.strip() or "mini"
        return self.menu.value

    @property
    def why_not_live(self) -> str:
        """Why the chosen model cannot be trained here, in one sentence, or an empty string."""
        return capacity.why_not_live(self.model)

    @property
    def loaded(self) -> LoadedModel | None:
        """The chosen model if it is in memory already."""
        same = self._loaded is not None and self._loaded.name == self.model
        return self._loaded if same else None

    def load(self) -> LoadedModel:
        """Return the chosen model, loaded once."""
        if self._loaded is None or self._loaded.name != self.model:
            self._loaded = models.load(self.model)
        return self._loaded

    def stored(self, setting: str, seed: int = 0) -> stored.Stored | None:
        """Return a stored run of the chosen model, or None if there is none."""
        try:
            return stored.load(self.model, setting, seed)
        except OSError:
            return None

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when another model is chosen."""
        self._callbacks.append(callback)

    def settings(self) -> list[dict[str, Any]]:
        """Return all runs of tickets as rows for an exercise: stored ones and the learner's."""
        own = [maps.row(h) for h in self.histories if h.started.tasks == ("tickets",)]
        return maps.settings(self.model) + [row for row in own if None not in row.values()]

    def note_run(self, history: History, **facts: Any) -> None:
        """Keep a run that was finished here, for the tables below and the report."""
        self.histories.append(history)
        started = history.started
        config = started.config
        self.record.run(
            started.run_id,
            model=started.model,
            task=", ".join(started.tasks),
            method=started.method,
            lr=config["lr"],
            epochs=config["epochs"],
            mix_ratio=config["mix_ratio"],
            seed=started.seed,
            steps=history.steps[-1].step if history.steps else 0,
            source="live",
            **facts,
        )

    def dashboard(
        self,
        task: str = "tickets",
        order: Order | None = None,
        methods: Sequence[str] = ("full",),
        bars: str = "",
    ) -> Dashboard:
        """Return a dashboard that follows the choice; where nothing runs live, it replays.

        Parameters
        ----------
        task : str
            What is learned first.
        order : Order, optional
            The learner's predicted order of falling, compared with the curves.
        methods : sequence of str
            What may be chosen, the first one first: a lab shows what it is about.
        bars : str
            The capability with whose question the bars of likeliest answers begin; by default
            they begin with the capital of France.
        """
        prediction = _ByProbe(order) if order else None
        made = Dashboard(self.model, task, methods[0], prediction=prediction, methods=methods)
        if bars:
            made.answers.first = PROBES[bars]().items("quick")[0].prompt

        def follow() -> None:
            made.settings.model.value = self.model
            kept = self.stored(f"{task}-mix0") if self.why_not_live else None
            if kept and made.state.ended:
                made.replay(kept.history)

        def ended(_) -> None:
            if made.state.status == "done":
                self.note_run(made.state.history)

        self.on_change(follow)
        made.state.observe(ended, "status")
        if self.why_not_live:
            follow()
        return made

    def _changed(self) -> None:
        stop_under_way(drop=True)  # what is trained now is another model
        self._explain()
        for callback in self._callbacks:
            callback()

    def _explain(self) -> None:
        other = self.menu.value == _OTHER
        self.other.layout.display = "flex" if other else "none"
        text = self.why_not_live or "This model is trained live on this device."
        if other and not self.other.value.strip():
            text = (
                "Type the hub id or the folder of a causal language model; until then it is mini."
            )
        elif other:
            text += " Nothing was stored for it: figures that need a stored run stay empty."
        self.note.value = theme.note(text)
