"""Lab 06: a mask made by hand, runs under several masks, and what the stored runs say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import nn

from lablib import experiment
from lablib.controls import Batch, Controls
from lablib.events import Progress
from lablib.history import History
from lablib.lessons import equal
from lablib.lessons.surprise import pieces, words
from lablib.methods import METHODS, Method
from lablib.methods.base import mask_weights, setting
from lablib.methods.stm import STM
from lablib.models import LoadedModel, Rows
from lablib.runtime import fast_mode
from lablib.sweep import Comparison, Job, Measured, archive
from lablib.sweep.analysis import FEW, Estimate, matched, paired
from lablib.sweep.cost import Cost
from lablib.sweep.measured import measure
from lablib.train import Run

# What is masked, by key: as the lab writes it, and the arm of the stored comparison.
MASKS = {"hand": "my words", "high": "STM's choice", "random": "dice", "none": "no mask"}
ARMS = {"high": "stm", "random": "stm_random", "none": "full"}
KEEPS, LEARNS, FAILS = OUTCOMES = (
    "It reaches nine tenths of the score without a mask, in every seed, and keeps more there",
    "It reaches nine tenths of the score without a mask, in every seed, but no gain can be shown",
    "It does not reach nine tenths of the score reached without a mask, in every seed",
)
TIE = "they cannot be told apart"
WINNERS = ("STM's choice", "dice", TIE)  # of two masks that take as many tokens
RECIPES = {
    "stm": "STM alone",
    "stm_replay": "STM and one general row in twenty",
    "low_lr": "no mask, but a lower learning rate for up to twice as long",
    "full": "none of them: plain fine-tuning keeps as much",
}
FAST_STEPS = 4


@dataclass
class ByHand(Method):
    """Leave the words that a learner has crossed out, wherever they stand, out of the loss.

    Notes
    -----
    The loss is that of ``STM`` with another mask: the mean over the tokens that are kept. The
    end of turn is no word; it is learned unless ``end="masked"``.
    """

    name: ClassVar[str] = "by_hand"
    summary: ClassVar[str] = "words crossed out by hand are not learned"

    words: tuple[str, ...] = setting(
        (), label="Words crossed out", unit="words", source="the learner"
    )
    end: str = setting(
        "kept", label="The end of an answer", choices=("kept", "masked"), source="the learner"
    )

    kept_ = ()  # by task a dict from row number to (answer tokens,), True where one is learned
    task_ = 0

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Cross the words out in all rows that the run may train on."""
        crossed, self.kept_ = set(self.words), []
        for rows in tasks:
            found = {i: kept(rows.encoded(i), tokenizer, crossed) for i in rows.used}
            for mask in found.values():
                mask[-1] = self.end == "kept"
            self.kept_.append(found)
            yield Progress("crossing out words", len(self.kept_[-1]), len(rows.used))

    def begin_task(self, model: nn.Module, number: int) -> None:
        """Use the masks of task ``number`` from now on."""
        self.task_ = number

    def token_weights(self, batch: Batch) -> torch.Tensor:
        """Return 0 for crossed out tokens and 1 for all others, (B, L)."""
        return mask_weights(batch, self.kept_[self.task_])


def kept(encoded: tuple[list[int], int], tokenizer, crossed: set[str]) -> torch.Tensor:
    """Return True for each answer token of a row that is learned, its end of turn included."""
    ids, n_prompt = encoded
    answer = ids[n_prompt:]
    learned = torch.ones(len(answer), dtype=torch.bool)
    for word, places in words(pieces(tokenizer, answer[:-1])):
        if word in crossed:
            learned[places.start : places.stop] = False
    return learned


def method_of(mask: str, crossed: Sequence[str] = (), share: float | None = None) -> Method:
    """Return the method that trains under a mask of ``MASKS``."""
    if mask == "hand":
        return ByHand(tuple(sorted(set(crossed))))
    if mask == "none":
        return METHODS["full"]()
    return STM(mask=mask) if share is None else STM(mask=mask, share=share)


def build(
    loaded: LoadedModel,
    task: str,
    method: Method,
    seed: int = 0,
    controls: Controls | None = None,
    **config,
) -> Run:
    """Return the lab's run of a task under a mask, as the stored comparison has it.

    ``config`` overrides fields of ``TrainConfig``.
    """
    given = {"probe_early": False} if loaded.n_parameters < experiment.SMALL else {}
    if loaded.n_parameters < experiment.SMALL:
        given["task_test_rows"] = 48
    if fast_mode():
        given |= {"max_steps": FAST_STEPS, "probe_every": FAST_STEPS}
    return experiment.build(
        loaded, task, method, watch=(), seed=seed, controls=controls, **(given | config)
    )


