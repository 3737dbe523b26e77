"""The numbers of the primer, against the library and against what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lablib import models
from lablib.lessons import primer
from lablib.models import LoadedModel
from tests import tiny


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return LoadedModel("tiny", tiny.model(), tiny.tokenizer(), tmp_path_factory.mktemp("m"), "", 0)


def test_the_tokens_multiply_to_the_candidate_s_likelihood(loaded):
    question, answer = "Capital?", "Paris"
    weighed = primer.weigh(loaded, question, answer)
    assert [one.token for one in weighed] == [*answer, "(end)"]
    whole = models.candidate_logprobs(loaded.model, loaded.tokenizer, [question], [[answer]])
    assert primer.log_likelihood(weighed[:-1]) == pytest.approx(whole[0][0], abs=1e-4)


def test_perplexity_of_equal_probabilities_is_their_number():
    quarter = [primer.Weighed("a", 0.25)] * 7
    assert primer.perplexity(quarter) == pytest.approx(4)
    assert primer.log_likelihood(quarter) == pytest.approx(7 * math.log(0.25))


def test_a_rate_of_one_lands_at_the_bottom_and_more_than_two_leaves_the_valley():
    assert primer.descent(1.0)[1] == 0
    assert abs(primer.descent(1.9)[-1]) < 4 < abs(primer.descent(2.2)[-1])


@pytest.mark.parametrize("kind", primer.GRADIENTS)
def test_adam_is_that_of_torch(kind):
    weight = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.Adam([weight], lr=1.0)
    for gradient, held in zip(
        primer.GRADIENTS[kind], primer.adam(primer.GRADIENTS[kind]), strict=True
    ):
        before = weight.item()
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        assert before - weight.item() == pytest.approx(held.step, abs=1e-4)


def test_adam_forgets_the_scale():
    plain = primer.adam(primer.GRADIENTS["steady"])
    larger = primer.adam([100 * g for g in primer.GRADIENTS["steady"]])
    assert [h.step for h in larger] == pytest.approx([h.step for h in plain])


def test_ranks_and_rebuilding():
    every = primer.matrices()
    assert {name: primer.rank_of(matrix) for name, matrix in every.items()} == {
        "a soft hill": 1, "a chessboard": 2, "a diagonal line": 8, "noise": 8,
    }  # fmt: skip
    for matrix in every.values():
        assert np.allclose(primer.rebuilt(matrix, primer.rank_of(matrix)), matrix)
    assert not np.allclose(primer.rebuilt(every["a chessboard"], 1), every["a chessboard"])


def test_divergence_by_hand_and_its_direction():
    assert primer.divergence((0.5, 0.5), (0.5, 0.5)) == 0
    assert primer.divergence((1.0, 0.0), (0.5, 0.5)) == pytest.approx(math.log(2))
    there = primer.divergence(primer.EXPECTED, primer.shifted(0.5))
    assert there != pytest.approx(primer.divergence(primer.shifted(0.5), primer.EXPECTED))
    assert sum(primer.EXPECTED) == sum(primer.shifted(0.3)) == pytest.approx(1)
