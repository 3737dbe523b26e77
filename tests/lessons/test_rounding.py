"""The base in 4 bits: how far its weights are off, and which answers flip."""

from __future__ import annotations

import pytest
import torch

from lablib.events import Score
from lablib.lessons.rounding import Rounding, quantization_error
from lablib.models import LoadedModel
from tests import tiny


def test_the_error_of_rounding_is_a_tenth_and_the_base_stays():
    model = tiny.model(width=64)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    loaded = LoadedModel("tiny", model, tiny.tokenizer(), None, "", model.num_parameters())
    found = quantization_error(loaded, [tiny.Vowels()])
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    # half the mean gap of NF4's levels in units of a normal weight, at the scale of 64 of them
    assert found.relative_error == pytest.approx(0.09, abs=0.01)
    once = quantization_error(loaded, [tiny.Vowels()], double_quant=False, split="quick")
    assert 0 < once.weight_error < found.weight_error
    assert found.base["vowels"].n == 6 and once.rounded["vowels"].n == 4


def test_flips_are_counted_in_both_directions():
    base = Score(0.5, 0.75, 4, (1, 1, 0, 0), (1, 1, 1, 0))
    rounded = Score(0.5, 0.5, 4, (1, 0, 1, 0), (0, 0, 1, 1))
    both = Rounding(0.0, 0.0, {"k": base}, {"k": rounded})
    assert both.flips("k") == (1, 1) and both.flips("k", "knows") == (2, 1)
