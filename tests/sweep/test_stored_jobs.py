"""The stored comparisons are those that the committed command would make today."""

from __future__ import annotations

import importlib.util

import pytest

from lablib import sweep
from lablib.experiment import defaults
from lablib.methods import METHODS
from lablib.runtime import data_folder
from lablib.sweep import archive, arms


@pytest.fixture(scope="module")
def script():
    """The script ``data/results/make_comparison.py`` as a module."""
    path = data_folder() / "results" / "make_comparison.py"
    spec = importlib.util.spec_from_file_location("make_comparison", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("model", "task", "seeds"),
    [
        ("mini", "tickets", 5),
        ("mini", "wrong_facts", 5),
        ("mini", "replies", 5),
        pytest.param("smollm2-135m", "tickets", 3, marks=pytest.mark.smollm2),
        pytest.param("smollm2-135m", "wrong_facts", 3, marks=pytest.mark.smollm2),
    ],
)
def test_every_stored_run_is_one_that_would_be_made(script, model, task, seeds):
    """A changed default, task or model makes stored runs stale, and is found here."""
    (plan,) = script.plans(model, seeds, [task])
    wanted = {job.key(): job.label for job in sweep.jobs(plan, script.METHODS[task])}
    kept = {run.job.key() for run in archive.runs(model, task)}
    missing = sorted({label for key, label in wanted.items() if key not in kept})
    assert not missing


def test_the_scale_of_the_grid_is_the_ratio_of_the_rates_compared(script):
    small, large = (defaults(n, METHODS["full"]()).lr for n in (1_000_000, 135_000_000))
    factor = script.PLANS["large"]["tickets"]["lr_factor"]
    assert small / (factor * large) == pytest.approx(arms.SMALL_SCALE)
