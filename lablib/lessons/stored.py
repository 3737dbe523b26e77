"""Stored results: runs made beforehand by the scripts in ``data/results``, one file a run.

A lab shows a stored run where the learner has none of their own, with the badge "replayed
from a stored run". Every file says by which command, from which seed, with which versions and
on what kind of machine it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lablib import atomic
from lablib.history import History
from lablib.lessons.reading import displayable
from lablib.runtime import data_folder, machine, versions


@dataclass(frozen=True)
class Stored:
    """One stored run."""

    set_name: str  # folder under data/results, e.g. "mini"
    setting: str  # e.g. "tickets-mix0"
    seed: int
    history: History
    facts: dict[str, Any]  # command, versions, machine, seconds, …


def results_folder() -> Path:
    """Return the folder of the stored results."""
    return data_folder() / "results"


def path_of(set_name: str, setting: str, seed: int) -> Path:
    """Return the file of one stored run."""
    return results_folder() / set_name / f"{setting}-seed{seed}.json"


COUNTS = ("n_general", "n_rows", "n_general_tokens", "n_tokens")


def counts(history: History) -> dict[str, int]:
    """Return what a run was trained on: rows and answer tokens, the general ones and all."""
    return {name: sum(getattr(step, name) for step in history.steps) for name in COUNTS}


def save(
    set_name: str,
    setting: str,
    seed: int,
    history: History,
    command: str,
    every: int = 1,
    **facts: Any,
) -> Path:
    """Write one stored run; the file appears as a whole or not at all.

    With ``every`` above 1 only each so-manieth step is kept, and the sums over all as the fact
    ``counts``: the steps are most of a file.
    """
    if every > 1:
        facts["counts"] = counts(history)
        history.steps = history.steps[every - 1 :: every]
    path = path_of(set_name, setting, seed)
    # An answer that gives in to a harmful request is not kept in the repository either.
    history.answers = [replace(a, text=displayable(a.prompt, a.text)) for a in history.answers]
    content = {
        "setting": setting,
        "seed": seed,
        "command": command,
        "versions": versions(),
        "machine": machine(),
        **facts,
        "history": json.loads(history.to_json()),
    }
    atomic.write_text(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def load(set_name: str, setting: str, seed: int = 0) -> Stored:
    """Return one stored run.

    Raises
    ------
    OSError
        If there is none, with the script that makes it.
    """
    path = path_of(set_name, setting, seed)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OSError(
            f"The stored run {set_name}/{path.name} is missing; "
            "the scripts in data/results make it."
        ) from None
    history = History.from_json(content.pop("history"))
    return Stored(set_name, content["setting"], content["seed"], history, content)


def seeds(set_name: str, setting: str) -> list[int]:
    """Return the seeds for which a setting was stored, in order."""
    found = (results_folder() / set_name).glob(f"{setting}-seed*.json")
    return sorted(int(path.stem.rpartition("seed")[2]) for path in found)


def load_all(set_name: str, setting: str) -> Iterator[Stored]:
    """Yield the stored runs of a setting, seed by seed."""
    for seed in seeds(set_name, setting):
        yield load(set_name, setting, seed)
