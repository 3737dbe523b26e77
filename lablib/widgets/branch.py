"""A run that goes on from a moment of an earlier one, with other settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lablib.events import Answered, ControlChanged, Event, Probed, Progress, Started
from lablib.history import History
from lablib.train import load_snapshot

LIVE = ("lr", "mix_ratio", "epochs")


class Branch:
    """Iterable like a run: the earlier run's past, then new steps from its weights.

    Parameters
    ----------
    run : Run
        A fresh run on the base model; it knows the base, so retention, displacement and the
        base's answers keep their meaning.
    past : History
        The earlier run.
    weights : tuple of Path and int
        The snapshot to go on from: its folder, and the step under which it lies there.
    step : int
        The moment to go on from, as the earlier run counts.

    Notes
    -----
    The optimizer begins anew: a snapshot holds weights, not AdamW's moments.
    """

    def __init__(self, run: Any, past: History, weights: tuple[Path, int], step: int):
        self.run, self.past, self.step = run, past, step
        load_snapshot(run.model, *weights)

    @property
    def model(self) -> Any:
        """The model as it is now; read it between two events only."""
        return self.run.model

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self.run.tokenizer

    @property
    def model_name(self) -> str:
        """What the base model is called."""
        return self.run.model_name

    @property
    def origin(self) -> Any:
        """Where the earlier run began."""
        return self.run.origin

    def base(self) -> AbstractContextManager[None]:
        """Return a context in which ``model`` is the base."""
        return self.run.base()

    def __iter__(self) -> Iterator[Event]:
        past = before(self.past, self.step)
        asked = {answer.prompt for answer in past.answers}
        for event in self.run:
            if isinstance(event, Started):
                yield self._started(event)
                yield from sorted(
                    (*past.steps, *past.scores, *past.answers, *past.changes), key=_when
                )
                yield from self._changes(event)
            elif isinstance(event, Progress):
                yield event
            elif event.step == 0 and (isinstance(event, Probed) or _known(event, asked)):
                continue  # the branch's own beginning is not the base
            else:
                yield self._shifted(event)

    def _started(self, event: Started) -> Started:
        origin = {"branched_from": self.past.started.run_id, "branched_at": self.step}
        return replace(
            event,
            total_steps=event.total_steps + self.step,
            config={**event.config, **origin},
        )

    def _changes(self, event: Started) -> Iterator[ControlChanged]:
        """What is different from here on, as marks on the chart."""
        then, now = self.past.started.config, event.config
        for name in LIVE:
            last = [c.new for c in self.past.changes if c.name == name and c.step <= self.step]
            old = last[-1] if last else then.get(name)
            if old != now.get(name):
                yield ControlChanged(self.step + 1, name, old, now.get(name))
        if event.method != self.past.started.method:
            old, new = self.past.started.method, event.method
            yield ControlChanged(self.step + 1, "method", old, new)

    def _shifted(self, event: Event) -> Event:
        if isinstance(event, Answered) and event.step == 0:
            return event  # the base's answer to a prompt that was typed now
        moved = {"step": event.step + self.step}
        if hasattr(event, "total_steps"):
            moved["total_steps"] = event.total_steps + self.step
        return replace(event, **moved)


def before(history: History, step: int) -> History:
    """Return the part of a history up to and including ``step``."""
    cut = History(started=history.started)
    for name in ("steps", "scores", "answers", "changes", "snapshots"):
        kept = [event for event in getattr(history, name) if event.step <= step]
        setattr(cut, name, kept)
    return cut


def _when(event: Event) -> tuple[int, int]:
    kinds = (ControlChanged, Probed, Answered)
    return event.step, kinds.index(type(event)) if isinstance(event, kinds) else -1


def _known(event: Event, asked: set[str]) -> bool:
    return isinstance(event, Answered) and event.prompt in asked
