"""Your own data as a task: a JSONL, CSV or Parquet file, an upload, or a data set of the hub.

Columns follow the TRL convention: ``prompt`` and ``completion``, or ``messages`` with one
turn of the user and one of the assistant. Nothing is trained on a file with errors unless
the user says to drop the bad rows: a silent skip hides the mistake that explains the result.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lablib.tasks import readers
from lablib.tasks.base import Row, Task, check_split

MAX_CHARACTERS = 20_000  # of one row; more than any model here can read at once
MIN_ROWS = 10  # different prompts; with fewer there is nothing to test on
MAX_HELD_OUT = 500  # rows of validation and of test; a tenth of the data, at most this
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
    """

    def __init__(
        self, name: str, parts: dict[str, Sequence[Row]], dropped: Sequence[Problem], seed: int
    ):
        self.name = name
        self.dropped = tuple(dropped)
        self._splits = _cut(parts, seed)
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
        Path of a JSONL, CSV or Parquet file, such a file's content, or ``"owner/name"``.
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
    name, good, problems = _read(source, filename, drop_bad_rows)
    n_prompts = len({row.prompt for rows in good.values() for row in rows})
    if n_prompts < MIN_ROWS:
        raise DataError(
            f"{name} has {n_prompts} usable rows with different prompts; "
            f"at least {MIN_ROWS} are needed to train and to test.",
            problems,
        )
    return OwnData(name, good, problems, seed)


def read_rows(
    source: str | Path | bytes, *, filename: str = "", drop_bad_rows: bool = False
) -> tuple[Row, ...]:
    """Return the rows as they stand there, uncut; see ``tasks.read_rows``.

    A row that stands there twice counts twice. Of a hub data set it is the split train.
    """
    name, good, problems = _read(source, filename, drop_bad_rows)
    if not good["train"]:
        raise DataError(f"{name} has no usable row: give at least one.", problems)
    return tuple(good["train"])


def _read(
    source: str | Path | bytes, filename: str, drop_bad_rows: bool
) -> tuple[str, dict[str, list[Row]], list[Problem]]:
    """Name of the data, good rows by split, and what is wrong with the others."""
    name, parts = readers.read(source, filename)
    good: dict[str, list[Row]] = {}
    problems: list[Problem] = []
    for split, records in parts.items():
        good[split] = []
        for line, record in records:
            outcome = parse(record)
            if isinstance(outcome, Row):
                good[split].append(outcome)
            else:
                problems.append(Problem(line, outcome))
    total = sum(len(records) for records in parts.values())
    if not total:
        raise DataError(f"{name} is empty: it needs rows with a prompt and a completion.")
    if problems and not drop_bad_rows:
        raise DataError(_complaint(name, problems, total), problems)
    return name, good, problems


def parse(record: object) -> Row | str:
    """Return the row in a record, or the reason why there is none."""
    if isinstance(record, readers.Broken):
        return record.reason
    if not isinstance(record, dict):
        return "this is not an object with named columns"
    if record.get("messages") is not None:
        row = _from_messages(record["messages"])
    elif "prompt" in record or "completion" in record:
        row = _from_pair(record.get("prompt"), record.get("completion"))
    else:
        found = ", ".join(str(key)[:40] for key in list(record)[:6]) or "none"
        return f"no columns messages or prompt and completion (found: {found})"
    if isinstance(row, str):
        return row
    size = len(row.prompt) + len(row.completion)
    if size > MAX_CHARACTERS:
        return f"{size:,} characters, where {MAX_CHARACTERS:,} are allowed; shorten or split it"
    return row


def _from_pair(prompt: object, completion: object) -> Row | str:
    if isinstance(prompt, list) and isinstance(completion, list):  # TRL's conversational form
        return _from_messages(prompt + completion)
    for name, value in (("prompt", prompt), ("completion", completion)):
        if value is None:
            return f"{name} is missing"
        if not isinstance(value, str):
            return f"{name} is not text but {type(value).__name__}"
        if not value.strip():
            return f"{name} is empty"
        if any("\ud800" <= character <= "\udfff" for character in value):
            return f"{name} holds half a character (a lone surrogate)"
    return Row(prompt.strip(), completion.strip())


def _from_messages(messages: object) -> Row | str:
    if not isinstance(messages, list) or not all(isinstance(turn, dict) for turn in messages):
        return "messages is not a list of turns with role and content"
    roles = [turn.get("role") for turn in messages]
    texts = [turn.get("content") for turn in messages]
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        shown = ", ".join(str(role)[:20] for role in roles[:6]) or "none"
        return f"messages must be one user turn and one assistant turn (found: {shown})"
    if not all(isinstance(text, str) for text in texts):
        return "a message has a content that is not text"
    return _from_pair("\n\n".join(texts[:-1]), texts[-1])


def _complaint(name: str, problems: Sequence[Problem], total: int) -> str:
    if len(problems) == total and len({problem.reason for problem in problems}) == 1:
        return f"{name} cannot be used: {problems[0].reason}."
    shown = "; ".join(str(problem) for problem in problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return (
        f"{len(problems)} of {total} rows of {name} cannot be used ({shown}{more}): mend them, "
        "or pass drop_bad_rows=True to train without them."
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
    return re.sub(r"\W+", "", row.prompt.lower()) or row.prompt
