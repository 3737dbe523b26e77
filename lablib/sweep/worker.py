"""One job in a worker process: load, run, measure, write the result as a whole file.

Nothing is taken over from the process that asked: the job sets its own number of threads, its
seed is in its config, and the model is loaded here, once for all jobs of this process. Two
threads of one process (a Dask worker may have several) take turns, since dropout and the
initialization of adapters draw from random numbers that a process has only once.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lablib import atomic, experiment, models, runtime
from lablib import tasks as all_tasks
from lablib.controls import Batch
from lablib.history import History
from lablib.methods import make
from lablib.models import LoadedModel
from lablib.sweep.cost import Meter
from lablib.sweep.divergence import base_answers, divergence
from lablib.sweep.job import Job, result_path
from lablib.sweep.measured import Measured, measure, stored
from lablib.train import EarlyStopping
from lablib.train.run import Diverged

PROMPTS = 32  # test prompts of each task on which the divergence is measured
_turn = threading.Lock()


def do(job: Mapping[str, Any], folder: str, threads: int = 1) -> dict[str, str]:
    """Do one job, unless its result is there, and return it; never raises.

    Parameters
    ----------
    job : mapping
        What ``Job.to_dict`` gave.
    folder : str
        Where the result is written as a whole; on a machine that does not have this folder
        nothing is written.
    threads : int
        CPU threads of the run; the same number gives the same figures.

    Returns
    -------
    dict
        ``{"result": JSON text}``, or ``{"error": one sentence}``.
    """
    the_job = Job.from_dict(dict(job))
    path = result_path(Path(folder), the_job)
    try:
        with _turn, _threads(threads):
            there = stored(path)  # another process may have been faster
            text = there.to_json() if there else measured(the_job).to_json()
            if path.parent.is_dir():
                atomic.write_text(path, text)
            return {"result": text}
    except Exception as error:  # one job must not end the others
        said = " ".join(str(error).split())
        known = isinstance(error, ValueError | OSError | ImportError) and said
        return {"error": said if known else f"{type(error).__name__}: {said or 'no reason given'}."}


def measured(job: Job) -> Measured:
    """Do one job in this process and return what is kept of it.

    A run whose loss is no longer finite is a result too: what was measured until then is kept.
    """
    loaded = _loaded(job.model, job.content)
    run = experiment.build(
        loaded,
        list(job.tasks),
        job.method,
        settings=job.settings,
        watch=(),
        probe_names=job.probes or None,
        general=job.general or "default",
        name=job.label,
        **_config(job, loaded),
    )
    meter, history, watcher = Meter(run), History(), None
    try:
        for event in run:
            meter.add(event)
            history.add(event)
            watcher = run.watcher or watcher  # the run lets go of it when its task is done
    except Diverged:
        history.add(run.events[-1])
    cost = meter.cost(run)
    moved = divergence(
        loaded.model, run.model, _answers(job.model, job.content, job.tasks, run.config.max_length)
    )
    config = history.started.config
    return measure(
        job,
        history,
        cost,
        kept_step=watcher.best_step if watcher else None,
        moved=moved,
        facts={
            "digest": loaded.digest,
            "versions": history.started.versions,
            "machine": runtime.machine(),
            "lr": config["lr"],
            "batch_size": config["batch_size"],
            "method_settings": config["method_settings"],
        },
    )


def _config(job: Job, loaded: LoadedModel) -> dict[str, Any]:
    config = {**job.config, "seed": job.seed}
    if config.get("early_stopping"):
        config["early_stopping"] = EarlyStopping(**config["early_stopping"])
    if "lr" not in config:
        method = make(job.method, job.settings, loaded.n_parameters)
        task = all_tasks.load(job.tasks[0]).name
        config["lr"] = experiment.defaults(loaded.n_parameters, method, task).lr * job.lr_factor
    return config


@functools.lru_cache(maxsize=1)
def _loaded(name: str, content: str) -> LoadedModel:
    """A process may outlive what the name stands for; ``content`` tells."""
    return models.load(name)


@functools.lru_cache(maxsize=4)
def _answers(
    model: str, content: str, tasks: tuple[str, ...], max_length: int
) -> tuple[Batch, ...]:
    """What the base answers to the tasks' own test prompts."""
    loaded, found = _loaded(model, content), ()
    for name in tasks:
        prompts = [row.prompt for row in all_tasks.load(name).rows("test")[:PROMPTS]]
        if prompts:
            found += base_answers(loaded.model, loaded.tokenizer, prompts, max_length)
    return found


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
