"""Tokens as HTML: escaped, told by more than shade, with a table."""

from __future__ import annotations

import math

from lablib.methods.stm import ScoredToken
from lablib.plots import live, tokens

FOUND = [
    ScoredToken("<b>", 1.1, False),
    ScoredToken(" x & y", 40.0, True),
    ScoredToken("\n", 2.6, False),
    ScoredToken("<|end|>", 3e9, False),
]


def test_everything_is_escaped_and_the_end_is_named():
    html = tokens.strip(FOUND)
    assert "<b>" not in html and "&lt;b&gt;" in html and "x &amp; y" in html
    assert "⏎" in html and "end of turn" in html and "&lt;|end|&gt;" not in html
    assert html.count("lethe-masked") == 1 and "; masked'" in html
    assert html.count("<small>") == len(FOUND)


def test_shades_follow_the_probability():
    assert [tokens.shade(p) for p in (1.0, 0.4, 0.39, 0.1, 0.05, 0.001, 0.0)] == [
        0, 0, 1, 1, 2, 3, 3,
    ]  # fmt: skip
    assert "lethe-s3" in tokens.strip(FOUND)


def test_perplexities_are_short():
    shown = [tokens.short(p) for p in (1.0, 2.5, 34.4, 9999.0, 2.4e8, math.inf)]
    assert shown == ["1.0", "2.5", "34", "9999", "2e8", "inf"]


def test_the_table_says_the_same_in_words():
    html = tokens.table(FOUND, "row <1>")
    assert "row &lt;1&gt;" in html and html.count("<tr>") == 1 + len(FOUND)
    assert "masked" in html and "learned" in html and "0.025" in html


def test_shares_have_the_threshold_and_the_predictions():
    chart = tokens.shares((0.0, 0.5, 1.0), {"a": [0, 0.2, 1], "b": [0, 0.7, 1]}, 0.4, {"a": 0.3})
    svg = live.svg(chart)
    assert "your prediction 0.30" in svg and "trained live here" in svg
    assert chart.cursor == 0.4 and len(chart.expected) == 1
