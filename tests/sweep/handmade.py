"""Measured runs written by hand."""

from __future__ import annotations

from collections.abc import Sequence

from lablib.sweep import Job, Measured
from lablib.sweep.cost import Cost


def measured(
    label: str,
    seed: int,
    task: Sequence[float],
    says: dict[str, Sequence[float]],
    *,
    knows: dict[str, Sequence[float]] | None = None,
    ended: str = "done",
    kl: float = 1.0,
    **cost: float,
) -> Measured:
    """Return a run with these curves, ten steps between two points."""
    knows = knows or says
    whole = ended != "diverged"
    price = {
        "train_seconds": 2.0, "prepare_seconds": 1.0, "measure_seconds": 3.0, "extra_forwards": 0,
        "extra_tokens": 0, "trained_bytes": 4_000_000, "model_bytes": 4_000_000, "peak_mb": 500.0,
    }  # fmt: skip
    return Measured(
        job=Job("mini", ("tickets",), "full", label=label, seed=seed, settings={"label": label}),
        ended=ended,
        steps=10 * (len(task) - 1),
        step=tuple(range(0, 10 * len(task), 10)),
        task=tuple(task),
        displacement=tuple(0.01 * i for i in range(len(task))),
        says={name: tuple(values) for name, values in says.items()},
        knows={name: tuple(values) for name, values in knows.items()},
        task_score=task[-1] if whole else None,
        gain=task[-1] - task[0] if whole else None,
        final_says={name: values[-1] for name, values in says.items()} if whole else {},
        final_knows={name: values[-1] for name, values in knows.items()} if whole else {},
        kl=kl,
        kl_per_token=kl / 10,
        cost=Cost(**(price | cost)),
    )
