"""What a run costs, apart from being measured: seconds, extra forward passes, bytes."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from lablib import models, runtime
from lablib.events import Event, Progress, StepDone
from lablib.train import Run


@dataclass(frozen=True)
class Cost:
    """Price of one run.

    Attributes
    ----------
    train_seconds : float
        Wall time of all steps.
    prepare_seconds : float
        Wall time of what a method does before the first step and after a task, encoding the
        rows included; near 0 where it was found in the cache.
    measure_seconds : float
        Wall time of everything else: probes, task scores, wrapping the model.
    extra_forwards, extra_tokens : int
        Forward passes through the model in preparation, and the tokens they read.
    trained_bytes : int
        Weights that are trained, and are all that has to be kept beside the base.
    model_bytes : int
        The whole model as it was held at the end, adapters and buffers included.
    peak_mb : float
        Highest resident memory of the process during the run, in 10^6 bytes, with everything
        that it holds besides (Python, libraries, a second copy of the base).
    """

    train_seconds: float
    prepare_seconds: float
    measure_seconds: float
    extra_forwards: int
    extra_tokens: int
    trained_bytes: int
    model_bytes: int
    peak_mb: float


class Meter:
    """Takes in the events of a run as they come and adds up what they cost.

    Time is charged to the event that ends it; forward passes are counted at the input
    embedding of the model as it was before a method wrapped it.
    """

    def __init__(self, run: Run):
        _forget_peak()
        self._last = time.perf_counter()
        self._train = self._prepare = self._measure = 0.0
        self._passes = self._tokens = 0  # since the last event
        self._extra_passes = self._extra_tokens = 0
        self._hook = run.model.get_input_embeddings().register_forward_hook(self._count)

    def _count(self, module, inputs, output) -> None:
        self._passes += 1
        self._tokens += inputs[0].numel()

    def add(self, event: Event) -> None:
        """Take in one event, in the order the run yields them."""
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        passes, tokens, self._passes, self._tokens = self._passes, self._tokens, 0, 0
        if isinstance(event, StepDone):
            self._train += event.seconds
            self._measure += max(spent - event.seconds, 0.0)
        elif isinstance(event, Progress) and not event.what.startswith("probing"):
            self._prepare += spent
            self._extra_passes += passes
            self._extra_tokens += tokens
        else:
            self._measure += spent

    def cost(self, run: Run) -> Cost:
        """Return the price of the run, which has ended."""
        self._hook.remove()
        parameters = list(run.model.parameters())
        return Cost(
            train_seconds=self._train,
            prepare_seconds=self._prepare,
            measure_seconds=self._measure,
            extra_forwards=self._extra_passes,
            extra_tokens=self._extra_tokens,
            trained_bytes=sum(p.nbytes for p in parameters if p.requires_grad),
            model_bytes=sum(map(models.n_bytes, (*parameters, *run.model.buffers()))),
            peak_mb=runtime.peak_memory_mb(),
        )


def _forget_peak() -> None:
    """Let the peak begin anew where Linux allows it; elsewhere it is that of all runs so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
