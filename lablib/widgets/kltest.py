"""The KL test of the Fisher: the definition, the learner's own function, and what others use."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import ipywidgets as widgets

from lablib.lessons import kltest
from lablib.lessons.kltest import LIBRARIES, Nudged
from lablib.runtime import fast_mode
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import table

_HEAD = (
    "weight", "divergence measured (KL)", "half the Fisher times the step squared", "ratio",
    "ratio by your function",
)  # fmt: skip


class KLTest(widgets.VBox):
    """Nudge single weights of a matrix; compare the answers' movement with the Fisher.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record; a solved exercise ``fisher`` fills the last column.

    Attributes
    ----------
    nudged : list of Nudged
        What the test has measured.

    Notes
    -----
    The call that does the same: ``kltest.iter_nudge(loaded, name)``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab, self.nudged = lab, []
        self._callbacks = []
        self._names: list[str] = []
        self.matrix = control(
            widgets.Dropdown(
                options=[("in the middle of the model", "")], description="Matrix to nudge"
            )
        )
        self.job = Job("Nudge a few weights", self._make, self._take, self._done)
        self.view = widgets.HTML()
        card = widgets.VBox([self.matrix, self.job, self.view])
        card.add_class("lethe-card")
        super().__init__([widgets.HTML(STYLE), card])
        self.add_class("lethe")
        lab.on_change(self._forget)
        self.draw()

    def on_change(self, callback) -> None:
        """Call ``callback()`` when other weights have been nudged."""
        self._callbacks.append(callback)

    def _forget(self) -> None:
        self.nudged = []
        self.draw()

    def _make(self, _report, controls) -> Iterator:
        loaded = kltest.base_of(self._lab.load())
        self._names, self._model_name = kltest.matrices(loaded.model), loaded.name
        name = self.matrix.value
        if name not in self._names:
            name = self._names[len(self._names) // 2]
        yield "again"
        n = 2 if fast_mode() else kltest.N_WEIGHTS
        for part in kltest.iter_nudge(loaded, name, n):
            if controls.stopped:
                return
            yield part

    def _take(self, parts) -> None:
        for part in parts:
            if part == "again":
                self.nudged = []
            elif isinstance(part, Nudged):
                self.nudged.append(part)

    def _done(self) -> None:
        known = [value for _, value in self.matrix.options]
        if self.nudged and self.nudged[0].name not in known:
            chosen = self.nudged[0].name
            self.matrix.options = [(name.removesuffix(".weight"), name) for name in self._names]
            self.matrix.value = chosen
        self.draw()

    def draw(self) -> None:
        """Show the test, with the learner's function if it is solved."""
        for callback in self._callbacks:
            callback()
        if not self.nudged:
            self.view.value = ""
            return
        own = self._lab.record.solved.get("fisher")
        rows, mine = [], []
        for one in self.nudged:
            said, ratio = _own(own, one)
            mine.append(ratio)
            exact = one.exact()
            rows.append(
                (
                    f"row {one.row}, column {one.column}",
                    f"{one.kl:.3e}",
                    f"{0.5 * exact * one.step**2:.3e}",
                    f"{one.ratio(exact):.4f}",
                    said,
                )
            )
        name = self.nudged[0].name.removesuffix(".weight")
        caption = f"{name}: each weight moved by {self.nudged[0].step:g}, nats per answer token"
        self.view.value = (
            badge("live", self._model_name)
            + table(caption, _HEAD, rows)
            + self._verdict([one.ratio(one.exact()) for one in self.nudged], mine)
        )

    @staticmethod
    def _verdict(ratios: list[float], mine: list[float]) -> str:
        within = f"{kltest.TOLERANCE:.0%}"
        good = kltest.passes(ratios)
        said = f"The definition {'passes' if good else 'does not pass'}: every ratio is to be 1 "
        said += f"within {within}."
        if not any(map(math.isnan, mine)):
            own = "passes" if kltest.passes(mine) else "does not pass"
            said += f" Your function {own} as well." if good == (own == "passes") else (
                f" Your function {own}."
            )  # fmt: skip
        return theme.note(said)


def _own(function, one: Nudged) -> tuple[str, float]:
    """What the learner's function gives for a weight: in words, and as a ratio."""
    if function is None:
        return "not solved yet", float("nan")
    try:
        ratio = one.ratio(float(function(*one.lists())))
    except Exception as error:  # the check has seen only its own cases
        return type(error).__name__, float("nan")
    return f"{ratio:.4f}", ratio


class ThreeFishers(widgets.HTML):
    """What three libraries call the Fisher, on the weights of the KL test.

    Parameters
    ----------
    test : KLTest
        Whose nudged weights are read.
    """

    def __init__(self, test: KLTest):
        self._test = test
        super().__init__()
        self.add_class("lethe")
        test.on_change(self.draw)
        self.draw()

    def draw(self) -> None:
        """Compare the definitions."""
        nudged = self._test.nudged
        if not nudged:
            self.value = STYLE + theme.note("Nudge a few weights in the KL test above.")
            return
        rows = []
        for one in LIBRARIES:
            ratios = [weight.ratio(one.value(weight)) for weight in nudged]
            middle = statistics.median(ratios)
            # The same pull needs lambda' F' = lambda F, or 2 lambda' F' = lambda F without 1/2.
            factor = (1 if one.half else 0.5) / middle if middle else float("inf")
            rows.append(
                (
                    one.who,
                    one.what,
                    "λ/2 Σ F Δ²" if one.half else "λ Σ F Δ²",
                    f"{middle:.3g}",
                    f"{min(ratios):.3g} to {max(ratios):.3g}",
                    f"{factor:,.0f} λ" if factor >= 100 else f"{factor:.3g} λ",
                )
            )
        header = (
            "who", "the Fisher of a weight is", "penalty", "KL, predicted over measured: median",
            "lowest to highest", "strength for the same pull",
        )  # fmt: skip
        self.value = STYLE + badge("live") + table(f"The same {len(nudged)} weights", header, rows)
