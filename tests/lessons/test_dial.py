"""The dial: exact at both ends, a straight line in the weights, the model left as it was."""

from __future__ import annotations

import json

import pytest
import torch

from lablib import models
from lablib.lessons import dial, stored
from lablib.lessons.dial import Notch
from lablib.models import LoadedModel
from tests import tiny

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}


def finished(method: str, **settings):
    run = tiny.run(method=method, settings=settings, probes=[], max_steps=3, lr=1e-2, **QUIET)
    list(run)
    return run


def logits(run):
    batch = run.rows[0].batch(range(4))
    with torch.no_grad():
        return models.forward(run.model, batch).logits


@pytest.mark.parametrize(
    ("method", "settings"), [("full", {}), ("lora", {}), ("lora", {"per_task": True})]
)
def test_both_ends_are_exact_and_the_middle_is_between(method, settings):
    run = finished(method, **settings)
    end = logits(run)
    with run.base():
        base = logits(run)
    assert not torch.equal(base, end)
    with dial.turned(run, 0.0):
        torch.testing.assert_close(logits(run), base, rtol=1e-5, atol=1e-6)
    with dial.turned(run, 1.0):
        torch.testing.assert_close(logits(run), end, rtol=1e-5, atol=1e-6)
    with dial.turned(run, 0.5):
        middle = {n: w.detach().clone() for n, w in models.effective_weights(run.model).items()}
    torch.testing.assert_close(logits(run), end)  # left as it was
    before, after = dict(tiny.model().named_parameters()), models.effective_weights(run.model)
    for name, begun in before.items():
        expected = (begun.detach() + after[name]) / 2
        torch.testing.assert_close(middle[name], expected, rtol=1e-4, atol=1e-5)


def test_an_error_within_leaves_the_model_as_it_was():
    for method in ("full", "lora"):
        run = finished(method)
        end = logits(run)
        with pytest.raises(KeyError), dial.turned(run, 0.3):
            raise KeyError
        assert torch.equal(logits(run), end)


def test_a_trace_measures_every_notch_of_any_model():
    run = finished("lora")
    loaded = LoadedModel("tiny", tiny.model(), tiny.tokenizer(), None, "d", 30_000)
    found = [p for p in dial.trace(run, loaded, (0.0, 0.5, 1.0), ["Item 1?"]) if type(p) is Notch]
    assert [notch.dial for notch in found] == [0.0, 0.5, 1.0]
    assert found[0].kl == pytest.approx(0, abs=1e-6) and found[-1].kl > 0
    assert found[0].displacement == 0
    assert found[-1].displacement == pytest.approx(run.origin.displacement(run.model))
    assert found[0].says == {}  # random weights have nothing to lose
    assert found[0].kept() is None and dial.best(found, 0.9) is None
    assert set(found[0].answers) == {"Item 1?"}
    assert dict(dial.ask(run, "Item 2?", [0.0, 1.0])).keys() == {0.0, 1.0}


def test_what_is_stored_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    notch = Notch(0.5, 1 / 3, {"knowledge": 0.9}, {"knowledge": 1.0}, 0.01, 0.2, {"a?": "b"})
    path = dial.save("mini", "lora", 3, [notch], command="python make.py")
    assert json.loads(path.read_text())["command"] == "python make.py"
    (again,) = dial.load("mini")[3]
    assert again.task == 0.3333 and again.kept() == 0.9 and again.answers == {"a?": "b"}
    assert dial.load("mini", "full") == {}


def test_the_best_notch_keeps_enough():
    def at(place, task, kept):
        return Notch(place, task, {"knowledge": kept}, {}, 0.0, 0.0, {})

    notches = [at(0, 0.0, 1.0), at(0.5, 0.4, 0.92), at(0.8, 0.3, 0.95), at(1, 0.9, 0.1)]
    assert dial.best(notches, 0.9).dial == 0.5
