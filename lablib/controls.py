"""What a learner may change while a run is under way, and the batch that travels through it.

The widgets write, the loop reads once per step. Nothing else is shared between the two
threads.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import torch


@dataclass
class Batch:
    """Rows ready for the model, padded on the left.

    Shapes: B rows, T tokens. ``labels`` is -100 wherever nothing is learned (prompt and
    padding). Labels are *not* shifted: ``labels[:, t]`` is the token at position ``t``.
    """

    input_ids: torch.Tensor  # (B, T) int64
    attention_mask: torch.Tensor  # (B, T) int64, 0 at padding
    labels: torch.Tensor  # (B, T) int64, -100 where nothing is learned
    example_ids: torch.Tensor  # (B,) int64, row number in its source
    is_general: torch.Tensor  # (B,) bool, True for rows of the general pool

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on ``device``."""
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.labels.to(device),
            self.example_ids.to(device),
            self.is_general.to(device),
        )

    def rows(self, start: int, stop: int) -> Batch:
        """Return rows ``start`` to ``stop - 1``, without the padding that none of them needs."""
        mask = self.attention_mask[start:stop]
        first = int(mask.any(0).nonzero()[0])
        return Batch(
            self.input_ids[start:stop, first:],
            mask[:, first:],
            self.labels[start:stop, first:],
            self.example_ids[start:stop],
            self.is_general[start:stop],
        )


def check_setting(name: str, value: Any) -> Any:
    """Return ``value`` if it is a legal setting of the control ``name``.

    Raises
    ------
    ValueError
        With one sentence that says what is wrong and what is allowed.
    """
    if name in ("lr", "mix_ratio", "epochs"):
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number, not {value!r}.") from None
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}.")
    if name == "lr" and not 0 < value <= 1:
        raise ValueError(f"The learning rate must be above 0 and at most 1, not {value:g}.")
    if name == "mix_ratio" and not 0 <= value <= 1:
        raise ValueError(f"The mix ratio is a share between 0 and 1, not {value:g}.")
    if name == "epochs" and not 0 < value <= 1000:
        raise ValueError(f"The number of epochs must be above 0 and at most 1000, not {value:g}.")
    return value


class Controls:
    """Thread-safe settings of a run: written by widgets, read by the loop once per step.

    Parameters
    ----------
    **settings
        Initial values: ``lr``, ``mix_ratio``, ``epochs`` and the method's adjustable
        fields by name.

    Notes
    -----
    A change takes effect at the next step, where the loop reports it as a
    ``ControlChanged`` event. ``pause`` holds the loop between two steps; ``step_once``
    lets a paused loop do exactly one step. ``ask`` queues a prompt, answered at the next
    probe point (or at once while paused).
    """

    def __init__(self, **settings: Any):
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._settings = {name: check_setting(name, value) for name, value in settings.items()}
        self._paused = False
        self._steps_granted = 0
        self._stopped = False
        self._prompts: list[str] = []

    def set(self, name: str, value: Any) -> None:
        """Change a setting from the next step on; see ``check_setting`` for the ranges."""
        value = check_setting(name, value)
        with self._lock:
            self._settings[name] = value

    def snapshot(self) -> dict[str, Any]:
        """Return all settings as they are now."""
        with self._lock:
            return dict(self._settings)

    def pause(self) -> None:
        """Hold the loop before its next step."""
        with self._lock:
            self._paused = True

    def resume(self) -> None:
        """Let a paused loop go on."""
        with self._lock:
            self._paused, self._steps_granted = False, 0
        self._wake.set()

    def step_once(self) -> None:
        """Let a paused loop do one step; one that is not paused takes no notice."""
        with self._lock:
            self._steps_granted += self._paused
        self._wake.set()

    def stop(self) -> None:
        """End the run at the next step, preparation batch or probe batch."""
        with self._lock:
            self._stopped = True
        self._wake.set()

    def ask(self, prompt: str) -> None:
        """Queue a prompt for the model to answer between two steps."""
        with self._lock:
            self._prompts.append(prompt)
        self._wake.set()

    def take_prompts(self) -> list[str]:
        """Return the queued prompts and empty the queue."""
        with self._lock:
            prompts, self._prompts = self._prompts, []
        return prompts

    @property
    def stopped(self) -> bool:
        """True once ``stop`` was called."""
        with self._lock:
            return self._stopped

    @property
    def paused(self) -> bool:
        """True while the loop is held."""
        with self._lock:
            return self._paused

    def may_step(self) -> bool:
        """Return True if the loop may do a step now, using up a granted single step."""
        with self._lock:
            if not self._paused:
                return True
            if self._steps_granted:
                self._steps_granted -= 1
                return True
            return False

    def wait(self, seconds: float) -> None:
        """Sleep until something is asked of the loop, ``seconds`` at most."""
        self._wake.wait(seconds)
        self._wake.clear()
