"""Every formula against figures worked by hand."""

import math

import numpy as np
import pytest

from lablib import metrics

# Rows: before training, after task 1, 2, 3. Columns: tasks 1, 2, 3.
R = [
    [0.10, 0.20, 0.00],
    [0.90, 0.30, 0.10],
    [0.60, 0.80, 0.20],
    [0.40, 0.85, 0.70],
]


def test_average_accuracy_by_hand():
    assert metrics.average_accuracy(R) == pytest.approx((0.40 + 0.85 + 0.70) / 3)


def test_learning_accuracy_by_hand():
    assert metrics.learning_accuracy(R) == pytest.approx((0.90 + 0.80 + 0.70) / 3)


def test_bwt_divides_by_one_less_than_the_tasks_and_keeps_its_sign():
    # Task 1: 0.40 - 0.90 = -0.50; task 2: 0.85 - 0.80 = +0.05 (it improved).
    assert metrics.bwt(R) == pytest.approx((-0.50 + 0.05) / 2)


def test_fwt_compares_with_the_untrained_model():
    # Task 2 before it is trained: 0.30 - 0.20; task 3: 0.20 - 0.00.
    assert metrics.fwt(R) == pytest.approx((0.10 + 0.20) / 2)
    assert metrics.fwt(R, reference=[0.0, 0.25, 0.25]) == pytest.approx((0.05 - 0.05) / 2)


def test_forgetting_counts_from_the_best_moment_after_learning():
    lost = metrics.forgetting_matrix(R)
    assert np.isnan(lost[:2]).all()
    assert lost[2, 0] == pytest.approx(0.30)
    assert lost[3, 0] == pytest.approx(0.50)
    assert lost[3, 1] == pytest.approx(-0.05)
    assert metrics.average_forgetting(R) == pytest.approx((0.50 - 0.05) / 2)


def test_skill_from_before_learning_is_not_counted_as_forgotten():
    skilled = [[1.0, 0.0], [0.5, 0.0], [0.5, 1.0]]
    assert metrics.average_forgetting(skilled) == 0.0


def test_forgetting_is_never_below_minus_bwt():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = rng.random((5, 4))
        assert metrics.average_forgetting(scores) >= -metrics.bwt(scores) - 1e-12


def test_shuffled_columns_leave_acc_alone_and_change_bwt():
    order = [0, 2, 1]
    columns = np.array(R)[:, order]
    assert metrics.average_accuracy(columns) == pytest.approx(metrics.average_accuracy(R))
    assert metrics.bwt(columns) != pytest.approx(metrics.bwt(R))


@pytest.mark.parametrize("bad", [[[1.0]], [1.0, 2.0], np.zeros((3, 3))])
def test_a_matrix_of_the_wrong_shape_is_refused(bad):
    with pytest.raises(ValueError, match=r"T \+ 1 rows"):
        metrics.average_accuracy(bad)


def test_transfer_needs_two_tasks():
    with pytest.raises(ValueError, match="at least 2 tasks"):
        metrics.bwt([[0.0], [1.0]])


def test_retention_is_corrected_for_chance():
    assert metrics.retention(0.625, 1.0, 0.25) == pytest.approx(0.5)
    assert metrics.retention(0.25, 0.9, 0.25) == 0.0
    assert metrics.retention(0.1, 0.9, 0.25) < 0  # worse than guessing
    assert metrics.retention(0.95, 0.9, 0.0) > 1  # better than the base
    assert metrics.forgetting(0.625, 1.0, 0.25) == pytest.approx(0.5)


def test_retention_of_a_base_at_chance_is_no_number():
    assert math.isnan(metrics.retention(0.2, 0.25, 0.25))


def test_wilson_interval_against_published_values():
    # Newcombe 1998 (Stat. Med. 17), table I: 81/263, 15/148, 0/20, 1/29.
    for k, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert metrics.wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_without_items_knows_nothing():
    assert metrics.wilson(0, 0) == (0.0, 1.0)


def test_nothing_to_lose_is_chance_within_noise():
    assert metrics.nothing_to_lose(15, 60, 0.25)
    assert metrics.nothing_to_lose(18, 60, 0.25)
    assert not metrics.nothing_to_lose(40, 60, 0.25)
    assert metrics.nothing_to_lose(2, 60, 0.0)
    assert not metrics.nothing_to_lose(60, 60, 0.0)


def test_bootstrap_interval_is_seeded_and_holds_the_mean():
    values = [0.1, 0.2, 0.15, 0.3, 0.22]
    low, high = metrics.bootstrap_mean_interval(values)
    assert low < np.mean(values) < high
    assert (low, high) == metrics.bootstrap_mean_interval(values)
    assert metrics.bootstrap_mean_interval([0.5] * 5) == (0.5, 0.5)
    with pytest.raises(ValueError):
        metrics.bootstrap_mean_interval([])


@pytest.mark.parametrize(("n", "coverage"), [(3, 0.76), (5, 0.83), (10, 0.91)])
def test_bootstrap_interval_of_few_values_covers_as_rarely_as_it_says(n, coverage):
    rng = np.random.default_rng(0)
    ends = [metrics.bootstrap_mean_interval(rng.normal(size=n), resamples=800) for _ in range(1000)]
    found = sum(low <= 0 <= high for low, high in ends) / len(ends)
    assert found == pytest.approx(coverage, abs=0.03)


def test_bootstrap_interval_agrees_with_the_normal_one_on_many_values():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    low, high = metrics.bootstrap_mean_interval(values)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.05)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.05)


def test_flips_by_hand():
    assert metrics.flips((1, 1, 0, 0), (0, 1, 1, 1)) == (1, 2)
    with pytest.raises(ValueError):
        metrics.flips((1,), (1, 0))


def test_one_capability_that_got_better_makes_up_for_no_loss_in_another():
    assert metrics.mean_kept([0.5, 2.0]) == 0.75
    assert metrics.mean_kept(value for value in (1.0, 0.0)) == 0.5
    assert metrics.mean_kept([-0.2]) == -0.2
    assert metrics.mean_kept([]) is None
