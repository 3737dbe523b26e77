"""What the masks did: the learner's runs, the stored seeds, and verdicts made from these."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets

from lablib.lessons import masking, surprise
from lablib.plots import comparison as pictures
from lablib.plots import live
from lablib.sweep import Comparison, compare, verdict
from lablib.sweep.analysis import BASELINE, matched
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.maskbench import MaskBench, table
from lablib.widgets.parts import folded
from lablib.widgets.predict import Choice, Number
from lablib.widgets.tokenreader import TokenReader

MASK_OUTCOMES = masking.OUTCOMES  # as the predictions offer them
WINNERS = masking.WINNERS
RECIPES = tuple(masking.RECIPES.values())
TALKS = surprise.TASKS[0]  # the task of prose
FACTS = "wrong_facts"
HALF = "full lr=0.0004"  # half the rate for as many steps: not stopped, as low_lr is on tickets
CONTROLS = (
    "full", "joint", "stm", "stm_random", "stm_threshold", "stm_replay", "replay", "low_lr", HALF,
)  # fmt: skip

_OWN = ("hand", "high", "random")  # the masks that a learner trains with

JUDGED = ("stm", "stm_random", "stm_threshold", "stm_replay", "low_lr", HALF)  # in a sentence each


def only(found: Comparison, labels: tuple[str, ...]) -> Comparison:
    """Return the comparison of some of its arms, at the same task score."""
    return compare([r for r in found.runs if r.job.label in labels], target=found.target)


def judged(found: Comparison) -> list[str]:
    """Return the verdicts on those of ``JUDGED`` that a comparison has, in its order."""
    labels = [label for label in found.arms if label != BASELINE]  # as verdict.sentences has them
    said = zip(labels, verdict.sentences(found), strict=True)
    return [sentence for label, sentence in said if label in JUDGED]


class MaskLook(widgets.VBox):
    """Both tasks: own runs and stored seeds under each mask, and the predictions.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model.
    bench : MaskBench
        Where the learner's own runs are.
    outcomes : mapping of str to Choice
        By task, what STM was expected to do there.
    winner : Choice
        Whether STM or dice was expected to keep more on ``replies``.
    """

    def __init__(
        self, lab: ModelChoice, bench: MaskBench, outcomes: Mapping[str, Choice], winner: Choice
    ):
        self._lab, self._bench = lab, bench
        self._outcomes, self._winner = dict(outcomes), winner
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        bench.on_result(self.draw)
        for prediction in (*self._outcomes.values(), winner):
            prediction.on_saved(lambda _: self.draw())
        self.draw()

    def draw(self) -> None:
        """Show what there is."""
        try:
            shown = self._own_winner() + "".join(map(self._task, self._outcomes))
        except (OSError, ValueError) as error:
            shown = theme.error(str(error))
        self.view.value = shown

    def _own_winner(self) -> str:
        """What the learner's three runs kept where all had learned as much: one seed each."""
        runs = {mask: run for (task, mask), (_, run) in self._bench.runs.items() if task == TALKS}
        found = masking.stored(self._lab.model, TALKS)
        if len(runs) < len(_OWN):
            return theme.note(
                f"Train your words and the other two masks on {TALKS} above, and they meet here."
            )
        kept = {
            masking.MASKS[mask]: matched(run, found.target) if found else run.kept("says")
            for mask, run in runs.items()
        }
        where = f"at {_at(found)}" if found else "at the end"
        detail = "; ".join(
            f"{name} {value:.2f}" if value is not None else f"{name} never gets there"
            for name, value in kept.items()
        )
        return badge("live", f"{self._lab.model}, one seed") + _said(
            f"Kept on {TALKS}, {where}: {detail}. One seed decides nothing; the stored seeds are "
            "below."
        )

    def _stored_winner(self, found: Comparison) -> str:
        """Whether STM or dice keeps more on ``replies``, from the stored seeds."""
        judged = masking.winner(found)
        if judged is None:
            return ""
        better, gap = judged
        detail = f"STM minus dice {gap}, {gap.n} seeds, at {_at(found)}"
        self._winner.record.measure(self._winner.key, better, "replayed", detail)
        return _met(
            f"STM or dice on {TALKS}: which keeps more", self._winner.value, f"{better} ({detail})"
        )

    def _task(self, task: str) -> str:
        found = masking.stored(self._lab.model, task)
        head = theme.heading(f"{task}: STM over seeds")
        if found is None or "stm" not in found.arms:
            return head + theme.note(
                f"No runs of {self._lab.model} on {task} under a mask are stored, so only your "
                "own can be seen."
            )
        seeds = f"{found.model}, {len(found.arms['stm'].seeds)} seeds"
        measured, prediction = masking.outcome(found), self._outcomes[task]
        prediction.record.measure(prediction.key, measured, "replayed", seeds)
        share = surprise.BUDGET
        lines = [masking.stored_line(mask, share, found) for mask in ("none", "random", "high")]
        masks = only(found, tuple(masking.ARMS.values()))
        own = self._bench.lines(task)
        inner = (
            badge("replayed", seeds)
            + _met(f"What STM does on {task}", prediction.value, measured)
            + (self._stored_winner(found) if task == TALKS else "")
            + _said(masking.against_random(found))
            + live.svg(pictures.at_matched_score(masks, "replayed"), 560, 300)
            + table(task, [line for line in lines if line], f"stored, matched at {_at(found)}")
            + table(task, own, f"trained live here, one seed, matched at {_at(found)}")
            + folded("The curves in numbers", _scroll(live.table(pictures.at_matched_score(masks))))
        )
        # Before the learner's own runs the answer to the predictions lies folded.
        return head + (inner if own else folded("Open the stored runs", inner))


