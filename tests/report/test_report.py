"""The record survives, and the report can be graded from the file alone."""

from __future__ import annotations

import json
import os
import threading

import pytest

from lablib.report import LABS, Record, learner_name, to_html, to_markdown
from lablib.report.render import MISSING, sections


@pytest.fixture
def record(tmp_path):
    return Record("02", learner="ada", folder=tmp_path)


def fill(record):
    outline = LABS[record.lab]
    for expected in outline.predictions:
        record.predict(expected.key, 0.4, "How much?", "of the lead")
        record.measure(expected.key, 0.25, "live", "seed 0")
    for expected in outline.exercises:
        record.exercise(expected.key, True, "Right.", "def f():\n    return 1")
    for expected in outline.answers:
        record.answer(expected.key, "It went mute.")
    record.run("r1", model="mini", task="tickets", method="full", lr=1e-4, seed=3, source="live")


def test_a_prediction_is_kept_and_the_first_one_stays(record):
    record.predict("02-lr", 0.3)
    record.predict("02-lr", 0.8)
    assert Record("02", learner="ada", folder=record._folder).prediction("02-lr") == 0.8
    assert record.read()["predictions"]["02-lr"]["first"] == 0.3
    assert "0.80 (first: 0.30)" in to_markdown(record)


def test_a_replayed_figure_never_replaces_a_live_one(record):
    record.measure("02-lr", 0.5, "replayed")
    record.measure("02-lr", 0.9, "live")
    record.measure("02-lr", 0.5, "replayed")
    assert record.read()["measurements"]["02-lr"]["value"] == 0.9


def test_two_threads_lose_no_attempt(record):
    def attempts():
        for _ in range(20):
            record.exercise("retention", False, "Forgot chance.")

    threads = [threading.Thread(target=attempts) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert record.read()["exercises"]["retention"]["attempts"] == 40


def test_a_file_that_holds_no_record_is_said_to_be_damaged(record):
    record.path.parent.mkdir(parents=True, exist_ok=True)
    record.path.write_text("[1]")
    with pytest.raises(ValueError, match=r"is damaged \(it holds no record"):
        record.read()


def test_solved_stays_solved_and_attempts_are_counted(record):
    record.exercise("retention", False, "Forgot chance.", "a")
    record.exercise("retention", True, "Right.", "b")
    record.exercise("retention", False, "Forgot chance.", "c")
    done = record.read()["exercises"]["retention"]
    assert done["passed"] and done["code"] == "b" and done["attempts"] == 3


def test_an_empty_report_names_every_missing_part(record):
    text = to_markdown(record)
    for expected in LABS["02"].predictions + LABS["02"].exercises + LABS["02"].answers:
        assert expected.text.split("`")[0] in text
    assert text.count(MISSING) > len(LABS["02"].predictions) * 2
    n_parts = sum(map(len, (LABS["02"].predictions * 2, LABS["02"].exercises, LABS["02"].answers)))
    assert len(sections(record)[-1].rows) == n_parts


def test_a_full_report_has_nothing_missing(record):
    fill(record)
    for text in (to_markdown(record), to_html(record)):
        body = text.split("What is missing")[1]
        assert "every part of this report is filled in" in body
        assert "0.0001" in text  # a learning rate is not rounded away
        assert "def f():" in text
    assert sections(record)[-1].rows == ()


def test_what_a_learner_typed_cannot_become_html_or_a_table(record):
    record.answer("02-friday", "<script>alert(1)</script> $x$ | a")
    record.predict("02-lr", "<img src=x>", "", "")
    page = to_html(record)
    assert "<script>" not in page and "<img" not in page
    text = to_markdown(record)
    assert "<script>" not in text.replace("\\<", "")
    assert "\\$x\\$ \\| a" in text


def test_two_threads_saving_at_once_lose_nothing(record):
    def save(start):
        for number in range(start, start + 20):
            record.answer(f"key-{number}", "text")

    threads = [threading.Thread(target=save, args=(start,)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(record.read()["answers"]) == 40
    assert [name for name in os.listdir(record.path.parent) if name.endswith(".tmp")] == []


def test_a_damaged_record_is_named(record):
    record.path.parent.mkdir(parents=True)
    record.path.write_text("{not json")
    with pytest.raises(ValueError, match="damaged"):
        record.read()


def test_the_file_is_plain_json(record):
    fill(record)
    assert json.loads(record.path.read_text())["lab"] == "02"


def test_an_unknown_lab_is_refused():
    with pytest.raises(ValueError, match="no lab '99'"):
        Record("99")


def test_learner_names(monkeypatch):
    for name in ("LETHE_LEARNER", "QUERY_STRING", "SERVER_SOFTWARE"):
        monkeypatch.delenv(name, raising=False)
    assert learner_name() == "me"
    monkeypatch.setenv("QUERY_STRING", "learner=Ada+L")
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    assert learner_name() == "Ada_L"
    monkeypatch.setenv("QUERY_STRING", "")
    assert learner_name().startswith("visitor-")
    monkeypatch.setenv("LETHE_LEARNER", "../../etc")
    assert "/" not in learner_name() and not learner_name().startswith(".")
