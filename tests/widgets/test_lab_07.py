"""The instruments of lab 07, trained for a few steps on mini: what they show and what they keep."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lablib.history import History
from lablib.lessons import buffers, kits, maps, mixing, shares, stored, taskstream
from lablib.report import Record
from lablib.widgets import (
    Auction,
    BufferView,
    Choice,
    Exercise,
    KitPredictions,
    MixLook,
    ModelChoice,
    Number,
    TaskStream,
    TokenShares,
)
from lablib.widgets.auction import OWN
from lablib.widgets.mixlook import RATIO_OPTIONS
from tests.handmade import make_history

LR = maps.DEFAULT_LR["mini"]


@pytest.fixture
def record(tmp_path):
    return Record("07", learner="ada", folder=tmp_path / "records")


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    monkeypatch.setattr(stored, "results_folder", lambda: folder)
    return folder


@pytest.fixture
def lab(record, results):
    return ModelChoice(record)


@pytest.fixture
def short(monkeypatch):
    """Runs of a few steps that measure knowledge alone."""
    real = mixing.experiment.build

    def build(*arguments, **options):
        few = {"max_steps": 2, "probe_every": 2, "probe_names": ("knowledge",), "watch": None}
        return real(*arguments, **{**options, **few, "task_test_rows": 4})

    monkeypatch.setattr(mixing.experiment, "build", build)


def store(setting, end, seeds=3, **config):
    for seed in range(seeds):
        history = make_history({"knowledge": [1.0, 0.8, end + 0.01 * seed]}, **config)
        stored.save("mini", setting, seed, history, "command", every=2)


def test_mix_look_collects_runs_and_opens_the_stored_curve(lab, record, results):
    smallest = Choice(record, "07-smallest", "Smallest?", RATIO_OPTIONS)
    look = MixLook(lab, lab.dashboard(), smallest)
    assert "appear here" in look.own.value and "Too few ratios" in look.stored.value
    for ratio, end in ((0.0, 0.1), (0.05, 0.7), (0.1, 0.92), (0.2, 0.95), (0.3, 0.9), (0.5, 0.9)):
        store(mixing.ratio_setting(ratio), end, mix_ratio=ratio)
    again = MixLook(lab, lab.dashboard(), smallest)
    assert "<details>" in again.stored.value and "one in ten" in again.stored.value
    assert "twenty to thirty percent" in again.stored.value
    assert "Not stored: the ratios 0.01, 0.02." in again.stored.value
    assert "replayed from a stored run" in again.stored.value
    smallest.save("one in twenty")
    again.add(make_history({"knowledge": [1.0, 0.9, 0.6]}, mix_ratio=0.07, lr=LR))
    assert "trained live here" in again.own.value and "mix ratio 0.07" in again.own.value
    assert "your run 1" in again.stored.value and "one in twenty" in again.stored.value
    measured = record.read()["measurements"]["07-smallest"]
    assert measured["value"] == "one in ten" and measured["source"] == "replayed"


def test_an_auction_trains_with_what_was_bought(lab, record, short):
    expected = KitPredictions(record)
    assert "five capitals" in expected.children[0].value and "Muscat" in expected.children[0].value
    auction = Auction(lab, expected)
    assert "bought nothing yet" in auction.purchases.value
    assert "buy all four" in auction.stored.value
    for key in kits.KITS:
        auction.kit.value = key
        auction.job.watch()
        if key == "nonsense":
            assert "Spent so far: 1 coin." in auction.purchases.value
    expected.choices["tickets"].save("five mixed rows")
    assert auction.purchases.value.count("<tr>") == 5
    assert "Spent so far: 11 coins." in auction.purchases.value
    assert "class='lethe-scroll " in auction.purchases.value
    assert "need not be those of the last point" in auction.purchases.value
    assert "Your prediction: five mixed rows" in auction.stored.value
    measured = record.read()["measurements"]
    assert measured["07-kit-tickets"]["source"] == "live"
    assert "07-kit-wrong" not in measured
    assert len(record.read()["runs"]) == 4
    auction.task.value = "wrong_facts"
    auction.job.watch()
    assert "Bought for wrong_facts" in auction.purchases.value


def test_a_kit_of_ones_own_is_tried_or_refused_in_words(lab, record, short):
    auction = Auction(lab, KitPredictions(record))
    assert auction.own.layout.display == "none"
    auction.kit.value = OWN
    assert auction.own.layout.display == "flex"
    with pytest.raises(ValueError, match="empty"):
        auction.job.watch()
    auction.own.value = "What is the capital of France? => Paris"
    with pytest.raises(ValueError, match="ask what a probe asks"):
        auction.job.watch()
    auction.own.value = "Say <b>moon</b>. => moon"
    auction.job.watch()
    assert "your own kit" in auction.purchases.value


def test_the_stored_auction_names_the_cheapest_kit(lab, record, results):
    ends = {"nothing": 0.1, "nonsense": 0.4, "clauses": 0.3, "capitals": 0.92, "mixed": 0.95}
    for kit, end in {**ends, "whole": 0.97}.items():
        store(mixing.kit_setting(kit, "tickets"), end)
    auction = Auction(lab, KitPredictions(record))
    shown = auction.stored.value
    assert "the cheapest kit that rescues is <b>five capitals</b>" in shown
    assert "<svg" in shown and "than with five rows of nonsense" in shown
    assert record.read()["measurements"]["07-kit-tickets"]["source"] == "replayed"


def test_tokens_are_counted_and_meet_the_prediction(lab, record, monkeypatch):
    monkeypatch.setattr(shares, "BATCHES", 3)
    guess = Number(record, "07-tokens", "Share?")
    counted = TokenShares(lab, guess)
    assert "Nothing drawn yet" in counted.picture.value
    guess.save(0.2)
    counted.job.watch()
    assert "<svg" in counted.picture.value and "illustrative" in counted.picture.value
    assert "Your prediction: 0.20" in counted.met.value
    share = record.read()["measurements"]["07-tokens"]["value"]
    assert 0 < share < 0.2

    def realized_mix(batches: list) -> float | None:
        return shares.by_tokens(batches) if any(batches) else None

    Exercise(record, "realized_mix", realized_mix, then=counted.draw)
    assert "by your realized_mix" in counted.table.value
    assert counted.table.value.count(f"{share:.2f}") >= 2


def test_a_buffer_shows_what_is_left_and_takes_the_learner_s_rule(record):
    guess = Number(record, "07-buffer", "Left?", low=0, high=60, step=1)
    view = BufferView(record, guess)
    assert "after 0 rows" in view.picture.value and "end of the stream" in view.table.value
    view.length.value = buffers.total()
    assert "To meet your prediction" in view.table.value
    view.rule.value = buffers.ASKED
    assert "Your prediction for the first task" in view.table.value
    assert record.read()["measurements"]["07-buffer"]["value"] <= 2

    def reservoir(stream, size: int, rng: random.Random) -> list:
        kept = []
        for n, item in enumerate(stream, 1):
            if n <= size:
                kept.append(item)
            elif (place := rng.randrange(n)) < size:
                kept[place] = item
        return kept

    exercise = Exercise(record, "reservoir", reservoir, then=view.refresh)
    assert exercise.result.passed and view.rule.value == buffers.OWN
    assert buffers.OWN in view.table.value
    record.solved["reservoir"] = lambda stream, size, rng: [1]
    view.draw()
    assert "did not return a list of rows" in view.table.value


def test_a_stream_of_tasks_is_trained_twice(lab, record, monkeypatch):
    few = {"max_steps": 2, "probe_every": 2, "task_test_rows": 4, "full_probes": False}
    for setting, (names, given) in taskstream.SETTINGS.items():
        changed = {**given, **few, "probe_names": ("knowledge",), "watch": ()}
        monkeypatch.setitem(taskstream.SETTINGS, setting, (names, changed))
    monkeypatch.setattr(History, "matrix", lambda history: [[0.5] * 3] * 4)
    view = TaskStream(lab)
    assert "Not trained yet" in view.own.value and "No stream is stored" in view.stored.value
    view.job.watch()
    assert "no buffer" in view.own.value and "a buffer of 60 rows" in view.own.value
    assert len(record.read()["runs"]) == 2


def test_mix_look_finds_runs_that_ended_before_it_and_draws_whole_ones(lab, record, results):
    smallest = Choice(record, "07-smallest", "Smallest?", RATIO_OPTIONS)
    dashboard = lab.dashboard()
    whole = make_history({"knowledge": [1.0, 0.9, 0.6]}, mix_ratio=0.07, lr=LR)
    dashboard.finished.append(whole)
    look = MixLook(lab, dashboard, smallest)
    assert "mix ratio 0.07" in look.own.value and "your run 1" in look.stored.value
    whole.finished = replace(whole.finished, reason="stopped")
    look.draw()
    assert "mix ratio 0.07" in look.own.value and "your run 1" not in look.stored.value
