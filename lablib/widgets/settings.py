"""The left side of the dashboard: everything that decides a run, with label and unit."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError

from lablib import experiment, methods
from lablib.controls import check_setting
from lablib.methods import METHODS, make
from lablib.models import MODELS
from lablib.models.adapter_folder import base_of, holds_adapter
from lablib.models.files import n_stored
from lablib.tasks import TASKS
from lablib.widgets.control import control
from lablib.widgets.methodchoice import MethodChoice
from lablib.widgets.share import Settings, check_seed

OTHER = "another…"
# Sizes that decide the default settings before a model is loaded; unknown ones count as large.
_LARGE = 135_000_000
_PARAMETERS = {"mini": 1_000_000, "smollm2-135m": _LARGE}
LIVE = ("lr", "epochs", "mix_ratio")  # may be moved while a run is under way


class Pick(widgets.VBox):
    """A drop-down of known names, and a text box for any other."""

    def __init__(self, label: str, known: Sequence[str], value: str, hint: str):
        self.menu = control(
            widgets.Dropdown(
                options=[*known, OTHER],
                value=value if value in known else OTHER,
                description=label,
            )
        )
        self.text = control(
            widgets.Text(
                value="" if value in known else value,
                description=hint,
                continuous_update=False,
            )
        )
        self.menu.observe(lambda _: self._show(), "value")
        super().__init__([self.menu, self.text])
        self._show()

    def _show(self) -> None:
        self.text.layout.display = "flex" if self.menu.value == OTHER else "none"

    @property
    def value(self) -> str:
        """The chosen or typed name."""
        return self.text.value.strip() if self.menu.value == OTHER else self.menu.value

    @value.setter
    def value(self, name: str) -> None:
        if name in self.menu.options:
            self.menu.value = name
        else:
            self.text.value, self.menu.value = name, OTHER

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when another name is chosen or typed."""
        self.menu.observe(lambda _: callback(), "value")
        self.text.observe(lambda _: callback(), "value")

    def lock(self, locked: bool) -> None:
        """Let the name be changed, or not."""
        self.menu.disabled = self.text.disabled = locked


def size_of(model: str) -> int:
    """Return about how many parameters the model of this name has.

    Of a folder, or of what the hub's cache holds, the heads of the safetensors tell, without the
    weights; an adapter has the size of its base. What is not on this machine counts as large.
    """
    folder = None if model in _PARAMETERS else _folder_of(model)
    if folder is None:
        return _PARAMETERS.get(model, _LARGE)
    try:
        if holds_adapter(folder):
            return size_of(base_of(folder))
        found = n_stored(folder)
    except (OSError, SafetensorError):  # said in words when the model is loaded
        return _LARGE
    return found or _LARGE


def _folder_of(model: str) -> Path | None:
    """The folder of a model that is on this machine; nothing is asked of the hub."""
    folder = os.path.expanduser(model)
    if model and os.path.isdir(folder):
        return Path(folder)
    try:
        config = try_to_load_from_cache(model, "config.json")
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def defaults(model: str, method: str, task: str) -> experiment.Defaults:
    """Return what a run of a model, method and task of these names starts with."""
    return experiment.defaults(size_of(model), make(method), task)