class RivalsLook(widgets.VBox):
    """The rivals of a mask: another rule, a lower rate, a little replay; all from stored seeds.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model.
    recipe : Choice
        Which recipe was expected to keep most on ``replies`` at the same task score.
    threshold : Number
        The percentage of tickets expected to be right under the paper's threshold.
    reader : TokenReader
        Whose rows the learner's own ``quantile`` is tried on, once it is solved.
    """

    def __init__(self, lab: ModelChoice, recipe: Choice, threshold: Number, reader: TokenReader):
        self._lab, self._reader = lab, reader
        self._recipe, self._threshold = recipe, threshold
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        reader.on_read(self.draw)
        for prediction in (recipe, threshold):
            prediction.on_saved(lambda _: self.draw())
        self.draw()

    def draw(self) -> None:
        """Show both tasks."""
        try:
            inner = "".join(map(self._task, surprise.TASKS)) + self._facts()
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        told = self._recipe.value is not None and self._threshold.value is not None
        self.view.value = self._own_quantile() + (
            inner if told else folded("Open without predictions", inner)
        )

    def _own_quantile(self) -> str:
        """The thresholds that the learner's own function finds in the rows that were read."""
        own, lines = self._lab.record.solved.get("quantile"), []
        for task, reading in self._reader.readings.items() if own else ():
            try:
                tau = float(own(reading.perplexities(), surprise.BUDGET))
                lines.append(f"{tau:.3g} on {task}")
            except Exception as error:  # the check has seen only its own cases
                lines.append(f"{type(error).__name__} on {task}")
        if not lines:
            return ""
        return _said(
            f"By your own function, {surprise.BUDGET:.0%} of the tokens that were read lie above "
            f"a perplexity of {' and of '.join(lines)}."
        )

    def _task(self, task: str) -> str:
        found = masking.stored(self._lab.model, task)
        if found is None:
            return theme.heading(task) + theme.note(
                f"No comparison of {self._lab.model} on {task} is stored yet: "
                "data/results/make_comparison.py makes it."
            )
        shown = only(found, tuple(name for name in CONTROLS if name in found.arms))
        seeds = f"{found.model}, {len(found.arms['full'].seeds)} seeds"
        sentences = "".join(f"<li>{theme.escape(sentence)}</li>" for sentence in judged(shown))
        return (
            theme.heading(task)
            + badge("replayed", seeds)
            + (self._recipes(found) if task == TALKS else self._under_the_threshold(found))
            + live.svg(pictures.plane(shown, "replayed"), 560, 340)
            + f"<ul class='lethe-list'>{sentences}</ul>"
            + _said(masking.price_of_low_rate(found))
            + folded("The numbers", _scroll(pictures.table(shown)))
        )

    def _facts(self) -> str:
        """What STM does where facts are taught, which surprise by their nature."""
        found = masking.stored(self._lab.model, FACTS)
        if found is None or "stm" not in found.arms:
            return ""
        said = verdict.sentences(only(found, ("full", "stm")))
        seeds = f"{found.model}, {len(found.arms['stm'].seeds)} seeds"
        return (
            theme.heading(f"{FACTS}: masking where facts are taught")
            + badge("replayed", seeds)
            + "".join(map(_said, said))
        )

    def _recipes(self, found: Comparison) -> str:
        best = masking.best_recipe(found)
        if best is None:
            return theme.note(f"No recipe is stored for {found.model} on {found.task}.")
        said = masking.RECIPES[best]
        at = found.arms[best].at
        detail = f"kept {at.says} at {_at(found)}"
        if missing := masking.missing_recipes(found):
            detail += f"; not stored yet: {', '.join(missing)}"
        self._recipe.record.measure(self._recipe.key, said, "replayed", detail)
        return _met(f"Which recipe keeps most on {TALKS}", self._recipe.value, f"{said} ({detail})")

    def _under_the_threshold(self, found: Comparison) -> str:
        arm = found.arms.get("stm_threshold")
        if arm is None or arm.task_score is None:
            return theme.note(f"No run of {found.model} under the threshold is stored.")
        percent = round(100 * arm.task_score.mean)
        n = len(arm.seeds)
        detail = f"mean of {n} seeds" if n > 1 else "one seed"
        self._threshold.record.measure(self._threshold.key, percent, "replayed", detail)
        guess = self._threshold.value
        return _met(
            f"Tickets that are right after training under the threshold of {surprise.TAU:g}",
            None if guess is None else f"{guess}%",
            f"{percent}% ({detail})",
        )


def _at(found: Comparison) -> str:
    return f"task score {found.target:.2f}"


def _met(question: str, guess: object, measured: object) -> str:
    mine = "none saved" if guess is None else guess
    return (
        f"<p role='status'><b>{theme.escape(question)}.</b> Your prediction: "
        f"{theme.escape(mine)}. Measured: {theme.escape(measured)}.</p>"
    )


def _said(sentence: str) -> str:
    return f"<p>{theme.escape(sentence)}</p>"


def _scroll(inner: str) -> str:
    return theme.plain(inner, "div", "lethe-scroll")
