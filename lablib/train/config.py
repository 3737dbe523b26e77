"""Settings of a run: plain numbers with unit and range, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from lablib.controls import check_setting

ALL_GENERAL = "With an additive budget the mix ratio must be below 1; lower it."


@dataclass(frozen=True)
class EarlyStopping:
    """End a run before it has forgotten too much, and keep the best weights seen.

    With a low learning rate this is the honest baseline that every protecting method has to
    beat: it costs nothing but the last bit of the task.

    Notes
    -----
    The rule is applied at every live probe point, the base being the first.

    ``monitor="retention"``: let ``r`` be the *says* retention of ``probe`` on its quick items,
    ``(now - chance) / (base - chance)``. A point with ``r >= floor`` becomes the best one; the
    run ends after ``patience`` points in a row with ``r < floor``. The best point is therefore
    the *last* acceptable one, which has learned most of the task.

    ``monitor="validation"``: a point whose validation loss is lower than the best by at least
    ``min_change`` becomes the best one; the run ends after ``patience`` points in a row
    without one.

    When the task is done, or ended by the rule or by ``max_seconds``, the weights of the best
    point are put back before the final probes. ``Stop`` leaves the weights as they are.
    """

    monitor: str = "retention"  # "retention" of a probe, or "validation" loss of the task
    probe: str = "knowledge"  # which probe is watched, for "retention"
    floor: float = 0.9  # least acceptable says retention, share in (0, 1]
    patience: int = 1  # bad points in a row that end the run, >= 1
    min_change: float = 0.001  # least improvement, nats per answer token, for "validation"

    def __post_init__(self):
        if self.monitor not in ("retention", "validation"):
            raise ValueError(
                f"Early stopping watches 'retention' or 'validation', not {self.monitor!r}."
            )
        if not 0 < self.floor <= 1:
            raise ValueError(f"The retention floor is a share in (0, 1], not {self.floor!r}.")
        _check_count("patience", self.patience, 1)
        if not (math.isfinite(self.min_change) and self.min_change >= 0):
            raise ValueError(f"min_change must be a number from 0 up, not {self.min_change!r}.")


@dataclass(frozen=True)
class TrainConfig:
    """How a run trains and how often it is measured. Numbers only: no model, no data."""

    lr: float  # step size of the optimizer, in (0, 1]; constant unless the control is moved
    epochs: float = 1.0  # passes over the training rows, per task, in (0, 1000]
    batch_size: int = 16  # rows a step, 1 to 1024
    # Rows of one pass, >= 1; fewer than the batch has save memory (gradient accumulation).
    micro_batch_size: int | None = None
    max_length: int = 128  # tokens of a row, prompt and answer together, 8 to 8192
    mix_ratio: float = 0.0  # share of general rows in training, in [0, 1]; see ``Mixer``
    mix_unit: str = "examples"  # what the mix ratio counts: "examples" or answer "tokens"
    mix_budget: str = "substitutive"  # general rows take the place of task rows, or are "additive"
    seed: int = 0  # decides row order, mixing and dropout, >= 0
    weight_decay: float = 0.0  # decoupled decay of AdamW, in [0, 1]
    clip: float = 1.0  # largest gradient norm, > 0; larger gradients are scaled down to it
    max_steps: int | None = None  # most steps per task, >= 1
    train_rows: int | None = None  # rows of the train split that one epoch has, >= 1
    probe_every: int = 10  # steps between two live probe points, >= 1
    probe_early: bool = True  # also probe after steps 2, 5 and 10 of each task
    task_test_rows: int = 64  # test rows scored at a live point (and validation rows), >= 0
    # Which probes have all their items scored at base and end (True: all, False: none, else by
    # name), where the task is then scored on up to 200 test rows.
    full_probes: bool | tuple[str, ...] = True
    snapshots: bool = False  # write the weights to disk at every probe point, for Rewind
    early_stopping: EarlyStopping | None = None
    max_seconds: float | None = None  # wall time after which the run ends, pauses not counted

    def __post_init__(self):
        for name in ("lr", "epochs", "mix_ratio"):
            object.__setattr__(self, name, check_setting(name, getattr(self, name)))
        for name, known in (
            ("mix_unit", ("examples", "tokens")),
            ("mix_budget", ("substitutive", "additive")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be {' or '.join(known)}, not {getattr(self, name)!r}."
                )
        if self.mix_budget == "additive" and self.mix_ratio == 1:
            raise ValueError(ALL_GENERAL)
        if isinstance(self.full_probes, str):
            raise ValueError(
                f"full_probes is True, False or a list of names: write [{self.full_probes!r}]."
            )
        if not isinstance(self.full_probes, bool):  # a list after JSON
            object.__setattr__(self, "full_probes", tuple(self.full_probes))
        _check_count("batch_size", self.batch_size, 1, 1024)
        _check_count("max_length", self.max_length, 8, 8192)
        _check_count("seed", self.seed, 0, 2**63 - 1)
        _check_count("probe_every", self.probe_every, 1)
        _check_count("task_test_rows", self.task_test_rows, 0)
        for name in ("max_steps", "train_rows", "micro_batch_size"):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name), 1)
        _check_number("weight_decay", self.weight_decay, 0, 1)
        _check_number("clip", self.clip, 0, math.inf, open_low=True)
        if self.max_seconds is not None:
            _check_number("max_seconds", self.max_seconds, 0, math.inf, open_low=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> TrainConfig:
        """Return the config that ``to_dict`` gave; names it does not have are left out."""
        known = {f.name: settings[f.name] for f in fields(cls) if f.name in settings}
        if known.get("early_stopping"):
            known["early_stopping"] = EarlyStopping(**known["early_stopping"])
        return cls(**known)


def _check_count(name: str, value: Any, low: int, high: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        limits = f"from {low} up" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {limits}, not {value!r}.")


def _check_number(name: str, value: Any, low: float, high: float, open_low: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and low <= value <= high) or (
        open_low and value == low
    ):
        limits = f"above {low:g}" if open_low else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a number {limits}, not {value!r}.")
