"""Memory by part: measured as counted by hand, and predicted before."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from lablib import models
from lablib.methods import make
from lablib.methods.memory import Memory, measure, predict
from tests import tiny


def batch():
    return tiny.run().rows[0].batch(range(8))


def test_the_total_is_the_sum():
    assert Memory(1, 2, 3, 4).total == 10


def test_full_fine_tuning_holds_four_times_its_weights():
    found = measure(tiny.model(width=64), make("full"), batch())
    n = tiny.model(width=64).num_parameters()
    buffers = sum(map(models.n_bytes, tiny.model(width=64).buffers()))
    assert found.weights == 4 * n + buffers and found.gradients == 4 * n
    assert found.optimizer == pytest.approx(8 * n, rel=1e-2)  # and a step count a tensor


def test_lora_saves_gradients_and_states_but_hardly_activations():
    full, lora = (measure(tiny.model(width=64), make(key), batch()) for key in ("full", "lora"))
    assert lora.weights > full.weights
    assert lora.gradients == 4 * 2 * 16 * (4 * 128 + 3 * 128)
    assert lora.gradients < full.gradients and lora.optimizer < full.optimizer
    assert 0.6 < lora.activations / full.activations < 1.6


SETTINGS = {
    "full": {},
    "lora": {"rank": 4},
    "qlora": {"rank": 4, "double_quant": False},
}


@pytest.mark.parametrize("key", SETTINGS)
def test_the_prediction_is_what_is_measured(key):
    method = make(key, SETTINGS[key])
    expected = predict(tiny.model(width=64), method, batch())
    found = measure(tiny.model(width=64), method, batch())
    assert expected.weights == found.weights
    assert expected.gradients == found.gradients
    assert expected.optimizer == pytest.approx(found.optimizer, rel=0.02)
    assert expected.activations == pytest.approx(found.activations, rel=0.1)


@pytest.mark.parametrize("key", ["full", "lora", "qlora"])
def test_it_holds_for_mini(key):
    loaded = models.load("mini")
    rows = models.Rows(tiny.GENERAL, loaded.tokenizer, 64)
    asked = rows.batch(range(5))
    expected = predict(loaded.model, make(key), asked)
    found = measure(loaded.model, make(key), asked)
    assert expected.weights == pytest.approx(found.weights, rel=0.002)
    assert expected.gradients == found.gradients
    assert expected.optimizer == pytest.approx(found.optimizer, rel=0.02)
    assert expected.activations == pytest.approx(found.activations, rel=0.1)


def test_states_of_8_bits_are_predicted():
    method = make("qlora", {"rank": 128, "optim": "adamw_8bit"})
    expected = predict(tiny.model(width=64), method, batch())
    found = measure(tiny.model(width=64), method, batch())
    assert expected.optimizer == pytest.approx(found.optimizer, rel=0.05)
    assert expected.optimizer < 0.3 * 2 * expected.gradients


def test_a_model_without_weights_can_be_asked():
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(tiny.model(width=64).config)
    assert predict(empty, make("qlora"), batch()) == predict(
        tiny.model(width=64), make("qlora"), batch()
    )


def test_what_has_no_formula_is_said():
    with torch.random.fork_rng():
        other = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=32, n_head=4, n_layer=1))
    with pytest.raises(ValueError, match="measure it instead"):
        predict(other, make("full"), batch())
    with pytest.raises(ValueError, match="not for stm"):
        predict(tiny.model(width=64), make("stm"), batch())
