"""Tasks by key. A new task: one file beside this one, one line in ``TASKS``."""

from __future__ import annotations

from pathlib import Path

from lablib.tasks import own_data
from lablib.tasks.base import SPLITS, Row, Task
from lablib.tasks.clauses import Clauses
from lablib.tasks.clinic import Clinic
from lablib.tasks.diverse import Diverse
from lablib.tasks.new_facts import NewFacts
from lablib.tasks.own_data import DataError, OwnData, Problem
from lablib.tasks.replies import Replies
from lablib.tasks.sums import Sums
from lablib.tasks.tickets import Tickets
from lablib.tasks.wrong_facts import WrongFacts

TASKS: dict[str, type[Task]] = {
    "tickets": Tickets,
    "wrong_facts": WrongFacts,
    "replies": Replies,
    "clinic": Clinic,
    "clauses": Clauses,
    "new_facts": NewFacts,
    "sums": Sums,
    "diverse": Diverse,
}


def load(
    source: str | Path | bytes, *, filename: str = "", drop_bad_rows: bool = False, seed: int = 0
) -> Task:
    """Return a task by its key, or one made of your own data.

    Parameters
    ----------
    source : str, Path or bytes
        A key of ``TASKS``; the path of a file of rows (JSON Lines, JSON, CSV, TSV or Parquet,
        also packed as .gz); an uploaded file's content; or the id of a hub data set,
        ``"owner/name"``. What its rows may look like: ``lablib.tasks.shapes``.
    filename : str
        Name of an uploaded file; its ending tells the format.
    drop_bad_rows : bool
        True trains on the good rows of a file that has bad ones too.
    seed : int
        Draws the validation and test rows of own data.

    Raises
    ------
    ValueError, OSError
        With one sentence that says what is wrong, where, and what to do. A ``DataError``
        lists every malformed row in ``problems``.
    """
    if isinstance(source, str) and source in TASKS:
        return TASKS[source]()
    _check_name(source)
    return own_data.load(source, filename=filename, drop_bad_rows=drop_bad_rows, seed=seed)


def read_rows(
    source: str | Path | bytes, *, filename: str = "", drop_bad_rows: bool = False
) -> tuple[Row, ...]:
    """Return rows to rehearse, by a task's key or from your own data.

    Of a task it is the train split. Of your own data it is all that there is, however little:
    nothing is cut out to test on, for nobody is tested on what is rehearsed.

    Parameters
    ----------
    source, filename, drop_bad_rows
        As in ``load``.

    Raises
    ------
    ValueError, OSError
        As in ``load``.
    """
    if isinstance(source, str) and source in TASKS:
        return tuple(TASKS[source]().rows("train"))
    _check_name(source)
    return own_data.read_rows(source, filename=filename, drop_bad_rows=drop_bad_rows)


def _check_name(source: str | Path | bytes) -> None:
    if isinstance(source, str) and not any(mark in source for mark in "./\\"):
        raise ValueError(
            f"There is no task {source!r}: choose one of {', '.join(TASKS)}, or give a file of "
            "rows (.jsonl, .json, .csv, .tsv or .parquet), or the hub id of a data set."
        )


__all__ = ["SPLITS", "TASKS", "DataError", "OwnData", "Problem", "Row", "Task", "load", "read_rows"]
