"""Every lab runs from top to bottom: quickly, silently, in a gigabyte."""

from __future__ import annotations

import os
import re
import time
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lablib.runtime import data_folder
from tests import tiny

pytestmark = pytest.mark.notebooks

CELL_LIMIT_S = 60
LAB_LIMIT_S = 25
MEMORY_LIMIT_MB = 1000  # what Binder guarantees

# As under -W error, but for the warnings of libraries about themselves that pyproject.toml names.
SETTINGS = tomllib.loads((data_folder().parent / "pyproject.toml").read_text(encoding="utf-8"))
FILTERS = [
    line.split(":")
    for line in SETTINGS["tool"]["pytest"]["ini_options"]["filterwarnings"]
    if line.startswith("ignore:")
]
STRICT = "import warnings\nwarnings.simplefilter('error')\n" + "\n".join(
    f"warnings.filterwarnings('ignore', {said!r}, {kind})" for _, said, kind in FILTERS
)
MEMORY = "from lablib import runtime\nprint(f'peak {runtime.peak_memory_mb():.0f} MB')"


PREPARE = {  # the real model is for real hardware
    "00_start_here": "six.model.value = os.environ.get('LETHE_MODEL', 'mini')"
}
PRESS = """
from lablib.widgets import Dashboard
from lablib.widgets.job import Job
from lablib.widgets.primer import Picture

def long_ones(widget):
    if isinstance(widget, Dashboard | Job | Picture):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from long_ones(child)

pressed = []
for shown in list(Out.values()):
    for widget in long_ones(shown):
        if widget not in pressed:
            pressed.append(widget)
            try:
                widget.watch()
            except ValueError as refused:  # what its panel says in a sentence
                print("refused:", refused)
print(len(pressed), "pressed")
"""
# Every picture that is shown, and whether the widget around it says where its numbers come from.
BADGES = """
def written(widget):
    yield str(getattr(widget, "value", ""))
    for child in getattr(widget, "children", ()):
        yield from written(child)

import re
BADGE = r">\\W{0,3}(trained live here|replayed from a stored run|illustrative)\\b"
bare = []
for number, shown in list(Out.items()):
    text = " ".join(written(shown))
    if "<svg" in text and not re.search(BADGE, text):
        bare.append(f"{type(shown).__name__} in cell {number}")
print("without a badge:", bare)
"""


def execute(
    lab: Path, home: Path, *after: str, limit: float, **variables: str
) -> nbformat.NotebookNode:
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
    client.execute(env={**os.environ, "LETHE_FAST": "1", "LETHE_HOME": str(home), **variables})
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


def without_badge(made: nbformat.NotebookNode) -> str:
    """What the cell ``BADGES`` printed."""
    said = [o.text for c in made.cells if c.source == BADGES for o in c.outputs]
    return said[0].partition(": ")[2].strip()


def test_runs_from_top_to_bottom(opened, tmp_path):
    began = time.perf_counter()
    made = execute(opened, tmp_path, BADGES, limit=CELL_LIMIT_S)
    seconds = time.perf_counter() - began
    assert not complaints(made)
    assert peak_mb(made) <= MEMORY_LIMIT_MB
    assert without_badge(made) == "[]"
    print(f"{opened.stem}: {seconds:.0f} s (aim: {LAB_LIMIT_S} s on two quiet cores)")


@pytest.mark.slow
@pytest.mark.timeout(1800)  # six runs are made, the patients among them
def test_everything_pressed_stays_within_a_gigabyte(opened, tmp_path):
    made, pressed = press_everything(opened, tmp_path)
    peak = peak_mb(made)
    print(f"{opened.stem}: {pressed} pressed, peak {peak} MB")
    assert peak <= MEMORY_LIMIT_MB


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_everything_can_be_pressed_with_another_model(opened, tmp_path):
    """A tiny random GPT-2 has nothing to forget: effects may vanish, nothing may break."""
    folder = tiny.gpt2(tmp_path / "gpt2")
    _, pressed = press_everything(opened, tmp_path / "home", LETHE_MODEL=str(folder))
    print(f"{opened.stem}: {pressed} pressed")


def press_everything(lab: Path, home: Path, **variables: str) -> tuple[nbformat.NotebookNode, int]:
    """Return a lab after a run in which every long instrument was started, and their number."""
    prepared = f"import os\n{PREPARE.get(lab.stem, '')}"
    made = execute(lab, home, prepared, PRESS, BADGES, limit=1500, **variables)
    assert not complaints(made)
    assert without_badge(made) == "[]"
    said = "".join(o.text for c in made.cells if c.source == PRESS for o in c.outputs)
    *refused, last = said.splitlines()
    assert all(line.startswith("refused: ") and line.endswith(".") for line in refused), said
    if "LETHE_MODEL" not in variables:  # the lab's own model can do all, in its order
        assert all(line.endswith(" first.") for line in refused), said
    pressed = int(last.split()[0])
    assert pressed >= 2
    return made, pressed
