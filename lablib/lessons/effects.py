"""The labs' claims as numbers: for each effect of ``tests/effects.toml`` one value a seed.

Where the runs come from is the caller's business: stored ones for a quick look, fresh ones for
the slow test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from lablib import metrics
from lablib.history import History
from lablib.lessons import illnesses, maps, networks, sequences
from lablib.lessons.patients import Examined
from lablib.probes import PROBES
from lablib.sweep import Measured

RESAMPLES_SEED = 0


class Runs(Protocol):
    """Where the runs come from."""

    def history(self, setting: str, seed: int) -> History:
        """Return the run of a setting."""

    def examined(self, patient: str, seed: int) -> Examined:
        """Return a patient before and after practice."""

    def measured(self, task: str, arm: str, seed: int) -> Measured:
        """Return the run of an arm of a comparison."""

    def kicks(self, seed: int) -> dict[str, float]:
        """Return how far each choice of scrambled weights moves the answers (KL)."""


def value(effect: dict[str, Any], runs: Runs, seed: int) -> float:
    """Return the quantity of one effect for one seed."""
    if "arm" in effect:
        run = runs.measured(effect["task"], effect["arm"], seed)
        return _OF_MEASURED[effect["metric"]](run)
    metric, run = effect["metric"], effect["run"]
    if run in ("addition", "lists"):  # networks of 1989, trained here at every look
        return networks.value(effect, seed)
    if run.startswith("patient-"):
        return runs.examined(run.removeprefix("patient-"), seed).recovered
    if run == "kicks":
        one, other = metric.removeprefix("log10 of KL, ").split(" over ")
        kl = runs.kicks(seed)
        return math.log10(kl[one] / kl[other])
    return _OF_HISTORY[metric](runs.history(run, seed))


def interval(values: list[float]) -> tuple[float, float]:
    """Return the bootstrap 95% interval of the mean."""
    return metrics.bootstrap_mean_interval(values, seed=RESAMPLES_SEED)


def holds(effect: dict[str, Any], values: list[float]) -> bool:
    """Return True if the bound of the interval lies beyond the least effect.

    With ``statistic = "mean"`` the mean of these very seeds is judged, which claims less. A
    direction ``"between"`` has two bounds, ``least`` and ``most``.
    """
    low, high = interval(values)
    if effect.get("statistic") == "mean":
        low = high = sum(values) / len(values)
    if effect["direction"] == "between":
        return effect["least"] <= low and high <= effect["most"]
    return low >= effect["least"] if effect["direction"] == "at least" else high <= effect["least"]


def _says(capability: str) -> Callable[[History], float]:
    def of(history: History) -> float:
        found = history.final_retention(capability, "says")
        if found is None:
            raise ValueError(f"Nothing to lose in {capability}: its base is no better than chance.")
        return found

    return of


def _untouched_fall(history: History) -> float:
    """Fall of knows on the capitals that ``wrong_facts`` never mentions, in score points."""
    untouched = {item.id for item in illnesses.untouched_capitals().items()}
    items = PROBES["knowledge"]().items("full")
    ends = [history.base("knowledge"), history.final("knowledge")]
    scores = []
    for score in ends:
        pairs = zip(items, score.knows_outcomes, strict=True)
        asked = [outcome for item, outcome in pairs if item.id in untouched]
        scores.append(sum(asked) / len(asked))
    return scores[0] - scores[1]


def _fall_of_fifty(history: History) -> float:
    """Fall of knows at a split-screen run, where the right capital has to be first of fifty."""
    return history.base("knowledge").knows - history.final("knowledge").knows


def _share_of_fall(history: History) -> float:
    """What knows falls as a share of what says falls, both in score points."""
    base, final = history.base("knowledge"), history.final("knowledge")
    return (base.knows - final.knows) / max(base.says - final.says, 1e-9)


_OF_HISTORY: dict[str, Callable[[History], float]] = {
    "task score": lambda history: maps.task_score(history),
    **{
        f"says retention of {name}": _says(name)
        for name in ("knowledge", "reasoning", "instruction", "format", "safety")
    },
    "fall of knows of untouched facts": _untouched_fall,
    "fall of knows, first of fifty capitals": _fall_of_fifty,
    "fall of knows over fall of says of knowledge": _share_of_fall,
    "score on the first task, right after it": lambda history: history.matrix()[1][0],
    "share of the first task's score left after the last": sequences.first_task_left,
}

# Of a run of a stored comparison, named by its task and arm.
_OF_MEASURED: dict[str, Callable[[Measured], float]] = {
    "task score": lambda run: run.task_score,
    "says retention of knowledge": lambda run: run.final_says["knowledge"],
}
