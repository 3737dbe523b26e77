"""The run store: every event of every run, in one SQLite file that survives a killed kernel.

Events are written in batches, at the latest when a probe point is complete, so that a crash
loses no more than the steps since the last one. Write-ahead logging lets other threads and
kernels read while one writes. Only JSON goes in; nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lablib import runtime
from lablib.events import Event, Finished, Progress, Started, StepDone, from_dict, to_dict
from lablib.history import History

MAX_UNWRITTEN = 100  # events kept back at most
BUSY_SECONDS = 10  # how long to wait for another kernel that is writing

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,      -- seconds since 1970
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    tasks TEXT NOT NULL,        -- JSON list
    method TEXT NOT NULL,
    seed INTEGER NOT NULL,
    config TEXT NOT NULL,       -- JSON object
    versions TEXT NOT NULL,     -- JSON object
    reason TEXT                 -- why it ended; NULL while under way, or if it was killed
);
CREATE TABLE IF NOT EXISTS events (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,    -- order within the run
    event TEXT NOT NULL,        -- JSON object
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class RunInfo:
    """One line about a stored run."""

    run_id: str
    created: float  # seconds since 1970
    name: str
    model: str
    tasks: tuple[str, ...]
    method: str
    seed: int
    config: dict[str, Any]
    versions: dict[str, str]
    reason: str | None  # why it ended; None while under way, or if it was killed


class RunStore:
    """Writes and reads runs; one thread may write while others read.

    Parameters
    ----------
    path : Path, optional
        The SQLite file; default ``runs.sqlite`` in ``runtime.home_folder()``.

    Attributes
    ----------
    path : Path
        Where the runs are kept.
    notice : str
        What the learner should know, e.g. that a damaged file was put aside; else empty.

    Raises
    ------
    OSError
        If the file cannot be written, with what to do about it.
    """

    def __init__(self, path: Path | None = None):
        self.path = Path(path) if path is not None else runtime.home_folder() / "runs.sqlite"
        self.notice = ""
        self._lock = threading.Lock()
        self._unwritten: dict[str, list[Event]] = {}
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                self._put_aside()
                self._connection = self._open()

    def record(self, run_id: str, event: Event) -> None:
        """Take in the next event of a run; ``Progress`` is not kept.

        Steps wait for the next probe point, answer or change, with which they are written.
        """
        if isinstance(event, Progress):
            return
        with self._lock:
            waiting = self._unwritten.setdefault(run_id, [])
            waiting.append(event)
            if not isinstance(event, StepDone) or len(waiting) >= MAX_UNWRITTEN:
                self._write(run_id)

    def flush(self) -> None:
        """Write what is waiting."""
        with self._lock:
            for run_id in list(self._unwritten):
                self._write(run_id)

    def close(self) -> None:
        """Write what is waiting and close the file."""
        try:
            self.flush()
        finally:
            with self._lock:
                self._connection.close()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_error) -> None:
        self.close()

    def runs(self) -> list[RunInfo]:
        """Return what is stored, newest first."""
        columns = "id, created, name, model, tasks, method, seed, config, versions, reason"
        with self._reading() as connection:
            found = connection.execute(
                f"SELECT {columns} FROM runs ORDER BY created DESC, rowid DESC"
            ).fetchall()
        return [
            RunInfo(
                *row[:4], tuple(json.loads(row[4])), *row[5:7], *map(json.loads, row[7:9]), row[9]
            )
            for row in found
        ]

    def events(self, run_id: str) -> list[Event]:
        """Return the stored events of a run, in order.

        Raises
        ------
        ValueError
            If there is no such run.
        """
        with self._reading() as connection:
            known = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone()
            found = connection.execute(
                "SELECT event FROM events WHERE run_id = ? ORDER BY number", (run_id,)
            ).fetchall()
        if known is None:
            raise ValueError(f"There is no run {run_id!r} in {self.path}.")
        return [from_dict(json.loads(text)) for (text,) in found]

    def history(self, run_id: str) -> History:
        """Return a stored run as a ``History``."""
        return History.of(self.events(run_id))

    def delete(self, run_id: str) -> None:
        """Forget a run."""
        with self._lock, self._explained(), self._connection:
            self._unwritten.pop(run_id, None)
            self._connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # stays as it is where WAL cannot be
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                error = sqlite3.DatabaseError(verdict)
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            connection.executescript(SCHEMA)
            return connection
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # The lock, not the thread, guards the writing connection.
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own: readers never wait for the writer, nor for each other."""
        self.flush()
        with self._explained(), contextlib.closing(self._connect()) as connection:
            yield connection

    def _put_aside(self) -> None:
        """Rename a damaged file with its journals: nothing of the learner's is deleted."""
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time_ns()}.sqlite")
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self.notice = (
            f"The file of your runs was damaged; it is kept as {aside.name} in {aside.parent}, "
            "and a new one was begun."
        )

    def _write(self, run_id: str) -> None:
        waiting = self._unwritten[run_id]
        if not waiting:
            return
        with self._explained(), self._connection as connection:
            for event in waiting:
                if isinstance(event, Started):
                    connection.execute(
                        "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                        (
                            run_id,
                            time.time(),
                            str(event.config.get("name", "")),
                            event.model,
                            json.dumps(event.tasks),
                            event.method,
                            event.seed,
                            json.dumps(event.config),
                            json.dumps(event.versions),
                        ),
                    )
                elif isinstance(event, Finished):
                    connection.execute(
                        "UPDATE runs SET reason = ? WHERE id = ?", (event.reason, run_id)
                    )
            (last,) = connection.execute(
                "SELECT coalesce(max(number), -1) FROM events WHERE run_id = ?", (run_id,)
            ).fetchone()
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?)",
                [
                    (run_id, number, json.dumps(to_dict(event)))
                    for number, event in enumerate(waiting, last + 1)
                ],
            )
        waiting.clear()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite and the system say into one sentence with a way out."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(
                f"The runs cannot be kept in {self.path} ({error}). Free some space there, or set "
                "the environment variable LETHE_HOME to a folder you may write to."
            ) from error
        except sqlite3.DatabaseError as error:
            if not _damaged(error):
                raise
            raise OSError(
                f"The file of your runs, {self.path}, is damaged ({error}): restart the kernel, "
                "which puts it aside and begins a new one."
            ) from error
        except OSError as error:
            raise OSError(
                f"The runs cannot be kept in {self.path} ({error.strerror}). Set the environment "
                "variable LETHE_HOME to a folder you may write to."
            ) from error


def _damaged(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
