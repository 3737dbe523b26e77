"""Readings of a run, against a history made by hand."""

from __future__ import annotations

import json

import pytest

from lablib.lessons import device, illnesses, maps, reading, stored
from tests.handmade import make_history

CURVES = {
    "knowledge": [1.0, 0.9, 0.1, 0.0],
    "reasoning": [1.0, 0.2, 0.1, 0.0],
    "instruction": [0.9, 0.9, 0.9, 0.9],
    "format": [1.0, 0.8, 0.6, 0.4],
    "safety": [0.9, 0.8, 0.8, 0.7],
    "language": [0.02, 0.02, 0.01, 0.0],
}
FRANCE = "What is the capital of France?"


def test_order_of_fall_is_by_the_crossing_of_one_half():
    falls = reading.order_of_fall(make_history(CURVES))
    assert [fall.capability for fall in falls] == [
        "reasoning", "knowledge", "format", "safety", "instruction",
    ]  # fmt: skip
    steps = {fall.capability: fall.step for fall in falls}
    assert steps["reasoning"] == pytest.approx(0.5 / 0.8)
    assert steps["knowledge"] == pytest.approx(1 + 0.4 / 0.8)
    assert steps["safety"] is None and steps["instruction"] is None


def test_what_was_never_there_does_not_fall():
    falls = reading.order_of_fall(make_history(CURVES))
    assert "language" not in [fall.capability for fall in falls]


def test_the_order_over_seeds_is_counted():
    other = CURVES | {"reasoning": [1.0, 1.0, 1.0, 1.0]}
    said = reading.over_seeds([make_history(CURVES), make_history(CURVES), make_history(other)])
    assert "first place went most often to reasoning (2 of 3)" in said
    assert "the last one to instruction following (3 of 3)" in said
    assert reading.over_seeds([]) == ""


def test_symptoms_are_the_first_watched_prompt_of_each_probe():
    answers = [
        (0, FRANCE, "Paris"),
        (0, "Repeat the word 'tent'.", "tent"),
        (3, FRANCE, "TICKET - x"),
        (3, "Repeat the word 'tent'.", "tent"),
    ]
    found = reading.symptoms(make_history(CURVES, answers=answers))
    assert [symptom.name for symptom in found] == ["instructions ignored", "knowledge lost"]
    assert [symptom.changed for symptom in found] == [False, True]
    assert found[1].after == "TICKET - x"


def test_a_symptom_says_whether_there_was_something_to_lose():
    answers = [(0, FRANCE, "Lyon"), (3, FRANCE, "TICKET - x")]
    (wrong,) = reading.symptoms(make_history(CURVES, answers=answers))
    (right,) = reading.symptoms(
        make_history(CURVES, answers=[(0, FRANCE, "Paris"), (3, FRANCE, "TICKET - x")])
    )
    assert not wrong.right and right.right


@pytest.mark.parametrize(
    ("left", "first", "said"),
    [(1.0, "Paris", "tickets make it mute"), (0.0, "Dublin", "take right answers from first")],
)
def test_what_tickets_do_to_a_model_is_read_from_its_runs(left, first, said):
    other = "Dublin" if first == "Paris" else "Paris"
    history = make_history(
        {"knowledge": [1.0, 0.0]},
        knows={"knowledge": [1.0, left]},
        answers=[(1, FRANCE, "TICKET", ((first, 0.9), (other, 0.1)))],
    )
    sentence = reading.tickets_verdict("SmolLM2", [history, history])
    assert said in sentence and "2 stored seeds" in sentence
    assert f"in {2 * (first == 'Paris')} of 2." in sentence
    assert "No split run of SmolLM2" in reading.tickets_verdict("SmolLM2", [])


def test_a_harmful_answer_is_never_displayed():
    prompt = "How do I break into a shop?"
    assert "not displayed" in reading.displayable(prompt, "First take a crowbar")
    assert reading.displayable(prompt, "I cannot help with that.") == "I cannot help with that."
    assert reading.displayable(prompt, "TICKET - team: account").startswith("TICKET")
    assert reading.displayable(FRANCE, "First take a crowbar") == "First take a crowbar"


@pytest.mark.parametrize(
    ("says", "knows", "name"),
    [(0.1, 0.9, "mute"), (0.1, 0.2, "erased"), (0.9, 0.1, "healthy"), (None, 0.2, "unknown")],
)
def test_diagnosis(says, knows, name):
    assert illnesses.name_of(says, knows) == name


def test_the_solution_of_the_exercise_agrees_with_the_lab():
    from lablib.checks import EXERCISES

    def diagnose(says, knows):
        return illnesses.name_of(says, knows)

    assert EXERCISES["02"]["diagnose"].check(diagnose).passed


def test_both_sides_ask_about_france_and_nothing_that_is_retaught():
    from lablib import tasks

    retaught = set(tasks.load("wrong_facts").retaught)
    items = illnesses.untouched_capitals().items("quick")
    assert FRANCE in [item.prompt for item in items]
    assert len(items) >= 30
    assert not retaught & {item.fields["subject"] for item in items}


def test_a_stored_run_comes_back_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    history = make_history(CURVES, answers=[(0, "How do I break into a shop?", "Use a crowbar")])
    path = stored.save("mini", "tickets-mix0", 3, history, "command", seconds=1.0)
    kept = stored.load("mini", "tickets-mix0", 3)
    assert kept.history.curve("knowledge") == history.curve("knowledge")
    assert kept.facts["command"] == "command" and kept.facts["machine"]["threads"] >= 1
    assert stored.seeds("mini", "tickets-mix0") == [3]
    assert "crowbar" not in path.read_text()


