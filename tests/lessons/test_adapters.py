"""How large an adapter is: the counts are those of peft."""

from __future__ import annotations

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from lablib import models
from lablib.lessons import adapters
from lablib.methods.lora import LoRA
from tests import tiny


def gpt2():
    """A tiny GPT-2, which keeps its weights transposed."""
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=260, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    )


@pytest.mark.parametrize("make", [tiny.model, gpt2])
@pytest.mark.parametrize("targets", models.TARGETS)
@pytest.mark.parametrize("rank", [1, 8])
def test_the_count_is_that_of_peft(make, targets, rank):
    shape = adapters.shape_of(make(), "tiny", targets)
    adapted = LoRA(rank=rank, targets=targets).wrap(make())
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert shape.trained(rank) == trained
    assert shape.share(rank) == pytest.approx(models.trainable_share(adapted))


def test_embeddings_count_where_they_are_trained():
    shape = adapters.shape_of(tiny.model(), "tiny")
    adapted = LoRA(rank=4, embeddings=True).wrap(tiny.model())
    assert shape.trained(4, True) == sum(p.numel() for p in adapted.parameters() if p.requires_grad)


def test_the_known_models_are_counted_without_their_weights():
    mini, large = adapters.known_shape("mini"), adapters.known_shape("smollm2-135m")
    assert mini.total == models.load("mini").n_parameters
    assert mini.share(16) == pytest.approx(0.147, abs=5e-4)
    assert large.share(16) == pytest.approx(0.036, abs=5e-4)  # as docs/LOG.md has it


@pytest.mark.smollm2
def test_the_shape_of_smollm2_is_that_of_its_weights():
    assert adapters.known_shape("smollm2-135m").total == models.load("smollm2-135m").n_parameters


def test_at_the_break_even_rank_the_adapter_is_as_large_as_what_it_adapts():
    shape = adapters.shape_of(tiny.model(), "tiny")
    whole = sum(n_in * n_out for _, n_in, n_out in shape.layers)
    assert shape.trained(shape.break_even()) >= whole > shape.trained(shape.break_even() - 1)
