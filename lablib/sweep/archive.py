"""Stored comparisons: what ``data/results/make_comparison.py`` made, one small file a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lablib import atomic
from lablib.runtime import data_folder
from lablib.sweep.analysis import BASELINE, Comparison, compare
from lablib.sweep.arms import ARMS
from lablib.sweep.measured import Measured

TOP = ("digest", "versions", "machine")  # said at the top of the file, as in all stored results


def folder_of(model: str, sweep: str = "") -> Path:
    """Return the folder of the stored comparisons of a model, or of one of ``arms.SWEEPS``."""
    results = data_folder() / "results"
    return results / "sweeps" / sweep / model if sweep else results / "comparison" / model


def save(run: Measured, command: str, sweep: str = "") -> Path:
    """Write what the repository keeps of a run, rounded; the file appears whole or not at all."""
    label = run.job.label.replace(" ", "-").replace("=", "")
    name = f"{'+'.join(run.job.tasks)}-{label}-seed{run.job.seed}.json"
    path = folder_of(run.job.model, sweep) / name
    small = json.loads(run.rounded().to_json())
    facts = {name: small["facts"].pop(name) for name in TOP}
    content = {"command": command, "seed": run.job.seed, **facts, **small}
    text = json.dumps(content, separators=(",", ":")) + "\n"
    atomic.write_text(path, text)
    return path


def runs(model: str, task: str, sweep: str = "") -> list[Measured]:
    """Return the stored runs of a model on a task, arm by arm, seed by seed.

    With the name of a sweep its runs instead, which are no comparison by themselves: the
    baseline is among those of the methods.
    """
    found = [
        Measured.from_json(path.read_text(encoding="utf-8"))
        for path in sorted(folder_of(model, sweep).glob(f"{task}-*.json"))
    ]
    order = list(ARMS)

    def place(run: Measured) -> tuple:
        arm = run.job.label.partition(" ")[0]
        rate = run.job.config.get("lr", 0.0)
        rank = run.job.settings.get("lora.rank", 0)
        known = order.index(arm) if arm in order else len(order)
        return known, " " in run.job.label, rate, rank, run.job.seed

    return sorted(found, key=place)


def load(
    model: str,
    task: str,
    target: float | None = None,
    arms: Sequence[str] | None = None,
    sweep: str = "",
) -> Comparison:
    """Return a stored comparison.

    Parameters
    ----------
    model, task : str
        What is compared.
    target : float, optional
        Task score at which arms are matched; see ``compare``.
    arms : sequence of str, optional
        Labels of the arms wanted, beside full fine-tuning; those that are not stored are left
        out. Default: all.
    sweep : str
        One of ``arms.SWEEPS`` whose runs are compared as well.

    Raises
    ------
    OSError
        If there is none, with the command that makes it.
    """
    found = runs(model, task) + (runs(model, task, sweep) if sweep else [])
    if arms is not None:
        found = [run for run in found if run.job.label in (BASELINE, *arms)]
    if not found:
        raise OSError(
            f"No comparison of {model} on {task} is stored; "
            f"'python data/results/make_comparison.py --model {model} --task {task}' makes it."
        )
    return compare(found, target=target)
