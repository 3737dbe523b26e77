"""How many weights an adapter has: drawn to scale for one layer, counted for whole models."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.lessons import adapters
from lablib.lessons.adapters import Shape
from lablib.models import TARGETS
from lablib.models.smollm2 import NAME as SMOLLM2
from lablib.plots import adapters as pictures
from lablib.plots import live
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.layout import STYLE
from lablib.widgets.predict import Number

ASKED = 16  # the rank that the predictions are about
KEYS = {"mini": "03-share-mini", SMOLLM2: "03-share-smollm2"}
BUDGETS = (0.01, 0.05)  # shares of a model for which the learner's own function finds the rank


class AdapterSize(widgets.VBox):
    """Rank, target layers and embeddings; the matrices of one layer; a table of shares.

    Parameters
    ----------
    lab : ModelChoice
        Whose model is counted too, if it is another one.
    guesses : mapping of str to Number
        The predicted share (percent) by model.

    Notes
    -----
    The call that does the same: ``adapters.known_shape("mini").share(16)``.
    """

    def __init__(self, lab: ModelChoice, guesses: dict[str, Number] | None = None):
        self._lab, self._guesses = lab, guesses or {}
        self.count_button = widgets.Button(
            description="Count the weights", button_style="primary", icon="calculator"
        )
        self.count_button.layout.width = "auto"
        self.count_button.layout.align_self = "flex-start"
        self.count_button.on_click(lambda _: self.count())
        self.rank = control(
            widgets.SelectionSlider(
                options=[(str(rank), rank) for rank in (*adapters.RANKS, 128)],
                value=ASKED,
                description="Rank (dimensions)",
            )
        )
        self.targets = control(
            widgets.Dropdown(
                options=[(_TARGETS[name], name) for name in TARGETS], description="Adapters on"
            )
        )
        self.embeddings = widgets.Checkbox(
            value=False, description="Train the embeddings as well", indent=False
        )
        self.view = widgets.HTML()
        for one in (self.rank, self.targets, self.embeddings):
            one.observe(lambda _: self.draw(), "value")
        row = widgets.HBox([self.rank, self.targets, self.embeddings])
        row.add_class("lethe-ask")
        super().__init__([widgets.HTML(STYLE), self.count_button, row, self.view])
        self.add_class("lethe")
        self._counted = False
        for guess in self._guesses.values():
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def count(self) -> None:
        """Show the figures, and keep those that were asked for."""
        self._counted = True
        self.draw()

    def shapes(self) -> list[Shape]:
        """Return the models that are counted, for the chosen layers."""
        found = [adapters.known_shape(name, self.targets.value) for name in KEYS]
        own = self._lab.loaded
        if own is not None and own.name not in KEYS:
            found.append(adapters.shape_of(own.model, own.name, self.targets.value))
        return found

    def draw(self) -> None:
        """Draw the matrices and the table for what is chosen."""
        if not self._counted:
            self.view.value = theme.note("Press the button once you have committed.")
            return
        try:
            shapes = self.shapes()
            self._measure()
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        rank = self.rank.value
        pictured = "".join(
            f"<div style='flex:1 1 330px;min-width:0'>"
            f"{pictures.matrices(f'{shape.name}, {_short(name)}', n_in, n_out, rank)}</div>"
            for shape in shapes[:2]
            for name, n_in, n_out in [_widest(shape)]
        )
        self.view.value = (
            badge("illustrative", "counted from the shapes of the layers")
            + f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{pictured}</div>"
            + theme.plain(self._table(shapes), classes="lethe-scroll")
            + self._against(shapes)
        )

    def _table(self, shapes: list[Shape]) -> str:
        rank, more = self.rank.value, self.embeddings.value
        head = [
            "model", "all weights", "layers adapted", f"trained at rank {rank}",
            "share of the model", "adapter file (MB)", "rank at which adapters are as large as "
            "what they adapt",
        ]  # fmt: skip
        own = self._lab.record.solved.get("largest_rank")
        head += [f"your largest_rank for {100 * b:g}%" for b in BUDGETS] if own else []
        rows = []
        for shape in shapes:
            trained = shape.trained(rank, more)
            row = [
                shape.name, f"{shape.total:,}", str(len(shape.layers)), f"{trained:,}",
                f"{100 * shape.share(rank, more):.2f}%", f"{4 * trained / 1e6:.2f}",
                str(shape.break_even()),
            ]  # fmt: skip
            rows.append(row + ([_own(own, shape, budget) for budget in BUDGETS] if own else []))
        return live.rows_table("The same rank in two models", head, rows)

    def _measure(self) -> None:
        """Keep the shares that were asked for, whatever the sliders show."""
        for name, key in KEYS.items():
            share = 100 * adapters.known_shape(name).share(ASKED)
            self._lab.record.measure(key, round(share, 1), "live", f"rank {ASKED}, all-linear")

    def _against(self, shapes: list[Shape]) -> str:
        lines = []
        for name, guess in self._guesses.items():
            share = 100 * adapters.known_shape(name).share(ASKED)
            mine = "none saved" if guess.value is None else f"{guess.value:g}%"
            lines.append(
                f"<p><b>{theme.escape(name)}</b>, rank {ASKED} on all linear layers. Your "
                f"prediction: {theme.escape(mine)}. Counted: {share:.1f}%.</p>"
            )
        return "".join(lines)


_TARGETS = {
    "all-linear": "all linear layers",
    "attention": "attention only",
    "qv": "queries and values only (the paper of 2021)",
    "mlp": "the layers outside attention",
}


def _widest(shape: Shape) -> tuple[str, int, int]:
    return max(shape.layers, key=lambda layer: layer[1] * layer[2])


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _own(function, shape: Shape, budget: float) -> str:
    try:
        layers = [(n_in, n_out) for _, n_in, n_out in shape.layers]
        return f"rank {function(layers, shape.total, budget)}"
    except Exception as error:  # the check has seen only its own cases
        return type(error).__name__
