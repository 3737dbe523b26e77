"""Two lists of words: learned as fast as in the paper, forgotten faster than people forget."""

from __future__ import annotations

from statistics import mean

import pytest

from lablib.classic.lists import PEOPLE, run_lists

SEEDS = range(8)


@pytest.fixture(scope="module")
def runs():
    return [list(run_lists(seed)) for seed in SEEDS]


def phase(passes, name):
    return [one for one in passes if one.phase == name]


def test_both_lists_are_learned_in_about_as_many_passes(runs):
    assert 30 <= mean(phase(passes, "A-B")[-1].number for passes in runs) <= 60
    assert 40 <= mean(phase(passes, "A-C")[-1].number for passes in runs) <= 110
    assert all(passes[-1].last and passes[-1].ac == 1 for passes in runs)


def test_the_first_list_is_known_before_and_gone_soon_after(runs):
    starts = [phase(passes, "A-C")[0] for passes in runs]
    assert all(one.number == 0 and one.ab == 1 for one in starts)
    assert mean(one.ac for one in starts) <= 0.1
    assert mean(phase(passes, "A-C")[3].ab for passes in runs) <= 0.45
    assert mean(phase(passes, "A-C")[20].ab for passes in runs) <= 0.1


def test_people_keep_half_of_the_first_list_where_networks_keep_nothing(runs):
    people = dict(PEOPLE["A-B"])
    assert people[20] - mean(phase(passes, "A-C")[20].ab for passes in runs) >= 0.35


def test_the_same_seed_gives_the_same_lists():
    assert list(run_lists(1, most=4)) == list(run_lists(1, most=4))
    assert list(run_lists(1, most=4)) != list(run_lists(2, most=4))
