"""A run as JSON: what it holds, and that a file is whole or not there."""

from __future__ import annotations

import json
import math
import time

import pytest

from lablib.cli.result import Record, check_writable, write
from lablib.events import Finished, Probed, Progress, Score, Started, StepDone


def probed(step: int, says: float, full: bool, n: int = 4) -> Probed:
    score = Score(says, 1.0, n, tuple([1] * round(says * n)), (1,) * n, {"bits_per_byte": 2.0})
    return Probed(step, "tickets", {"knowledge": score}, {"tickets": 1 - says}, full, 0.1, 0.2)


def record_of(*events) -> Record:
    record = Record()
    started = Started(
        "id", "mini", ("tickets",), "full", 3, 2, {"chance": {"knowledge": {"says": 0.0}}}, {}
    )
    for event in (started, *events):
        record.add(event)
    return record


def step(n: int) -> StepDone:
    return StepDone(n, "tickets", 0.1, 1.5, 0.0, 1e-3, 0.0, 0, 4, 2, 0.1)


def test_base_and_final_are_on_the_same_items():
    record = record_of(
        probed(0, 1.0, True, 40), probed(0, 0.75, False), step(1), probed(1, 0.25, False)
    )
    cut_short = record.to_dict("interrupted")
    assert (cut_short["base"]["knowledge"]["n"], cut_short["final"]["knowledge"]["n"]) == (4, 4)
    assert cut_short["final"]["knowledge"]["says"] == 0.25
    record.add(probed(1, 0.5, True, 40))
    record.add(Finished(1, "done", 1.0))
    whole = record.to_dict("done")
    assert (whole["base"]["knowledge"]["n"], whole["final"]["knowledge"]["n"]) == (40, 40)
    assert whole["retention"]["knowledge"]["says"] == pytest.approx(0.5)
    assert whole["final"]["knowledge"]["bits_per_byte"] == 2.0
    assert whole["task"] == {"base": 0.0, "final": 0.5}
    assert [point["step"] for point in whole["curve"]] == [0, 0, 1, 1]
    assert whole["steps"] == 1 and whole["losses"] == [1.5] and whole["seed"] == 3


def test_time_is_charged_to_what_it_was_spent_on():
    record = record_of()
    time.sleep(0.05)
    record.add(Progress("preparing: tickets", 1, 1))
    time.sleep(0.1)
    record.add(step(1))
    time.sleep(0.2)
    record.add(Progress("probing", 1, 1))
    record.add(probed(1, 0.5, False))
    found = record.to_dict("done")
    assert found["probe_share"] == pytest.approx(0.2 / 0.35, abs=0.12)
    assert found["steps_per_s"] == pytest.approx(10, rel=0.4)
    assert found["first_point_s"] == pytest.approx(0.35, rel=0.3)


def test_nothing_measured_is_still_a_result(tmp_path):
    write(Record().to_dict("interrupted"), tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["base"] == {} and found["task"] == {"base": None, "final": None}
    assert found["peak_rss_mb"] > 0


def test_numbers_that_json_lacks_become_null(tmp_path):
    write({"loss": math.nan, "deep": [{"x": (math.inf, 1.0)}]}, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found == {"loss": None, "deep": [{"x": [None, 1.0]}]}


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "out.json"
    write({"a": 1}, file)
    with pytest.raises(TypeError):
        write({"a": object()}, file)
    assert json.loads(file.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path):
    check_writable(tmp_path / "out.json")
    for bad in (tmp_path, tmp_path / "no" / "out.json"):
        with pytest.raises(OSError, match="cannot be written"):
            check_writable(bad)
