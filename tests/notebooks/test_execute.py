"""Every lab runs from top to bottom: quickly, silently, in a gigabyte."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.notebooks

CELL_LIMIT_S = 60
LAB_LIMIT_S = 25
MEMORY_LIMIT_MB = 1000  # what Binder guarantees

STRICT = "import warnings\nwarnings.filterwarnings('error', module='lablib')"
MEMORY = "from lablib import runtime\nprint(f'peak {runtime.peak_memory_mb():.0f} MB')"


PREPARE = {"00_start_here": "six.model.value = 'mini'"}  # the real model is for real hardware
PRESS = """
from lablib.widgets import Dashboard
from lablib.widgets.job import Job

def long_ones(widget):
    if isinstance(widget, Dashboard | Job):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from long_ones(child)

pressed = []
for shown in list(Out.values()):
    for widget in long_ones(shown):
        if widget not in pressed:
            pressed.append(widget)
            widget.watch()
print(len(pressed), "pressed")
"""


def execute(lab: Path, home: Path, *after: str, limit: float) -> nbformat.NotebookNode:
    """Return the lab after a run in fast mode, with cells added at its end."""
    made = nbformat.read(lab, as_version=4)
    made.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    made.cells += [nbformat.v4.new_code_cell(source) for source in (*after, MEMORY)]
    client = NotebookClient(
        made,
        timeout=limit,
        kernel_name="python3",
        resources={"metadata": {"path": str(lab.parent)}},
    )
    client.execute(env={**os.environ, "LETHE_FAST": "1", "LETHE_HOME": str(home)})
    return made


def complaints(made: nbformat.NotebookNode) -> list[str]:
    """What the cells wrote to stderr."""
    return [
        output.text
        for cell in made.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]


def peak_mb(made: nbformat.NotebookNode) -> int:
    """The peak memory that the last cell printed."""
    return int(re.search(r"peak (\d+) MB", made.cells[-1].outputs[0].text)[1])


def test_runs_from_top_to_bottom(lab, tmp_path):
    began = time.perf_counter()
    made = execute(lab, tmp_path, limit=CELL_LIMIT_S)
    seconds = time.perf_counter() - began
    assert not complaints(made)
    assert peak_mb(made) <= MEMORY_LIMIT_MB
    print(f"{lab.stem}: {seconds:.0f} s (aim: {LAB_LIMIT_S} s on two quiet cores)")


@pytest.mark.slow
@pytest.mark.timeout(1800)  # six runs are made, the patients among them
def test_everything_pressed_stays_within_a_gigabyte(lab, tmp_path):
    made = execute(lab, tmp_path, PREPARE.get(lab.stem, ""), PRESS, limit=1500)
    assert not complaints(made)
    pressed = int(made.cells[-2].outputs[0].text.split()[0])
    peak = peak_mb(made)
    print(f"{lab.stem}: {pressed} pressed, peak {peak} MB")
    assert pressed >= 2
    assert peak <= MEMORY_LIMIT_MB
