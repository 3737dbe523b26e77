"""Rearranged weights compute the same, and only where nothing else could be meant."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lablib.models import packed as module
from lablib.models.packed import packed

pytestmark = pytest.mark.skipif(not module._available(), reason="this torch lacks the operations")


@pytest.fixture
def model(monkeypatch):
    """Two layers, one with a bias, taken for large ones."""
    monkeypatch.setattr(module, "LEAST", 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(24, 40), nn.GELU(), nn.Linear(40, 8, bias=False))


@pytest.fixture
def given():
    return torch.randn(3, 5, 24, generator=torch.Generator().manual_seed(0))


def is_packed(model) -> bool:
    return all("forward" in layer.__dict__ for layer in (model[0], model[2]))


def test_computes_the_same(model, given):
    with torch.no_grad():
        plain = model(given)
        with packed(model):
            assert is_packed(model)
            torch.testing.assert_close(model(given), plain)
    assert not any("forward" in layer.__dict__ for layer in model)


def test_small_models_and_other_types_stay_as_they_are(model, monkeypatch):
    with packed(model.double()):
        assert not is_packed(model)
    monkeypatch.setattr(module, "LEAST", 10**9)
    with packed(model.float()):
        assert not is_packed(model)


def test_changed_weights_are_read_anew(model, given):
    with torch.no_grad(), packed(model):
        model[0].weight.mul_(2)
        assert torch.equal(model[0](given), nn.functional.linear(given, *model[0].parameters()))


def test_gradients_flow_as_always(model, given):
    with packed(model):
        model(given).sum().backward()
    inside = model[0].weight.grad.clone()
    model.zero_grad()
    model(given).sum().backward()
    assert torch.equal(inside, model[0].weight.grad)


def test_ends_with_an_error(model):
    with pytest.raises(RuntimeError, match="stop"), packed(model):
        raise RuntimeError("stop")
    assert "forward" not in model[0].__dict__


def test_inner_block_leaves_the_outer_one(model, given):
    with torch.no_grad(), packed(model):
        with packed(model):
            pass
        assert is_packed(model)


def test_exchanged_data_are_read_anew(model, given):
    """As ``put_weight`` exchanges them when the base is looked at between two events."""
    other = torch.zeros_like(model[0].weight)
    with torch.no_grad(), packed(model):
        mine, model[0].weight.data = model[0].weight.data, other
        assert torch.equal(model[0](given), model[0].bias.expand(3, 5, 40))
        model[0].weight.data = mine
