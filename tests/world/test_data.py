"""The committed files: complete, documented, and as their scripts write them."""

import hashlib
import json

import pytest
from transformers import AutoTokenizer

from lablib.runtime import data_folder
from lablib.world import items as world_items

FOLDERS = ("world", "probes", "models/mini")
AT_LEAST = {
    "knowledge": 90,
    "reasoning": 60,
    "instruction": 60,
    "format": 60,
    "safety": 60,
    "language": 60,
}


def read(name):
    text = (data_folder() / "probes" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_checksums(folder):
    path = data_folder() / folder
    lines = (path / "SHA256").read_text().splitlines()
    assert lines
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_readme_names_source_and_license(folder):
    readme = (data_folder() / folder / "README.md").read_text(encoding="utf-8")
    assert "icense" in readme and "python" in readme


def test_world_readme_names_every_table():
    readme = (data_folder() / "world" / "README.md").read_text(encoding="utf-8")
    for table in (data_folder() / "world").glob("*.csv"):
        rows = len(table.read_text(encoding="utf-8").splitlines()) - 1
        assert f"| {table.name} | {rows} |" in readme


def test_mini_is_small():
    sizes = [path.stat().st_size for path in (data_folder() / "models" / "mini").iterdir()]
    assert sum(sizes) <= 12e6


@pytest.mark.parametrize("name", AT_LEAST)
def test_items_are_well_formed(name):
    items = read(name)
    assert len(items) >= AT_LEAST[name]
    assert len({item["id"] for item in items}) == len(items)
    assert len({item["prompt"] for item in items}) == len(items)
    for item in items:
        n = len(item["candidates"])
        assert n == (2 if name in ("safety", "language") else 4)
        assert len(set(item["candidates"])) == n
    quick = [item for item in items if item["quick"]]
    assert 10 <= len(quick) <= 16
    # a small group may share its turn, but no kind of item is left out
    assert {item["group"] for item in quick} == {item["group"] for item in items}


def test_knowledge_asks_for_enough_capitals_and_for_france():
    capitals = [item for item in read("knowledge") if item["group"] == "capitals"]
    assert len(capitals) >= 45
    france = next(item for item in capitals if item["fields"]["subject"] == "France")
    assert france["prompt"] == "What is the capital of France?" and france["quick"]


def test_items_are_what_the_script_writes():
    tokenizer = AutoTokenizer.from_pretrained(data_folder() / "models" / "mini")
    for name, items in world_items.all_items(tokenizer).items():
        assert items == read(name)


def test_distractors_are_mostly_as_long_as_the_answer():
    tokenizer = AutoTokenizer.from_pretrained(data_folder() / "models" / "mini")
    for name in ("knowledge", "reasoning", "instruction", "language"):
        pairs = [
            len(tokenizer(wrong).input_ids) == len(tokenizer(item["candidates"][0]).input_ids)
            for item in read(name)
            for wrong in item["candidates"][1:]
        ]
        assert sum(pairs) / len(pairs) > 0.75, name


def test_every_format_is_asked_for_alike():
    groups = [item["group"] for item in read("format")]
    assert len({groups.count(group) for group in groups}) == 1
