"""Benchmarks print ratios measured within one run; they assert nothing about time.

A busy machine slows both sides of a ratio alike, so the ratios hold better than the seconds.
``make bench`` runs them.
"""

from __future__ import annotations

import os
import statistics

import pytest
import torch

from lablib.models import smollm2


@pytest.fixture
def say(capsys):
    """Print a line past pytest's capture."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text)

    line(f"\n{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    return line


@pytest.fixture(scope="session")
def need_smollm2():
    """Skip where SmolLM2 is neither converted nor installed; nothing is downloaded."""
    gguf, problem = smollm2.find_gguf()
    if gguf is None and not smollm2.is_sound(smollm2.home_folder() / "models" / smollm2.NAME):
        pytest.skip(f"SmolLM2 is not here: the wheel {smollm2.WHEEL} {problem}")


def middle(seconds: list[float]) -> float:
    """The median, which one hiccup does not move."""
    return statistics.median(seconds)
