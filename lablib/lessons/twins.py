"""LoRA and QLoRA beside each other: does a base in 4 bits change what is forgotten?

Read off the stored comparison, seed by seed, so that what both share is not counted as spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lablib.sweep import archive
from lablib.sweep.analysis import FEW, Estimate, default_target, estimate, matched, paired
from lablib.sweep.measured import Measured

ARMS = ("lora", "qlora")
TASKS = ("tickets", "wrong_facts")
# What the prediction offers, and what is measured.
VERDICTS = (
    "it keeps less than LoRA",
    "no difference beyond chance",
    "it keeps more than LoRA",
)
TOO_FEW = "too few seeds to say"
NEITHER = "neither has learned the task"
LEARNED = 0.2  # task score below which nothing was learned that could be compared


@dataclass(frozen=True)
class Side:
    """One of the two methods, means over seeds."""

    task: Estimate | None  # score at the end
    says: Estimate | None  # kept at the end, mean over capabilities
    knows: Estimate | None
    at_score: Estimate | None  # kept (says) when the matched task score is first reached


@dataclass(frozen=True)
class Twins:
    """Both methods on one task.

    Attributes
    ----------
    target : float
        Task score at which they are matched: nine tenths of what the weaker of the two reaches.
    sides : dict of str to Side
        By arm.
    task, says, knows, at_score : Estimate or None
        QLoRA minus LoRA, seed by seed; ``at_score`` over the seeds in which both get there.
    """

    model: str
    name: str
    seeds: tuple[int, ...]
    target: float
    sides: dict[str, Side]
    task: Estimate | None
    says: Estimate | None
    knows: Estimate | None
    at_score: Estimate | None

    @property
    def verdict(self) -> str:
        """One of ``VERDICTS`` on what is kept at the matched score, or ``TOO_FEW``, ``NEITHER``."""
        if self.target < LEARNED:
            return NEITHER
        gap = self.at_score
        if gap is None or gap.n < FEW or gap.low is None:
            return TOO_FEW
        if gap.high < 0:
            return VERDICTS[0]
        return VERDICTS[2] if gap.low > 0 else VERDICTS[1]

    @property
    def sentence(self) -> str:
        """The verdict with its figures."""
        gaps = (("in what is said", self.says), ("in what is still ranked first", self.knows))
        parts = [f"{gap} {where}, {_against_zero(gap)}" for where, gap in gaps if gap]
        end = f"At the end QLoRA minus LoRA is {'; and '.join(parts)}." if parts else ""
        if self.target < LEARNED:
            return (
                f"On {self.name} {NEITHER} (a score of {self.target:.2f} at most), so there is "
                f"nothing to compare. {end}"
            ).strip()
        if self.at_score is None:
            return f"On {self.name} no seed brings both to one score. {end}".strip()
        sure = "" if self.verdict == TOO_FEW else f", {_against_zero(self.at_score)}"
        return (
            f"On {self.name}, where both have reached a task score of {self.target:.2f}, QLoRA "
            f"minus LoRA is {self.at_score} in what is kept{sure}: {self.verdict}. {end}"
        ).strip()


def _against_zero(gap: Estimate) -> str:
    """Say whether an interval leaves room for no difference; too few seeds have none to trust."""
    if gap.low is None or gap.n < FEW:
        return "over too few seeds to be sure"
    if gap.low > 0:
        return "an interval above zero"
    return "an interval below zero" if gap.high < 0 else "an interval that includes zero"


def load(model: str, task: str) -> Twins | None:
    """Return the stored twins of a model on a task, or None if one of them is missing."""
    return compare(archive.runs(model, task), model, task)


def compare(runs: list[Measured], model: str, task: str) -> Twins | None:
    """Return two arms among ``runs`` side by side, over the seeds that both have."""
    by_arm: dict[str, dict[int, Measured]] = {
        arm: {run.job.seed: run for run in runs if run.job.label == arm} for arm in ARMS
    }
    seeds = sorted(set(by_arm["lora"]) & set(by_arm["qlora"]))
    if not seeds:
        return None
    pairs = {arm: {seed: by_arm[arm][seed] for seed in seeds} for arm in ARMS}
    target = min(default_target(list(found.values())) for found in pairs.values())

    def gap(value: Callable[[Measured], float | None]) -> Estimate | None:
        lora, qlora = ({s: value(r) for s, r in pairs[arm].items()} for arm in ARMS)
        return paired(qlora, lora)

    return Twins(
        model,
        task,
        tuple(seeds),
        target,
        {arm: _side(pairs[arm], target) for arm in ARMS},
        task=gap(lambda run: run.task_score),
        says=gap(lambda run: run.kept("says")),
        knows=gap(lambda run: run.kept("knows")),
        at_score=gap(lambda run: matched(run, target)),
    )


def _side(runs: Mapping[int, Measured], target: float) -> Side:
    def of(value: Callable[[Measured], float | None]) -> Estimate | None:
        return estimate([v for run in runs.values() if (v := value(run)) is not None])

    return Side(
        task=of(lambda run: run.task_score),
        says=of(lambda run: run.kept("says")),
        knows=of(lambda run: run.kept("knows")),
        at_score=of(lambda run: matched(run, target)),
    )
