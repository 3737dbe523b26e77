"""Which models fit on a card: the table that the learner's own estimate fills."""

from __future__ import annotations

import ipywidgets as widgets

from lablib.lessons import cards
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.parts import table
from lablib.widgets.predict import Prediction

CARD_MODELS = cards.NAMES  # as the prediction offers them
_GB = 1e9


class CardTable(widgets.VBox):
    """Models of known shapes, what three ways of fine-tuning take, and which of them fit.

    Parameters
    ----------
    record : Record
        Holds the learner's ``qlora_bytes`` once it is solved.
    largest : Prediction
        The largest model that was expected to fit, one of ``cards.NAMES``.

    Notes
    -----
    The call that does the same: ``cards.largest(card, tokens, recompute)``.
    """

    def __init__(self, record: Record, largest: Prediction):
        self.record, self._largest = record, largest
        card, tokens, recompute = cards.ASKED
        self.card = control(
            widgets.SelectionSlider(
                options=[(f"{size} GB", size) for size in cards.SIZES],
                value=card,
                description="Memory of the card",
            )
        )
        self.tokens = control(
            widgets.SelectionSlider(
                options=[(f"{n:,}", n) for n in cards.TOKENS],
                value=tokens,
                description="Tokens in a batch",
            )
        )
        self.recompute = widgets.Checkbox(
            value=recompute,
            description="compute activations twice instead of keeping them",
            indent=False,
            layout=widgets.Layout(width="auto"),
        )
        self.button = widgets.Button(
            description="Work it out", button_style="primary", icon="calculator"
        )
        self.button.layout.width = "auto"
        self.button.layout.align_self = "flex-start"
        self.button.on_click(lambda _: self.draw())
        self.view = widgets.HTML(theme.note("Nothing worked out yet: press the button above."))
        self._shown = False
        for one in (self.card, self.tokens):
            one.layout.width = "min(26em, 95%)"
        for one in (self.card, self.tokens, self.recompute):
            one.observe(lambda _: self._again(), "value")
        style = widgets.HTML(theme.style())
        super().__init__([style, self.card, self.tokens, self.recompute, self.button, self.view])
        self.add_class("lethe")
        largest.on_saved(lambda _: self._again())

    def _again(self) -> None:
        if self._shown:
            self.draw()

    def draw(self) -> None:
        """Show the table for the card and the batch that are set."""
        self._shown = True
        own = self.record.solved.get("qlora_bytes")
        rule = own or cards.qlora_bytes
        card, tokens, recompute = self.card.value, self.tokens.value, self.recompute.value
        try:
            rows = [self._row(fit, card) for fit in cards.fits(tokens, recompute, rule)]
            biggest = cards.largest(card, tokens, recompute, rule)
            met = self._met()
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        whose = "by your qlora_bytes" if own else "by the library's estimate"
        head = ("model", "weights, billions", "full", "LoRA", f"QLoRA, {whose}", "QLoRA fits?")
        self.view.value = (
            badge("illustrative", "computed from sizes, nothing is run")
            + table(f"Gigabytes on a card of {card} GB, {tokens:,} tokens in a batch", head, rows)
            + theme.note(f"The largest of them that fits: {biggest}.")
            + met
        )

    @staticmethod
    def _row(fit: cards.Fit, card: float) -> tuple[str, ...]:
        return (
            fit.name,
            f"{fit.counts.weights / 1e9:.1f}",
            *(f"{value / _GB:,.1f}" for value in (fit.full, fit.lora, fit.qlora)),
            "✓ fits" if fit.fits(card) else "✗ too large",
        )

    def _met(self) -> str:
        card, tokens, recompute = cards.ASKED
        answer = cards.largest(card, tokens, recompute)
        self.record.measure(
            self._largest.key, answer, "illustrative", f"{card} GB, {tokens} tokens, by sizes"
        )
        guess = self._largest.value
        mine = "none saved" if guess is None else theme.escape(guess)
        return (
            f"<p><b>The largest model for {card} GB</b> at {tokens} tokens, nothing computed "
            f"twice. Your prediction: {mine}. By the sizes: {theme.escape(answer)}.</p>"
        )
