"""The base asked before and after rounding: which answers flip, and how coarse is too coarse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

from lablib import experiment, runtime
from lablib.controls import Controls
from lablib.lessons import absorbed, reading
from lablib.lessons.rounding import Rounding
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job
from lablib.widgets.levels import SixteenLevels
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Prediction

ABSORBED_OUTCOMES = absorbed.OUTCOMES  # as the prediction offers them
LARGE = 10_000_000  # weights; above it only the quick items are asked live


class Absorbed(widgets.VBox):
    """Round the base in several ways and ask all probes; nothing is trained.

    Parameters
    ----------
    lab : ModelChoice
        The model.
    mine : SixteenLevels
        The learner's own levels, tried beside the others.
    expected : Prediction
        What NF4 was expected to do, one of ``absorbed.OUTCOMES``.

    Notes
    -----
    The call that does the same: ``absorbed.compare(loaded, absorbed.kinds(), probes)``.
    """

    def __init__(self, lab: ModelChoice, mine: SixteenLevels, expected: Prediction):
        self._lab, self._mine, self._expected = lab, mine, expected
        self.found: dict[str, Rounding] = {}
        self.source = "live"
        self.job = Job("Round the base and ask the probes", self._make, self._take, self.draw)
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.job, self.view])
        self.add_class("lethe")
        lab.on_change(self._forget)
        expected.on_saved(lambda _: self.draw())
        self.draw()

    def _forget(self) -> None:
        self.found = {}
        self.draw()

    def _make(self, _report: Any, controls: Controls) -> Iterator[Any]:
        yield "live"
        kept = absorbed.stored_roundings(self._lab.model)
        # A real model takes minutes, and the stored figures are of all items.
        if kept and self._lab.model != "mini":
            yield "replayed"
            yield from kept.items()
            return
        loaded = self._lab.load()
        wanted = absorbed.kinds()
        first = next(iter(wanted))
        # NF4 first, so that the answer to the prediction does not wait for the others.
        wanted = {first: wanted.pop(first), absorbed.YOURS: self._mine.levels, **wanted}
        split = "quick" if loaded.n_parameters > LARGE or runtime.fast_mode() else "full"
        for part in absorbed.compare(loaded, wanted, experiment.make_probes(), split):
            yield part
            if controls.stopped:
                return

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, str):
                self.source, self.found = part, {}
            elif isinstance(part, tuple):
                self.found[part[0]] = part[1]
        if any(isinstance(part, tuple) for part in parts):
            self.draw()

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show what is there."""
        if absorbed.NF4 not in self.found:
            self.view.value = theme.note("Nothing asked yet: press the button above.")
            return
        one = self.found[absorbed.NF4]
        items = sum(score.n for score in one.base.values())
        detail = f"{self._lab.model}, {items:,} items"
        says = absorbed.flips(one)
        try:
            record = self._lab.record
            record.measure(self._expected.key, says.outcome, self.source, detail)
            guess = self._expected.value
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        mine = "none saved" if guess is None else theme.escape(guess)
        self.view.value = (
            badge(self.source, detail)
            + self._table()
            + f"<p><b>NF4, before any training.</b> Your prediction: {mine}. Measured: "
            f"{theme.escape(says.outcome)}.<br>{theme.escape(absorbed.sentence(one))}</p>"
            + folded("NF4, capability by capability", self._by_capability(one))
        )

    def _table(self) -> str:
        rows = []
        for name, one in self.found.items():
            says, knows = absorbed.flips(one), absorbed.flips(one, "knows")
            rows.append(
                (
                    name,
                    f"{one.relative_error:.3f}",
                    f"{says.lost} of {says.right}",
                    str(says.gained),
                    f"{knows.lost} of {knows.right}",
                    str(knows.gained),
                    _bits(one),
                )
            )
        head = (
            "rounded to",
            "error over weight",
            "says: right to wrong",
            "wrong to right",
            "ranks first: right to wrong",
            "wrong to right",
            "bits a byte of plain text",
        )
        body = table("Answers that flipped, all probes together", head, rows)
        return f"<style>{_CSS}</style>{theme.plain(body, classes='lethe-scroll lethe-flips')}"

    @staticmethod
    def _by_capability(one: Rounding) -> str:
        rows = [
            (
                reading.NAMES.get(name, name),
                f"{one.base[name].says:.2f}",
                f"{one.rounded[name].says:.2f}",
                f"{one.base[name].knows:.2f}",
                f"{one.rounded[name].knows:.2f}",
            )
            for name in one.base
        ]
        head = ("capability", "says, base", "says, NF4", "ranks first, base", "ranks first, NF4")
        return table("Scores (shares of items)", head, rows)


def _bits(one: Rounding) -> str:
    before, after = (absorbed.bits_per_byte(scores) for scores in (one.base, one.rounded))
    return "–" if before is None or after is None else f"{before:.3f} → {after:.3f}"


_CSS = ".lethe .lethe-flips table.lethe-table thead th{white-space:normal;vertical-align:bottom}"