class SettingsPanel(widgets.VBox):
    """The controls of a run.

    Parameters
    ----------
    settings : Settings
        What they show first.
    on_live : callable
        ``on_live(name, value)`` is called when a control that acts during a run is moved.
    on_error : callable
        ``on_error(sentence)`` is called when something typed is not a legal value.
    models, tasks, methods : sequence of str, optional
        What may be chosen; default all.
    """

    def __init__(
        self,
        settings: Settings,
        on_live: Callable[[str, Any], None],
        on_error: Callable[[str], None],
        *,
        models: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        methods: Sequence[str] | None = None,
    ):
        self._on_live, self._on_error = on_live, on_error
        self._on_change: Callable[[], None] = lambda: None
        self.model = Pick("Model", models or list(MODELS), settings.model, "hub id or folder")
        self.task = Pick(
            "Task to learn", tasks or list(TASKS), settings.task, "file (JSONL, CSV) or hub id"
        )
        self.method = MethodChoice(
            settings.method,
            methods or tuple(METHODS),
            size=lambda: size_of(self.model.value),
            on_kind=self._new_method,
            on_field=lambda name, value: (self._on_live(name, value), self._on_change()),
        )
        self.lr = control(
            widgets.FloatLogSlider(
                value=settings.lr,
                base=10,
                min=-6,
                max=-1,
                step=0.05,
                readout_format=".1e",
                description="Learning rate (step size)",
                continuous_update=False,
            )
        )
        self.lr_text = control(
            widgets.Text(
                value=f"{settings.lr:g}",
                description="Learning rate, typed exactly",
                continuous_update=False,
            )
        )
        self.epochs = control(
            widgets.FloatSlider(
                value=settings.epochs,
                min=0.25,
                max=10,
                step=0.25,
                readout_format=".2f",
                description="Epochs (passes over the rows)",
                continuous_update=False,
            )
        )
        self.mix_ratio = control(
            widgets.FloatSlider(
                value=settings.mix_ratio,
                min=0,
                max=1,
                step=0.05,
                readout_format=".0%",
                description="Mix ratio (share of general rows)",
                continuous_update=False,
            )
        )
        self.seed = control(widgets.IntText(value=settings.seed, description="Seed (whole number)"))
        super().__init__(
            [
                self.model,
                self.task,
                self.method,
                self.lr,
                self.lr_text,
                self.epochs,
                self.mix_ratio,
                self.seed,
            ]
        )
        self.add_class("lethe-settings")
        self._exact_lr = settings.lr
        self.put(settings)
        self.model.on_change(self._new_kind)
        self.task.on_change(self._new_kind)
        self.lr.observe(lambda change: self._lr_moved(change["new"]), "value")
        self.lr_text.observe(lambda change: self._lr_typed(change["new"]), "value")
        self.epochs.observe(lambda change: self._on_live("epochs", change["new"]), "value")
        self.mix_ratio.observe(lambda change: self._on_live("mix_ratio", change["new"]), "value")

    def read(self) -> Settings:
        """Return what the controls show.

        Raises
        ------
        ValueError
            With one sentence, if something typed is not a legal value.
        """
        model, task = self.model.value, self.task.value
        if not model:
            raise ValueError("No model is named: type a hub id or a folder, or choose one.")
        if not task:
            raise ValueError("No task is named: type a file or a hub id, or choose one.")
        return Settings(
            model=model,
            task=task,
            method=self.method.value,
            lr=check_setting("lr", self.lr_text.value),
            epochs=self.epochs.value,
            mix_ratio=self.mix_ratio.value,
            seed=check_seed(self.seed.value),
            fields=self.method.settings(),
        )

    def put(self, settings: Settings) -> None:
        """Set all controls.

        Raises
        ------
        ValueError
            If the method does not exist or a value is out of range; nothing is changed then.
        """
        methods.make(settings.method, settings.fields)
        if not self.epochs.min <= settings.epochs <= self.epochs.max:
            raise ValueError(
                f"The number of epochs goes from {self.epochs.min:g} to {self.epochs.max:g} "
                f"here, not to {settings.epochs:g}: python -m lablib run takes up to 1000."
            )
        self.method.value = settings.method
        self.model.value, self.task.value = settings.model, settings.task
        for name, value in settings.fields.items():
            if name in self.fields:
                self.fields[name].value = value
        self.epochs.value, self.mix_ratio.value = settings.epochs, settings.mix_ratio
        self._given_mix = self._defaults().mix_ratio
        self.seed.value = settings.seed
        self._set_lr(settings.lr)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when any control has been moved."""
        self._on_change = callback
        self.model.on_change(callback)
        self.task.on_change(callback)
        self.method.on_change(callback)
        for made in (self.lr_text, self.epochs, self.mix_ratio, self.seed):
            made.observe(lambda _: callback(), "value")

    def lock(self, locked: bool) -> None:
        """Hold fast, during a run, what cannot be changed in it."""
        self.model.lock(locked)
        self.task.lock(locked)
        self.method.lock(locked)
        self.seed.disabled = locked

    @property
    def fields(self) -> dict[str, widgets.Widget]:
        """The controls of the method's own fields."""
        return self.method.fields

    def _defaults(self) -> experiment.Defaults:
        return defaults(self.model.value, self.method.value, self.task.value)

    def _new_kind(self) -> None:
        self._set_lr(self._defaults().lr)
        self.method.follow_size()

    def _new_method(self) -> None:
        given = self._defaults()
        self._set_lr(given.lr)
        if self.mix_ratio.value == self._given_mix:  # else it is the learner's own
            self.mix_ratio.value = given.mix_ratio
        self._given_mix = given.mix_ratio

    def _set_lr(self, value: float) -> None:
        self._exact_lr = value
        self.lr_text.value = f"{value:g}"
        low, high = 10**self.lr.min, 10**self.lr.max
        self.lr.value = min(max(value, low), high)

    def _lr_moved(self, value: float) -> None:
        # The slider rounds to its own steps: a move that only follows the text box is no news.
        if not math.isclose(value, self._exact_lr, rel_tol=1e-6):
            low, high = 10**self.lr.min, 10**self.lr.max
            if math.isclose(min(max(self._exact_lr, low), high), value, rel_tol=1e-6):
                return
            self._exact_lr = float(f"{value:.3g}")
            self.lr_text.value = f"{self._exact_lr:g}"
            self._on_live("lr", self._exact_lr)

    def _lr_typed(self, typed: str) -> None:
        try:
            value = check_setting("lr", typed)
        except ValueError as error:
            self._on_error(str(error))
            return
        if not math.isclose(value, self._exact_lr, rel_tol=1e-6):
            self._set_lr(value)
            self._on_live("lr", value)
