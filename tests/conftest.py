"""What every test gets: a home of its own, no network, and a count of what was left out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Before any test imports a library that reads these.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
_SESSION_HOME = tempfile.TemporaryDirectory(prefix="lethe-tests-")
os.environ["LETHE_HOME"] = _SESSION_HOME.name

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The folder of the repository."""
    return ROOT


def pytest_collection_modifyitems(items):
    """Skip what needs CUDA where there is none."""
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="needs CUDA"))


def pytest_terminal_summary(terminalreporter):
    """Say how many tests the lack of a GPU left out."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("needs CUDA" in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"gpu: {count} tests skipped, there is no CUDA device here")


def pytest_unconfigure():
    """Remove the session's home."""
    _SESSION_HOME.cleanup()
