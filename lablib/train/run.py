"""The training loop: a generator of events. Nothing here draws, prints or decides what to show.

One class. ``_train`` is the loop and fits on one screen; around it are the things that happen
between two steps: controls, pauses, probe points. Iterating a ``Run`` runs it; whoever stops
iterating stops it, and iterating again goes on from there.
"""

from __future__ import annotations

import copy
import math
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_

from lablib import runtime
from lablib.controls import Controls
from lablib.events import ControlChanged, Event, Finished, Probed, Progress, Score, TaskDone
from lablib.methods import Method
from lablib.models import Rows
from lablib.probes.base import Probe
from lablib.tasks.base import Row, Task
from lablib.train import checkpoint, notices
from lablib.train.config import TrainConfig
from lablib.train.data import NO_GENERAL, Mixer, within_reach
from lablib.train.probing import Prober, Watch
from lablib.train.schedule import Clock, is_live_point, planned_steps
from lablib.train.step import backward
from lablib.train.stopping import Watcher
from lablib.train.weights import Origin, copy_of, origin_of, put_back, trainable

HOLD_SECONDS = 0.2  # longest sleep of a paused run between two looks at its controls


class Diverged(ValueError):
    """The loss or a gradient is no longer a finite number; what was measured is kept."""


class Run:
    """One model, one or more tasks learned in turn, one method, one seed.

    Parameters
    ----------
    model, tokenizer
        The base model, which this run trains in place, and its tokenizer.
    tasks : sequence of Task
        What is learned, in order.
    method : Method
        How it is fine-tuned.
    config : TrainConfig
        Learning rate, length, seed, how often it is measured.
    probes : sequence of Probe
        What must be kept.
    general : sequence of Row
        The pool that the mix ratio draws from; may be empty while the ratio is 0.
    controls : Controls, optional
        Shared with whoever may change the run. Settings it has take the place of the config's.
    name, model_name, digest : str
        What the run and its model are called; the model's checksum.
    watch : sequence of Watch
        Prompts answered at every probe point.
    base_scores : mapping of str to Score, optional
        The base model's scores on the full items, where they are known already.
    snapshot_folder : Path, optional
        Where ``config.snapshots`` writes.

    Attributes
    ----------
    events : list of Event
        What has happened so far, without ``Progress``.
    task, task_step, step : int
        Number of the current task; steps done in it, and in all.

    Notes
    -----
    A task takes ``ceil(epochs * rows / batch_size)`` steps, at most ``max_steps``, worked out
    anew when ``epochs`` is changed. Live points use the quick items and the first
    ``task_test_rows`` test rows. All items of ``full_probes`` are scored at the base and
    after each task, there with up to 200 test rows. ``Stop`` ends a run without a last point.
    """

    def __init__(
        self,
        model,
        tokenizer,
        tasks: Sequence[Task],
        method: Method,
        config: TrainConfig,
        probes: Sequence[Probe],
        general: Sequence[Row],
        controls: Controls | None = None,
        *,
        name: str = "",
        model_name: str = "",
        digest: str = "",
        watch: Sequence[Watch] = (),
        base_scores: Mapping[str, Score] | None = None,
        snapshot_folder: Path | None = None,
    ):
        if not tasks:
            raise ValueError("A run needs at least one task to learn.")
        if config.mix_ratio > 0 and not general and not method.owns_pool:
            raise ValueError(NO_GENERAL)
        if config.snapshots and snapshot_folder is None:
            raise ValueError("Snapshots need a folder: give snapshot_folder or turn them off.")
        notices.check_reach(model, config.max_length)
        notices.check_watched(config, probes)
        self.tasks, self.config, self.method = tuple(tasks), config, copy.deepcopy(method)
        self.controls = Controls() if controls is None else controls
        self.name, self.digest = name, digest
        self.model_name = model_name or Path(getattr(model, "name_or_path", "")).name
        self.run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        self.events: list[Event] = []
        self.settings = {k: getattr(config, k) for k in ("lr", "mix_ratio", "epochs")}
        self.settings |= self.method.settings()
        notices.check_known(self.controls.snapshot(), self.settings)
        self.task = self.task_step = self.step = 0  # task by number; steps done in it, and in all
        self.optimizer: torch.optim.Optimizer | None = None
        self.watcher: Watcher | None = None
        self.clock = Clock()
        self._reason = ""  # why the run ends; empty while it goes on
        self.device = runtime.device()
        self._model, self.tokenizer = model.to(self.device).eval(), tokenizer
        self.chance = {p.name: {"says": p.chance_says, "knows": p.chance_knows} for p in probes}
        self.rows = [
            Rows(task.rows("train")[: config.train_rows], tokenizer, config.max_length)
            for task in self.tasks
        ]
        for number, (task, rows) in enumerate(zip(self.tasks, self.rows, strict=True)):
            if not len(rows):
                raise ValueError(f"Task {task.name!r} has no training rows; add some.")
            rows.used = within_reach(len(rows), config, notices.purpose(number))
        self.general = self.pool = Rows(general, tokenizer, config.max_length)
        self.prepared = False  # True once the method has prepared itself and wrapped the model
        self.begun = -1  # number of the last task that the method was made ready for
        self.origin = Origin(self._model)
        self.prober = Prober(
            self._model,
            tokenizer,
            self.origin,
            probes,
            tasks,
            config,
            self.controls,
            digest=digest,
            watch=watch,
            base_full=base_scores,
            snapshot_folder=snapshot_folder,
        )

    @property
    def model(self):
        """The model as it is now; read it between two events only."""
        return self._model

    def base(self) -> AbstractContextManager[None]:
        """Return a context in which ``model`` has the weights it began with; read only."""
        return self.origin.swapped_in(self._model)

    def save(self, folder: Path) -> None:
        """Write everything needed to go on later, to the same trajectory; see ``resume``."""
        checkpoint.save(self, Path(folder))

    @classmethod
    def resume(
        cls, folder: Path, model, tokenizer, tasks, probes, general, controls=None, **options
    ) -> Run:
        """Return the run that ``save`` wrote, ready to go on.

        Parameters
        ----------
        folder : Path
            Where it was saved.
        model, tokenizer, tasks, probes, general, controls, **options
            As for a new run: the *base* model, the same tasks, probes and general rows.

        Raises
        ------
        ValueError, OSError
            If the model or the data are not those of the saved run, or a file is damaged.
        """
        return checkpoint.resume(
            cls, Path(folder), model, tokenizer, tasks, probes, general, controls, **options
        )

    def __iter__(self) -> Iterator[Event]:
        if self.events and isinstance(self.events[-1], Finished) and self._complete():
            return
        self._reason = ""
        self.clock.start()
        try:
            for event in self._all():
                if not isinstance(event, Progress):
                    self.events.append(event)
                yield event
        except Diverged:
            self.events.append(Finished(self.step, "diverged", self.clock.seconds))
            yield self.events[-1]
            raise
        finally:
            self.clock.stop()
            self._model.eval()

    def _all(self) -> Iterator[Event]:
        """The whole run, from wherever it is."""
        if not self.events:
            yield notices.started(self)
        if self.prober.live_at < 0:
            self._watch_over((yield from self.prober.base()))
        while not self._complete() and not self._stop():
            yield from self._encode()
            yield from self.make_ready()
            yield from self._train()
            if not self._stop():
                yield from self._end_task()
        yield Finished(self.step, self._reason or "done", self.clock.seconds)

    def _encode(self) -> Iterator[Progress]:
        """Encode task and general rows, so that a bad one is found before the first step."""
        task = (self.rows[self.task], self.tasks[self.task].name)
        for rows, name in (task, (self.general, "general examples")):
            for progress in rows.prepare(name):
                yield progress
                if self._stop():
                    return

    def make_ready(self) -> Iterator[Progress]:
        """Let the method prepare itself on the base, wrap the model and begin the task."""
        seed, method = self.config.seed, self.method
        if not self.prepared:
            purpose = runtime.derive_seed(seed, "prepare")
            for progress in method.prepare(
                self._model, self.tokenizer, self.rows, self.general, purpose
            ):
                yield progress
                if self._stop():
                    return
            moved = bool(self.origin.displacement(self._model))
            with runtime.seeded(self.device, runtime.derive_seed(seed, "wrap")):
                self._model = method.wrap(self._model).to(self.device).eval()
            self.origin = origin_of(self._model, self.origin, moved)
            self.prober.measure(self._model, self.origin)
            if self.watcher:  # it has seen the base, of which other weights were trainable
                self.watcher.best_weights = copy_of(trainable(self._model))
            self.prepared = True
        while self.begun < min(self.task, len(self.tasks) - 1):
            self.begun += 1
            with runtime.seeded(self.device, runtime.derive_seed(seed, "begin", self.begun)):
                method.begin_task(self._model, self.begun)
            self.pool = method.pool(self.general, self.rows[: self.begun])

    def _train(self) -> Iterator[Event]:
        """The training loop: steps on the current task until they are done."""
        if self._stop():
            return
        model, config, rows = self._model, self.config, self.rows[self.task]
        mixer = Mixer(rows, self.pool, self.tokenizer, config, notices.purpose(self.task))
        parameters = list(trainable(model).values())
        # That of the first task has seen the base.
        if config.early_stopping and self.watcher is None:
            self.watcher = self.new_watcher()
            self.watcher.begin(self.step, model)
        if self.optimizer is None:
            self.optimizer = self.method.optimizer(model, self.settings["lr"], config.weight_decay)
        while True:
            yield from self._probe_if_due()
            yield from self._hold()
            yield from self._apply_controls()
            if self._over():
                return
            begun, settings, step = time.perf_counter(), self.settings, self.task_step + 1
            for group in self.optimizer.param_groups:
                group["lr"] = settings["lr"]
            model.train()
            batch = mixer.batch(step, self._mix_ratio()).to(self.device)
            dropout_seed = runtime.derive_seed(config.seed, "dropout", self.task, step)
            self.optimizer.zero_grad(set_to_none=True)
            with runtime.seeded(self.device, dropout_seed):
                loss, penalty = backward(model, self.method, batch, config.micro_batch_size)
            norm = clip_grad_norm_(parameters, config.clip)
            # three numbers in one wait for a GPU
            loss, penalty, norm = torch.stack([loss, penalty, norm]).tolist()
            if not all(map(math.isfinite, (loss, penalty, norm))):
                raise Diverged(notices.diverged(self, loss, penalty))
            self.optimizer.step()
            self.task_step, self.step = step, self.step + 1
            yield notices.step_done(self, batch, loss, penalty, time.perf_counter() - begun)

    def total_steps(self) -> int:
        """Return the steps of the whole run as planned now, past tasks and those to come."""
        to_come = range(self.task, len(self.tasks))
        return self.step - self.task_step + sum(map(self._planned, to_come))

    def _mix_ratio(self) -> float:
        """The mix ratio, or 0 while the method has nothing yet to mix in."""
        waiting = self.method.owns_pool and not len(self.pool)
        return 0.0 if waiting else self.settings["mix_ratio"]

    def _planned(self, task: int) -> int:
        return planned_steps(self.config, self.settings["epochs"], len(self.rows[task]))

    def _complete(self) -> bool:
        """True once all tasks are done."""
        return self.task >= len(self.tasks)

    def _stop(self) -> bool:
        """True once Stop was asked for."""
        if self.controls.stopped:
            self._reason = "stopped"
        return self.controls.stopped

    def _over(self) -> bool:
        """True if no further step of this task is to be done."""
        limit = self.config.max_seconds
        if not self._stop() and limit is not None and self.clock.seconds >= limit:
            self._reason = "time is up"
        if self.watcher and self.watcher.over:
            self._reason = "early stopping"
        return bool(self._reason) or self.task_step >= self._planned(self.task)

    def _hold(self) -> Iterator[Event]:
        """Wait while the run is paused; answer what was asked meanwhile, paused or not."""
        yield from self.prober.answer_typed(self.step)
        while not self._stop() and not self._reason and not self.controls.may_step():
            self.clock.stop()
            self.controls.wait(HOLD_SECONDS)
            self.clock.start()
            yield from self.prober.answer_typed(self.step)

    def _apply_controls(self) -> Iterator[ControlChanged]:
        """Take over what was changed since the last step, once per step."""
        notices.check_known(self.controls.snapshot(), self.settings)
        for name, new in self.controls.snapshot().items():
            old = self.settings[name]
            if new != old:
                if name in self.method.settings():
                    self.method.change(name, new)  # which may refuse it
                self.settings = {**self.settings, name: new}
                yield ControlChanged(self.step + 1, name, old, new)

    def _probe_if_due(self) -> Iterator[Event]:
        """Measure a live point if the schedule has one here; the last is left to ``_end_task``."""
        missing = self.prober.live_at != self.step and self.task_step < self._planned(self.task)
        if missing and is_live_point(self.config, self.task_step):
            self._watch_over((yield from self.prober.live(self.step, self.task)))

    def _watch_over(self, point: Probed | None) -> None:
        """Let early stopping see a live point."""
        if self.config.early_stopping is None or point is None:
            return
        if self.watcher is None:
            self.watcher = self.new_watcher()
        self.watcher.see(point, self.prober.base_quick, self._model)

    def new_watcher(self) -> Watcher:
        """Return an early stopping that has seen nothing yet."""
        rule = self.config.early_stopping
        return Watcher(rule, self.chance.get(rule.probe, {}).get("says", 0.0))

    def _end_task(self) -> Iterator[Event]:
        """Measure where the task has ended, and go on to the next one."""
        prober, point, restored = self.prober, None, False
        if self.watcher:
            if prober.live_at != self.step:
                self._watch_over((yield from prober.live(self.step, self.task)))
            if self._stop():
                return
            put_back(self._model, self.watcher.best_weights)
            restored = self.watcher.best_step != self.step  # what was measured here is gone
        if self.config.full_probes and prober.full_at != self.step:
            point = yield from prober.full(self.step, self.task)
        if (restored or prober.live_at != self.step) and not self._stop():
            yield from prober.live(self.step, self.task, point)
        for progress in self.method.after_task(
            self._model,
            self.tokenizer,
            self.rows[self.task],
            self.task,
            runtime.derive_seed(self.config.seed, "after task", self.task),
        ):
            yield progress
            if self._stop():
                return
        if not self._stop():
            name = self.tasks[self.task].name
            self.task = len(self.tasks) if self._reason else self.task + 1
            self.task_step, self.optimizer, self.watcher = 0, None, None
            yield TaskDone(name, self.step)
