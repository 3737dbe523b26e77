"""Lab 08: the model's own diary against real rows, at the same price; read off stored runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lablib.sweep import archive
from lablib.sweep.analysis import MATCH_LEVELS, Comparison, Estimate, estimate, matched, paired

OUTCOMES = (
    "the diary keeps less than real rows",
    "about as much: the difference may be chance",
    "the diary keeps more than real rows",
)


@dataclass(frozen=True)
class Pair:
    """Which stored arms are compared, and at what equal price.

    Attributes
    ----------
    real, own : str
        Arms: general rows, and the base's own dialogues.
    price : str
        What is equal between them.
    beside : tuple of str
        Other arms drawn on the same plane.
    sweep : str
        Where the two are stored, if not in the comparison of methods.
    """

    real: str
    own: str
    price: str
    beside: tuple[str, ...] = ("full", "joint")
    sweep: str = ""


BY_TOKENS = Pair(
    "replay_tokens",
    "sa_sft_tokens",
    "the same share of all answer tokens",
    sweep="diary",
)
BY_EXAMPLES = Pair("replay", "sa_sft", "the same share of all examples")
TASKS = ("tickets", "wrong_facts")


@dataclass(frozen=True)
class Matched:
    """Diary and real rows at one task score, and the difference seed by seed."""

    target: float
    real: Estimate | None
    own: Estimate | None
    difference: Estimate | None

    @property
    def outcome(self) -> str | None:
        """Which of ``OUTCOMES`` the stored seeds show, or None where they cannot say."""
        gap = self.difference
        if gap is None or gap.low is None:
            return None
        return OUTCOMES[0] if gap.high < 0 else OUTCOMES[2] if gap.low > 0 else OUTCOMES[1]


def pair_of(model: str, task: str) -> Pair | None:
    """Return the fairest pair that is stored, or None."""
    for pair in (BY_TOKENS, BY_EXAMPLES):
        there = {run.job.label for run in archive.runs(model, task)}
        if pair.sweep:
            there |= {run.job.label for run in archive.runs(model, task, pair.sweep)}
        if {pair.real, pair.own, "full"} <= there:
            return pair
    return None


def load(model: str, task: str, pair: Pair) -> Comparison:
    """Return the stored runs of a pair and of what is drawn beside it."""
    wanted = (pair.real, pair.own, *pair.beside)
    return archive.load(model, task, arms=wanted, sweep=pair.sweep)


def at_matched(comparison: Comparison, pair: Pair) -> Matched:
    """Return what both had kept when they first reached the same task score.

    That score is the highest of ``MATCH_LEVELS`` (shares of the comparison's target) that every
    seed of both reaches; if there is none, nothing is matched.
    """
    for share in sorted(MATCH_LEVELS, reverse=True):
        target = share * comparison.target
        real, own = (_by_seed(comparison, label, target) for label in (pair.real, pair.own))
        values = (*real.values(), *own.values())
        if None not in values:
            kept = (estimate(list(by_seed.values())) for by_seed in (real, own))
            return Matched(target, *kept, paired(own, real))
    return Matched(comparison.target, None, None, None)


def verdict(found: Matched, pair: Pair) -> str:
    """Return the comparison in one or two sentences, made from the stored runs."""
    if found.difference is None:
        return (
            f"No seed of both reaches a task score of {found.target:.2f}: they cannot be matched."
        )
    said = (
        f"At {pair.price}, when a task score of {found.target:.2f} is first reached, the diary has "
        f"kept {found.own} and real rows {found.real}, averaged over the six capabilities."
    )
    gap = found.difference
    if gap.low is None:
        return f"{said} One seed cannot say more."
    seeds = f"over {gap.n} seeds"
    if found.outcome == OUTCOMES[1]:
        return f"{said} The difference, {gap} {seeds}, may be chance."
    more = "more" if gap.mean > 0 else "less"
    size = gap if gap.mean > 0 else Estimate(-gap.mean, -gap.high, -gap.low, gap.n)
    return f"{said} The diary keeps {more}, by {size} {seeds}."


def _by_seed(comparison: Comparison, label: str, target: float) -> Mapping[int, float | None]:
    return {run.job.seed: matched(run, target) for run in comparison.runs if run.job.label == label}
