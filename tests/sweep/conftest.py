"""A tiny model and task on disk, so that a job can name them as a user would."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lablib.sweep import Job
from tests import tiny


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Job:
    """A job of two steps on the tiny model, to be varied with ``dataclasses.replace``."""
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


@pytest.fixture
def five(small) -> list[Job]:
    """The same with five seeds."""
    return [replace(small, seed=seed) for seed in range(5)]
