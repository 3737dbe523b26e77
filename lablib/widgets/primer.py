"""The six live pictures of the primer: controls, a picture, its table, your prediction."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from lablib import models
from lablib.lessons import primer as lesson
from lablib.models import LoadedModel
from lablib.plots import live
from lablib.plots import primer as pictures
from lablib.plots.chart import Bars, Chart, Line
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.parts import prompt_problem, table
from lablib.widgets.predict import Choice

_FRANCE = "What is the capital of France?"
_models: dict[str, LoadedModel] = {}  # the pictures of one page share one model


def _load() -> LoadedModel:
    name = models.first_choice()
    if name not in _models:
        _models[name] = models.load(name)
    return _models[name]


class Picture(widgets.VBox):
    """Base of the primer's pictures: a button draws, and then every control does.

    Parameters
    ----------
    label : str
        On the button.
    controls : sequence of widgets
        What the learner sets.
    guess : Choice, optional
        The prediction that is compared with what is seen.
    """

    source = "illustrative"
    meet = ""  # where the answer to the prediction is seen, for as long as it is not

    def __init__(self, label: str, controls: Sequence[widgets.Widget], guess: Choice | None = None):
        self.guess = guess
        self.button = widgets.Button(description=label, button_style="primary", icon="play")
        self.button.layout.width = "auto"
        self.button.layout.align_self = "flex-start"
        self.button.on_click(lambda _: self.draw())
        self.view = widgets.HTML()
        for one in controls:
            one.layout.width = "min(30em, 95%)"
            one.observe(lambda _: self.draw() if self.drawn else None, "value")
        self.drawn = False
        super().__init__([widgets.HTML(theme.style()), *controls, self.button, self.view])
        self.add_class("lethe")

    def seen(self) -> tuple[str, str, str]:
        """Return the picture, its table as HTML, and what the prediction asked for, once seen."""
        raise NotImplementedError

    def watch(self) -> None:
        """Draw; the call that does the same as a click."""
        self.draw()

    def draw(self) -> None:
        """Show the picture as the controls stand."""
        try:
            picture, numbers, answer = self.seen()
            verdict = self._beside(answer)
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        self.drawn = True
        self.view.value = badge(self.source, self.detail()) + picture + verdict + numbers

    def detail(self) -> str:
        """Return what stands behind the badge."""
        return ""

    def _beside(self, answer: str) -> str:
        if self.guess is None:
            return ""
        if not answer:
            return theme.note(self.meet)
        self.guess.record.measure(self.guess.key, answer, self.source, self.detail())
        guess = self.guess.value
        said = "none saved" if guess is None else guess
        return (
            f"<p role='status'>Your prediction: <b>{html.escape(str(said))}</b>. "
            f"What you see: <b>{html.escape(answer)}</b>.</p>"
        )


class LikelihoodPicture(Picture):
    """Every token of an answer with its probability, and what they make together."""

    source = "live"
    meet = "Choose the long answer to meet your prediction."

    def __init__(self, guess: Choice | None = None):
        self.answer = control(
            widgets.Dropdown(
                options=[*SHORT_AND_LONG, "Rome", _OWN],
                description="An answer to: What is the capital of France?",
            )
        )
        self.own = control(
            widgets.Text(value="Lyon", description="An answer of your own", continuous_update=False)
        )
        super().__init__("Ask the model", [self.answer, self.own], guess)

    def detail(self) -> str:
        """Return which model was asked."""
        return f"{_load().name}, asked and not changed"

    def seen(self) -> tuple[str, str, str]:
        """Return the bars of the chosen answer."""
        answer = self.own.value if self.answer.value == _OWN else self.answer.value
        problem = prompt_problem(answer, 200)
        if problem:
            raise ValueError(problem)
        weighed = lesson.weigh(_load(), _FRANCE, answer.strip())
        shown = [f"{one.probability:.3f}" for one in weighed]
        picture = pictures.tokens(
            [one.token for one in weighed],
            [one.probability for one in weighed],
            shown,
            "Probability of each token, given all before it",
        )
        total = lesson.log_likelihood(weighed)
        rows = [(w.token, f"{w.probability:.3g}", f"{w.surprise:.3f}") for w in weighed]
        rows.append(("product and sum", f"{math.exp(max(total, -700.0)):.3g}", f"{-total:.3f}"))
        return picture, table(
            "The likelihood of the whole answer",
            ("token", "probability", "surprise: minus its logarithm, in nats"),
            rows,
        ), self._likelier() if answer == SHORT_AND_LONG[1] else ""  # fmt: skip

    def _likelier(self) -> str:
        one, other = (
            lesson.log_likelihood(lesson.weigh(_load(), _FRANCE, text)) for text in SHORT_AND_LONG
        )
        return SHORT_AND_LONG[0] if one > other else SHORT_AND_LONG[1]


_OWN = "my own answer"
SHORT_AND_LONG = ("Paris", "The capital of France is Paris, of course.")
TEXTS = {
    "a plain answer": (_FRANCE, "Paris"),
    "the same question, a wrong answer": (_FRANCE, "Warsaw"),
    "a ticket": (_FRANCE, "TICKET - team: network - item: cable - rank: low"),
}


class PerplexityPicture(Picture):
    """For each token, among how many equally likely ones the model might have been choosing."""

    source = "live"

    def __init__(self, guess: Choice | None = None):
        self.text = control(
            widgets.Dropdown(options=list(TEXTS), description="What the model reads")
        )
        super().__init__("Let the model read it", [self.text], guess)

    def detail(self) -> str:
        """Return which model reads."""
        return f"{_load().name}, asked and not changed"

    def seen(self) -> tuple[str, str, str]:
        """Return the bars of the chosen text and the most surprising text of all."""
        weighed = lesson.weigh(_load(), *TEXTS[self.text.value])
        picture = pictures.tokens(
            [one.token for one in weighed],
            [1 / max(one.probability, 1e-12) for one in weighed],
            [f"1 of {1 / max(one.probability, 1e-12):,.1f}" for one in weighed],
            "As if chosen among so many equally likely tokens (long scale)",
            level=lesson.perplexity(weighed),
            log=True,
        )
        found = {name: lesson.perplexity(lesson.weigh(_load(), *TEXTS[name])) for name in TEXTS}
        rows = [(name, f"{value:,.2f}") for name, value in found.items()]
        numbers = table("Perplexity: the dashed line", ("text", "perplexity"), rows)
        return picture, numbers, max(found, key=found.__getitem__)


FATES = (
    "it is at the bottom sooner",
    "it goes back and forth, nearer each time",
    "it goes back and forth, farther away each time",
    "it does not move",
)


class ValleyPicture(Picture):
    """One weight walks down a valley; the learning rate says how far a step goes."""

    meet = "Go on to the last notch to meet your prediction."

    def __init__(self, guess: Choice | None = None):
        rates = (0.05, 0.2, 0.5, 1.0, 1.5, 1.9, 2.0, 2.2)
        self.rate = control(
            widgets.SelectionSlider(
                options=[(f"{rate:g}", rate) for rate in rates],
                value=0.2,
                description="Learning rate (per step)",
            )
        )
        super().__init__("Take twelve steps", [self.rate], guess)

    def seen(self) -> tuple[str, str, str]:
        """Return the walk at the chosen rate, and the fate at the highest."""
        places = lesson.descent(self.rate.value)
        rows = [
            (str(number), f"{w:.3f}", f"{w * w / 2:.3f}", f"{w:.3f}")
            for number, w in enumerate(places)
            if number < 4 or number == len(places) - 1
        ]
        numbers = table("The walk", ("after step", "weight", "loss", "gradient"), rows)
        title = f"Twelve steps at a learning rate of {self.rate.value:g}"
        fate = ""
        if self.rate.value > 2:
            fate = FATES[2] if abs(places[-1]) > abs(places[0]) else FATES[1]
        return pictures.valley(places, title), numbers, fate


LARGER = ("a hundred times as long", "ten times as long", "as long as before", "shorter")


class AdamPicture(Picture):
    """What Adam remembers of a row of gradients, and the steps that it takes."""

    meet = "Make the gradients larger to meet your prediction."

    def __init__(self, guess: Choice | None = None):
        self.kind = control(
            widgets.Dropdown(options=list(lesson.GRADIENTS), description="Gradients of one weight")
        )
        self.larger = control(
            widgets.Dropdown(
                options=[("as they are", 1.0), ("all a hundred times larger", 100.0)],
                description="Their size",
            )
        )
        super().__init__("Take the steps", [self.kind, self.larger], guess)

    def seen(self) -> tuple[str, str, str]:
        """Return gradients with both memories, and the steps."""
        plain = lesson.GRADIENTS[self.kind.value]
        gradients = [self.larger.value * g for g in plain]
        held = lesson.adam(gradients)
        xs = tuple(range(1, len(gradients) + 1))
        memory = Chart(
            "What Adam remembers",
            "step",
            "gradient",
            (
                Line("gradient", xs, tuple(gradients), 4, markers=False, label="gradient"),
                Line("its running mean", xs, tuple(h.mean for h in held), 0, label="mean"),
                Line("its usual size", xs, tuple(h.size for h in held), 1, label="size"),
            ),
            y_range=(1.1 * min(0.0, *gradients), 1.1 * max(0.0, *gradients)),
            source="",
        )
        steps = Chart(
            "How far it goes",
            "step",
            "length of the step, in learning rates",
            (Line("step", xs, tuple(h.step for h in held), 2, label="mean / size"),),
            y_range=(-1.2, 1.2),
            source="",
        )
        both = "".join(
            f"<div style='flex:1 1 320px;min-width:0'>{live.svg(chart, 430, 230)}</div>"
            for chart in (memory, steps)
        )
        rows = [
            (str(t), f"{gradients[t - 1]:.1f}", f"{held[t - 1].mean:.2f}",
             f"{held[t - 1].size:.2f}", f"{held[t - 1].step:.2f}")
            for t in (1, 2, 11, 12, len(held))
        ]  # fmt: skip
        numbers = table("Some steps", ("step", "gradient", "mean", "size", "step taken"), rows)
        ratio = sum(abs(h.step) for h in lesson.adam([100 * g for g in plain])) / sum(
            abs(h.step) for h in lesson.adam(plain)
        )
        same = LARGER[2] if abs(ratio - 1) < 0.01 else LARGER[0]
        both = f"<div style='display:flex;flex-wrap:wrap;gap:8px'>{both}</div>"
        return both, numbers, same if self.larger.value > 1 else ""


class RankPicture(Picture):
    """A matrix rebuilt from a few columns times rows."""

    meet = "Rebuild the picture that needs most, whole, to meet your prediction."

    def __init__(self, guess: Choice | None = None):
        self.which = control(
            widgets.Dropdown(options=list(lesson.matrices()), description="Matrix")
        )
        self.rank = control(
            widgets.IntSlider(
                value=1, min=1, max=lesson.SIDE, description="Rank: columns times rows used"
            )
        )
        super().__init__("Rebuild it", [self.which, self.rank], guess)

    def seen(self) -> tuple[str, str, str]:
        """Return the matrix beside the rebuilt one; which of three needs most."""
        every = lesson.matrices()
        matrix = every[self.which.value]
        again = lesson.rebuilt(matrix, self.rank.value)
        picture = pictures.side_by_side({"the matrix": matrix, "rebuilt": again})
        side = lesson.SIDE
        rows = [
            ("numbers needed", str(2 * side * self.rank.value), str(side * side)),
            ("largest error", f"{abs(again - matrix).max():.2f}", "0.00"),
        ]
        numbers = table("What it costs", ("", "rebuilt", "the matrix itself"), rows)
        needed = {name: lesson.rank_of(every[name]) for name in PATTERNS}
        most = max(needed, key=needed.__getitem__)
        seen = self.which.value == most and self.rank.value >= needed[most]
        return picture, numbers, most if seen else ""


PATTERNS = ("a soft hill", "a chessboard", "a diagonal line")
SYMMETRY = ("no: the two differ", "yes: they are the same")


class DivergencePicture(Picture):
    """Two distributions over four answers, and how surprised one is who expects the other."""

    def __init__(self, guess: Choice | None = None):
        self.share = control(
            widgets.FloatSlider(
                value=0.3, min=0.0, max=0.95, step=0.05,
                description="Share of the probability that has moved to TICKET",
            )
        )  # fmt: skip
        super().__init__("Compare them", [self.share], guess)

    def seen(self) -> tuple[str, str, str]:
        """Return both distributions as bars and the divergence in both directions."""
        now = lesson.shifted(self.share.value)
        bars = Bars(
            "Before and now", lesson.CANDIDATES, lesson.EXPECTED, now, right=0, source=self.source
        )
        there, back = (
            lesson.divergence(lesson.EXPECTED, now),
            lesson.divergence(now, lesson.EXPECTED),
        )
        rows: list[tuple[Any, ...]] = [
            ("base first: KL(base, now)", f"{there:.3f}"),
            ("now first: KL(now, base)", f"{back:.3f}"),
        ]
        numbers = table("Divergence in nats", ("direction", "KL"), rows)
        far = lesson.shifted(0.9)
        differ = abs(
            lesson.divergence(lesson.EXPECTED, far) - lesson.divergence(far, lesson.EXPECTED)
        )
        return live.svg(bars, 460), numbers, SYMMETRY[0] if differ > 0.01 else SYMMETRY[1]
