"""Sixteen levels, dragged by hand onto the weights of a real layer, against even ones and NF4."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import torch

from lablib.lessons import levels
from lablib.models.quantize import BLOCK
from lablib.plots.levels import levels_picture
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.parts import table
from lablib.widgets.predict import Prediction

_BINS = 81
_BLOCKS = (
    (f"{BLOCK} weights", BLOCK),
    ("1,024 weights", 1024),
    ("the whole matrix", levels.WHOLE),
)


class SixteenLevels(widgets.VBox):
    """A histogram, sixteen sliders, and the error of rounding to where they stand.

    Parameters
    ----------
    lab : ModelChoice
        Whose model gives the weights.
    nf4 : Prediction
        NF4's error in hundredths of that of even levels, as it was expected.

    Attributes
    ----------
    sliders : list of FloatSlider
        The sixteen levels, in no particular order once they were moved.

    Notes
    -----
    The call that does the same: ``levels.error(weight, (…), block)``.
    """

    def __init__(self, lab: ModelChoice, nf4: Prediction):
        self._lab, self._nf4 = lab, nf4
        self._weight, self._name = torch.zeros(0), ""
        self._busy = False
        self.sliders = [
            widgets.FloatSlider(
                value=value,
                min=-1,
                max=1,
                step=1 / 150,  # so that the even levels lie on steps
                orientation="vertical",
                readout=False,
                description=str(i + 1),
                layout=widgets.Layout(width="34px", height="150px", margin="0"),
            )
            for i, value in enumerate(levels.uniform())
        ]
        self.squeeze = control(
            widgets.FloatSlider(
                value=1.0,
                min=0.6,
                max=2.4,
                step=0.05,
                description="Move all of them toward zero (1: even)",
                layout=widgets.Layout(width="min(30em, 95%)"),
            )
        )
        self.block = control(
            widgets.Dropdown(options=_BLOCKS, value=BLOCK, description="Weights that share a scale")
        )
        self.block.layout.width = "min(20em, 95%)"
        self.show_nf4 = widgets.Button(description="Show NF4", button_style="primary", icon="eye")
        self.reset_button = widgets.Button(description="Even again", icon="undo")
        for button in (self.show_nf4, self.reset_button):
            button.layout.width = "auto"
        self.compared = False
        self.view = widgets.HTML()
        super().__init__(self._arranged())
        self.add_class("lethe")
        for slider in self.sliders:
            slider.observe(lambda _: self._moved(), "value")
        self.squeeze.observe(lambda change: self.put(levels.squeezed(change["new"])), "value")
        self.block.observe(lambda _: self._moved(), "value")
        self.show_nf4.on_click(lambda _: self.compare())
        self.reset_button.on_click(lambda _: self.reset())
        nf4.on_saved(lambda _: self.draw())
        lab.on_change(self._other_model)
        self._other_model()

    def _arranged(self) -> list[widgets.Widget]:
        row = widgets.Box(self.sliders)
        row.layout.display, row.layout.flex_flow = "flex", "row wrap"
        row.layout.justify_content = "space-between"
        row.layout.max_width = "660px"
        buttons = widgets.HBox([self.show_nf4, self.reset_button])
        label = widgets.HTML(
            "<span class='lethe-soft'>Your sixteen levels, from −1 (slider down) to 1 (up):</span>"
        )
        style = widgets.HTML(theme.style())
        return [style, self.block, self.squeeze, label, row, buttons, self.view]

    # ------------------------------------------------------------------ what is set

    @property
    def levels(self) -> tuple[float, ...]:
        """The learner's levels in order."""
        return tuple(sorted(slider.value for slider in self.sliders))

    def put(self, wanted: tuple[float, ...]) -> None:
        """Move all sliders at once."""
        self._busy = True
        try:
            for slider, value in zip(self.sliders, sorted(wanted), strict=True):
                slider.value = value
        finally:
            self._busy = False
        self._moved()

    def reset(self) -> None:
        """Make the levels even again."""
        self.squeeze.value = 1.0
        self.put(levels.uniform())

    def compare(self) -> None:
        """Show NF4's levels and its error, and meet the prediction."""
        self.compared = True
        self.draw()

    def against_library(self, function: Callable[[list, list], list]) -> str:
        """Say how far a learner's ``quantize_block`` is from bitsandbytes on these weights."""
        if not len(self._weight):
            return "There are no weights to compare on."
        try:
            gap, n = levels.against_library(self._weight, function)
        except Exception as error:  # the check has seen only its own cases
            return f"On the weights of {self._name} your function stopped: {type(error).__name__}."
        return (
            f"On {n:,} weights of {self._name}, in blocks of {BLOCK} with NF4's levels, your "
            f"function and bitsandbytes differ by at most {gap:.1g}; a typical weight there is "
            f"{float(self._weight.float().abs().mean()):.2g}."
        )

    def _moved(self) -> None:
        if not self._busy:
            self.draw()

    def _other_model(self) -> None:
        try:
            self._name, self._weight = levels.example_weight(self._lab.load())
        except (OSError, ValueError, StopIteration) as error:
            self._weight = torch.zeros(0)
            self.view.value = theme.error(f"There are no weights to show. {error}")
            return
        self.draw()

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show the histogram with the levels, and the errors."""
        if not len(self._weight):
            return
        block, even, nf4 = self.block.value, levels.uniform(), levels.nf4()
        values, _ = levels.scaled(self._weight, block)
        counts = torch.histc(values.flatten(), _BINS, -1, 1).int().tolist()
        title = f"{values.numel():,} weights of {self._name}"
        picture = levels_picture(
            title, counts, self.levels, nf4 if self.compared else (), "NF4", width=660
        )
        errors = {
            "yours": levels.error(self._weight, self.levels, block),
            "even": levels.error(self._weight, even, block),
        }
        if self.compared:
            errors["NF4"] = levels.error(self._weight, nf4, block)
        rows = [
            (name, f"{value:.4f}", f"{100 * value / errors['even']:.1f}%")
            for name, value in errors.items()
        ]
        head = ("levels", "mean error over mean weight", "of even levels' error")
        self.view.value = (
            badge("live", f"{self._lab.model}, measured here before any training")
            + f"<div class='lethe-card'>{picture}</div>"
            + table(f"Error of rounding, {levels.bits(16, block):.2f} bits a weight", head, rows)
            + theme.note(_verdict(errors))
            + self._met(errors)
        )

    def _met(self, errors: dict[str, float]) -> str:
        """The prediction beside NF4's error in blocks of 64, as it was asked."""
        if not self.compared:
            return ""
        asked = {n: levels.error(self._weight, t, BLOCK) for n, t in _ASKED.items()}
        share = round(100 * asked["NF4"] / asked["even"])
        record: Record = self._lab.record
        try:
            record.measure(self._nf4.key, share, "live", f"{self._lab.model}, {self._name}")
            guess = self._nf4.value
        except (OSError, ValueError) as error:
            return theme.error(str(error))
        mine = "none saved" if guess is None else f"{guess}%"
        return (
            f"<p><b>NF4's error, of that of even levels.</b> Your prediction: {mine}. Measured in "
            f"blocks of {BLOCK}: {share}%.</p>"
        )


_ASKED = {"NF4": levels.nf4(), "even": levels.uniform()}


def _verdict(errors: dict[str, float]) -> str:
    """Say who is ahead."""
    yours, even = errors["yours"], errors["even"]
    if abs(yours - even) < 1e-4 * even:
        said = "Yours err as much as even ones."
    elif yours < even:
        said = f"Yours beat even levels by {100 * (1 - yours / even):.1f}%."
    else:
        said = f"Yours err {100 * (yours / even - 1):.1f}% more than even levels."
    if "NF4" not in errors:
        return said
    nf4 = errors["NF4"]
    if yours < nf4:
        return f"{said} On these weights they beat NF4, too."
    return f"{said} NF4 is ahead of yours by {100 * (1 - nf4 / yours):.1f}%."