def as_measured(history: History, label: str) -> Measured:
    """Return a learner's run in the form of the stored ones, so that both are read alike."""
    started = history.started
    job = Job(started.model, started.tasks, started.method, label=label, seed=started.seed)
    free = Cost(**{f.name: 0 for f in fields(Cost)})  # its price is not compared
    return measure(job, history, free)


def stored(model: str, task: str) -> Comparison | None:
    """Return the stored comparison of a model on a task, or None if there is none.

    It is read as ``equal.focus`` reads it.
    """
    try:
        return equal.focused(archive.load(model, task))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Line:
    """One row of the table of masks; shares and scores in [0, 1]."""

    mask: str
    masked: float | None  # share of the answer tokens
    task_score: Estimate | float | None
    says: Estimate | float | None  # kept at the end
    knows: Estimate | float | None
    at_score: Estimate | float | None  # kept (says) where the task score is first reached


def own_line(mask: str, share: float, run: Measured, target: float | None) -> Line:
    """Return a learner's run as a row of the table."""
    at = None if target is None else matched(run, target)
    return Line(MASKS[mask], share, run.task_score, run.kept("says"), run.kept("knows"), at)


def stored_line(mask: str, share: float, found: Comparison) -> Line | None:
    """Return the arm of a mask as a row of the table, or None if it is not stored."""
    arm = found.arms.get(ARMS[mask])
    if arm is None:
        return None
    masked = 0.0 if mask == "none" else share
    n = len(arm.seeds)
    name = f"{MASKS[mask]}, {n} seed{'s' * (n != 1)}"
    return Line(name, masked, arm.task_score, arm.says, arm.knows, arm.at.says)


def outcome(found: Comparison, arm: str = "stm") -> str | None:
    """Return which of ``OUTCOMES`` the stored seeds show for an arm; None if it is not there."""
    if arm not in found.arms:
        return None
    at = found.arms[arm].at
    if at.n_reached < at.n:
        return FAILS
    return KEEPS if at.better else LEARNS


def against(found: Comparison, arm: str, other: str) -> Estimate | None:
    """Return what an arm keeps more than another at the comparison's task score, seed by seed."""
    kept_at = {
        label: {r.job.seed: matched(r, found.target) for r in found.runs if r.job.label == label}
        for label in (arm, other)
    }
    return paired(kept_at[arm], kept_at[other])


def winner(found: Comparison) -> tuple[str, Estimate] | None:
    """Return which of ``WINNERS`` the stored seeds show, and STM minus dice; None if too few."""
    gap = against(found, "stm", "stm_random")
    if gap is None or gap.n < FEW:
        return None
    return WINNERS[0 if gap.low > 0 else 1 if gap.high < 0 else 2], gap


def against_random(found: Comparison) -> str:
    """Say in one sentence whether surprise does better than dice at the same count."""
    gap = against(found, "stm", "stm_random")
    where = f"On {found.task}, at task score {found.target:.2f},"
    if gap is None:
        return f"For {found.model} on {found.task} the two masks cannot be compared yet."
    if gap.n < FEW:
        return f"{where} too few seeds have both masks to tell STM from a random one."
    if gap.low > 0:
        return f"{where} STM keeps more than a random mask of as many tokens, by {gap}."
    if gap.high < 0:
        return f"{where} STM keeps less than a random mask of as many tokens, by {-gap}."
    return f"{where} STM and a random mask of as many tokens cannot be told apart ({gap})."


def best_recipe(found: Comparison) -> str | None:
    """Return the recipe (an arm of ``RECIPES``) that keeps most at the matched task score.

    Of those that are stored, arms count that reach it in every seed. Plain fine-tuning wins
    unless one of them keeps more beyond the interval; None where no other is stored.
    """
    there = [name for name in RECIPES if name != "full" and name in found.arms]
    better = [(found.arms[n].at.says.mean, n) for n in there if found.arms[n].at.better]
    if better:
        return max(better)[1]
    return "full" if there else None


def price_of_low_rate(found: Comparison) -> str:
    """Say how many steps the lower rate took beside plain fine-tuning; empty if not stored."""
    steps = {
        label: [run.steps for run in found.runs if run.job.label == label]
        for label in ("full", "low_lr")
    }
    if not all(steps.values()):
        return ""
    spent = {
        label: f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"
        for label, values in steps.items()
    }
    early = found.arms["low_lr"].stopped_early
    return (
        f"low_lr ran {spent['low_lr']} steps where full ran {spent['full']}; {early} of "
        f"{len(steps['low_lr'])} seeds were stopped early, when knowledge had fallen."
    )


def missing_recipes(found: Comparison) -> list[str]:
    """Return the recipes that are not stored yet, as the lab writes them."""
    return [said for name, said in RECIPES.items() if name not in found.arms]
