"""Which way of fine-tuning survives a memory limit: one training step in a limited process.

The operating system enforces the limit (``RLIMIT_DATA``), so that a step that needs more fails
as it would on a smaller machine. Where there is no such limit, or not enough memory to try, the
labs show what ``data/results/make_memory.py`` stored.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lablib
from lablib import models
from lablib.events import Progress
from lablib.lessons import device, shapes, stored
from lablib.methods import memory
from lablib.methods.memory import Memory

METHODS = ("full", "lora", "qlora")
FACTORS = (1.0, 1.25, 1.5, 2.0, 4.0, 5.0)  # caps, in float32 weights of the model
SURVIVORS = ("all three", "LoRA and QLoRA", "QLoRA alone", "none of the three")
ROWS = (1, 4, 16)
TOKENS = 64  # of a row
LIMIT_S = 240.0  # for one step with its process; a machine that swaps would take for ever
_LIBRARIES = 0.7e9  # bytes that the child takes before it has a model
_STAGES = ("starting a process", "loading the model", *memory.STAGES)
# Freed memory goes back at once, so that the limit meets what is in use and not what was.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True)
class Step:
    """One training step in a process of its own.

    Attributes
    ----------
    model, method, rows, tokens
        What was tried; all rows have ``tokens`` tokens.
    cap : int or None
        Bytes that it was allowed to take beside the libraries.
    survived : bool
        True if the step was done.
    stage : str
        The last stage that had begun.
    parts : Memory or None
        What it held, by part, if it survived.
    peak : int or None
        Highest resident memory above that of the libraries, in bytes.
    wanted : int or None
        Bytes of the one tensor for which there was no room.
    problem : str
        Why there is no result at all, in a sentence.
    seconds : float
        With the start of the process.
    """

    model: str
    method: str
    rows: int
    tokens: int
    cap: int | None
    survived: bool
    stage: str
    parts: Memory | None = None
    peak: int | None = None
    wanted: int | None = None
    problem: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Step:
        """Return what ``to_dict`` gave."""
        return cls(**{**data, "parts": Memory(**data["parts"]) if data["parts"] else None})


def attempt(
    model: str,
    method: str,
    rows: int = 4,
    tokens: int = TOKENS,
    cap: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Step]:
    """Try one step in a new process: ``Progress`` on the way, then the ``Step``.

    Parameters
    ----------
    model : str
        A key of ``shapes.SHAPES``, or a name that ``models.load`` knows.
    method : str
        One of ``METHODS``.
    rows, tokens : int
        Of the batch.
    cap : int, optional
        Bytes that the step may take.
    stopped : callable
        Asked several times a second; True ends the process, and nothing more is yielded.
    """
    asked = {"model": model, "method": method, "rows": rows, "tokens": tokens, "cap": cap}
    begun = time.monotonic()
    said: dict[str, Any] = {"stage": _STAGES[0]}
    yield Progress(f"{method}: {_STAGES[0]}", 0, len(_STAGES))
    child = _start(asked)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(child, lines), daemon=True).start()
    try:
        while (line := _next(lines, begun, stopped)) is not None:
            news = json.loads(line)
            said |= news
            if "stage" in news:
                done = _STAGES.index(news["stage"])
                yield Progress(f"{method}: {news['stage']}", done, len(_STAGES))
        if not stopped() and time.monotonic() - begun < LIMIT_S:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)  # it has closed its output, so it is about to end by itself
    finally:
        child.kill()
        child.wait()
    if stopped():
        return
    parts = Memory(**said["parts"]) if "parts" in said else None
    yield Step(
        **asked,
        survived=parts is not None,
        stage=said["stage"],
        parts=parts,
        peak=said.get("peak"),
        wanted=said.get("wanted"),
        problem=_problem(said, child.returncode, begun),
        seconds=round(time.monotonic() - begun, 1),
    )


def _start(asked: dict[str, Any]) -> subprocess.Popen:
    here = str(Path(lablib.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "lablib.lessons.onestep", json.dumps(asked)],
        env={**os.environ, **_ALLOCATOR, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _read(child: subprocess.Popen, lines: queue.SimpleQueue) -> None:
    with child.stdout:
        for line in child.stdout:
            lines.put(line)
    lines.put(None)


def _next(lines: queue.SimpleQueue, begun: float, stopped: Callable[[], bool]) -> str | None:
    """The next line of the child; None at its end, when time is up, or when told to stop."""
    while time.monotonic() - begun < LIMIT_S and not stopped():
        try:
            return lines.get(timeout=0.2)
        except queue.Empty:
            continue
    return None


def _problem(said: dict[str, Any], code: int, begun: float) -> str:
    """Why there is no result, in a sentence; running out of memory is a result."""
    if "refused" in said:
        return said["refused"]
    if "parts" in said or "died" in said:
        return ""
    if time.monotonic() - begun >= LIMIT_S:
        return f"It was not done after {LIMIT_S:.0f} seconds."
    if code == 1:
        return "The process failed, and not for want of memory."
    return ""  # a library that gets no memory ends the process without a word


def expected(model: str, method: str, rows: int = 4, tokens: int = TOKENS) -> Memory | None:
    """Return the four parts by the formula of ``memory.predict``; None where there is none."""
    from lablib.lessons.onestep import make

    empty = _empty(model)
    try:
        return memory.predict(empty, make(method), shapes.batch(empty, rows, tokens))
    except ValueError:
        return None


@cache
def _empty(model: str):
    return shapes.empty(model)


@cache
def weight_bytes(model: str) -> int:
    """Return what the weights of a model take in float32: the unit of the caps."""
    return sum(map(models.n_bytes, _empty(model).parameters()))


def cap_bytes(model: str, factor: float) -> int:
    """Return the cap that is so many times the weights of a model in float32."""
    return round(factor * weight_bytes(model))


def why_not_live(model: str, most: float | None = None) -> str:
    """Return one sentence why steps of ``model`` cannot be tried here, or an empty string.

    Parameters
    ----------
    model : str
        As in ``attempt``.
    most : float, optional
        The cap in bytes; without one, what full fine-tuning of the largest batch needs.
    """
    if most is None:
        found = expected(model, "full", max(ROWS))
        most = 1.2 * found.total if found else 6 * weight_bytes(model)
    elif sys.platform != "linux":
        return "Only Linux enforces such a limit: you see what was measured there."
    needed, free = (most + _LIBRARIES) / 1e6, device.free_memory_mb()
    if free >= needed:
        return ""
    return (
        f"Trying this takes up to {needed / 1000:.1f} GB of free memory; this device has "
        f"{free / 1000:.1f} GB left. You see stored measurements instead."
    )


def survivors(steps: dict[str, Step]) -> str:
    """Say in a few words which methods survived."""
    names = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}
    alive = [names[key] for key in METHODS if key in steps and steps[key].survived]
    if len(alive) == len(METHODS):
        return SURVIVORS[0]
    if alive == ["QLoRA"]:
        return SURVIVORS[2]
    return " and ".join(alive) if alive else SURVIVORS[3]


# ------------------------------------------------------------------------------- stored


def path_of(model: str) -> Path:
    """Return the file of the stored measurements of a shape."""
    return stored.results_folder() / "memory" / f"{model}.json"


def stored_steps(model: str) -> list[Step]:
    """Return the stored steps of a shape; empty if there are none."""
    path = path_of(model)
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    return [Step.from_dict(one) for one in content["steps"]]


def find(steps: list[Step], method: str, rows: int, cap: int | None) -> Step | None:
    """Return the step of a method with this batch and cap, if it is among ``steps``."""
    for step in steps:
        if (step.method, step.rows, step.cap) == (method, rows, cap):
            return step
    return None
