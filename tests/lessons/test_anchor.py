"""The mean gradient at the base: zero for own samples only, measured on the tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lablib.lessons import anchor
from lablib.models import LoadedModel
from lablib.plots import anchor as pictures
from lablib.plots import live
from tests import tiny


@pytest.fixture(scope="module")
def loaded():
    model = tiny.model()
    with torch.no_grad():  # with opinions: the default one finds all bytes about alike
        for p in model.parameters():
            p.mul_(3)
    n = sum(p.numel() for p in model.parameters())
    return LoadedModel("tiny", model, tiny.tokenizer(), Path(), "digest", n)


@pytest.fixture(scope="module")
def curves(loaded):
    found = anchor.measure(loaded, wanted=anchor.Sizes(4, 4))
    return {part.kind: part for part in found if isinstance(part, anchor.Curve)}


def test_own_samples_average_away_and_tickets_do_not(curves):
    assert curves["own"].numbers[:3] == (4, 16, 64)  # not every question ends
    assert 0.4 < curves["own"].ratio < 0.6
    assert curves["tickets"].ratio > 0.9
    assert curves["tickets"].lengths[2] > 4 * curves["own"].lengths[2]
    assert anchor.measured_guess(curves["own"]) == anchor.GUESSES[1]
    assert anchor.measured_guess(curves["tickets"]) == anchor.GUESSES[0]


def test_cold_samples_pull_toward_a_sharper_model(curves):
    assert curves["cold"].ratio > curves["own"].ratio + 0.1


def test_the_model_is_left_as_it_was(loaded, curves):
    assert all(p.grad is None for p in loaded.model.parameters()) and not loaded.model.training


def test_the_picture_and_its_table_hold_every_kind(curves):
    drawn, rows = pictures.lengths(curves), pictures.rows(curves)[1]
    assert "1/√n" in live.svg(drawn) and len(rows) == len(curves) == 4
    assert all(len(row) == 6 for row in rows)
    assert "Press the button" in live.svg(pictures.lengths({}))


def test_of_a_large_model_only_a_part_is_looked_at(loaded, monkeypatch):
    monkeypatch.setattr(anchor, "MOST_PARAMETERS", 5000)
    assert 0 < sum(p.numel() for p in anchor.watched(loaded.model)) <= 5000


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.5, "no common pull"), (0.95, "one way"), (0.7, "partly")]
)
def test_the_verdict_follows_the_ratio(ratio, words):
    curve = anchor.Curve("own", (4, 16), (1.0, ratio))
    assert words in anchor.verdict(curve) and "surprise" not in anchor.verdict(curve)
    rare = anchor.Curve("own", (4, 16), (1.0, ratio), 0.97)
    assert "97% of all squared length: a rare surprise" in anchor.verdict(rare)
