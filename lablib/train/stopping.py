"""Early stopping: when to end, and the best weights so far. The rule is in ``EarlyStopping``."""

from __future__ import annotations

import math

import torch
from torch import nn

from lablib import metrics
from lablib.events import Probed, Score
from lablib.train.config import EarlyStopping
from lablib.train.weights import copy_of, trainable


class Watcher:
    """Applies an ``EarlyStopping`` rule at each live probe point.

    Parameters
    ----------
    rule : EarlyStopping
        When to end.
    chance : float
        Chance level of *says* of the watched probe, in [0, 1].
    """

    def __init__(self, rule: EarlyStopping, chance: float = 0.0):
        self.rule = rule
        self._chance = chance
        self.best_step: int | None = None
        self.best_value = float("inf")
        self.bad_points = 0
        self.best_weights: dict[str, torch.Tensor] = {}  # one more copy of the weights, on the CPU

    @property
    def over(self) -> bool:
        """True if the run should end here."""
        return self.bad_points >= self.rule.patience

    def begin(self, step: int, model: nn.Module) -> None:
        """Take the model as it is, where a later task begins, for the best so far."""
        self.best_step, self.best_weights = step, copy_of(trainable(model))

    def see(self, point: Probed, base: dict[str, Score], model: nn.Module) -> None:
        """Take in a live point.

        Raises
        ------
        ValueError
            If what is to be watched was not measured or cannot fall.
        """
        good, value = self._judge(point.scores, base, point.validation_loss)
        if good:
            self.best_step, self.best_value, self.bad_points = point.step, value, 0
            self.best_weights = copy_of(trainable(model))
        else:
            self.bad_points += 1

    def _judge(self, now, base, validation_loss) -> tuple[bool, float]:
        if self.rule.monitor == "validation":
            if validation_loss is None:
                raise ValueError(
                    "Early stopping on the validation loss needs a task with validation rows and "
                    "task_test_rows above 0: add them, or watch the retention of a probe."
                )
            return validation_loss <= self.best_value - self.rule.min_change, validation_loss
        name = self.rule.probe
        if name not in now:
            raise ValueError(
                f"Early stopping watches the probe {name!r}, which this run does not score: "
                f"choose one of {', '.join(now) or 'none'}."
            )
        if base[name].says <= self._chance:
            raise ValueError(
                f"Early stopping cannot watch {name!r}: the base model is at chance there and has "
                "nothing to lose; choose another probe."
            )
        kept = metrics.retention(now[name].says, base[name].says, self._chance)
        return kept >= self.rule.floor, kept

    def position(self) -> dict[str, float | int | None]:
        """Return the state without the weights, JSON-ready."""
        value = self.best_value if math.isfinite(self.best_value) else None
        return {"best_step": self.best_step, "best_value": value, "bad_points": self.bad_points}

    def restore(self, position: dict, best_weights: dict[str, torch.Tensor]) -> None:
        """Take over what ``position`` gave, and the best weights."""
        self.best_step, self.bad_points = position["best_step"], position["bad_points"]
        value = position["best_value"]
        self.best_value = float("inf") if value is None else value
        self.best_weights = best_weights
