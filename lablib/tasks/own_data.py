"""Your own data as a task: a file of rows, an upload, or a data set of the hub.

What files there may be says ``readers``, what their rows may look like ``shapes``. Nothing is
trained on a file with errors unless the user says to drop the bad rows: a silent skip hides the
mistake that explains the result.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lablib.tasks import readers, shapes
from lablib.tasks.base import Row, Task, check_split

MIN_ROWS = 10  # different prompts; with fewer there is nothing to test on
MAX_HELD_OUT = 500  # rows of validation and of test; a tenth of the data, at most this
MARKS = " .,;:!?…\"'"  # round a prompt they make no other question of it
SAME = "case, spaces and marks at the ends apart"
SHOWN = 3  # problems spelled out in an error message; all are in ``DataError.problems``


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used."""

    line: int  # line of the file, counted from 1; for Parquet and the hub the row
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class DataError(ValueError):
    """Data that cannot be trained on; ``problems`` lists every malformed row."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()):
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass
class Found:
    """What a source holds."""

    name: str
    parts: dict[str, list[Row]]  # good rows by split
    problems: list[Problem]  # what is wrong with the others
    ignored: list[str]  # columns that no row is made of


class OwnData(Task):
    """A task made of your own rows; build it with ``tasks.load``.

    Validation and test are a random tenth each, drawn by seed, unless the data set brings
    its own; rows with the same prompt stay together. There is no ``shifted`` split.

    Attributes
    ----------
    name : str
        Name of the file or data set.
    dropped : tuple of Problem
        Malformed rows that were left out because ``drop_bad_rows=True``.
    notices : tuple of str
        One sentence on columns, and one on rows, that are not used.
    """

    def __init__(self, found: Found, seed: int):
        self.name = found.name
        self.dropped = tuple(found.problems)
        self.notices = tuple(_notices(found))
        self._splits = _cut(found.parts, seed)
        counts = ", ".join(f"{len(rows)} {split}" for split, rows in self._splits.items())
        self.summary = f"Your own data: {counts} rows."

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; ``shifted`` is always empty."""
        return self._splits[check_split(split)]


def load(
    source: str | Path | bytes, *, filename: str = "", drop_bad_rows: bool = False, seed: int = 0
) -> OwnData:
    """Return the task made of a file, of an uploaded file's bytes or of a hub data set.

    Parameters
    ----------
    source : str, Path or bytes
        Path of a file (see ``readers``), such a file's content, or ``"owner/name"``.
    filename : str
        Name of an uploaded file; its ending tells the format.
    drop_bad_rows : bool
        True trains on the good rows of a file that has bad ones too.
    seed : int
        Draws validation and test.

    Raises
    ------
    DataError, OSError
        With one sentence that says what is wrong, where, and what to do.
    """
    found = _read(source, filename, drop_bad_rows)
    n_prompts = len({_key(row) for rows in found.parts.values() for row in rows})
    if n_prompts < MIN_ROWS:
        raise DataError(
            f"{found.name} has {n_prompts} usable rows with different prompts ({SAME}); "
            f"at least {MIN_ROWS} are needed to train and to test.",
            found.problems,
        )
    task = OwnData(found, seed)
    if not task.rows("train"):
        raise DataError(
            f"{found.name} leaves nothing to train on: each of its {n_prompts} different prompts "
            f"({SAME}) is in its test or validation rows; give other training rows."
        )
    return task


def read_rows(
    source: str | Path | bytes, *, filename: str = "", drop_bad_rows: bool = False
) -> tuple[Row, ...]:
    """Return the rows as they stand there, uncut; see ``tasks.read_rows``.

    A row that stands there twice counts twice. Of a hub data set it is the split train.
    """
    found = _read(source, filename, drop_bad_rows)
    if not found.parts["train"]:
        raise DataError(f"{found.name} has no usable row: give at least one.", found.problems)
    return tuple(found.parts["train"])


