"""Taught effects: what the labs claim holds over five seeds, with a margin.

The quick test judges the stored runs, the slow one makes them anew: a change of the engine that
takes an effect away is noticed there and not by a learner.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch

from lablib import models
from lablib.events import Score
from lablib.history import History
from lablib.lessons import catalog, effects, importance, patients, stored
from lablib.sweep import archive, worker

EFFECTS = tomllib.loads((Path(__file__).parents[1] / "effects.toml").read_text())
ALL = EFFECTS["effect"]
IN_NUMPY = [effect for effect in ALL if effect.get("run") in ("addition", "lists")]
IN_TORCH = [effect for effect in ALL if effect not in IN_NUMPY]


@functools.cache
def kicks(seed):
    """Weights scrambled here and now, in seconds: nothing of it is stored."""
    loaded = models.load("mini")
    weighed = importance.weigh(loaded, seed)
    found = importance.iter_scramble(loaded, weighed, draws=1, names=())
    return {one.pick: one.kl for one in found if isinstance(one, importance.Scrambled)}


class StoredRuns:
    """The runs in data/results."""

    def kicks(self, seed):
        return kicks(seed)

    def history(self, setting, seed):
        return stored.load("mini", setting, seed).history

    def examined(self, patient, seed):
        return patients.stored_examinations("mini", seed)[patient]

    def measured(self, task, arm, seed):
        return next(
            r for r in archive.runs("mini", task) if (r.job.label, r.job.seed) == (arm, seed)
        )


class FreshRuns:
    """Runs made here and now, each once."""

    def __init__(self):
        self._loaded = models.load("mini")

    def kicks(self, seed):
        return kicks(seed)

    @functools.cache  # noqa: B019 - lives as long as its one call of ``fresh_values``
    def history(self, setting, seed):
        return History.of(catalog.build(self._loaded, setting, seed))

    @functools.cache  # noqa: B019
    def examined(self, patient, seed):
        examination = patients.examine(self._loaded, patients.patients()[patient], seed)
        while True:
            try:
                next(examination)
            except StopIteration as end:
                return end.value

    @functools.cache  # noqa: B019
    def measured(self, task, arm, seed):
        return worker.measured(StoredRuns().measured(task, arm, seed).job)


def fresh_values(about, seed):
    """Make one run, in a process of its own, and read off the quantity of each effect."""
    runs = FreshRuns()
    return [effects.value(effect, runs, seed) for effect in about]


def source(effect):
    """Say which run an effect is about."""
    return effect.get("run") or (effect["task"], effect["arm"])


def seeds(effect):
    return range(effect.get("seeds", EFFECTS["seeds"]))


@pytest.fixture(scope="module")
def fresh():
    """Values of an effect from runs made anew, as many at a time as there are cores.

    Each with as many threads as the stored runs had: the same seed, the same trajectory.
    """
    threads = stored.load("mini", "tickets-mix0").facts["machine"]["threads"]
    about = {}
    for effect in IN_TORCH:
        about.setdefault(source(effect), []).append(effect)
    pool = ProcessPoolExecutor(
        max(1, len(os.sched_getaffinity(0)) // threads),
        multiprocessing.get_context("spawn"),
        torch.set_num_threads,
        (threads,),
    )
    found = {
        (run, seed): pool.submit(fresh_values, group, seed)
        for run, group in about.items()
        for seed in max(map(seeds, group), key=len)
    }
    yield lambda effect: [
        found[source(effect), seed].result()[about[source(effect)].index(effect)]
        for seed in seeds(effect)
    ]
    pool.shutdown(cancel_futures=True)


def judge(effect, values):
    low, high = effects.interval(values)
    said = f"{effect['metric']} in {source(effect)}: {values}, 95% {low:.3f} to {high:.3f}"
    bounds = f"{effect['least']}" + (f" and {effect['most']}" if "most" in effect else "")
    assert effects.holds(effect, values), f"{said}; should be {effect['direction']} {bounds}"


def named(chosen):
    return pytest.mark.parametrize("effect", chosen, ids=[one["name"] for one in chosen])


@pytest.mark.slow  # the quick tier has the same figures in tests/classic
@named(IN_NUMPY)
def test_networks_of_1989_show_the_effect(effect):
    judge(effect, [effects.value(effect, None, seed) for seed in seeds(effect)])


@named(IN_TORCH)
def test_stored_runs_show_the_effect(effect):
    judge(effect, [effects.value(effect, StoredRuns(), seed) for seed in seeds(effect)])


@pytest.mark.slow
@pytest.mark.timeout(3000)
@named(IN_TORCH)
def test_fresh_runs_show_the_effect(effect, fresh):
    judge(effect, fresh(effect))


def test_the_bound_is_judged_and_not_the_mean():
    effect = {"direction": "at least", "least": 0.5}
    assert effects.holds(effect, [0.6, 0.6, 0.61, 0.59, 0.6])
    assert not effects.holds(effect, [1.0, 1.0, 0.1, 0.2, 0.9])  # the mean would pass
    effect = {"direction": "at most", "least": 0.5}
    assert not effects.holds(effect, [0.0, 0.1, 0.9, 0.9, 0.1])
    effect = {"direction": "between", "least": 0.4, "most": 0.6}
    assert effects.holds(effect, [0.5, 0.51, 0.49])
    assert not effects.holds(effect, [0.3, 0.7, 0.5])
    assert effects.holds(effect | {"statistic": "mean"}, [0.3, 0.7, 0.5])


def test_an_effect_that_is_not_there_fails():
    class Half:
        def examined(self, patient, seed):
            score = Score(0.5, 0.5, 10)
            return patients.Examined(patient, Score(1.0, 1.0, 10), score, score, 0.02)

    effect = next(e for e in ALL if e.get("run") == "patient-tickets")
    with pytest.raises(AssertionError, match="should be at least"):
        judge(effect, [effects.value(effect, Half(), seed) for seed in seeds(effect)])
