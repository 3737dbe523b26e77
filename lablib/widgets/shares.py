"""A prediction of shares: one slider a part, counted in hundredths of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from lablib.report import Record
from lablib.widgets.control import control
from lablib.widgets.predict import Prediction


class Shares(Prediction):
    """How a whole is shared among a few parts.

    The sliders are weights of any size; what is saved are shares that add up to a hundred, as
    the line below the sliders says them.

    Parameters
    ----------
    record, key, question
        See ``Prediction``.
    parts : sequence of str
        Names of the parts; all sliders start alike, which is no hint.
    """

    def __init__(self, record: Record, key: str, question: str, parts: Sequence[str]):
        self.sliders = {
            part: control(
                widgets.IntSlider(value=50, min=0, max=100, description=part.capitalize())
            )
            for part in parts
        }
        self.line = widgets.HTML()
        for slider in self.sliders.values():
            slider.layout.width = "min(26em, 95%)"
            slider.observe(lambda _: self._add_up(), "value")
        super().__init__(
            record, key, question, widgets.VBox([*self.sliders.values(), self.line]), ""
        )
        self._add_up()

    def read(self) -> dict[str, int]:
        """Return the shares in percent; they add up to a hundred."""
        weights = {part: slider.value for part, slider in self.sliders.items()}
        total = sum(weights.values())
        if not total:
            weights, total = dict.fromkeys(weights, 1), len(weights)
        shares = {part: round(100 * value / total) for part, value in weights.items()}
        largest = max(shares, key=shares.__getitem__)
        shares[largest] += 100 - sum(shares.values())  # rounding must not lose a hundredth
        return shares

    def put(self, value: Mapping[str, int]) -> None:
        """Set the sliders; parts that do not exist are ignored."""
        for part, share in value.items():
            if part in self.sliders:
                self.sliders[part].value = int(share)

    def _add_up(self) -> None:
        said = " · ".join(f"{part} {share}%" for part, share in self.read().items())
        self.line.value = f"<span role='status'>Shares of the whole: <b>{said}</b></span>"
