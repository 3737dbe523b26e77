"""A run as one JSON object: what the command line writes, and stored results are made of."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from lablib import atomic, runtime
from lablib.events import Answered, Event, Probed, Progress, Score, StepDone, finite
from lablib.history import History


class Record:
    """The history of one run, with the wall time that each kind of event took.

    Parameters
    ----------
    past : iterable of Event
        What a run that goes on from a checkpoint had done before; its time is not counted.

    Notes
    -----
    Time is charged to the event that ends it: what passes before a ``StepDone`` is training;
    what passes before a ``Probed``, an ``Answered`` or a ``Progress`` of scoring is probing.
    """

    def __init__(self, past: Iterable[Event] = ()):
        self._begun = self._last = time.perf_counter()
        self._probing = self._training = 0.0
        self._first_point: float | None = None
        self.history = History.of(past)
        self._past_steps = len(self.history.steps)

    def add(self, event: Event) -> None:
        """Take in one event, in the order the run yields them."""
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        if isinstance(event, StepDone):
            self._training += spent
        elif isinstance(event, Probed | Answered) or (
            isinstance(event, Progress) and event.what.startswith("probing")
        ):
            self._probing += spent
        if isinstance(event, Probed) and event.step > 0 and self._first_point is None:
            self._first_point = now - self._begun
        self.history.add(event)

    def to_dict(self, finished: str) -> dict[str, Any]:
        """Return the run as plain numbers, strings, lists and dicts.

        Parameters
        ----------
        finished : str
            How the run ended.

        Notes
        -----
        ``base`` and ``final`` are on all items where the run scored both, else on the quick
        ones (see ``n``). ``retention`` is null where the base has nothing to lose.
        ``task`` is the mean over the tasks. ``first_point_s``: seconds from the start to the
        first probe point after a step. ``probe_share``: share of the wall time spent on probes,
        task scores and watch prompts. ``steps_per_s``: steps by training time alone.
        """
        history, seconds = self.history, self._last - self._begun
        started = asdict(history.started) if history.started else {}
        names = history.capabilities()
        tasks = {name: history.task_score(name) for name in started.get("tasks", ())}
        return {
            **{k: started.get(k) for k in ("run_id", "model", "tasks", "method", "seed")},
            "finished": finished,
            "base": {name: _score(history.base(name)) for name in names},
            "final": {name: _score(history.final(name)) for name in names},
            "retention": {
                name: {which: history.final_retention(name, which) for which in ("says", "knows")}
                for name in names
            },
            "task": {
                "base": _mean(base for base, _ in tasks.values()),
                "final": _mean(final for _, final in tasks.values()),
            },
            "task_scores": {
                name: {"base": base, "final": final} for name, (base, final) in tasks.items()
            },
            "curve": [_point(point) for point in history.scores],
            "losses": [step.loss for step in history.steps],
            "answers": [asdict(answer) for answer in history.answers],
            "changes": [asdict(change) for change in history.changes],
            "steps": len(history.steps),
            "steps_per_s": (len(history.steps) - self._past_steps) / self._training
            if self._training
            else None,
            "seconds": seconds,
            "first_point_s": self._first_point,
            "probe_share": self._probing / seconds if seconds else None,
            "peak_rss_mb": runtime.peak_memory_mb(),
            "config": started.get("config"),
            "versions": started.get("versions") or runtime.versions(),
        }


def write(record: dict[str, Any], path: Path) -> None:
    """Write ``record`` as JSON, whole or not at all; numbers that are not finite become null."""
    text = json.dumps(finite(record), indent=1, allow_nan=False) + "\n"
    atomic.write_text(path, text)


def check_writable(path: Path) -> None:
    """Raise ``OSError`` if ``path`` cannot become a file, before an hour is spent on a run."""
    if path.is_dir():
        raise OSError(f"The result cannot be written to {path}: it is a folder; name a file.")
    if not path.parent.is_dir():
        raise OSError(f"The result cannot be written to {path}: {path.parent} does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise OSError(f"The result cannot be written to {path}: {path.parent} is read-only.")


def _point(point: Probed) -> dict[str, Any]:
    return {
        **{f.name: getattr(point, f.name) for f in fields(point) if f.name != "scores"},
        "scores": {name: _score(score) for name, score in point.scores.items()},
    }


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"says": score.says, "knows": score.knows, "n": score.n, **score.extra}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
