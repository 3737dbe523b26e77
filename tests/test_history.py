"""Folding events into curves: the arithmetic, and what is never turned into a ratio."""

import pytest

from lablib.events import (
    Answered,
    ControlChanged,
    Finished,
    Probed,
    Progress,
    Score,
    Started,
    StepDone,
    TaskDone,
)
from lablib.history import History

CHANCE = {"knowledge": {"says": 0.0, "knows": 0.25}, "safety": {"says": 0.0, "knows": 0.5}}


def score(says, knows, n=4):
    def outcomes(share):
        return tuple(int(i < round(share * n)) for i in range(n))

    return Score(says, knows, n, outcomes(says), outcomes(knows), {"bits": says})


def probed(step, says, knows, *, full=False, n=20, task=0.0):
    scores = {"knowledge": score(says, knows, n), "safety": score(0.5, 0.5, n)}
    return Probed(step, "tickets", scores, {"tickets": task}, full, 0.1, 0.0, 1.0)


def events():
    config = {"chance": CHANCE, "lr": 1e-3}
    return [
        Started("r1", "mini", ("tickets",), "full", 0, 20, config, {"torch": "2"}),
        Progress("probing", 1, 2),
        probed(0, 0.90, 1.0, full=True, n=60),
        probed(0, 0.80, 1.0),
        Answered(0, "France?", "Paris", (("Paris", 0.9), ("Rome", 0.1))),
        StepDone(1, "tickets", 0.1, 3.0, 0.0, 1e-3, 0.0, 0, 16, 20, 0.05),
        ControlChanged(2, "lr", 1e-3, 1e-4),
        StepDone(2, "tickets", 0.2, 2.0, 0.0, 1e-4, 0.0, 0, 16, 20, 0.05),
        probed(10, 0.40, 0.85, task=0.5),
        probed(20, 0.20, 0.70, task=0.9),
        probed(20, 0.30, 0.75, full=True, n=60, task=0.95),
        TaskDone("tickets", 20),
        Finished(20, "done", 4.0),
    ]


@pytest.fixture
def history():
    return History.of(events())


def test_curves_are_those_of_the_live_points(history):
    assert history.curve("knowledge") == ((0, 10, 20), (0.80, 0.40, 0.20))
    assert history.curve("knowledge", "knows") == ((0, 10, 20), (1.0, 0.85, 0.70))
    assert history.curve("knowledge", "bits") == ((0, 10, 20), (0.80, 0.40, 0.20))
    assert history.curve("poetry") == ((), ())
    assert history.task_curve("tickets") == ((0, 10, 20), (0.0, 0.5, 0.9))


def test_retention_is_corrected_for_chance_and_relative_to_the_same_items(history):
    steps, says = history.retention("knowledge", "says")
    assert steps == (0, 10, 20)
    assert says == pytest.approx((1.0, 0.5, 0.25))
    assert history.retention("knowledge", "knows")[1] == pytest.approx((1.0, 0.8, 0.6))


def test_base_and_final_are_those_on_all_items(history):
    assert history.base("knowledge").n == history.final("knowledge").n == 60
    assert history.final_retention("knowledge") == pytest.approx(0.30 / 0.90)
    assert history.flips("knowledge") == (36, 0)
    assert history.task_score("tickets") == (0.0, 0.95)
    assert history.gain("tickets") == 0.95


def test_a_run_cut_short_compares_its_live_points():
    history = History.of(events()[:9])
    assert history.finished is None
    assert history.base("knowledge").n == history.final("knowledge").n == 20
    assert history.final_retention("knowledge") == pytest.approx(0.5)


def test_a_base_at_chance_has_nothing_to_lose_and_no_ratio(history):
    assert history.nothing_to_lose("safety", "knows")
    assert history.retention("safety", "knows") == ((), ())
    assert history.final_retention("safety", "knows") is None
    assert not history.nothing_to_lose("knowledge")
    assert not history.nothing_to_lose("safety", "says")


def test_what_happened_beside_the_curves_is_kept(history):
    assert [s.loss for s in history.steps] == [3.0, 2.0]
    assert history.changes == [ControlChanged(2, "lr", 1e-3, 1e-4)]
    assert history.answers[0].text == "Paris"
    assert history.finished.reason == "done"
    assert history.capabilities() == ("knowledge", "safety")


def test_a_history_survives_json(history):
    again = History.from_json(history.to_json())
    assert again == history
    assert again.scores[0].scores["knowledge"].says_outcomes == (1,) * 54 + (0,) * 6


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 1, "events": [{}]}'])
def test_text_that_is_no_history_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match="not a saved history"):
        History.from_json(text)


def test_a_later_format_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="format 99"):
        History.from_json('{"format": 99, "events": []}')


def test_an_empty_history_answers_everything():
    history = History()
    assert history.curve("knowledge") == history.retention("knowledge") == ((), ())
    assert history.base("knowledge") is None
    assert history.final_retention("knowledge") is None
    assert history.flips("knowledge") == (0, 0)
    assert history.gain("tickets") is None
    assert history.matrix() == []


def test_the_score_matrix_has_a_row_after_every_task():
    def after(step, first, second, full=True):
        scores = {"a": first, "b": second}
        return Probed(step, "a", {}, scores, full, 0.0, 0.0)

    history = History.of(
        [
            Started("r", "mini", ("a", "b"), "full", 0, 20, {}, {}),
            after(0, 0.0, 0.1),
            Probed(5, "a", {}, {"a": 0.4}, False, 0.0, 0.0),
            after(10, 0.9, 0.2),
            Probed(10, "a", {}, {"a": 0.9}, False, 0.0, 0.0),
            TaskDone("a", 10),
            after(20, 0.3, 0.8),
            TaskDone("b", 20),
        ]
    )
    assert history.matrix() == [[0.0, 0.1], [0.9, 0.2], [0.3, 0.8]]
