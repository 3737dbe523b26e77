"""The KL test passes what is the Fisher and fails what is not."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lablib.lessons import kltest
from lablib.lessons.kltest import Nudged
from lablib.methods import fisher
from lablib.models import LoadedModel, Rows
from tests import tiny

SOLUTIONS = Path(__file__).resolve().parents[2] / "labs" / "solutions" / "lab_05.py"


@pytest.fixture(scope="module")
def loaded():
    model = tiny.model()
    n = sum(p.numel() for p in model.parameters())
    return LoadedModel("tiny", model, tiny.tokenizer(), Path("."), "0", n)


@pytest.fixture
def rows(monkeypatch):
    made = Rows(tiny.Digits().rows("train"), tiny.tokenizer(), 64)
    monkeypatch.setattr(kltest, "rows_of", lambda loaded: made)
    monkeypatch.setattr(kltest, "N_ROWS", 4)
    return made


@pytest.fixture
def nudged(loaded, rows):
    name = kltest.matrices(loaded.model)[0]
    return [part for part in kltest.iter_nudge(loaded, name, 3) if isinstance(part, Nudged)]


def test_the_definition_passes_and_the_learners_solution_with_it(nudged):
    spec = importlib.util.spec_from_file_location("solution_05", SOLUTIONS)
    solution = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(solution)
    assert kltest.passes([one.ratio(one.exact()) for one in nudged])
    assert kltest.passes([one.ratio(solution.fisher(*one.lists())) for one in nudged])


def test_what_others_call_the_fisher_does_not_pass(nudged):
    for kind in (Nudged.empirical, Nudged.weighted, lambda one: one.batch_squared(4)):
        assert not kltest.passes([one.ratio(kind(one)) for one in nudged])
    assert not kltest.passes([]) and not kltest.passes([1.0, 1.02])


def test_it_agrees_with_the_fisher_of_the_methods(loaded, rows, nudged):
    numbers = fisher.some_rows(rows, 4, 0)
    exact = fisher.diagonal(loaded.model, rows, numbers, kind="exact")
    for one in nudged:
        assert one.exact() == pytest.approx(float(exact[one.name][one.row, one.column]), rel=5e-3)


def test_squared_batches_are_what_their_formula_says(nudged):
    one = nudged[0]
    by_row = [one._true[one.row_of == at] for at in range(4)]
    by_hand = sum(float(values.mean()) ** 2 for values in by_row) / 4
    assert one.batch_squared(1) == pytest.approx(by_hand)
    assert one.batch_squared(4) == pytest.approx(float(one._true.mean()) ** 2)


def test_the_model_is_left_as_it_was(loaded, rows):
    before = {name: p.clone() for name, p in loaded.model.named_parameters()}
    list(kltest.iter_nudge(loaded, kltest.matrices(loaded.model)[-1], 1))
    assert all(torch.equal(p, before[name]) for name, p in loaded.model.named_parameters())
    assert all(p.dtype == torch.float32 for p in loaded.model.parameters())


def test_a_large_model_is_replaced_by_the_small_one(loaded):
    assert kltest.base_of(loaded) is loaded
    assert kltest.base_of(replace(loaded, n_parameters=10**9)).name == "mini"
