"""Predictions: the learner commits before seeing, and meets the prediction on the result.

A prediction never blocks: an unanswered one is ``None``, and the lab goes on. It is never
scored; the difference between what was expected and what happened is the lesson.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.control import control

RANKS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


class Prediction(widgets.VBox):
    """Base of the predictions: a question, a control, a button that saves.

    Parameters
    ----------
    record : Record
        Where the prediction is kept.
    key : str
        Name of the prediction within the lab, ``"02-order"``.
    question : str
        What is asked.
    control : widget
        What the learner sets.
    unit : str
        Of the answer, for the report.

    Notes
    -----
    The call that does the same: ``prediction.save(value)``.
    """

    def __init__(
        self, record: Record, key: str, question: str, control: widgets.Widget, unit: str = ""
    ):
        self.record, self.key, self.question, self.unit = record, key, question, unit
        self._callbacks: list[Callable[[Any], None]] = []
        self.button = widgets.Button(
            description="Save my prediction", button_style="primary", icon="check"
        )
        self.button.layout.width = "auto"
        self.button.layout.align_self = "flex-start"  # a box would stretch it over the page
        self.button.on_click(lambda _: self.save())
        self.status = widgets.HTML()
        super().__init__(
            [
                widgets.HTML(theme.style()),
                widgets.HTML(f"<b>Your prediction.</b> {html.escape(question)}"),
                control,
                self.button,
                self.status,
            ]
        )
        self.add_class("lethe")
        self.add_class("lethe-predict")
        self.add_class(f"lethe-key-{key}")  # where it stands on a page
        self._show_saved()

    @property
    def value(self) -> Any:
        """The saved prediction, or None."""
        try:
            return self.record.prediction(self.key)
        except (OSError, ValueError):
            return None

    def read(self) -> Any:
        """Return what the control shows now, saved or not."""
        raise NotImplementedError

    def put(self, value: Any) -> None:
        """Set the control."""
        raise NotImplementedError

    def save(self, value: Any = None) -> None:
        """Save what the control shows, or ``value``; then tell those who draw it."""
        if value is not None:
            self.put(value)
        try:
            self.record.predict(self.key, self.read(), self.question, self.unit)
        except (OSError, ValueError) as error:
            self._say(f"⚠ Not saved. {error}")
            return
        self._say("✓ Saved. You will meet it again, drawn on the result.")
        for callback in self._callbacks:
            callback(self.value)

    def on_saved(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback(value)`` whenever the prediction is saved."""
        self._callbacks.append(callback)

    def _show_saved(self) -> None:
        try:
            saved = self.record.prediction(self.key)
            if saved is None:
                self._say("Not saved yet. You may go on without one.")
            else:
                self.put(saved)
                self._say("✓ Saved earlier. You may still change your mind.")
        except (OSError, ValueError) as error:
            self._say(f"⚠ {error}")

    def _say(self, text: str) -> None:
        self.status.value = f"<span role='status' aria-live='polite'>{html.escape(text)}</span>"


class Number(Prediction):
    """A number within a range, set by a slider.

    Parameters
    ----------
    record, key, question
        See ``Prediction``.
    low, high, step : float
        The range; the slider starts in its middle, which is a neutral place, not a hint.
    unit : str
        Unit of the answer, shown above the slider.
    """

    def __init__(
        self,
        record: Record,
        key: str,
        question: str,
        *,
        low: float = 0.0,
        high: float = 1.0,
        step: float = 0.05,
        unit: str = "",
    ):
        whole = all(float(edge).is_integer() for edge in (low, high, step))
        kind = widgets.IntSlider if whole else widgets.FloatSlider
        number = int if whole else float
        self._number = number
        self.slider = control(
            kind(
                value=number((low + high) / 2),
                min=number(low),
                max=number(high),
                step=number(step),
                description=f"My guess ({unit})" if unit else "My guess",
            )
        )
        self.slider.layout.width = "min(32em, 95%)"
        super().__init__(record, key, question, self.slider, unit)

    def read(self) -> float:
        """Return the number on the slider."""
        return self.slider.value

    def put(self, value: float) -> None:
        """Set the slider; values outside its range are moved to its end."""
        number = self._number(value)
        self.slider.value = min(max(number, self.slider.min), self.slider.max)


class Choice(Prediction):
    """One of several options."""

    def __init__(self, record: Record, key: str, question: str, options: Sequence[str]):
        self.radio = widgets.RadioButtons(
            options=list(options), value=None, layout=widgets.Layout(width="auto")
        )
        super().__init__(record, key, question, self.radio)

    def read(self) -> str | None:
        """Return the chosen option, or None."""
        return self.radio.value

    def put(self, value: str) -> None:
        """Choose an option; one that does not exist is ignored."""
        if value in self.radio.options:
            self.radio.value = value

    def save(self, value: Any = None) -> None:
        """Save the choice; without one, say so."""
        if value is None and self.radio.value is None:
            self._say("Choose one of the options first.")
            return
        super().save(value)


class Order(Prediction):
    """An order of several things, one drop-down a rank; choosing one that is taken swaps.

    Parameters
    ----------
    record, key, question
        See ``Prediction``.
    items : sequence of str
        What to put in order, shown at first in the order given.
    ends : tuple of str
        What the first and the last rank mean.
    """

    def __init__(
        self,
        record: Record,
        key: str,
        question: str,
        items: Sequence[str],
        ends: tuple[str, str] = ("first to go", "last to go"),
    ):
        if len(items) > len(RANKS):
            raise ValueError(f"At most {len(RANKS)} items can be put in order, not {len(items)}.")
        self.items = list(items)
        self._order = list(items)
        self.menus = []
        for rank, item in enumerate(self.items):
            name = RANKS[rank]
            if rank == 0:
                name = ends[0]
            elif rank == len(items) - 1:
                name = ends[1]
            menu = widgets.Dropdown(
                options=self.items,
                value=item,
                description=name,
                style={"description_width": "7em"},
                layout=widgets.Layout(width="min(24em, 95%)"),
            )
            menu.observe(lambda change, rank=rank: self._swap(rank, change["new"]), "value")
            self.menus.append(menu)
        super().__init__(record, key, question, widgets.VBox(self.menus))

    def _swap(self, rank: int, item: str) -> None:
        other = self._order.index(item)
        if other == rank:
            return
        self._order[rank], self._order[other] = self._order[other], self._order[rank]
        self.menus[other].value = self._order[other]

    def read(self) -> list[str]:
        """Return the items in the chosen order."""
        return list(self._order)

    def put(self, value: Sequence[str]) -> None:
        """Set the order; one that is not a permutation of the items is ignored."""
        if sorted(value) != sorted(self.items):
            return
        for rank, item in enumerate(value):
            self.menus[rank].value = item


class Predictions(widgets.VBox):
    """Several predictions under each other, each with a button of its own."""

    def __init__(self, *predictions: Prediction):
        super().__init__(list(predictions))
