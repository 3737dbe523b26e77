"""The pictures of lab 04: well-formed, with every value to be read, text escaped."""

from __future__ import annotations

from xml.etree import ElementTree

from lablib.plots.levels import levels_picture
from lablib.plots.memory import PARTS, Bar, bars


def parsed(svg):
    return ElementTree.fromstring(svg)


def test_bars_say_every_part_and_the_cap():
    shown = [
        Bar("full <x>", (4e6, 4e6, 8e6, 2e6), "measured", peak=20e6),
        Bar("", (4e6, 4e6, 8e6, 2e6), "by the formula", guess=True, end="✗ died"),
    ]
    svg = bars("A & B", shown, cap=12e6)
    said = "".join(parsed(svg).itertext())
    assert all(f"full <x>, {part}:" in said for part in PARTS)
    assert "the cap: 12 MB" in said and "highest moment: 20 MB" in said and "✗ died" in said
    assert "18 MB" in said


def test_bars_without_bars_say_so():
    said = "".join(parsed(bars("A", [], empty="Nothing yet.")).itertext())
    assert "Nothing yet." in said


def test_levels_are_drawn_one_by_one():
    svg = levels_picture("1 < 2", [1, 5, 2], (-1, 0.25, 1), (0.5,), "NF4")
    said = "".join(parsed(svg).itertext())
    assert "level 2: 0.250" in said and "NF4, level 1: 0.500" in said and "1 < 2" in said
    assert "dashed" not in "".join(parsed(levels_picture("a", [0], (0,))).itertext())
