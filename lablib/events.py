"""What a run says: frozen dataclasses of plain numbers and strings.

An event never carries a tensor or the model, so that a slow reader can neither hold
memory nor see weights in the middle of a step. Widgets, the command line, tests and the
run store all read the same events.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, get_args


@dataclass(frozen=True)
class Score:
    """Result of one probe at one moment.

    ``says`` and ``knows`` are means over the items, in [0, 1]; the outcomes hold one 0/1
    per item, in the fixed order of the items, so that flips can be counted.
    """

    says: float
    knows: float
    n: int
    says_outcomes: tuple[int, ...] = ()
    knows_outcomes: tuple[int, ...] = ()
    extra: dict[str, float] = field(default_factory=dict)  # e.g. bits_per_byte for language


@dataclass(frozen=True)
class Started:
    """The run begins."""

    run_id: str
    model: str
    tasks: tuple[str, ...]
    method: str
    seed: int
    total_steps: int
    config: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Progress:
    """Part of a longer job that is not a training step: preparation or probing."""

    what: str  # "preparing: Fisher", "probing: knowledge", …
    done: int
    total: int


@dataclass(frozen=True)
class Probed:
    """The probes were scored.

    ``full`` tells the full item set (at base and end) from the quick subset (live).
    ``task_scores`` maps task name to the task's own score on held-out rows, in [0, 1].
    """

    step: int
    task: str
    scores: dict[str, Score]
    task_scores: dict[str, float]
    full: bool
    seconds: float
    displacement: float  # ||theta - theta_base|| / ||theta_base|| over trainable weights
    validation_loss: float | None = None  # nats per answer token on the validation split


@dataclass(frozen=True)
class Answered:
    """The model's greedy answer to one watched prompt."""

    step: int
    prompt: str
    text: str
    candidates: tuple[tuple[str, float], ...] = ()  # (candidate, probability among candidates)


@dataclass(frozen=True)
class StepDone:
    """One optimizer step."""

    step: int
    task: str
    epoch: float  # epochs of the current task done after this step
    loss: float  # nats per answer token, without the penalty
    penalty: float
    lr: float
    mix_ratio: float
    n_general: int  # rows of this batch that came from the general pool
    n_rows: int
    total_steps: int  # as planned now; changes when ``epochs`` is changed during the run
    seconds: float  # wall time of this step
    n_general_tokens: int = 0  # of the answer tokens of this batch, those of general rows
    n_tokens: int = 0  # answer tokens of this batch


@dataclass(frozen=True)
class ControlChanged:
    """A control was moved and takes effect at ``step``."""

    step: int
    name: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Snapshotted:
    """The model's weights at this step were written to disk (for Rewind)."""

    step: int
    folder: str


@dataclass(frozen=True)
class TaskDone:
    """One task of the sequence is finished."""

    task: str
    step: int


@dataclass(frozen=True)
class Finished:
    """The run ended: ``reason`` is ``"done"``, or what ended it before.

    ``"stopped"``, ``"early stopping"``, ``"time is up"`` or ``"diverged"``.
    """

    step: int
    reason: str
    seconds: float


Event = (
    Started
    | Progress
    | Probed
    | Answered
    | StepDone
    | ControlChanged
    | Snapshotted
    | TaskDone
    | Finished
)


def to_dict(event: Event) -> dict[str, Any]:
    """Return ``event`` as a JSON-ready dict with its class name under ``"event"``."""
    return {"event": type(event).__name__, **asdict(event)}


def from_dict(data: dict[str, Any]) -> Event:
    """Return the event that ``to_dict`` gave, also after a way through JSON.

    Raises
    ------
    ValueError
        If ``data`` is no event.
    """
    data = dict(data)
    kind = _KINDS.get(data.pop("event", None))
    if kind is None:
        raise ValueError("This is not an event of a run: it has no known name under 'event'.")
    for name in ("tasks", "candidates"):
        if name in data:
            data[name] = tuple(tuple(v) if isinstance(v, list) else v for v in data[name])
    if "scores" in data:
        data["scores"] = {name: score_from_dict(score) for name, score in data["scores"].items()}
    try:
        return kind(**data)
    except TypeError as error:
        raise ValueError(f"This is not an event {kind.__name__} of a run: {error}.") from error


def score_from_dict(data: dict[str, Any]) -> Score:
    """Return the score that ``dataclasses.asdict`` gave, also after a way through JSON."""
    outcomes = {name: tuple(data.get(name, ())) for name in ("says_outcomes", "knows_outcomes")}
    return Score(**{**data, **outcomes})


_KINDS = {kind.__name__: kind for kind in get_args(Event)}


def finite(value: Any) -> Any:
    """Return plain values ready for JSON: numbers that are not finite become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value
