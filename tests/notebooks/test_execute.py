"""Every lab runs from top to bottom: quickly, silently, in a gigabyte."""

from __future__ import annotations

import os
import re
import time

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.notebooks

CELL_LIMIT_S = 60
LAB_LIMIT_S = 25
MEMORY_LIMIT_MB = 1000  # what Binder guarantees

STRICT = "import warnings\nwarnings.filterwarnings('error', module='lablib')"
MEMORY = "from lablib import runtime\nprint(f'peak {runtime.peak_memory_mb():.0f} MB')"


@pytest.fixture
def executed(lab, tmp_path, monkeypatch):
    """The notebook after a run in fast mode, and the seconds it took."""
    monkeypatch.setenv("LETHE_FAST", "1")
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "home"))
    made = nbformat.read(lab, as_version=4)
    made.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    made.cells.append(nbformat.v4.new_code_cell(MEMORY))
    client = NotebookClient(
        made,
        timeout=CELL_LIMIT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(lab.parent)}},
    )
    began = time.perf_counter()
    client.execute(env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1"})
    return made, time.perf_counter() - began


def test_runs_from_top_to_bottom(executed):
    made, seconds = executed
    errors = [
        output.text
        for cell in made.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert not errors, errors
    peak = int(re.search(r"peak (\d+) MB", made.cells[-1].outputs[0].text)[1])
    assert peak <= MEMORY_LIMIT_MB, f"{peak} MB"
    assert seconds <= LAB_LIMIT_S, f"{seconds:.0f} s"
    print(f"{seconds:.1f} s, peak {peak} MB")
