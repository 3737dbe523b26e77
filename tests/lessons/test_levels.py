"""Levels, rounding and cards: equal to the library and to paper and pencil."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from lablib.lessons import cards, levels
from lablib.models import lazily
from lablib.models.quantize import base_weight, quantize, quantized
from tests import tiny


def weights(n=64 * 40, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) * 0.05


def solution(name):
    path = Path(__file__).resolve().parents[2] / "labs" / "solutions" / "lab_04.py"
    spec = importlib.util.spec_from_file_location("solution_04", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_nf4_is_the_librarys():
    theirs = lazily.bitsandbytes().functional.get_4bit_type("nf4", device="cpu")
    assert levels.nf4() == pytest.approx(theirs.tolist(), abs=1e-6)
    assert len(levels.nf4()) == len(levels.uniform()) == 16
    assert 0.0 in levels.nf4() and 0.0 not in levels.uniform()


def test_rounding_block_by_block_is_the_librarys():
    weight = weights().view(40, 64)
    theirs = base_weight(quantized(weight.clone(), "nf4", False))
    values, scales = levels.scaled(weight)
    ours = (levels.nearest(values, levels.nf4()) * scales).view_as(weight)
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_the_solution_is_the_librarys():
    gap, n = levels.against_library(weights(), solution("quantize_block"))
    assert n == 32 * 64 and gap < 1e-7
    gap, _ = levels.against_library(weights(), lambda block, table: [0.0] * len(block))
    assert gap > 0.01


def test_a_model_is_rounded_as_the_library_quantizes_it():
    ours, theirs = tiny.model(width=64), quantize(tiny.model(width=64), double_quant=False)
    levels.round_model(ours, levels.nf4())
    for name, module in ours.named_modules():
        if isinstance(module, torch.nn.Linear) and "lm_head" not in name:
            read = base_weight(theirs.get_submodule(name).weight)
            assert torch.allclose(module.weight, read, atol=1e-6), name


def test_blocks_matter_more_than_levels():
    weight = weights(64 * 400)
    even, nf4 = levels.uniform(), levels.nf4()
    assert levels.error(weight, nf4) < levels.error(weight, even)
    for table in (even, nf4):
        assert levels.error(weight, table, levels.WHOLE) > levels.error(weight, table, 1024)
        assert levels.error(weight, table, 1024) > levels.error(weight, table, 64)
    gained = levels.error(weight, even) - levels.error(weight, nf4)
    assert levels.error(weight, even, levels.WHOLE) - levels.error(weight, even) > gained


def test_squeezed_levels_keep_their_ends():
    assert levels.squeezed(1.0) == pytest.approx(levels.uniform())
    table = levels.squeezed(2.0)
    assert table[0] == -1 and table[-1] == 1 and table == tuple(sorted(table))
    assert abs(table[8]) < abs(levels.uniform()[8])


def test_bits_of_a_weight():
    assert levels.bits(16) == 4.5 and levels.bits(4) == 2.5 and levels.bits(16, 0) == 4


# -------------------------------------------------------------------------------- cards


def test_the_librarys_estimate_is_the_solution():
    own = solution("qlora_bytes")
    for shape in cards.CARDS:
        c = cards.count(shape)
        arguments = (c.quantized, c.kept, c.adapters, 512, c.per_token)
        assert own(*arguments) == pytest.approx(cards.qlora_bytes(*arguments))


def test_the_sizes_are_those_the_models_are_called_by():
    billions = [cards.count(shape).weights / 1e9 for shape in cards.CARDS]
    assert billions == pytest.approx([1.7, 6.7, 13.0, 32.5, 65.3], rel=0.02)


def test_what_the_lab_says_of_cards():
    assert cards.largest(*cards.ASKED) != cards.NONE
    by_tokens = {cards.largest(24, tokens, False) for tokens in cards.TOKENS}
    assert len(by_tokens) > 1  # the largest model changes with the tokens alone
    assert cards.largest(24, 512, True) != cards.largest(24, 512, False)  # and with the box
    assert cards.largest(48, 512, True) == "LLaMA 65B"  # as the paper has it, on 48 GB
    assert cards.largest(1, 8192, False) == cards.NONE


def test_the_learners_rule_fills_the_table():
    assert [fit.qlora for fit in cards.fits(512, False, lambda *counts: 7.0)] == [7.0] * 5
