"""Measuring the model between two steps: probes, task scores, validation loss, answers.

Everything yields part by part, so that Stop never waits for more than one batch, and leaves
the model as it was found: same mode, same random state.

What is scored when: at the base and after each task all items of the probes that the config
names (``full``); at the base, at the live points and at the end the quick items of all. Tasks
are scored on the first ``task_test_rows`` test rows, after each task on six times as many (200
at most). The base has the few rows too, since a run must show its first point at once: where it can
do some of a task already (``mini``'s ``sums``: .08 on 24 rows, .13 on 144) a gain has their noise.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lablib import models, probes
from lablib.controls import Controls
from lablib.events import Answered, Event, Probed, Progress, Score, Snapshotted, score_from_dict
from lablib.models import Rows
from lablib.models.prefix import evaluating
from lablib.probes.base import Probe
from lablib.tasks.base import Task
from lablib.train.config import TrainConfig
from lablib.train.weights import AdapterOrigin, Origin, write_snapshot

FULL_TEST_TIMES = 6  # as many test rows are scored at the end of a task as at a live point …
FULL_TEST_ROWS = 200  # … but no more than these
ANSWER_TOKENS = 48  # longest answer to a watched prompt
VALIDATION_BATCH = 16  # rows whose loss is taken at once


@dataclass(frozen=True)
class Watch:
    """A prompt answered at every probe point, with candidates whose probabilities are shown."""

    prompt: str
    candidates: tuple[str, ...] = ()


class Prober:
    """Measures the model of one run at its probe points, and answers what is asked of it.

    Parameters
    ----------
    model, tokenizer
        The model that is trained, and its tokenizer.
    origin : Origin
        The weights it began with.
    probe_list : sequence of Probe
        What must be kept.
    tasks : sequence of Task
        What is learned, in order.
    config : TrainConfig
        How much is measured.
    controls : Controls
        Stop ends a measurement after the batch at work; a point cut short is not reported.
    digest : str
        Checksum of the base, by which its scores are cached; empty: they are not.
    watch : sequence of Watch
        Prompts answered at every live point.
    base_full : mapping of str to Score, optional
        The base's scores on all items, where they are known.
    snapshot_folder : Path, optional
        Where the weights are written at every live point.
    """

    def __init__(
        self,
        model,
        tokenizer,
        origin: Origin,
        probe_list: Sequence[Probe],
        tasks: Sequence[Task],
        config: TrainConfig,
        controls: Controls,
        *,
        digest: str = "",
        watch: Sequence[Watch] = (),
        base_full: Mapping[str, Score] | None = None,
        snapshot_folder: Path | None = None,
    ):
        self._model, self._tokenizer, self._origin = model, tokenizer, origin
        self._probes, self._tasks, self._config = tuple(probe_list), tuple(tasks), config
        self._controls, self._snapshot_folder = controls, snapshot_folder
        self._digest = digest
        wanted = config.full_probes
        for name in () if isinstance(wanted, bool) else wanted:
            if name not in [probe.name for probe in self._probes]:
                raise ValueError(f"full_probes names {name!r}, which this run does not score.")
        self._full_probes = tuple(
            probe
            for probe in self._probes
            if (wanted if isinstance(wanted, bool) else probe.name in wanted)
        )
        self.watch, self._typed = tuple(watch), None
        self._validation = [
            Rows(task.rows("validation")[: config.task_test_rows], tokenizer, config.max_length)
            for task in tasks
        ]
        self.base_full = dict(base_full) if base_full else None
        self.base_quick: dict[str, Score] = {}
        self.live_at = -1  # step of the last complete live point
        self.full_at = -1  # step of the last complete full point

    def measure(self, model, origin: Origin | AdapterOrigin) -> None:
        """Measure ``model`` from now on, which a method has wrapped."""
        self._model, self._origin = model, origin

    def base(self) -> Generator[Event, None, Probed | None]:
        """Measure the base: all items of ``full_probes``, then a live point.

        What the cache knows of a base with this digest is not measured again.
        """
        full = None
        if self._config.full_probes:
            full = yield from self._measure(0, 0, self._known("full", self._full_probes), full=True)
            if full is None:
                return None
            self.base_full = full.scores
        return (yield from self.live(0, 0, full))

    def live(
        self, step: int, task: int, full: Probed | None = None
    ) -> Generator[Event, None, Probed | None]:
        """Measure the quick items, the tasks begun so far and the watched prompts.

        Parameters
        ----------
        step, task : int
            Steps done, number of the current task.
        full : Probed, optional
            The full point of this very step, from which the live one is taken.

        Returns
        -------
        Probed or None
            The point, or None if Stop cut it short.
        """
        known = self._known("quick", self._probes) if step == 0 else {}
        if full:
            known |= {p.name: _quick_part(p, full.scores[p.name]) for p in self._full_probes}
        if full and len(known) == len(self._probes):
            scores = {p.name: known[p.name] for p in self._probes}
            point = replace(full, full=False, scores=scores, seconds=0.0)
            yield point
        else:
            point = yield from self._measure(step, task, known, full=False)
        if point is None:
            return None
        if step == 0:
            self.base_quick = point.scores
        yield from _answers(self._model, self._tokenizer, self._watched(), step)
        if self._config.snapshots and self._snapshot_folder is not None:
            write_snapshot(self._model, self._snapshot_folder, step)
            yield Snapshotted(step, str(self._snapshot_folder))
        self.live_at = step
        return point

    def full(self, step: int, task: int) -> Generator[Event, None, Probed | None]:
        """Measure all items, and every task on more test rows, after a task."""
        return (yield from self._measure(step, task, {}, full=True))

    def answer_typed(self, step: int) -> Iterator[Answered]:
        """Let the base (as step 0) and the model as it is now answer what was typed."""
        for prompt in self._controls.take_prompts():
            watch = [Watch(prompt)]
            try:
                with self._origin.swapped_in(self._model):
                    found = list(_answers(self._model, self._tokenizer, watch, 0))
                if step:
                    found += _answers(self._model, self._tokenizer, watch, step)
            except ValueError as error:  # an empty or endless prompt is no reason to end a run
                yield Answered(step, prompt, f"({error})")
                continue
            self._typed = watch[0]
            yield from found

    def _watched(self) -> list[Watch]:
        return [*self.watch, *([self._typed] if self._typed else [])]

    def _base_name(self) -> str:
        """What the cache calls this base; empty, so that nothing is cached, if it has moved."""
        untouched = self._origin.as_loaded and not self._origin.displacement(self._model)
        return probes.base_name(self._digest if untouched else "", self._model, self._tokenizer)

    def _known(self, split: str, asked: Sequence[Probe]) -> dict[str, Score]:
        """What is known of the base: all that is asked, or nothing."""
        given = (self.base_full or {}) if split == "full" else {}
        if all(probe.name in given for probe in asked):
            return {probe.name: given[probe.name] for probe in asked}
        return probes.cached_base_scores(self._base_name(), asked, split) or {}

    def position(self) -> dict[str, Any]:
        """Return what has been measured, JSON-ready, for a checkpoint."""
        return {
            "live_at": self.live_at,
            "full_at": self.full_at,
            "base_full": {k: asdict(v) for k, v in (self.base_full or {}).items()},
            "base_quick": {k: asdict(v) for k, v in self.base_quick.items()},
        }

    def restore(self, position: Mapping[str, Any]) -> None:
        """Take over what ``position`` gave."""
        self.live_at, self.full_at = position["live_at"], position["full_at"]
        for name in ("base_full", "base_quick"):
            setattr(self, name, {k: score_from_dict(v) for k, v in position[name].items()})

    def _measure(
        self, step: int, task: int, known: Mapping[str, Score], *, full: bool
    ) -> Generator[Event, None, Probed | None]:
        """Measure one point; scores that are ``known`` are taken as they are."""
        begun = time.perf_counter()
        split, asked = ("full", self._full_probes) if full else ("quick", self._probes)
        open_ = [probe for probe in asked if probe.name not in known]
        found = (yield from self._score_probes(open_, split)) if open_ else {}
        if found is None:
            return None
        if step == 0:
            probes.keep_base_scores(self._base_name(), open_, found, split)
        scores = {p.name: known[p.name] if p.name in known else found[p.name] for p in asked}
        rows = self._config.task_test_rows
        if full and step:
            rows = min(FULL_TEST_TIMES * rows, FULL_TEST_ROWS)
        n_tasks = len(self._tasks) if full or step == 0 else task + 1
        tasks = yield from self._score_tasks(n_tasks, rows)
        loss = yield from self._validation_loss(task)
        if tasks is None or self._controls.stopped:
            return None
        point = Probed(
            step=step,
            task=self._tasks[task].name,
            scores=scores,
            task_scores=tasks,
            full=full,
            seconds=time.perf_counter() - begun,
            displacement=self._origin.displacement(self._model),
            validation_loss=loss,
        )
        if full:
            self.full_at = step
        yield point
        return point

    def _score_probes(
        self, asked: Sequence[Probe], split: str
    ) -> Generator[Progress, None, dict[str, Score] | None]:
        found: dict[str, Score] = {}
        for part in probes.iter_score_all(asked, self._model, self._tokenizer, split):
            if self._controls.stopped:
                return None
            if isinstance(part, Progress):
                yield part
            else:
                found[part[0]] = part[1]
        return found

    def _score_tasks(
        self, known_tasks: int, limit: int
    ) -> Generator[Progress, None, dict[str, float] | None]:
        found: dict[str, float] = {}
        for task in self._tasks[:known_tasks] if limit else ():
            if not task.rows("test"):
                continue
            for part in task.iter_score(
                self._model, self._tokenizer, "test", limit, self._config.max_length
            ):
                if self._controls.stopped:
                    return None
                if isinstance(part, Progress):
                    yield Progress(f"probing: {task.name}", part.done, part.total)
                else:
                    found[task.name] = part
        return found

    def _validation_loss(self, task: int) -> Generator[Progress, None, float | None]:
        """Mean loss per answer token on validation rows, in nats; None if there are none."""
        rows = self._validation[task]
        total, count = 0.0, 0
        for start in range(0, len(rows), VALIDATION_BATCH):
            if self._controls.stopped:
                return None
            numbers = range(start, min(start + VALIDATION_BATCH, len(rows)))
            losses, answer_tokens = _losses(self._model, rows.batch(numbers))
            total, count = total + losses, count + answer_tokens
            yield Progress("probing: validation loss", numbers[-1] + 1, len(rows))
        return total / count if count else None


def _answers(model, tokenizer, watch: Sequence[Watch], step: int) -> Iterator[Answered]:
    """Greedy answers and shares of the candidates, batch by batch."""
    if not watch:
        return
    shares = _candidate_shares(model, tokenizer, watch)
    prompts = [w.prompt for w in watch]
    for batch in models.iter_generate(model, tokenizer, prompts, max_new_tokens=ANSWER_TOKENS):
        for i, text in batch:
            yield Answered(step, watch[i].prompt, text, shares.get(i, ()))


def _quick_part(probe: Probe, full: Score) -> Score:
    """The score on the quick items, which are some of all; what else was measured is left out."""
    number = {item.id: i for i, item in enumerate(probe.items("full"))}
    picked = [number[item.id] for item in probe.items("quick")]
    says = tuple(full.says_outcomes[i] for i in picked)
    knows = tuple(full.knows_outcomes[i] for i in picked)
    n = len(picked)
    return Score(sum(says) / n, sum(knows) / n, n, says, knows)


def _losses(model, batch) -> tuple[float, int]:
    """Summed loss of the answer tokens of a batch, and how many there are."""
    batch = batch.to(next(model.parameters()).device)
    with evaluating(model):
        total = models.token_losses(model, batch).sum().item()
    return total, int((batch.labels != -100).sum())


def _candidate_shares(
    model, tokenizer, watch: Sequence[Watch]
) -> dict[int, tuple[tuple[str, float], ...]]:
    """Probability of each candidate among the candidates of its prompt."""
    asked = [i for i, w in enumerate(watch) if w.candidates]
    if not asked:
        return {}
    logprobs = models.candidate_logprobs(
        model, tokenizer, [watch[i].prompt for i in asked], [watch[i].candidates for i in asked]
    )
    shares = {}
    for i, row in zip(asked, logprobs, strict=True):
        highest = max(row)
        weights = [math.exp(value - highest) for value in row]
        shares[i] = tuple(
            (candidate, weight / sum(weights))
            for candidate, weight in zip(watch[i].candidates, weights, strict=True)
        )
    return shares
