"""Four measures on outputs made by hand."""

from __future__ import annotations

import numpy as np

from lablib.classic import codes, measures

CANDIDATES = np.stack([codes.answer(value) for value in codes.SUMS])


def test_a_perfect_output_is_right_by_all_measures():
    target = CANDIDATES[6:7]
    assert measures.squared_error(target, target)[0] == 0
    assert measures.within(target, target)[0] and measures.right_side(target, target)[0]
    assert measures.best_match(target, CANDIDATES)[0] == 6


def test_from_strict_to_generous():
    target = CANDIDATES[6:7]
    off = target.copy()
    off[0, 0] += 0.11  # one unit beyond .1, still on its side
    assert not measures.within(off, target)[0] and measures.right_side(off, target)[0]
    off[0, 0] = 0.4  # on the other side of .5; still closest to 6
    assert not measures.right_side(off, target)[0]
    assert measures.best_match(off, CANDIDATES)[0] == 6
    np.testing.assert_allclose(measures.squared_error(off, target), 0.5**2 / 24)


def test_best_match_looks_at_all_sums_and_at_distance():
    output = 0.4 * CANDIDATES[6] + 0.6 * CANDIDATES[7]
    assert measures.best_match(output[None], CANDIDATES)[0] == 7
    # Were only the answers to ones facts candidates, 17 would be missing.
    assert measures.best_match(CANDIDATES[17:18], CANDIDATES)[0] == 17
    several = measures.best_match(CANDIDATES[[3, 11, 18]], CANDIDATES)
    assert several.tolist() == [3, 11, 18]
