"""Pictures of lab 07 against what was put in."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from lablib.lessons.mixing import RATIOS
from lablib.plots import figures, live, mixing
from lablib.plots.chart import Chart, Line
from lablib.plots.dots import Dot, dots


def test_dots_say_every_value_and_escape_names():
    made = dots(
        "Kept", "share", [("<b>", [Dot(0.5, 0.4, 0.6), None]), ("b", [Dot(0.2), Dot(1.1)])],
        ("says", "knows"), level=("enough", 0.9),
    )  # fmt: skip
    ElementTree.fromstring(made)
    assert "&lt;b&gt;, says: 0.50 [0.40, 0.60]" in made and "<b>," not in made
    assert "b, knows: 1.10" in made and "replayed from a stored run" in made


def test_no_dots_are_no_error():
    ElementTree.fromstring(dots("Kept", "share", [], ("says",)))


def test_ratios_stand_equally_far_apart():
    assert [mixing.place(ratio) for ratio in RATIOS] == list(range(len(RATIOS)))
    assert mixing.place(0.15) == pytest.approx(4.5) and mixing.place(0.9) == len(RATIOS) - 1


def test_names_stand_where_places_are_no_numbers():
    chart = Chart("t", "ratio", "y", (Line("a", (0, 1, 1.5), (1, 2, 3)),), x_names=("none", "0.1"))
    made = live.svg(chart)
    assert ">none<" in made and ">0.1<" in made and "ratio none: 1" in made
    assert "<th scope='row'>none</th>" in live.table(chart)
    assert chart.x_name(1.5) == "1.5" and Chart("t", "x", "y").x_name(2.0) == "2"
    labels = figures.figure(chart).axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == ["none", "0.1"]


def test_a_batch_is_drawn_row_by_row():
    made = mixing.batch_rows([(True, 3), (False, 20)], "One batch")
    ElementTree.fromstring(made)
    assert "1 of 2 rows are general, 3 of 23 answer tokens" in made


def test_a_buffer_is_drawn_place_by_place():
    made = mixing.buffer_places([(0, 4), (1, 0), (1, 7)], 5, ("a", "b"), "Buffer")
    ElementTree.fromstring(made)
    assert "a 1, b 2" in made and made.count("stroke-dasharray") == 2
