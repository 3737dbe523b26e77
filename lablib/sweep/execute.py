"""All jobs of a sweep, through any ``concurrent.futures.Executor``; resumable.

Only ``submit`` of the executor and ``cancel`` of its futures are used, so that processes here,
a Dask cluster or anything else will do. A finished job is a whole file in the folder; a sweep
that is killed and started again does the rest.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass
from pathlib import Path

from lablib import atomic
from lablib.sweep.job import Job, result_path, unique
from lablib.sweep.measured import Measured, stored
from lablib.sweep.worker import do


@dataclass(frozen=True)
class Outcome:
    """How one job ended.

    Attributes
    ----------
    job : Job
        What was asked for.
    measured : Measured or None
        Its result, None if it failed.
    error : str
        One sentence, if it failed.
    stored : bool
        True if the result was there already.
    """

    job: Job
    measured: Measured | None = None
    error: str = ""
    stored: bool = False


def run(
    jobs: Sequence[Job],
    folder: Path,
    executor: Executor | None = None,
    workers: int | None = None,
    threads: int = 1,
) -> Iterator[Outcome]:
    """Do all jobs that are not done yet and yield how each ended, the stored ones first.

    Parameters
    ----------
    jobs : sequence of Job
        What to run. Jobs that differ in their label only are done once.
    folder : Path
        Where results are kept, one JSON file a job.
    executor : Executor, optional
        Where jobs are done; left open. Default: processes on this machine.
    workers : int, optional
        How many of those; default one a CPU core.
    threads : int
        CPU threads of a job.

    Notes
    -----
    Whoever stops iterating, or interrupts, cancels what has not begun; what has begun ends and
    is kept. A second interrupt ends the processes at once.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    _check_folder(folder)
    waiting: list[Job] = []
    for job in unique(jobs):
        there = stored(result_path(folder, job))
        if there is None:
            waiting.append(job)
        else:
            yield Outcome(job, there, stored=True)
    if not waiting:
        return
    if executor is not None:
        yield from _all(executor, waiting, folder, threads, len(waiting))
        return
    n = min(workers or os.cpu_count() or 1, len(waiting))
    with _processes(n) as own:
        # No more than can begin: a pool marks queued jobs as running, and cannot cancel those.
        yield from _all(own, waiting, folder, threads, n)


def _all(
    executor: Executor, jobs: Sequence[Job], folder: Path, threads: int, at_once: int
) -> Iterator[Outcome]:
    waiting = list(reversed(jobs))
    begun: dict[Future, Job] = {}
    try:
        while waiting or begun:
            while waiting and len(begun) < at_once:
                job = waiting.pop()
                try:
                    begun[executor.submit(do, job.to_dict(), str(folder), threads)] = job
                except BrokenExecutor as error:  # a pool that lost a worker takes nothing more
                    yield _lost(job, error)
            done, _ = wait(begun, return_when=FIRST_COMPLETED)
            for future in [f for f in begun if f in done]:  # in the order they were asked for
                yield _outcome(begun.pop(future), future, folder)
    finally:
        for future in begun:
            future.cancel()


def _outcome(job: Job, future: Future, folder: Path) -> Outcome:
    try:
        answer = future.result()
        if "error" in answer:
            return Outcome(job, error=answer["error"])
        path = result_path(folder, job)
        if not path.exists():  # done on a machine that does not share the folder
            text = answer["result"]
            atomic.write_text(path, text)
        return Outcome(job, Measured.from_json(answer["result"]))
    except Exception as error:
        return _lost(job, error)


def _lost(job: Job, error: Exception) -> Outcome:
    said = " ".join(str(error).split()) or type(error).__name__
    return Outcome(
        job,
        error=f"its worker process ended ({said}); if memory was short, start again with "
        "fewer workers: finished runs are kept.",
    )


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"The runs cannot be kept in {folder} ({error.strerror}): choose another folder."
        ) from error
    if not os.access(folder, os.W_OK):
        raise OSError(
            f"The runs cannot be kept in {folder}: it is read-only; choose another folder."
        )


@contextlib.contextmanager
def _processes(n: int) -> Iterator[ProcessPoolExecutor]:
    """Yield worker processes that end with this one, however it ends."""
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if hasattr(context, "set_forkserver_preload"):
        # Libraries are imported once and shared; nothing is computed before the fork.
        context.set_forkserver_preload([do.__module__])
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(n, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool
    finally:
        try:
            pool.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


def _end_with_parent() -> None:
    """In a worker: leave Ctrl-C to the parent, and end when it is gone, killed or not."""
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()
