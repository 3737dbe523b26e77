"""Stored comparisons: small files, read again as one comparison."""

import json
from dataclasses import replace

import pytest

from lablib.sweep import archive
from tests.sweep.handmade import measured

FACTS = {"digest": "d", "versions": {"torch": "1"}, "machine": {"kind": "CPU"}, "lr": 0.001}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))
    return tmp_path / "results" / "comparison" / "mini"


def test_what_is_stored_is_read_again_in_the_order_of_the_arms(shelf):
    for label in ("replay", "full", "full lr=8e-05"):
        for seed in (1, 0):
            run = measured(label, seed, [0.0, 1 / 3], {"knowledge": [1.0, 2 / 3]})
            archive.save(replace(run, facts=FACTS), "python make.py")
    found = archive.load("mini", "tickets")
    assert list(found.arms) == ["full", "full lr=8e-05", "replay"]
    assert found.arms["full"].seeds == (0, 1)
    path = shelf / "tickets-full-lr8e-05-seed1.json"
    content = json.loads(path.read_text())
    assert content["command"] == "python make.py" and content["seed"] == 1
    assert {"digest", "versions", "machine"} <= set(content)
    assert content["task"] == [0.0, 0.3333] and content["facts"] == {"lr": 0.001}


def test_a_comparison_that_is_not_there_says_how_to_make_it(shelf):
    with pytest.raises(OSError, match=r"make_comparison\.py --model mini --task clinic"):
        archive.load("mini", "clinic")


def test_a_sweep_lies_apart_from_the_comparison(shelf):
    run = replace(measured("ewc fisher 0.1", 0, [0.0, 0.5], {"knowledge": [1.0, 0.5]}), facts=FACTS)
    path = archive.save(run, "python make.py --sweep ewc", "ewc")
    assert path.name == "tickets-ewc-fisher-0.1-seed0.json" and not shelf.exists()
    assert [one.job.label for one in archive.runs("mini", "tickets", "ewc")] == ["ewc fisher 0.1"]
    assert not archive.runs("mini", "tickets")


def test_arms_of_a_sweep_are_compared_where_they_are_named(shelf):
    for label, sweep in (("full", ""), ("replay", ""), ("replay_tokens", "diary")):
        run = measured(label, 0, [0.0, 1.0], {"knowledge": [1.0, 0.5]})
        archive.save(replace(run, facts=FACTS), "python make.py", sweep)
    assert list(archive.load("mini", "tickets").arms) == ["full", "replay"]
    found = archive.load("mini", "tickets", arms=("replay_tokens", "never"), sweep="diary")
    assert list(found.arms) == ["full", "replay_tokens"]
