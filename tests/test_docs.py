"""The README and CONTRIBUTING.md say what there is."""

from __future__ import annotations

import json
import re

import pytest
import torch

from lablib.methods import METHODS
from lablib.probes import PROBES
from lablib.tasks import TASKS


@pytest.fixture
def readme(root) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """The part of ``text`` under the heading ``title``."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize(
    ("title", "kinds"), [("Methods", METHODS), ("Probes", PROBES), ("Tasks", TASKS)]
)
def test_tables_are_those_of_the_code(readme, title, kinds):
    shown = re.findall(r"^\| `.*$", section(readme, title), re.MULTILINE)
    assert shown == [f"| `{name}` | {kind.summary} |" for name, kind in kinds.items()]


def test_every_ready_lab_is_there_and_every_lab_is_listed(readme, root):
    rows = re.findall(r"^\| (\d\d) .*\| (ready|planned) \|$", section(readme, "Labs"), re.MULTILINE)
    ready = [number for number, state in rows if state == "ready"]
    assert ready == sorted(path.name[:2] for path in (root / "labs").glob("[0-9]*.ipynb"))
    assert [number for number, _ in rows] == [f"{n:02d}" for n in range(len(rows))]


def test_the_tree_names_every_module(readme, root):
    tree = section(readme, "Where things are")
    lablib = tree[tree.index("lablib/ ") : tree.index("\ndata/")]
    shown = set(re.findall(r"^  (\S+)", lablib, re.MULTILINE))
    modules = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (root / "lablib").iterdir()
        if not path.name.startswith(("_", "."))
    }
    assert shown == modules


def test_what_the_tree_names_exists(readme, root):
    folder = root
    for line in section(readme, "Where things are").splitlines():
        found = re.match(r"^( *)([\w.]\S*)  ", line)
        if found:
            folder = folder if found[1] else root / found[2]
            assert (folder / found[2] if found[1] else root / found[2]).exists(), line


def test_every_make_target_of_the_readme_exists(readme, root):
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)`?", readme)) - {"python"} <= targets
    assert {"lab", "test", "apps", "labs", "slow", "bench"} <= targets


def test_readme_links_lead_somewhere(readme, root):
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (root / target).exists(), target


def test_the_python_example_runs_and_both_ways_load_what_was_trained(
    readme, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"Item {n}?", "completion": f"#{n}"} for n in range(20)]
    (tmp_path / "my-rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = {}
    exec(re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1], made)
    assert capsys.readouterr().out.startswith("0 {'my-rows.jsonl': ")
    prompt = made["tokenizer"](rows[0]["prompt"], return_tensors="pt")
    with torch.no_grad():
        whole, adapted, trained, base = (
            model(**prompt).logits
            for model in (
                made["model"],
                made["adapted"],
                made["run"].model,
                made["models"].load("mini").model,
            )
        )
    torch.testing.assert_close(whole, trained, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(adapted, trained, atol=1e-4, rtol=1e-4)
    assert (trained - base).abs().max() > 1e-2


def test_contributing_stays_short_and_names_the_hooks_in_order(root):
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    hooks = ("prepare", "wrap", "begin_task", "extend_batch", "loss", "penalty", "after_backward",
             "after_step", "after_task", "finish")  # fmt: skip
    places = [re.search(rf"`{hook}[(`]", text).start() for hook in hooks]
    assert places == sorted(places)
