"""A run as one JSON object: what the command line writes, and stored results are made of."""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lablib import runtime
from lablib.events import (
    Answered,
    ControlChanged,
    Event,
    Finished,
    Probed,
    Progress,
    Score,
    Started,
    StepDone,
)


class Record:
    """Collects the events of one run, with the wall time each kind took.

    Time is charged to the event that ends it: what passes before a ``StepDone`` is training,
    what passes before a ``Probed``, an ``Answered`` or a probe's ``Progress`` is probing.
    """

    def __init__(self):
        self._begun = self._last = time.perf_counter()
        self._probing = 0.0
        self._training = 0.0
        self._first_point: float | None = None
        self.started: Started | None = None
        self.finished = "interrupted"
        self.points: list[Probed] = []
        self.steps: list[StepDone] = []
        self.changes: list[ControlChanged] = []
        self.answers: list[Answered] = []

    def add(self, event: Event) -> None:
        """Take in one event, in the order the run yields them."""
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        if isinstance(event, StepDone):
            self._training += spent
            self.steps.append(event)
        elif isinstance(event, Probed):
            self._probing += spent
            self.points.append(event)
            if event.step > 0 and self._first_point is None:
                self._first_point = now - self._begun
        elif isinstance(event, Answered):
            self._probing += spent
            self.answers.append(event)
        elif isinstance(event, Progress) and event.what.startswith("probing"):
            self._probing += spent
        elif isinstance(event, ControlChanged):
            self.changes.append(event)
        elif isinstance(event, Started):
            self.started = event
        elif isinstance(event, Finished):
            self.finished = event.reason

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain numbers, strings, lists and dicts.

        Notes
        -----
        ``first_point_s``: seconds from the start to the first probe point after a training
        step. ``probe_share``: share of the wall time spent on probes and watch prompts.
        ``steps_per_s``: steps by training time alone. ``task``: mean over the tasks.
        """
        seconds = self._last - self._begun
        base, final = self._ends()
        started = asdict(self.started) if self.started else {}
        return {
            **{k: started.get(k) for k in ("run_id", "model", "tasks", "method", "seed")},
            "finished": self.finished,
            "base": _scores(base),
            "final": _scores(final),
            "final_full": final.full if final else None,
            "task": {"base": _mean(base), "final": _mean(final)},
            "task_scores": {
                "base": dict(base.task_scores) if base else {},
                "final": dict(final.task_scores) if final else {},
            },
            "curve": [
                {
                    "step": p.step,
                    "task": p.task,
                    "full": p.full,
                    "scores": _scores(p),
                    "task_scores": dict(p.task_scores),
                    "seconds": p.seconds,
                    "displacement": p.displacement,
                    "validation_loss": p.validation_loss,
                }
                for p in self.points
            ],
            "losses": [s.loss for s in self.steps],
            "answers": [asdict(a) for a in self.answers],
            "changes": [asdict(c) for c in self.changes],
            "steps": len(self.steps),
            "steps_per_s": len(self.steps) / self._training if self._training else None,
            "seconds": seconds,
            "first_point_s": self._first_point,
            "probe_share": self._probing / seconds if seconds else None,
            "peak_rss_mb": runtime.peak_memory_mb(),
            "config": started.get("config"),
            "versions": started.get("versions") or runtime.versions(),
        }

    def _ends(self) -> tuple[Probed | None, Probed | None]:
        """The base point, and the last point: the full set where the run came that far."""
        if not self.points:
            return None, None
        last = max(self.points, key=lambda p: (p.step, p.full))
        return self.points[0], last


def write(record: dict[str, Any], path: Path) -> None:
    """Write ``record`` as JSON, whole or not at all; numbers that are not finite become null."""
    text = json.dumps(_finite(record), indent=1, allow_nan=False) + "\n"
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Raise ``OSError`` if ``path`` cannot become a file, before an hour is spent on a run."""
    if path.is_dir():
        raise OSError(f"The result cannot be written to {path}: it is a folder; name a file.")
    if not path.parent.is_dir():
        raise OSError(f"The result cannot be written to {path}: {path.parent} does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise OSError(f"The result cannot be written to {path}: {path.parent} is read-only.")


def _scores(point: Probed | None) -> dict[str, Any]:
    return {name: _score(score) for name, score in point.scores.items()} if point else {}


def _score(score: Score) -> dict[str, Any]:
    return {"says": score.says, "knows": score.knows, "n": score.n, **score.extra}


def _mean(point: Probed | None) -> float | None:
    values = list(point.task_scores.values()) if point else []
    return sum(values) / len(values) if values else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value
