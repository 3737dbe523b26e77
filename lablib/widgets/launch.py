"""From settings to a run in the background, with the snapshots that Rewind needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lablib.controls import Controls
from lablib.events import Progress
from lablib.history import History
from lablib.lessons import stored
from lablib.widgets.background import BackgroundRun, Report
from lablib.widgets.branch import Branch
from lablib.widgets.rewind import new_folder
from lablib.widgets.share import Settings

Build = Callable[..., Any]
REWINDABLE = ("mini",)  # models whose weights are kept at every probe point: a few megabytes each


def stored_instead(settings: Settings, why: str) -> History:
    """Return a stored run of a model that cannot be trained here.

    Raises
    ------
    OSError
        If there is none; ``why`` it is needed is said as well.
    """
    try:
        return stored.load(settings.model, f"{settings.task}-mix0").history
    except OSError as error:
        raise OSError(f"{why} {error}") from error


def launch(
    settings: Settings,
    controls: Controls,
    build: Build,
    config: Mapping[str, Any],
    max_seconds: float,
    branch: tuple[History, tuple[Path, int], int] | None = None,
) -> tuple[BackgroundRun, str]:
    """Return a run that is ready to be started, and what the learner should know of it.

    Parameters
    ----------
    settings : Settings
        What the controls show.
    controls : Controls
        Through which they act during the run.
    build : callable
        ``experiment.build`` or what takes its place.
    config : mapping
        Further fields of ``TrainConfig``.
    max_seconds : float
        Wall time after which the run is stopped.
    branch : tuple, optional
        An earlier run, a snapshot of it and its step: go on from there.
    """
    config, notice = dict(config), ""
    if settings.model in REWINDABLE:
        try:
            folder = new_folder(keep=branch[1][0] if branch else None)
            config = {"snapshots": True, "snapshot_folder": folder, **config}
        except OSError as error:
            notice = f"{error} Rewind has only the recorded answers."

    def make(report: Report) -> Any:
        report(Progress(f"loading {settings.model}", 0, 1))
        run = build(
            settings.model,
            settings.task,
            settings.method,
            settings=settings.fields,
            controls=controls,
            lr=settings.lr,
            epochs=settings.epochs,
            mix_ratio=settings.mix_ratio,
            seed=settings.seed,
            **config,
        )
        return Branch(run, *branch) if branch else run

    return BackgroundRun(make, controls, max_seconds), notice
