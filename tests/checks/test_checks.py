"""Every exercise: the solution passes, the stub is told what to write, misconceptions teach."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from lablib.checks import EXERCISES
from lablib.checks.base import Case, Exercise, Misconception

SOLUTIONS = Path(__file__).resolve().parents[2] / "labs" / "solutions"
ALL = [(lab, name) for lab, exercises in EXERCISES.items() for name in exercises]


def check(lab, name, function):
    return EXERCISES[lab][name].check(function)


def solution(lab: str, name: str):
    spec = importlib.util.spec_from_file_location(f"solution_{lab}", SOLUTIONS / f"lab_{lab}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


@pytest.mark.parametrize(("lab", "name"), ALL)
def test_solution_passes(lab, name):
    result = check(lab, name, solution(lab, name))
    assert result.passed, result.message


@pytest.mark.parametrize(("lab", "name"), ALL)
def test_stub_is_told_what_to_write(lab, name):
    def stub(*arguments):
        raise NotImplementedError

    result = check(lab, name, stub)
    assert not result.passed
    assert "Write a function" in result.message


@pytest.mark.parametrize(("lab", "name"), ALL)
@pytest.mark.parametrize("nothing", [None, ...])
def test_a_function_that_returns_nothing_is_told_what_to_write(lab, name, nothing):
    result = check(lab, name, lambda *arguments: nothing)
    assert not result.passed
    assert "Write a function" in result.message


@pytest.mark.parametrize(("lab", "name"), ALL)
def test_misconceptions_get_their_own_message(lab, name):
    exercise = EXERCISES[lab][name]
    assert len(exercise.misconceptions) >= 3
    messages = {}
    for idea in exercise.misconceptions:
        result = check(lab, name, idea.wrong)
        assert not result.passed, idea.name
        assert result.misconception == idea.name
        assert idea.message in result.message
        assert "expected" in result.message or "should return" in result.message
        messages[idea.name] = result.message
    for one, other in itertools.combinations(messages, 2):
        assert messages[one] != messages[other], (one, other)


@pytest.mark.parametrize(("lab", "name"), ALL)
def test_messages_do_not_hold_the_solution(lab, name):
    code = (SOLUTIONS / f"lab_{lab}.py").read_text()
    lines = [line.strip() for line in code.splitlines() if len(line.strip()) > 25]
    for idea in EXERCISES[lab][name].misconceptions:
        message = check(lab, name, idea.wrong).message
        assert not any(line in message for line in lines)


def test_an_error_in_the_function_is_reported_not_raised():
    result = check("02", "diagnose", lambda says, knows: undefined_name)  # noqa: F821
    assert not result.passed
    assert "NameError" in result.message


def test_a_wrong_type_is_named():
    result = check("02", "retention", lambda now, base, chance: "a lot")
    assert result.misconception == "type"
    assert "str" in result.message


def test_something_that_is_no_function_is_refused():
    assert "must be a function" in check("00", "kept", 3).message


def test_a_function_that_changes_its_argument_spoils_nothing():
    def greedy(runs):
        good = [r for r in runs if r["task"] >= 0.9 and r["retention"] >= 0.9]
        name = min(good, key=lambda r: r["examples"])["name"] if good else None
        runs.clear()
        return name

    assert check("02", "cheapest", greedy).passed
    assert check("02", "cheapest", greedy).passed


def test_an_unknown_mistake_shows_got_against_expected():
    exercise = Exercise(
        "double",
        "Write a function.",
        int,
        (Case((2,), 4), Case((3,), 6)),
        (Misconception("square", lambda x: x * x, "This squares."),),
        "Right.",
    )
    assert exercise.check(lambda x: 2 * x).passed
    assert exercise.check(lambda x: x * x).misconception == "square"
    result = exercise.check(lambda x: 5)
    assert result.misconception == "unknown"
    assert "gave 5, expected 4" in result.message


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (True, np.bool_(True)),
        (4, np.int64(4)),
        (0.5, np.float32(0.5)),
        (0.5, torch.tensor(0.5)),
        ([True, False], np.array([True, False])),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ([[1, 2], [3, 4]], [np.array([1, 2]), np.array([3, 4])]),
        ((0.5, [1.0]), (np.float64(0.5), np.array([1.0]))),
    ],
)
def test_right_answers_pass_in_the_types_of_numpy_and_torch(expected, given):
    exercise = Exercise(
        "double",
        "Write a function.",
        type(expected),
        (Case((2,), expected),),
        (Misconception("none", lambda x: -1, "This is minus one."),),
        "Right.",
    )
    assert exercise.check(lambda x: given).passed
    assert not exercise.check(lambda x: np.int64(7)).passed


def test_a_wrong_idea_is_recognized_in_the_types_of_numpy():
    def mask(probabilities, threshold):  # the end of turn is forgotten
        return 1 / np.array(probabilities) <= threshold

    def masked(probabilities, threshold):
        learned = mask(probabilities, threshold)
        learned[-1] = True
        return learned

    assert check("06", "learned", masked).passed
    result = check("06", "learned", mask)
    assert not result.passed and result.misconception not in ("type", "unknown")


def test_a_misconception_is_recognized_under_a_forgotten_edge_case():
    result = check("02", "retention", lambda now, base, chance: now / base)
    assert result.misconception == "forgot chance"
    result = check("02", "retention", lambda now, base, chance: (now - chance) / (base - chance))
    assert result.misconception == "nothing to lose not handled"


@pytest.mark.parametrize(("lab", "name"), ALL)
def test_an_exercise_has_hint_time_and_a_typed_solution(lab, name):
    exercise = EXERCISES[lab][name]
    assert exercise.hint and exercise.minutes > 0 and exercise.difficulty in (1, 2, 3)
    annotations = solution(lab, name).__annotations__
    assert "return" in annotations and len(annotations) >= 2
    assert exercise.name == name
