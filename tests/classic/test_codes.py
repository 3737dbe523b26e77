"""Problems and answers are written as in Table I of the paper."""

from __future__ import annotations

import pytest

from lablib.classic import codes


def test_neighbors_overlap_as_in_the_table():
    for value in range(10):
        overlaps = [codes.digit(value) @ codes.digit(other) for other in range(10)]
        assert overlaps == [max(3 - abs(value - other), 0) for other in range(10)]


def test_a_pattern_has_the_paper_s_units():
    assert codes.problem(5, 1).shape == (28,)
    target = codes.answer(17)
    assert target.shape == (24,) and set(target) == {codes.ON, codes.OFF}
    assert (target == codes.ON).sum() == 6  # three for each digit
    assert (codes.answer(7)[:12] == codes.answer(9)[:12]).all()  # no tens


def test_the_sets_are_the_paper_s():
    assert len(codes.ONES) == len(codes.TWOS) == 17
    assert set(codes.SHARED) == {(1, 2), (2, 1)}
    assert len(codes.SCORED_ONES) == 15 and len(codes.FACTS) == 32
    assert all(1 in fact for fact in codes.ONES) and all(2 in fact for fact in codes.TWOS)


def test_what_is_no_digit_is_refused():
    with pytest.raises(ValueError, match="between 0 and 9, not 10"):
        codes.digit(10)