def _read(source: str | Path | bytes, filename: str, drop_bad_rows: bool) -> Found:
    name, parts = readers.read(source, filename)
    found = Found(name, {}, [], [])
    seen: dict[str, bool] = {}  # by column, in the order of the file: is a row made of it?
    for split, records in parts.items():
        found.parts[split] = []
        for line, record in records:
            outcome = _parse(record, line, seen)
            if isinstance(outcome, Row):
                found.parts[split].append(outcome)
            else:
                found.problems.append(Problem(line, outcome))
    found.ignored = [column for column, used in seen.items() if not used]
    total = sum(len(records) for records in parts.values())
    if not total:
        raise DataError(f"{name} is empty: it needs rows with a prompt and a completion.")
    if found.problems and not drop_bad_rows:
        raise DataError(_complaint(name, found.problems, total), found.problems)
    return found


def _parse(record: object, line: int, seen: dict[str, bool]) -> Row | str:
    """The row in a record, or the reason why there is none; its columns are noted in ``seen``."""
    if isinstance(record, readers.Broken):
        return record.reason
    if not isinstance(record, dict):
        return "this is not an object with named columns"
    record = shapes.folded(record)
    used = shapes.columns_of(record)
    for column, value in record.items():
        if value not in (None, "", []):
            seen[column] = seen.get(column, False) or column in used
    return shapes.parse(record, line)


def _notices(found: Found) -> Iterator[str]:
    if found.ignored:
        shown = ", ".join(column[:40] for column in found.ignored[:6])
        more = f" and {len(found.ignored) - 6} more" if len(found.ignored) > 6 else ""
        yield f"Columns of {found.name} that are not used: {shown}{more}."
    if found.problems:
        first = found.problems[0]
        yield f"Rows of {found.name} left out: {len(found.problems)}, the first {first}."


def _complaint(name: str, problems: Sequence[Problem], total: int) -> str:
    strange = any(problem.reason.startswith(shapes.UNKNOWN) for problem in problems)
    known = f"; known are {shapes.ACCEPTED}" if strange else ""
    if len(problems) == total and len({problem.reason for problem in problems}) == 1:
        return f"{name} cannot be used: {problems[0].reason}{known}."
    shown = "; ".join(str(problem) for problem in problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return (
        f"{len(problems)} of {total} rows of {name} cannot be used ({shown}{more}{known}): mend "
        "them, or leave them out with --drop-bad-rows of 'run' (in Python drop_bad_rows=True)."
    )


def _cut(parts: dict[str, Sequence[Row]], seed: int) -> dict[str, tuple[Row, ...]]:
    """Splits with the rows of one prompt kept together; a prompt tested is never trained on."""
    taken: set[str] = set()
    splits: dict[str, tuple[Row, ...]] = {}
    for split in ("test", "validation"):
        splits[split] = tuple(row for row in parts.get(split, ()) if _key(row) not in taken)
        taken.update(_key(row) for row in splits[split])
    by_prompt: dict[str, list[Row]] = defaultdict(list)
    for row in dict.fromkeys(parts.get("train", ())):
        if _key(row) not in taken:
            by_prompt[_key(row)].append(row)
    groups = list(by_prompt.values())
    random.Random(f"own data {seed}").shuffle(groups)
    n_held_out = min(MAX_HELD_OUT, max(1, len(groups) // 10))
    for split in ("test", "validation"):
        if not splits[split]:
            held_out, groups = groups[:n_held_out], groups[n_held_out:]
            splits[split] = tuple(row for group in held_out for row in group)
    train = tuple(row for group in groups for row in group)
    return {
        "train": train,
        "validation": splits["validation"],
        "test": splits["test"],
        "shifted": (),
    }


def _key(row: Row) -> str:
    """What two prompts have in common that ask the same; 1+1 and 1-1 have not."""
    return " ".join(row.prompt.lower().split()).strip(MARKS) or row.prompt
