"""The notebooks are what their sources say, byte for byte."""

from __future__ import annotations

import json


def test_every_notebook_is_what_its_source_gives(build):
    stale = [path.name for path in build.out_of_date()]
    assert not stale, f"run 'make labs' and commit: {', '.join(stale)}"


def test_generating_twice_gives_the_same_bytes(build):
    assert build.outputs() == build.outputs()


def test_a_changed_source_is_noticed(build, tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    source = tmp_path / "source" / "99_a.md"
    source.write_text(SOURCE)
    monkeypatch.setattr(build, "LABS", tmp_path)
    monkeypatch.setattr(build, "SOURCES", tmp_path / "source")
    monkeypatch.setattr(build, "HOME", tmp_path / "labs.html")
    assert build.main(["--check"]) == 1
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    source.write_text(SOURCE.replace("1 + 1", "1 + 2"))
    assert build.main(["--check"]) == 1
    source.unlink()
    assert (tmp_path / "99_a.ipynb") in build.out_of_date()  # a notebook without a source


def test_cells_keep_their_tags_and_carry_no_outputs(build, tmp_path):
    source = tmp_path / "99_a.md"
    source.write_text(SOURCE)
    made = build.notebook(source)
    assert [c.cell_type for c in made.cells] == ["markdown", "code", "markdown"]
    assert made.cells[1].metadata == {"tags": ["exercise"]}
    assert made.cells[2].metadata == {"tags": ["exercise"]}
    assert made.cells[1].source == "1 + 1"
    assert made.cells[1].outputs == [] and made.cells[1].execution_count is None
    assert made.metadata.kernelspec.name == "python3"
    assert len({c.id for c in made.cells}) == 3
    assert build.question(made) == ("A & B", "What goes first?")
    assert "A &amp; B" in build.home({"99_a": build.question(made)})


def test_committed_notebooks_have_no_outputs(lab):
    cells = json.loads(lab.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)


SOURCE = """\
---
kernelspec:
  name: python3
  display_name: whatever
---
# A & B

*What* goes
first?

More.

```{code-cell} ipython3
:tags: [exercise]

1 + 1
```

+++ {"tags": ["exercise"]}

Solve it.
"""
