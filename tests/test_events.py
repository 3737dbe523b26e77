"""Events survive a way through JSON unchanged."""

import json

import pytest

from lablib import events
from lablib.events import Score, from_dict, to_dict

SCORE = Score(0.5, 0.75, 4, (1, 1, 0, 0), (1, 1, 1, 0), {"bits_per_byte": 1.5})
ALL = [
    events.Started("r", "mini", ("a", "b"), "full", 0, 10, {"lr": 1e-3}, {"torch": "2"}),
    events.Progress("probing", 1, 2),
    events.Probed(1, "a", {"knowledge": SCORE}, {"a": 0.5}, True, 0.1, 0.2, None),
    events.Answered(1, "France?", "Paris", (("Paris", 0.9), ("Rome", 0.1))),
    events.StepDone(1, "a", 0.1, 2.0, 0.0, 1e-3, 0.2, 3, 16, 10, 0.05),
    events.ControlChanged(2, "lr", 1e-3, 1e-4),
    events.Snapshotted(1, "/somewhere"),
    events.TaskDone("a", 10),
    events.Finished(10, "done", 1.0),
]


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_json_as_it_was(event):
    assert from_dict(json.loads(json.dumps(to_dict(event)))) == event


def test_every_kind_of_event_is_covered_here():
    assert {type(event) for event in ALL} == set(events.Event.__args__)


@pytest.mark.parametrize("data", [{}, {"event": "Exploded"}])
def test_what_is_no_event_is_refused(data):
    with pytest.raises(ValueError, match="not an event"):
        from_dict(data)


def test_an_event_with_fields_missing_is_a_value_error():
    with pytest.raises(ValueError, match="not an event StepDone"):
        from_dict({"event": "StepDone", "step": 1})
