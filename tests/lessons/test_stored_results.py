"""The stored results are whole, belong to the models of today, and say how they were made."""

from __future__ import annotations

import hashlib
import json
from statistics import mean

import pytest

from lablib import models
from lablib.events import to_dict
from lablib.lessons import catalog, illnesses, maps, patients, reading, stored
from lablib.sweep import archive
from lablib.train import TrainConfig, notices

FOLDER = stored.results_folder()
FILES = sorted(FOLDER.glob("*/**/*.json"))


def test_checksums():
    listed = dict(
        reversed(line.split("  ", 1)) for line in (FOLDER / "SHA256").read_text().splitlines()
    )
    assert set(listed) == {file.relative_to(FOLDER).as_posix() for file in FILES}
    for file in FILES:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        assert found == listed[file.relative_to(FOLDER).as_posix()], file.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_file_says_how_it_was_made(file):
    content = json.loads(file.read_text())
    assert content["command"] and content["digest"]
    assert {"torch", "transformers", "lablib"} <= set(content["versions"])
    assert {"kind", "threads"} <= set(content["machine"])
    assert str(FOLDER.parent) not in file.read_text()
    assert file.stat().st_size < 400_000


def test_runs_of_mini_were_made_with_the_mini_that_is_here():
    digest = models.load("mini").digest
    for file in FILES:
        content = json.loads(file.read_text())
        if "mini" in (file.parent.name, content.get("model"), file.stem.split("-seed")[0]):
            assert content["digest"] == digest, f"{file.name} is of another mini: make it anew"


def told(started) -> dict:
    """Return what an event of the beginning says of a run, whatever machine it began on.

    A field that the config did not have then has its default, which changed nothing.
    """
    config = TrainConfig.from_dict(started["config"]).to_dict() | started["config"]
    config.pop("threads")
    return {**started, "config": config, "run_id": "", "versions": {}}


def test_a_run_of_mini_is_the_one_that_its_setting_makes_today():
    loaded = models.load("mini")
    for file in (FOLDER / "mini").glob("*.json"):
        content = json.loads(file.read_text())
        setting, seed = content["setting"], content["seed"]
        assert content["command"] == catalog.command(loaded, setting, seed), file.name
        if seed == 0:  # the others differ from it by their seed only
            now = json.loads(json.dumps(to_dict(notices.started(catalog.build(loaded, setting)))))
            assert told(content["history"]["events"][0]) == told(now), file.name


REPLAYED = {"mini": catalog.LARGE, "smollm2-135m": ("tickets-mix0",)}


@pytest.mark.parametrize("model", REPLAYED)
def test_what_the_labs_replay_is_there(model):
    for setting in REPLAYED[model]:
        kept = stored.load(model, setting)
        assert kept.history.finished and kept.history.finished.reason == "done"
        assert reading.answered_steps(kept.history)[0] == 0


def test_the_split_screen_can_draw_its_bars():
    for side in illnesses.SIDES:
        history = stored.load("mini", f"split-{side}").history
        rows = illnesses.likeliest(history, max(reading.answered_steps(history)))
        assert rows[0][0] == illnesses.PARIS and len(rows) == 5


def test_lab_00_can_replay_ten_steps_of_smollm2():
    history = stored.load("smollm2-135m", "tickets-mix0").history
    assert 10 in reading.answered_steps(history)


def test_a_real_model_loses_its_knowledge_and_a_fifth_of_general_rows_keeps_three_quarters():
    bare = [one.history for one in stored.load_all("smollm2-135m", "tickets-mix0")]
    assert len(bare) >= 2
    for history in bare:
        steps, says = history.curve("knowledge", "says")
        assert says[steps.index(20)] <= 0.25 * says[0]
        asked = {a.step: a.text for a in history.answers if a.prompt == illnesses.FRANCE}
        assert "Paris" in asked[0] and asked[20].startswith("TICKET")
    mixed = [one.history for one in stored.load_all("smollm2-135m", "tickets-mix20")]
    assert len(mixed) >= 5
    assert mean(history.final_retention("knowledge", "says") for history in mixed) >= 0.75


def test_five_seeds_stand_behind_the_claims():
    for setting in catalog.CLAIMED:
        assert stored.seeds("mini", setting) == [0, 1, 2, 3, 4]
    for seed in range(5):
        assert set(patients.stored_examinations("mini", seed)) == {*patients.ILL, patients.CONTROL}


def test_the_map_is_complete():
    found = maps.load("mini")
    assert found is not None and found.seeds >= 1
    assert all(value is not None for row in found.values for value in row)


METHODS = {"full", "joint", "lora", "qlora", "ewc", "stm", "replay", "sa_sft", "low_lr"}


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("mini", "tickets"),
        ("mini", "wrong_facts"),
        ("smollm2-135m", "tickets"),
        ("smollm2-135m", "wrong_facts"),
    ],
)
def test_a_stored_comparison_has_every_method_with_the_same_seeds(model, task):
    found = archive.load(model, task)
    assert set(found.arms) >= METHODS
    least = 5 if model == "mini" else 3
    for name in METHODS:
        assert found.arms[name].seeds == tuple(range(least)), name


def test_stored_comparisons_stay_small():
    files = [f for f in FILES if f.parts[-3] == "comparison"]
    assert sum(f.stat().st_size for f in files) < 5_000_000


def test_no_harmful_answer_is_stored():
    for file in FOLDER.glob("*/*-seed*.json"):
        content = json.loads(file.read_text())
        for event in content.get("history", {}).get("events", []):
            if event["event"] == "Answered":
                assert reading.displayable(event["prompt"], event["text"]) == event["text"]