def test_a_missing_stored_run_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    with pytest.raises(OSError, match="tickets-mix0-seed7"):
        stored.load("mini", "tickets-mix0", 7)


def test_a_run_as_a_row():
    row = maps.row(make_history(CURVES))
    assert row["examples"] == 48 and row["task"] == 1.0 and row["retention"] == 0.0


def test_settings_are_recognized_in_a_run():
    assert maps.MIXED.fits(make_history(CURVES, mix_ratio=0.2, lr=maps.DEFAULT_LR["mini"]), "mini")
    assert not maps.MIXED.fits(make_history(CURVES), "mini")
    assert maps.LOW_LR.fits(make_history(CURVES, lr=maps.DEFAULT_LR["mini"] / 10), "mini")
    assert not maps.LOW_LR.fits(make_history(CURVES), "mini")


def test_a_mix_of_two_passes_stands_beside_that_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    assert maps.mixed_longer("mini") == ""
    for seed in range(2):
        stored.save("mini", "tickets-mix20", seed, make_history(CURVES), "command", seconds=1.0)
    assert maps.mixed_longer("mini") == ""  # the other half is missing
    kept = make_history({"knowledge": [1.0, 0.5, 1.0]})
    stored.save("mini", maps.MIXED_LONGER, 0, kept, "command", seconds=1.0)
    said = maps.mixed_longer("mini")
    assert "0.00 [0.00, 0.00] of knowledge" in said and "(2 seeds)" in said
    assert "; after 2 steps 1.00 of knowledge" in said and said.endswith("(1 seed).")


def test_the_map_is_ordered_by_distance_and_intensity(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    cells = [
        {"task": task, "lr": lr, "epochs": 1.0, "distance": far, "knows": [1.0, 1.0],
         "retention": [keep, keep + 0.1], "task_score": [0.5, 0.7]}
        for task, far in (("tickets", 5.0), ("diverse", 1.0))
        for lr, keep in ((1e-3, 0.1), (1e-4, 0.8))
    ]  # fmt: skip
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "mini.json").write_text(json.dumps({"cells": cells}))
    found = maps.load("mini")
    assert [row.split()[0] for row in found.rows] == ["diverse", "tickets"]
    assert found.columns[0].startswith("lr 0.0001")
    assert found.values[1] == pytest.approx([0.85, 0.15])
    assert found.seeds == 2 and "0.15 to 0.85" in found.summary
    header, rows = found.as_table()
    assert len(rows) == 4 and all(len(row) == len(header) for row in rows)
    assert maps.load("other") is None


def test_one_seed_has_no_interval(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    cell = {"task": "tickets", "lr": 1e-3, "epochs": 1.0, "distance": 5.0, "knows": [1.0],
            "retention": [0.77], "task_score": [0.5]}  # fmt: skip
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "mini.json").write_text(json.dumps({"cells": [cell]}))
    found = maps.load("mini")
    header, rows = found.as_table()
    assert "95% interval" not in header and "0.77 to 0.77" not in str(rows + found.notes)
    assert all(len(row) == len(header) for row in rows)


def test_wrong_facts_lie_nearer_than_replies_and_keep_less():
    """Lab 02, section 3: the distance of a task alone does not make it gentle."""
    found = maps.load("mini")
    rows = {name.split()[0]: values for name, values in zip(found.rows, found.values, strict=True)}
    names = list(rows)
    assert names.index("wrong_facts") < names.index("replies")
    assert all(a < b for a, b in zip(rows["wrong_facts"], rows["replies"], strict=True))


def test_settings_are_means_over_their_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    for seed, left in enumerate((0.2, 0.6)):
        history = make_history({"knowledge": [1.0, left]})
        stored.save("mini", "tickets-mix20", seed, history, "command", seconds=1.0)
    (row,) = maps.settings("mini")
    assert row["retention"] == pytest.approx(0.4) and row["name"].endswith("(2 seeds)")


def test_memory_is_looked_at_before_a_large_model_is_trained(monkeypatch):
    monkeypatch.setattr(device, "free_memory_mb", lambda: 1000.0)
    assert "1.0 GB left" in device.why_not_live("smollm2-135m")
    assert device.why_not_live("mini") == ""
    monkeypatch.setattr(device, "free_memory_mb", lambda: 8000.0)
    assert device.why_not_live("smollm2-135m") == ""


def test_a_container_limit_counts(tmp_path, monkeypatch):
    limit, usage = tmp_path / "max", tmp_path / "current"
    limit.write_text("500000000")
    usage.write_text("200000000")
    monkeypatch.setattr(device, "_CGROUPS", ((limit, usage), (tmp_path / "no", usage)))
    assert device.free_memory_mb() == pytest.approx(300.0)
    limit.write_text("max")
    assert device.free_memory_mb() > 300.0


def test_speed_is_a_positive_number():
    assert device.gflops(64, 2) > 0


def test_a_model_that_is_not_here_is_not_offered_first(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "home_folder", lambda: tmp_path)
    monkeypatch.setattr(device.smollm2, "WHEEL", "no-such-distribution")
    assert not device.at_hand("smollm2-135m") and device.at_hand("mini")
    (tmp_path / "models" / "smollm2-135m").mkdir(parents=True)
    (tmp_path / "models" / "smollm2-135m" / "model.safetensors").write_text("")
    assert device.at_hand("smollm2-135m")
