"""The updates are the formula of 1989, checked against slopes of the error."""

from __future__ import annotations

import numpy as np
import pytest

from lablib.classic.network import Network


def item(rng, n_inputs=5, n_outputs=3):
    return rng.random((1, n_inputs)), rng.choice([0.1, 0.9], (1, n_outputs))


def half_squared_error(network, inputs, targets):
    return 0.5 * ((targets - network.forward(inputs)) ** 2).sum()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_step_goes_down_the_slope_of_half_the_sum_of_squared_errors(rng):
    network, (inputs, targets) = Network(5, 4, 3, rng), item(rng)
    for name in ("into_hidden", "into_output"):
        weight = getattr(network, name)
        slopes = np.zeros_like(weight)
        for place in np.ndindex(*weight.shape):
            ends = []
            for sign in (1, -1):
                weight[place] += sign * 1e-5
                ends.append(half_squared_error(network, inputs, targets))
                weight[place] -= sign * 1e-5
            slopes[place] = (ends[0] - ends[1]) / 2e-5
        before = weight.copy()
        kept = network.into_hidden.copy(), network.into_output.copy()
        network.update(inputs, targets, rate=0.25, momentum=0.0)
        moved = weight - before
        np.testing.assert_allclose(moved, -0.25 * slopes, atol=1e-8)
        network.into_hidden[:], network.into_output[:] = kept


def test_momentum_adds_its_share_of_the_last_update(rng):
    with_momentum, (inputs, targets) = Network(5, 4, 3, np.random.default_rng(1)), item(rng)
    without = Network(5, 4, 3, np.random.default_rng(1))
    start = without.into_output.copy()
    for network in (with_momentum, without):
        network.update(inputs, targets, 0.25, 0.9)
    first = without.into_output - start
    without._last = tuple(np.zeros_like(last) for last in without._last)
    for network in (with_momentum, without):
        network.update(inputs, targets, 0.25, 0.9)
    np.testing.assert_allclose(with_momentum.into_output - without.into_output, 0.9 * first)


def test_frozen_weights_do_not_move_and_others_do(rng):
    network, (inputs, targets) = Network(5, 4, 3, rng), item(rng)
    network.update(inputs, targets, 0.25, 0.9)  # so that there is momentum to be ignored
    network.learns = (np.zeros_like(network.into_hidden), np.ones_like(network.into_output))
    before = network.into_hidden.copy(), network.into_output.copy()
    network.update(inputs, targets, 0.25, 0.9)
    assert (network.into_hidden == before[0]).all()
    assert not (network.into_output == before[1]).any()


def test_a_batch_update_is_the_sum_of_the_items(rng):
    a, b = item(rng), item(rng)
    network = Network(5, 4, 3, rng)
    start = network.into_output.copy()
    steps = []
    for inputs, targets in (a, b):
        network.update(inputs, targets, 0.25, 0.0)
        steps.append(network.into_output - start)
        network.into_output[:] = start
        network.into_hidden[:] = _undone(network, inputs, targets)
    network.update(np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]), 0.25, 0.0)
    np.testing.assert_allclose(network.into_output - start, steps[0] + steps[1], atol=1e-12)


def _undone(network, inputs, targets):
    """The weights into the hidden units before their last update, which had no momentum."""
    return network.into_hidden - network._last[0]
