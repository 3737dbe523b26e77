"""A run as curves: folds its events, and answers what was kept, lost and learned.

Live curves come from the quick items, which are the same at every point; figures about base
and end come from all items where the run scored them. What the base could not do better than
chance is never turned into a ratio (``nothing_to_lose``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lablib import metrics
from lablib.events import (
    Answered,
    ControlChanged,
    Event,
    Finished,
    Probed,
    Score,
    Snapshotted,
    Started,
    StepDone,
    TaskDone,
    from_dict,
    to_dict,
)

FORMAT = 1  # of the JSON; raised when an older program could not read it
Curve = tuple[tuple[int, ...], tuple[float, ...]]  # steps, values


@dataclass
class History:
    """The events of one run, sorted by kind.

    Attributes
    ----------
    started, finished : Started or None, Finished or None
        How the run began and ended; a run without ``finished`` is under way or was killed.
    steps, scores, answers, changes, snapshots, tasks_done : list of events
        In the order they happened; ``scores`` are the probe points.
    """

    started: Started | None = None
    finished: Finished | None = None
    steps: list[StepDone] = field(default_factory=list)
    scores: list[Probed] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    changes: list[ControlChanged] = field(default_factory=list)
    snapshots: list[Snapshotted] = field(default_factory=list)
    tasks_done: list[TaskDone] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Return the history of ``events``; give it a ``Run`` and the run is run."""
        history = cls()
        for event in events:
            history.add(event)
        return history

    def add(self, event: Event) -> None:
        """Take in the next event; progress is not kept."""
        lists = {
            StepDone: self.steps,
            Probed: self.scores,
            Answered: self.answers,
            ControlChanged: self.changes,
            Snapshotted: self.snapshots,
            TaskDone: self.tasks_done,
        }
        if isinstance(event, Started):
            self.started = event
        elif isinstance(event, Finished):
            self.finished = event
        elif type(event) in lists:
            lists[type(event)].append(event)

    def capabilities(self) -> tuple[str, ...]:
        """Return the names of the probes that were scored."""
        return tuple(dict.fromkeys(name for point in self.scores for name in point.scores))

    def chance(self, capability: str, which: str = "says") -> float:
        """Return the chance level of a capability, as the run recorded it."""
        levels = self.started.config.get("chance", {}) if self.started else {}
        return float(levels.get(capability, {}).get(which, 0.0))

    def points(self) -> list[Probed]:
        """Return the live points (or, in a run without them, the full ones), one a step."""
        live = [p for p in self.scores if not p.full] or self.scores
        return list({p.step: p for p in live}.values())

    def curve(self, capability: str, which: str = "says") -> Curve:
        """Return steps and scores of a capability at the live points.

        Parameters
        ----------
        capability : str
            Name of a probe.
        which : str
            ``"says"``, ``"knows"`` or an extra of its score, e.g. ``"bits_per_byte"``.
        """
        pairs = [
            (p.step, value)
            for p in self.points()
            if capability in p.scores and (value := _value(p.scores[capability], which)) is not None
        ]
        return tuple(s for s, _ in pairs), tuple(v for _, v in pairs)

    def retention(self, capability: str, which: str = "says") -> Curve:
        """Return steps and chance-corrected retention at the live points.

        Returns
        -------
        tuple
            ``(now - chance) / (base - chance)`` by step, the base being the first live point;
            empty where the base has nothing to lose.
        """
        steps, values = self.curve(capability, which)
        chance = self.chance(capability, which)
        if not values or values[0] <= chance or self.nothing_to_lose(capability, which):
            return (), ()
        return steps, tuple(metrics.retention(v, values[0], chance) for v in values)

    def base(self, capability: str) -> Score | None:
        """Return the base's score: on all items if base and end have both, else the quick ones."""
        return _score(self._end(True, capability), capability)

    def final(self, capability: str) -> Score | None:
        """Return the last score on the same set of items as ``base``."""
        return _score(self._end(False, capability), capability)

    def final_retention(self, capability: str, which: str = "says") -> float | None:
        """Return retention from base to end; None where there is nothing to lose or to compare."""
        base, final = self.base(capability), self.final(capability)
        if base is None or final is None or self.nothing_to_lose(capability, which):
            return None
        now, then = _value(final, which), _value(base, which)
        return metrics.retention(now, then, self.chance(capability, which))

    def nothing_to_lose(self, capability: str, which: str = "says") -> bool:
        """Return True if the base is within noise of chance at a capability."""
        having = [p for p in self.scores if capability in p.scores]
        points = [p for p in having if p.full] or having  # all items say it best
        base = points[0].scores[capability] if points else None
        if base is None:
            return False
        chance = self.chance(capability, which)
        return metrics.nothing_to_lose(_value(base, which) * base.n, base.n, chance)

    def flips(self, capability: str, which: str = "says") -> tuple[int, int]:
        """Return how many items went right to wrong, and wrong to right, from base to end."""
        base, final = self.base(capability), self.final(capability)
        if base is None or final is None:
            return 0, 0
        name = f"{which}_outcomes"
        return metrics.flips(getattr(base, name), getattr(final, name))

    def task_curve(self, task: str) -> Curve:
        """Return steps and scores of a task at the live points."""
        pairs = [(p.step, p.task_scores[task]) for p in self.points() if task in p.task_scores]
        return tuple(s for s, _ in pairs), tuple(v for _, v in pairs)

    def task_score(self, task: str) -> tuple[float | None, float | None]:
        """Return a task's score of the base and at the end."""
        ends = (self._end(True), self._end(False))
        base, final = (point.task_scores.get(task) if point else None for point in ends)
        return base, final

    def gain(self, task: str) -> float | None:
        """Return the new-task score at the end minus that of the base."""
        base, final = self.task_score(task)
        return None if base is None or final is None else final - base

    def matrix(self) -> list[list[float]]:
        """Return ``R[t][k]``, the score on task ``k`` after task ``t``; row 0 is the base.

        Only rows of finished tasks that scored every task are there; see ``metrics``.
        """
        tasks = self.started.tasks if self.started else ()
        ends = [0, *(done.step for done in self.tasks_done)]
        by_step = {p.step: p for p in sorted(self.scores, key=lambda p: p.full)}
        rows = [by_step[step].task_scores for step in ends if step in by_step]
        return [[row[task] for task in tasks] for row in rows if set(tasks) <= set(row)]

    def _end(self, first: bool, capability: str = "") -> Probed | None:
        """The first or last point; of the full points if two of them have the capability."""
        full = [p for p in self.scores if p.full and (not capability or capability in p.scores)]
        points = full if len(full) > 1 else self.points()
        return (points[0] if first else points[-1]) if points else None

    def to_json(self) -> str:
        """Return the history as JSON text."""
        kinds = (self.steps, self.scores, self.answers, self.changes, self.snapshots)
        ends = [event for event in (self.started, self.finished) if event is not None]
        events = [*ends[:1], *(e for kind in (*kinds, self.tasks_done) for e in kind), *ends[1:]]
        return json.dumps({"format": FORMAT, "events": [to_dict(event) for event in events]})

    @classmethod
    def from_json(cls, text: str | Mapping[str, Any]) -> History:
        """Return the history that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If the text is no history, in one sentence.
        """
        try:
            data = json.loads(text) if isinstance(text, str) else text
            if data["format"] == FORMAT:
                return cls.of(from_dict(event) for event in data["events"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"This is not a saved history of a run ({error}).") from error
        raise ValueError(
            f"This history has format {data['format']}, but this program reads {FORMAT}: "
            "run it again or update the program."
        )


def _value(score: Score, which: str) -> float | None:
    return getattr(score, which) if which in ("says", "knows") else score.extra.get(which)


def _score(point: Probed | None, capability: str) -> Score | None:
    return point.scores.get(capability) if point else None
