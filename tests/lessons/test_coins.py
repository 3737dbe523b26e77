"""Coins that learn from their own flips: exact where it can be, simulated beside it."""

from __future__ import annotations

import numpy as np
import pytest

from lablib.lessons import coins
from lablib.lessons.coins import Coins
from lablib.plots import coins as pictures
from lablib.plots import live


def end(**settings):
    return list(coins.generations(Coins(**settings)))[-1]


def test_heat_is_the_softmax_of_two_tokens():
    p, t = np.array([0.2, 0.6, 0.9]), 0.3
    logits = np.log(np.stack([p, 1 - p])) / t
    assert coins.heated(p, t) == pytest.approx((np.exp(logits) / np.exp(logits).sum(0))[0])
    assert coins.heated(np.array([0.0, 1.0]), 0.3).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("flips", [10, 50, 200])
def test_at_temperature_one_the_mean_does_not_move(flips):
    assert coins.exact_means(Coins(flips=flips)) == pytest.approx([0.6] * 41, abs=1e-9)


def test_a_low_temperature_collapses_to_one_side():
    assert coins.exact_means(Coins(temperature=0.3))[-1] > 0.999
    assert coins.ending(end(temperature=0.3), 0.6) == coins.ENDS[0]
    heads, tails = coins.one_sided(end(temperature=0.7))
    assert heads > 0.7 and tails > 0.05  # chance in the first generations decides the side


@pytest.mark.parametrize("temperature", [0.5, 0.9, 1.0, 1.5])
@pytest.mark.parametrize("writer", coins.WRITERS)
def test_the_exact_means_are_those_of_many_coins(temperature, writer):
    settings = Coins(temperature=temperature, writer=writer, coins=20_000, generations=12, flips=20)
    seen = [at.mean() for at in coins.generations(settings)]
    assert coins.exact_means(settings) == pytest.approx(seen, abs=0.015)


def test_only_the_first_coin_as_writer_keeps_single_coins_in_their_place():
    for writer, low, high in ((coins.WRITERS[0], 0.25, 0.5), (coins.WRITERS[1], 0.05, 0.1)):
        assert low < end(writer=writer).std() < high
    # variance of a chance of heads after g generations of n flips each
    expected = 0.6 * 0.4 * (1 - (1 - 1 / 50) ** 40)
    assert end(coins=20_000).var() == pytest.approx(expected, rel=0.05)


def test_the_same_seed_gives_the_same_coins():
    assert (end(seed=3) == end(seed=3)).all() and (end(seed=3) != end(seed=4)).any()


def test_the_picture_has_single_coins_their_mean_and_the_exact_one():
    seen = list(coins.generations(Coins(generations=5)))
    chart = pictures.trails(Coins(generations=5), seen, guess=0.4)
    drawn = live.svg(chart)
    assert "your prediction 0.40" in drawn and len(drawn) < 60_000
    assert ">mean</text>" in drawn and ">exact mean</text>" in drawn
    assert sum(line.faint for line in chart.lines) == 24 and len(chart.lines) == 26
    assert "coin 1" not in live.table(chart) and "computed exactly" in live.table(chart)
    assert "Press Start" in live.svg(pictures.trails(Coins(), []))
