"""What is kept of one run for a comparison: its curve, its end, its price; plain numbers only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lablib import metrics
from lablib.events import finite
from lablib.history import History
from lablib.sweep.cost import Cost
from lablib.sweep.divergence import Divergence
from lablib.sweep.job import FORMAT, Job

Curves = dict[str, tuple[float, ...]]  # capability -> its retention at every live point
KINDS = ("says", "knows")


@dataclass(frozen=True)
class Measured:
    """One run, ready to be compared.

    Attributes
    ----------
    job : Job
        What was run.
    ended : str
        ``"done"``, ``"early stopping"``, ``"time is up"`` or ``"diverged"``.
    steps : int
        Optimizer steps done.
    step, task, displacement : tuple
        At every live point: steps done, mean score of the tasks, ``||theta - theta_0|| /
        ||theta_0||``. Points that early stopping has thrown away are not among them.
    says, knows : dict of str to tuple of float
        Retention of each capability that has something to lose, at every live point.
    task_score, gain : float or None
        At the end, on the most rows there are; None for a run that diverged.
    final_says, final_knows : dict of str to float
        Retention at the end, on all items where the run scored them.
    kl, kl_per_token : float or None
        ``Divergence.per_answer`` and ``per_token`` of the output at the end.
    cost : Cost
        What it took.
    facts : dict
        Digest of the model, versions, machine, settings the run really had.
    """

    job: Job
    ended: str
    steps: int
    step: tuple[int, ...]
    task: tuple[float, ...]
    displacement: tuple[float, ...]
    says: Curves
    knows: Curves
    task_score: float | None
    gain: float | None
    final_says: dict[str, float]
    final_knows: dict[str, float]
    kl: float | None
    kl_per_token: float | None
    cost: Cost
    facts: dict[str, Any] = field(default_factory=dict)

    def kept(self, which: str = "says") -> float | None:
        """Return what was kept at the end (``metrics.mean_kept``), None if nothing could be."""
        return metrics.mean_kept(
            (self.final_says if which == "says" else self.final_knows).values()
        )

    def kept_curve(self, which: str = "says", capability: str | None = None) -> tuple[float, ...]:
        """Return retention at every live point: of one capability, or what is kept of all."""
        curves = self.says if which == "says" else self.knows
        if capability is not None:
            return curves.get(capability, ())
        return tuple(map(metrics.mean_kept, zip(*curves.values(), strict=True)))

    def to_json(self) -> str:
        """Return the run as JSON text; numbers that are not finite become null."""
        data = {"format": FORMAT, **asdict(self), "job": self.job.to_dict()}
        return json.dumps(finite(data), separators=(",", ":"), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | Mapping[str, Any]) -> Measured:
        """Return the run that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If the text is no such run, in one sentence.
        """
        try:
            data = json.loads(text) if isinstance(text, str) else text
            if data["format"] != FORMAT:
                raise ValueError(f"its format is {data['format']}, not {FORMAT}")
            known = {f.name: data[f.name] for f in fields(cls)}
            for name in ("step", "task", "displacement"):
                known[name] = tuple(known[name])
            for name in KINDS:
                known[name] = {k: tuple(v) for k, v in known[name].items()}
            return cls(
                **{**known, "job": Job.from_dict(known["job"]), "cost": Cost(**known["cost"])}
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"This is not a measured run of a comparison ({error!r}).") from error

    def rounded(self, digits: int = 4) -> Measured:
        """Return the run with at most so many significant digits, to be stored."""
        return Measured.from_json(_rounded(json.loads(self.to_json()), digits))


def measure(
    job: Job,
    history: History,
    cost: Cost,
    *,
    kept_step: int | None = None,
    moved: Divergence | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Measured:
    """Return what a comparison keeps of a run.

    Parameters
    ----------
    job, history, cost
        What was run, what happened, what it took.
    kept_step : int, optional
        The step to whose weights early stopping went back.
    moved : Divergence, optional
        Of the output from the base's.
    facts : mapping, optional
        Kept as they are.
    """
    if kept_step is not None:
        there = [p for p in history.scores if p.full or p.step <= kept_step]
        history = replace(history, scores=there)
    points, names = history.points(), history.capabilities()
    ended = history.finished.reason if history.finished else "interrupted"
    whole = ended != "diverged"
    scores = [history.task_score(task) for task in history.started.tasks] if whole else []
    ends = [(base, end) for base, end in scores if base is not None and end is not None]
    final = {
        which: {
            name: value
            for name in names
            if whole and (value := history.final_retention(name, which)) is not None
        }
        for which in KINDS
    }
    return Measured(
        job=job,
        ended=ended,
        steps=len(history.steps),
        step=tuple(p.step for p in points),
        task=tuple(_mean(p.task_scores.values()) for p in points),
        displacement=tuple(p.displacement for p in points),
        says=_curves(history, "says"),
        knows=_curves(history, "knows"),
        task_score=_mean(end for _, end in ends) if ends else None,
        gain=_mean(end - base for base, end in ends) if ends else None,
        final_says=final["says"],
        final_knows=final["knows"],
        kl=moved.per_answer if moved else None,
        kl_per_token=moved.per_token if moved else None,
        cost=cost,
        facts=dict(facts or {}),
    )


def stored(path: Path) -> Measured | None:
    """Return the run in a file; None if there is none, or one of an older program."""
    try:
        return Measured.from_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _curves(history: History, which: str) -> Curves:
    curves = {name: history.retention(name, which)[1] for name in history.capabilities()}
    return {name: values for name, values in curves.items() if values}


def _mean(values) -> float:
    known = list(values)
    return sum(known) / len(known) if known else 0.0


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {k: _rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v, digits) for v in value]
    return value
