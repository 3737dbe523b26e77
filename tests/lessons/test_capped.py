"""One training step in a limited process: who survives, where the others end, what is stored."""

from __future__ import annotations

import sys
from dataclasses import astuple

import pytest

from lablib.events import Progress
from lablib.lessons import capped, shapes
from lablib.lessons.capped import SURVIVORS, Step, survivors
from lablib.methods.memory import STAGES, Memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces the limit")


def last(parts):
    *_, step = parts
    return step


@LINUX
def test_a_step_without_a_cap_reports_its_stages_and_its_parts():
    parts = list(capped.attempt("mini", "qlora", rows=2, tokens=16))
    step = parts[-1]
    assert step.survived and step.cap is None and not step.problem
    told = [part.what.partition(": ")[2] for part in parts if isinstance(part, Progress)]
    assert told == ["starting a process", "loading the model", *STAGES]
    expected = capped.expected("mini", "qlora", 2, 16)
    assert step.parts.gradients == expected.gradients
    assert step.parts.weights == pytest.approx(expected.weights, rel=0.002)
    assert step.peak > step.parts.optimizer
    assert Step.from_dict(step.to_dict()) == step


@LINUX
def test_a_cap_that_is_too_small_ends_the_process_and_says_where():
    step = last(capped.attempt("small", "full", rows=1, cap=2 * capped.weight_bytes("small")))
    assert not step.survived and step.parts is None and not step.problem
    assert step.stage in STAGES[1:]  # the weights themselves find room under twice their size


def test_stop_ends_the_process():
    stopped = [False]
    parts = capped.attempt("mini", "full", stopped=lambda: stopped[0])
    assert isinstance(next(parts), Progress)
    stopped[0] = True
    assert list(parts) == []


def test_survivors_in_words():
    def steps(*alive):
        return {
            m: Step("small", m, 4, 64, 1, m in alive, STAGES[0]) for m in ("full", "lora", "qlora")
        }

    assert survivors(steps("full", "lora", "qlora")) == SURVIVORS[0]
    assert survivors(steps("lora", "qlora")) == SURVIVORS[1]
    assert survivors(steps("qlora")) == SURVIVORS[2]
    assert survivors(steps()) == SURVIVORS[3]
    assert survivors(steps("lora")) == "LoRA"


def test_a_device_with_little_memory_is_told_so(monkeypatch):
    assert capped.why_not_live("mini") == ""
    monkeypatch.setattr(capped.device, "free_memory_mb", lambda: 600.0)
    assert "0.6 GB left" in capped.why_not_live("smollm2-135m")
    monkeypatch.setattr(capped.sys, "platform", "darwin")
    assert "Only Linux" in capped.why_not_live("smollm2-135m", 1e6)


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_the_shape_is_that_of_the_model(name):
    model = shapes.empty(name)
    assert model.device.type == "meta"
    n = sum(p.numel() for p in model.parameters())
    assert n == {"smollm2-135m": 134_515_008}.get(name, n)
    assert capped.weight_bytes(name) == 4 * n
    batch = shapes.batch(model, 2, 12)
    assert (batch.labels != -100).sum() == 2 * 3


# ------------------------------------------------------------------------------- stored


@pytest.fixture(scope="module", params=list(shapes.SHAPES))
def stored(request):
    steps = capped.stored_steps(request.param)
    if not steps:
        pytest.skip(f"nothing is stored for {request.param} yet")
    return request.param, steps


def test_what_the_lab_asks_about_is_stored(stored):
    model, steps = stored
    for method in capped.METHODS:
        assert capped.find(steps, method, 4, None).survived
        assert capped.find(steps, method, 4, capped.cap_bytes(model, 1.5))


def test_everything_that_can_be_chosen_of_the_first_shape_is_stored():
    model, steps = "small", capped.stored_steps("small")
    for method in capped.METHODS:
        assert all(capped.find(steps, method, rows, None).survived for rows in capped.ROWS)
        for factor in capped.FACTORS:
            assert capped.find(steps, method, 4, capped.cap_bytes(model, factor)), factor


def test_the_formula_is_within_a_tenth_of_what_was_measured(stored):
    model, steps = stored
    for step in (step for step in steps if step.parts):
        expected = capped.expected(model, step.method, step.rows)
        for part in ("weights", "gradients", "optimizer", "activations"):
            found, formula = getattr(step.parts, part), getattr(expected, part)
            assert formula == pytest.approx(found, rel=0.1), (step.method, step.rows, part)


def test_the_lab_says_what_was_measured(stored):
    """The sentences of the lab's first two turns, on both shapes."""
    model, steps = stored
    full, lora, qlora = (capped.find(steps, m, 4, None).parts for m in capped.METHODS)
    assert lora.gradients < 0.15 * full.gradients and lora.optimizer < 0.15 * full.optimizer
    assert lora.activations > 0.8 * full.activations  # hardly any is saved
    assert qlora.weights < 0.6 * lora.weights
    one, four = (capped.find(steps, "full", rows, None).parts for rows in (1, 4))
    assert four.activations > 3.5 * one.activations and four.weights == one.weights
    for step in steps:
        if step.parts:  # the highest moment is not the sum; loading may be the highest
            loading = capped.weight_bytes(model)
            assert 0.6 * step.parts.total < step.peak
            assert step.peak < max(1.5 * step.parts.total, 1.3 * loading)
    for method in capped.METHODS:  # more room never hurts
        tried = [capped.find(steps, method, 4, capped.cap_bytes(model, f)) for f in capped.FACTORS]
        lived = [step.survived for step in tried if step]
        assert lived == sorted(lived)
    loading = capped.find(steps, "qlora", 4, capped.cap_bytes(model, 1.0))
    assert loading.stage == "loading the model"  # read whole before it is rounded


def test_parts_are_stored_as_they_were():
    parts = Memory(1, 2, 3, 4)
    step = Step("small", "full", 4, 64, None, True, STAGES[-1], parts, 12)
    assert astuple(Step.from_dict(step.to_dict()).parts) == (1, 2, 3, 4)
