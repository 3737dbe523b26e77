"""What a run says of itself: events with many fields, and why it does not begin or breaks off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lablib import models, runtime
from lablib.controls import Batch
from lablib.events import Started, StepDone
from lablib.probes.base import Probe
from lablib.train.config import TrainConfig


def purpose(task: int) -> str:
    """Return what the random choices of a task are drawn for."""
    return f"task {task}"


def check_reach(model, max_length: int) -> None:
    """Raise a ValueError in words if rows may be longer than the model can read."""
    reach = models.reach(model)
    if max_length > reach:
        raise ValueError(
            f"max_length is {max_length} tokens, but this model reads at most {reach}: "
            f"set it to {reach} or less."
        )


def check_watched(config: TrainConfig, probes: Sequence[Probe]) -> None:
    """Raise a ValueError in words if early stopping watches what the run does not measure."""
    rule = config.early_stopping
    if rule and rule.monitor == "retention" and rule.probe not in {p.name for p in probes}:
        raise ValueError(
            f"Early stopping watches the probe {rule.probe!r}, which this run does not measure: "
            "add that probe, or watch another one."
        )


def check_known(controls: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Raise a ValueError in words if the controls hold a setting that the run does not have."""
    for name in controls:
        if name not in settings:
            have = ", ".join(settings)
            raise ValueError(f"This run has no setting {name!r}; it has {have}.")


def started(run) -> Started:
    """Return the event with which ``run`` begins."""
    return Started(
        run_id=run.run_id,
        model=run.model_name,
        tasks=tuple(task.name for task in run.tasks),
        method=run.method.name,
        seed=run.config.seed,
        total_steps=run.total_steps(),
        config={
            **run.config.to_dict(),
            "name": run.name,
            "digest": run.digest,
            "method_settings": run.method.settings(),
            "chance": run.chance,
            "device": str(run.device),
            "threads": torch.get_num_threads(),
        },
        versions=runtime.versions(),
    )


def step_done(run, batch: Batch, loss: float, penalty: float, seconds: float) -> StepDone:
    """Return the event of the step that ``run`` has just done on ``batch``."""
    learned = (batch.labels != -100).sum(1)
    return StepDone(
        step=run.step,
        task=run.tasks[run.task].name,
        epoch=run.task_step * run.config.batch_size / len(run.rows[run.task]),
        loss=loss,
        penalty=penalty,
        lr=run.settings["lr"],
        mix_ratio=run.settings["mix_ratio"],
        n_general=int(batch.is_general.sum()),
        n_rows=len(batch.is_general),
        total_steps=run.total_steps(),
        seconds=seconds,
        n_general_tokens=int(learned[batch.is_general].sum()),
        n_tokens=int(learned.sum()),
    )


def diverged(run, loss: float, penalty: float) -> str:
    """Return one sentence on a step that gave no finite number."""
    finite = {"the loss": math.isfinite(loss), "the penalty": math.isfinite(penalty)}
    what = next((name for name, is_finite in finite.items() if not is_finite), "a gradient")
    if run.step == 0:
        return (
            f"In the first step of {run.tasks[run.task].name} {what} was no finite number: no "
            "learning rate does that, so the model's own weights or its loss on these rows are at "
            "fault."
        )
    remedy = "a lower strength" if what == "the penalty" else "a lower learning rate"
    return (
        f"At step {run.step + 1} of {run.tasks[run.task].name} {what} was no longer a "
        f"finite number, at learning rate {run.settings['lr']:g}; the weights of step "
        f"{run.step} are kept: start again with {remedy}."
    )
