"""Two weights on springs: the ellipses are level lines, the Fisher is the Fisher."""

import math

import numpy as np
import pytest

from lablib.lessons import springs

PAIRS = [(kind, valley) for kind in springs.KINDS for valley in springs.VALLEYS]


@pytest.mark.parametrize("valley", springs.VALLEYS)
def test_ellipses_are_level_lines_and_the_bowl_is_the_loss(valley):
    for bowl in springs.tasks(valley):
        found = [bowl.excess(np.array(point)) for point in bowl.ellipse(0.3)]
        assert found == pytest.approx([0.3] * len(found))
    (old, weights), _ = springs._TASKS[valley]
    bowl = springs.bowl(old, weights)
    assert bowl.best == pytest.approx(weights, abs=0.15)
    assert bowl.lowest == pytest.approx(0.5, abs=0.05)  # noise of variance 1, halved


def test_the_fisher_is_the_curvature_of_the_divergence():
    old, _ = springs.tasks("slanted")
    step = 1e-3
    for i, value in enumerate(old.fisher()):
        away = old.best.copy()
        away[i] += step
        # KL between two normals of variance 1: half the squared distance of their means
        assert old.excess(away) == pytest.approx(0.5 * value * step**2)


@pytest.mark.parametrize(("kind", "valley"), PAIRS)
def test_a_walk_ends_where_the_sum_is_least(kind, valley):
    old, new = springs.tasks(valley)
    strength = 0.5
    whole = {"fisher": np.diag(old.fisher()), "uniform": np.eye(2), "whole": old.curvature}[kind]
    held = strength * whole / (1 if kind == "uniform" else old.fisher().mean())
    best = np.linalg.solve(new.curvature + held, new.curvature @ new.best + held @ old.best)
    assert springs.walk(strength, kind, valley).path[-1] == pytest.approx(best, abs=0.03)


@pytest.mark.parametrize(("kind", "valley"), PAIRS)
def test_the_first_step_is_the_same_whatever_the_springs(kind, valley):
    free = springs.walk(0.0, kind, valley)
    for strength in springs.STIFFNESSES:
        one = springs.walk(strength, kind, valley)
        assert one.path[1] == pytest.approx(free.path[1])
    assert springs.walk(5.0, kind, valley).new > free.new


def test_stiffer_springs_keep_more_and_learn_less():
    walks = [one for _, one in springs.trade("fisher", "straight")]
    assert [w.old for w in walks] == sorted((w.old for w in walks), reverse=True)
    assert [w.new for w in walks] == sorted(w.new for w in walks)


def test_what_the_lab_says_of_the_two_valleys_holds():
    def reaches(kind, valley):
        return any(one.in_overlap for _, one in springs.trade(kind, valley))

    assert reaches("fisher", "straight") and not reaches("uniform", "straight")
    assert reaches("whole", "slanted")
    assert not reaches("fisher", "slanted") and not reaches("uniform", "slanted")
    assert springs.where(springs.best_strength()[1]) == springs.STOPS[1]
    assert springs.where(springs.walk(0.0)) == springs.STOPS[3]


def test_where_a_walk_ends_is_named_by_distance():
    old, new = (task.best for task in springs.tasks())
    middle = tuple((old + new) / 2)
    for end, said in ((tuple(old), 2), (tuple(new), 3), (middle, 0)):
        one = springs.Walk((tuple(old), end), (1.0, 1.0), 0.0, 0.0)
        assert springs.where(one) == springs.STOPS[said]
    assert math.dist(old, new) > 1
