"""What a probe point costs: all six capabilities, says and knows."""

from __future__ import annotations

import time

import pytest

from lablib import models
from lablib.models import packed
from lablib.probes import PROBES, score_all
from lablib.runtime import memory_mb
from tests.benchmarks.conftest import middle

pytestmark = pytest.mark.bench

# Seconds on two quiet cores that the lab is designed for: quick, full.
DESIGNED = {"mini": (0.3, 2.0), "smollm2-135m": (6.0, 45.0)}
REPEATS = {"mini": 5, "smollm2-135m": 1}


@pytest.mark.parametrize("name", DESIGNED)
def test_seconds_of_a_probe_point(name, say, request):
    if name != "mini":
        request.getfixturevalue("need_smollm2")
    loaded = models.load(name)
    probes = [cls() for cls in PROBES.values()]
    score_all(probes, loaded.model, loaded.tokenizer, "quick")  # warm up
    for split, designed in zip(("quick", "full"), DESIGNED[name], strict=True):
        seconds = []
        for _ in range(REPEATS[name]):
            begun = time.perf_counter()
            scores = score_all(probes, loaded.model, loaded.tokenizer, split)
            seconds.append(time.perf_counter() - begun)
        fastest, n = min(seconds), sum(score.n for score in scores.values())
        say(
            f"{name} {split}: {n} items in {fastest:.2f} s ({fastest / n * 1000:.0f} ms an item), "
            f"designed for {designed} s; {memory_mb():.0f} MB resident"
        )
        say("  " + ", ".join(f"{k} {s.says:.2f}/{s.knows:.2f}" for k, s in scores.items()))


def test_packed_against_plain(need_smollm2, say, monkeypatch):
    """The same quick point with the weights as they are and rearranged (``models.packed``)."""
    loaded = models.load("smollm2-135m")
    probes = [cls() for cls in PROBES.values()]
    least, seconds = packed.LEAST, {"plain": [], "packed": []}
    for _ in range(3):
        for name, limit in (("plain", loaded.n_parameters + 1), ("packed", least)):
            monkeypatch.setattr(packed, "LEAST", limit)
            begun = time.perf_counter()
            score_all(probes, loaded.model, loaded.tokenizer, "quick")
            seconds[name].append(time.perf_counter() - begun)
    plain, fast = middle(seconds["plain"]), middle(seconds["packed"])
    say(f"smollm2-135m quick: {plain:.2f} s, packed {fast:.2f} s: {plain / fast:.2f} times as fast")


@pytest.mark.parametrize("name", ["mini"])
def test_batched_against_one_at_a_time(name, say):
    """The same questions, generated together and one by one."""
    loaded = models.load(name)
    items = [item for cls in PROBES.values() for item in cls().items("quick") if item.chat]
    prompts = [item.prompt for item in items]
    seconds = {}
    for batch_size in (64, 1):
        begun = time.perf_counter()
        models.generate(
            loaded.model, loaded.tokenizer, prompts, max_new_tokens=16, batch_size=batch_size
        )
        seconds[batch_size] = time.perf_counter() - begun
    say(f"{name}: batches are {seconds[1] / seconds[64]:.1f} times as fast as single questions")
