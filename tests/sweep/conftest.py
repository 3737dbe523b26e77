"""Several jobs on the tiny model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib.sweep import Job


@pytest.fixture
def five(small) -> list[Job]:
    """The same with five seeds."""
    return [replace(small, seed=seed) for seed in range(5)]
