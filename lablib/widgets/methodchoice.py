"""Which method fine-tunes, what it is combined with, and the fields of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from lablib import methods
from lablib.methods import METHODS, hyperparameters
from lablib.widgets import theme
from lablib.widgets.control import control

ALONE = ("nothing else", "")


class MethodChoice(widgets.VBox):
    """A method, perhaps a second one beside it, and a control for each of their fields.

    Parameters
    ----------
    value : str
        What is chosen first: ``"lora"``, or two joined as in ``"lora+ewc"``.
    known : sequence of str
        Keys of ``METHODS`` that may be chosen.
    on_kind : callable
        ``on_kind()`` is called when another method is chosen.
    size : callable
        ``size()`` gives the number of parameters of the model, on which some defaults depend.
    on_field : callable
        ``on_field(name, value)`` is called when a field is moved; its name is that of the
        setting (``"strength"``, with two methods ``"ewc.strength"``).

    Attributes
    ----------
    fields : dict of str to Widget
        The controls by name of the setting.
    """

    def __init__(
        self,
        value: str,
        known: Sequence[str],
        size: Callable[[], int],
        on_kind: Callable[[], None],
        on_field: Callable[[str, Any], None],
    ):
        self._known, self._on_kind, self._on_field = tuple(known), on_kind, on_field
        self._size, self._busy = size, False
        self._given: dict[str, Any] = {}  # the defaults that the fields were made with
        self.fields: dict[str, widgets.Widget] = {}
        self.first = control(
            widgets.Dropdown(
                options=[(_label(name), name) for name in known],
                description="Method of fine-tuning",
            )
        )
        self.second = control(widgets.Dropdown(options=[ALONE], description="Together with"))
        self._box = widgets.VBox()
        self._box.add_class("lethe-fields")
        super().__init__([self.first, self.second, self._box])
        self.add_class("lethe-method")
        self.value = value
        self.first.observe(lambda _: self._chosen(), "value")
        self.second.observe(lambda _: self._chosen(), "value")

    @property
    def value(self) -> str:
        """The name of the method that is chosen, as ``methods.make`` reads it."""
        return "+".join(filter(None, (self.first.value, self.second.value)))

    @value.setter
    def value(self, name: str) -> None:
        first, _, second = name.partition("+")
        for part in filter(None, (first, second)):
            if part not in self._known:
                have = ", ".join(self._known)
                raise ValueError(f"There is no method {part!r} here; choose one of {have}.")
        partners = _partners(first, self._known)
        if second and second not in dict.fromkeys(key for _, key in partners):
            raise ValueError(f"{first} and {second} cannot be combined here; choose one of them.")
        if name == self.value and self.fields:
            return
        self._busy = True
        self.first.value = first
        self.second.options = partners
        self.second.value = second
        self._busy = False
        self._make_fields()

    def settings(self) -> dict[str, Any]:
        """Return what the controls of the fields show, by name of the setting."""
        return {name: made.value for name, made in self.fields.items()}

    def lock(self, locked: bool) -> None:
        """Hold fast, during a run, what cannot be changed in it."""
        self.first.disabled = self.second.disabled = locked
        live = live_fields(self.value)
        for name, made in self.fields.items():
            made.disabled = locked and name not in live

    def follow_size(self) -> None:
        """Give the fields that still show their default that of the model's size."""
        given = methods.make(self.value, n_parameters=self._size()).settings()
        for name, made in self.fields.items():
            if made.value == self._given[name]:  # else it is the learner's own
                made.value = given[name]
        self._given = given

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when another method is chosen."""
        self.first.observe(lambda _: callback(), "value")
        self.second.observe(lambda _: callback(), "value")

    def _chosen(self) -> None:
        if self._busy:
            return
        partners = _partners(self.first.value, self._known)
        chosen = self.second.value
        self._busy = True
        self.second.options = partners
        self.second.value = chosen if chosen in [key for _, key in partners] else ""
        self._busy = False
        self._make_fields()
        self._on_kind()

    def _make_fields(self) -> None:
        said = (theme.escape(METHODS[part].summary) for part in self.value.split("+"))
        shown = [widgets.HTML(theme.plain(text, classes="lethe-soft")) for text in said]
        self.fields = {}
        self._given = methods.make(self.value, n_parameters=self._size()).settings()
        self.second.layout.display = "flex" if len(self.second.options) > 1 else "none"
        for name, about in about_fields(self.value).items():
            made = self.fields[name] = field_control(name, about, self._given[name])
            made.observe(lambda change, name=name: self._on_field(name, change["new"]), "value")
            shown.append(made)
        self._box.children = shown


def about_fields(method: str) -> dict[str, Mapping[str, Any]]:
    """Return the metadata of every hyper-parameter of one or two methods, by setting."""
    parts = method.split("+")
    return {
        f"{part}.{field}" if len(parts) > 1 else field: about
        for part in parts
        for field, about in hyperparameters(METHODS[part]).items()
    }


def live_fields(method: str) -> tuple[str, ...]:
    """Return the settings of a method that may be changed during a run."""
    return tuple(name for name, about in about_fields(method).items() if about.get("live"))


def field_control(name: str, about: Mapping[str, Any], default: Any) -> widgets.Widget:
    """Return the control for a hyper-parameter of a method, made from the field's metadata."""
    unit = f" ({about['unit']})" if about.get("unit") else ""
    whose = f"{name.rpartition('.')[0]}: " if "." in name else ""
    label = f"{whose}{about['label']}{unit}"
    low, high = about.get("low"), about.get("high")
    if about.get("choices"):
        made = widgets.Dropdown(options=list(about["choices"]), value=default, description=label)
    elif isinstance(default, bool):
        made = widgets.Checkbox(value=default, description=label, indent=False)
    elif low is None:
        kind = widgets.FloatText if isinstance(default, int | float) else widgets.Text
        made = kind(value=default, description=label)
    elif isinstance(default, int):
        made = widgets.IntSlider(value=default, min=low, max=high, description=label)
    elif about.get("log") and low > 0:
        made = widgets.FloatLogSlider(
            value=default,
            min=math.log10(low),
            max=math.log10(high),
            step=0.1,
            readout_format=".3g",
            description=label,
        )
    else:
        made = widgets.FloatSlider(
            value=default,
            min=low,
            max=high,
            step=(high - low) / 100,
            readout_format=".3g",
            description=label,
        )
    if hasattr(made, "continuous_update"):
        made.continuous_update = False
    return control(made)


def _partners(first: str, known: Sequence[str]) -> list[tuple[str, str]]:
    """Return what may stand beside a method, as options of a menu."""
    decided = {METHODS[first].decides} - {""}
    fitting = [
        name
        for name in known
        if name not in (first, "full") and METHODS[name].decides not in decided
    ]
    return [ALONE, *((_label(name), name) for name in fitting)] if first != "full" else [ALONE]


def _label(name: str) -> str:
    long = METHODS[name].summary.split(":")[0].split(",")[0]
    return long if long.lower() == name else f"{name}: {long}"
