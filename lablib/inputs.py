"""What a run is given: tasks and general rows, by name, as a file, or as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lablib import tasks, world
from lablib.models import LoadedModel
from lablib.probes import Probe
from lablib.tasks import Row, Task


def several_tasks(
    task: str | Path | Task | Sequence[str | Path | Task], drop_bad_rows: bool = False
) -> tuple[Task, ...]:
    """Return one task or several, given by name or as they are, each under a name of its own.

    Raises
    ------
    ValueError, OSError, TypeError
        With one sentence that says what is wrong with what was given.
    """
    several = task if isinstance(task, list | tuple) else [task]
    if not several:
        raise ValueError("There is no task to learn: give a name, a file or rows.")
    if all(map(_is_row, several)):
        several = [tasks.load(_jsonl(several), filename="rows.jsonl", drop_bad_rows=drop_bad_rows)]
    for one in several:
        if not isinstance(one, str | Path | Task):
            raise TypeError(
                f"A task is a name, a file, a Task or a list of rows, not a {type(one).__name__}."
            )
    made = tuple(
        t if isinstance(t, Task) else tasks.load(t, drop_bad_rows=drop_bad_rows) for t in several
    )
    files = {
        number: Path(os.path.abspath(os.path.expanduser(source))).parts
        for number, source in enumerate(several)
        if not isinstance(source, Task) and Path(source).expanduser().is_file()
    }
    for number, parts in files.items():  # jan/rows.jsonl and feb/rows.jsonl, not rows.jsonl twice
        others, n = [other for other in files.values() if other != parts], 1
        while any(other[-n:] == parts[-n:] for other in others):
            n += 1
        made[number].name = "/".join(parts[-n:])
    names = [one.name for one in made]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"Two tasks are called {name!r}, and scores are kept by name: give each task "
                "once, and one of your own another name."
            )
    return made


def pool(
    general: str | Path | Sequence[Row], loaded: LoadedModel, drop_bad_rows: bool = False
) -> Sequence[Row]:
    """Return the pool of the mix ratio, given by name (``general_rows``) or as rows.

    Raises
    ------
    ValueError, OSError, TypeError
        With one sentence that says what is wrong with what was given.
    """
    if isinstance(general, str | Path):
        return general_rows(general, loaded, drop_bad_rows)
    if not (isinstance(general, Sequence) and all(map(_is_row, general))):
        raise TypeError("general is a name, a file or a list of rows with prompt and completion.")
    if any(isinstance(row, Mapping) for row in general):
        return tasks.read_rows(
            _jsonl(general), filename="general.jsonl", drop_bad_rows=drop_bad_rows
        )
    return general


def general_pool(loaded: LoadedModel, n: int = 2000, seed: int = 0) -> Sequence[Row]:
    """Return the general examples that the mix ratio draws from.

    For ``mini`` this is text of its own pre-training, held-out items excluded; for any other
    model the broad instructions of the task ``diverse``.
    """
    if loaded.name == "mini":
        return world.general_rows(seed=seed, n=n)
    return tasks.load("diverse").rows("train")[:n]


def general_rows(
    source: str | Path, loaded: LoadedModel, drop_bad_rows: bool = False
) -> Sequence[Row]:
    """Return the general examples of a source by its name.

    Parameters
    ----------
    source : str or Path
        ``"default"`` (see ``general_pool``), ``"world"`` (text of ``mini``'s pre-training), a
        task's key (its train split), a file of rows (all of them, however few; see ``tasks.load``),
        or the hub id of a data set (its train split).
    loaded : LoadedModel
        The model that the default depends on.
    drop_bad_rows : bool
        As in ``tasks.load``.

    Raises
    ------
    ValueError, OSError
        With one sentence that says what is wrong with the source.
    """
    if source == "default":
        return general_pool(loaded)
    if source == "world":
        return world.general_rows()
    return tasks.read_rows(source, drop_bad_rows=drop_bad_rows)


def check_unasked(rows: Sequence[Row], probes: Sequence[Probe]) -> Sequence[Row]:
    """Return ``rows`` if none of their prompts is that of a probe's item.

    Case, punctuation and spaces apart. Rehearsed answers would be measured as kept ones.

    Raises
    ------
    ValueError
        With one sentence that names the first such row.
    """
    asked = {world.plain(item.prompt): probe.name for probe in probes for item in probe.items()}
    found = [i for i, row in enumerate(rows) if world.plain(row.prompt) in asked]
    if found:
        first = rows[found[0]].prompt
        raise ValueError(
            f"{len(found)} of {len(rows)} general rows ask what a probe asks, first row "
            f"{found[0] + 1} ({first[:60]!r}, probe {asked[world.plain(first)]}): take them out, "
            "or the probe would measure rehearsed answers."
        )
    return rows


def _is_row(given: Any) -> bool:
    """True for a row as an object with prompt and completion, or as a dict of a JSONL file."""
    return isinstance(given, Mapping) or hasattr(given, "completion")


def _jsonl(rows: Sequence[Row | Mapping[str, Any]]) -> bytes:
    """Rows as a file's content, so that they are checked as a file's are."""
    records = (
        dict(row)
        if isinstance(row, Mapping)
        else {"prompt": row.prompt, "completion": row.completion}
        for row in rows
    )
    return "\n".join(map(json.dumps, records)).encode()
