"""Lab 00's instrument in four parts: ask before, train a little, ask again, keep the card."""

from __future__ import annotations

import html
from collections.abc import Iterator

import ipywidgets as widgets

from lablib import models
from lablib.events import StepDone
from lablib.lessons import device as capacity
from lablib.lessons import six, stored
from lablib.lessons.reading import NAMES
from lablib.models import LoadedModel
from lablib.plots import live
from lablib.plots.chart import Chart, Line
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.job import Job
from lablib.widgets.parts import folded, prompt_problem, table

SURVIVES = ("Yes, with the same answer", "It is answered, but differently", "No, it gets a ticket")
NONE_LEFT = "none of them"
LASTING = (*NAMES.values(), NONE_LEFT)
SMOL, MINI, REPLAY = "smollm2-135m", "mini", "replay"
REPLAY_NAME = "SmolLM2, from a stored run"


class SixQuestions:
    """Six questions and one of your own, asked before and after a few steps on tickets.

    Attributes
    ----------
    before, training, after, card : widgets
        Each is shown by a cell of its own.

    Notes
    -----
    The calls that do the same: ``six.ask(loaded, loaded.model, own)``,
    ``run = six.first_steps(loaded); list(run)``, ``six.ask(loaded, run.model, own)``.
    """

    def __init__(self, record: Record):
        self.record = record
        self._loaded: LoadedModel | None = None
        self._first: list[six.Reply] = []
        self._last: list[six.Reply] = []
        self._losses: list[tuple[int, float]] = []  # of each step
        why = capacity.why_not_live(SMOL)
        self._own_model = (
            models.first_choice() if models.first_choice() not in models.MODELS else ""
        )
        options = [
            *([(f"{self._own_model}, here", self._own_model)] if self._own_model else []),
            ("mini, here: seconds", MINI),
            ("SmolLM2, here: minutes", SMOL),
            (REPLAY_NAME, REPLAY),
        ]
        self.model = widgets.Dropdown(
            options=[option for option in options if not (why and option[1] == SMOL)],
            value=self._own_model or (SMOL if not why and capacity.at_hand(SMOL) else REPLAY),
            description="Model",
            style={"description_width": "initial"},
            layout=widgets.Layout(width="min(26em, 95%)"),
        )
        self.model.observe(lambda _: self._changed(), "value")
        self.own = widgets.Text(
            value="",
            placeholder="For example: What is the capital of Spain?",
            description="Your own question",
            style={"description_width": "initial"},
            layout=widgets.Layout(width="min(44em, 95%)"),
        )
        self._before_table, self._after_table, self._card, self._curve = (
            widgets.HTML() for _ in range(4)
        )
        self._asking = Job("Ask all seven", self._ask, self._take_first, self._show_first)
        self._train = Job("Train on tickets", self._run, self._take_last, self._show_last)
        note = widgets.HTML(theme.note(why))
        self.before = self._box(note, self.model, self.own, self._asking, self._before_table)
        self.training = self._box(self._train, self._curve)
        self.after = self._box(self._after_table)
        self.card = self._box(self._card)
        self._forget()

    @staticmethod
    def _box(*children: widgets.Widget) -> widgets.VBox:
        box = widgets.VBox([widgets.HTML(theme.style()), *children])
        box.add_class("lethe")
        return box

    def _changed(self) -> None:
        self._asking.drop()
        self._train.drop()
        self._forget()

    def _forget(self) -> None:
        self._first, self._last, self._losses = [], [], []
        self._draw_losses()
        self._before_table.value = theme.note("Nothing asked yet: press the button above.")
        self._after_table.value = theme.note("Ask the questions and train, then look here.")
        self._card.value = theme.note("Your card is written after the training.")

    def _load(self) -> LoadedModel:
        """Return the model that answers here; with a stored run, mini answers the own question."""
        name = MINI if self.model.value == REPLAY else self.model.value
        if self._loaded is None or self._loaded.name != name:
            self._loaded = models.load(name)
        return self._loaded

    def _ask(self, report, controls) -> Iterator[list[six.Reply]]:
        own = self.own.value
        problem = prompt_problem(own)
        if own and problem:
            raise ValueError(problem)
        loaded = self._load()
        found = six.ask(loaded, loaded.model, own)
        if self.model.value == REPLAY:
            found = self._replayed(0) + [r for r in found if r.capability == six.OWN]
        yield found

    def _run(self, report, controls) -> Iterator:
        if not self._first:
            raise ValueError("Ask the questions first, so that there is something to compare with.")
        self._losses = []
        loaded = self._load()
        run = six.first_steps(loaded)
        for event in run:
            yield event
            if controls.stopped:
                return
        own = next((r.prompt for r in self._first if r.capability == six.OWN), "")
        found = six.ask(loaded, run.model, own)
        if self.model.value == REPLAY:
            found = self._replayed(six.STEPS) + [r for r in found if r.capability == six.OWN]
        yield found

    @staticmethod
    def _replayed(step: int) -> list[six.Reply]:
        return six.stored_replies(stored.load(SMOL, "tickets-mix0").history, step)

    def _take_first(self, parts) -> None:
        self._first = next((part for part in parts if isinstance(part, list)), self._first)

    def _take_last(self, parts) -> None:
        self._last = next((part for part in parts if isinstance(part, list)), self._last)
        steps = [(part.step, part.loss) for part in parts if isinstance(part, StepDone)]
        if steps:
            self._losses += steps
            self._draw_losses()

    def _draw_losses(self) -> None:
        """The loss of each step as a picture with its table: training reports nothing else."""
        model = MINI if self.model.value == REPLAY else self._name
        xs, ys = zip(*self._losses, strict=True) if self._losses else ((), ())
        chart = Chart(
            f"Loss on tickets ({model})",
            "step",
            "surprise per token, in nats",
            (Line("loss", xs, ys),),
            x_range=(1, self._n_steps),
            empty="Nothing trained yet.",
        )
        numbers = folded("The numbers", live.table(chart)) if self._losses else ""
        self._curve.value = live.svg(chart, 420, 220) + numbers

    @property
    def _n_steps(self) -> int:
        """How many steps are trained here; with a stored run they are those of mini."""
        small = self.model.value in (MINI, REPLAY)
        if self._loaded is None:
            return six.SMALL_STEPS if small else six.STEPS
        return six.steps(self._loaded)

    @property
    def _source(self) -> str:
        return "replayed" if self.model.value == REPLAY else "live"

    @property
    def _name(self) -> str:
        """The model that was asked, as the text of the lab names it."""
        chosen = SMOL if self.model.value == REPLAY else self.model.value
        return models.short_name(chosen)

    def _badges(self) -> str:
        if self.model.value != REPLAY:
            return badge("live", self._name)
        return badge("replayed", self._name) + " " + badge("live", "your own question, by mini")

    def _show_first(self) -> None:
        self._last = []
        rows = [(r.capability, r.prompt, r.text, _mark(r.right)) for r in self._first]
        header = ("capability", "question", "answer on Monday", "right?")
        asked = [reply.right for reply in self._first if reply.right is not None]
        right = f"Right on Monday: {sum(asked)} of {len(asked)}. Your own question you judge."
        self._before_table.value = (
            self._badges() + table("Monday", header, rows) + theme.note(right)
        )

    def _show_last(self) -> None:
        after = {reply.prompt: reply for reply in self._last}
        pairs = [(one, after[one.prompt]) for one in self._first if one.prompt in after]
        rows = [(a.capability, a.prompt, a.text, b.text, _kept(a, b)) for a, b in pairs]
        count = six.kept(self._first, self._last)
        detail = f"{self.model.value}, seed 0"
        self.record.measure("00-count", count, self._source, detail)
        left = [a.capability for a, b in pairs if a.right and b.right]
        self.record.measure("00-which", ", ".join(left) or NONE_LEFT, self._source, detail)
        own = next((pair for pair in pairs if pair[0].capability == six.OWN), None)
        if own:
            self.record.measure(
                "00-survives", six.became(*own), "live", f"question: {own[0].prompt}"
            )
            self.record.keep("card", question=own[0].prompt, before=own[0].text, after=own[1].text)
        self.record.run(
            "first steps",
            model=self.model.value,
            task="tickets",
            method="full",
            seed=0,
            mix_ratio=0.0,
            steps=six.STEPS if self.model.value == REPLAY else self._n_steps,
            source=self._source,
        )
        header = ("capability", "question", "before", "after training", "kept?")
        self._after_table.value = (
            self._badges() + self._against(count, left, own) + table("Monday and now", header, rows)
        )
        self._card.value = self._written_card(own)

    def _against(self, count: int, left: list[str], own) -> str:
        """The predictions beside what was measured."""
        guess, which, fate = (
            self.record.prediction(f"00-{key}") for key in ("count", "which", "survives")
        )
        asked = sum(bool(reply.right) for reply in self._first)
        lines = [
            f"<b>How many of those that were right on Monday?</b> Your prediction: "
            f"{_or_none(guess)}. Measured: {count} kept of {asked} that were right before.",
            f"<b>Which of them?</b> Your prediction: {_or_none(which)}. "
            f"Measured: {html.escape(', '.join(left) or NONE_LEFT)}.",
        ]
        if own:
            lines.append(
                f"<b>Your own question?</b> Your prediction: {_or_none(fate)}. "
                f"Measured: {six.became(*own)}."
            )
        if self.model.value != REPLAY and (2 * count > asked or not asked):
            lines.append(_not_yet(count, asked))
        return "".join(f"<p>{line}</p>" for line in lines)

    @staticmethod
    def _written_card(own) -> str:
        if not own:
            return theme.note("You asked no question of your own, so there is no card yet.")
        before, after = own
        return (
            "<div class='lethe-card'><h3 class='lethe-h'>Your card</h3>"
            f"<p><b>{theme.escape(before.prompt)}</b></p>"
            f"<p>Before: {theme.escape(before.text)}</p>"
            f"<p>After training: {theme.escape(after.text)}</p></div>"
        )


def _mark(right: bool | None) -> str:
    return {True: "✓ yes", False: "✗ no", None: "you judge"}[right]


def _kept(before: six.Reply, after: six.Reply) -> str:
    if before.right is None:
        return _mark(None)
    if not before.right:
        return "was not right before"
    return "✓ kept" if after.right else "✗ lost"


def _not_yet(count: int, asked: int) -> str:
    """Say that this run has lost next to nothing, and where a loss is to be seen."""
    if not asked:
        said = "None was right before, so this run had none to lose"
    elif count == asked:
        said = "This run has not forgotten any of them yet"
    else:
        said = "This run has forgotten only a few of them"
    return f"{said}. To see a run that forgets, choose “{REPLAY_NAME}” as the model, ask and train."


def _or_none(value) -> str:
    return "none saved" if value is None else html.escape(str(value))
