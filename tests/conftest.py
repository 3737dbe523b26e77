"""What every test gets: a home of its own, no network, and a count of what was left out."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

# Before any test imports a library that reads these.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["LETHE_DEVICE"] = "cpu"  # reference values are the CPU's; the gpu mark lifts this
_SESSION_HOME = tempfile.TemporaryDirectory(prefix="lethe-tests-")
os.environ["LETHE_HOME"] = _SESSION_HOME.name

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A job of two steps on the tiny model, to be varied with ``dataclasses.replace``.

    The model and the task lie on disk, so that a job can name them as a user would.
    """
    from lablib.sweep import Job
    from tests import tiny

    folder = tmp_path_factory.mktemp("tiny") / "model"
    tiny.model().save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    rows = folder.parent / "rows.jsonl"
    task = tiny.Letters()
    rows.write_text(
        "".join(
            json.dumps({"prompt": row.prompt, "completion": row.completion}) + "\n"
            for split in ("train", "validation", "test")
            for row in task.rows(split)
        )
    )
    config = {
        "max_steps": 2, "batch_size": 2, "max_length": 256, "lr": 1e-3, "task_test_rows": 2,
        "probe_early": False, "full_probes": False,
    }  # fmt: skip
    return Job(str(folder), (str(rows),), "full", config=config, probes=("format",), label="full")


@pytest.fixture(autouse=True)
def _gpu(request, monkeypatch):
    if request.node.get_closest_marker("gpu"):
        monkeypatch.setenv("LETHE_DEVICE", "cuda")


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
