"""A full, a half and an empty report can be graded from the file alone."""

from __future__ import annotations

import pytest

from lablib.report import LABS, Record, to_markdown
from lablib.report.render import MISSING
from tests.report import graded


def committed(name: str) -> str:
    return (graded.FIXTURES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", graded.NAMES)
def test_the_committed_report_is_what_the_record_gives(name, tmp_path):
    made = graded.parts(to_markdown(graded.record(name, tmp_path)))
    kept = graded.parts(committed(name))
    assert list(made) == list(kept), "python -m tests.report.graded"
    for heading in made.keys() - {graded.SHOWN_ELSEWHERE}:
        assert made[heading] == kept[heading], f"{heading}: python -m tests.report.graded"


@pytest.mark.parametrize("name", graded.NAMES)
def test_every_field_of_the_rubric_is_there_or_called_missing(name):
    found = graded.parts(committed(name))
    for field in graded.fields():
        texts = [text for heading, text in found.items() if heading.startswith(field)]
        assert texts, f"the report has no part {field!r}"
        for text in texts:
            filled = len(text.split()) > 8 or graded.rows(text)
            assert filled or MISSING in text, field


@pytest.mark.parametrize("name", graded.NAMES)
def test_what_can_be_counted_comes_near_the_key(name):
    points, key = graded.counted(committed(name)), graded.key()[name]
    assert all(abs(points[part] - key[part]) <= 0.5 for part in points), (points, key)
    assert abs(sum(points.values()) - sum(key[part] for part in points)) <= 1


def test_the_rubric_gives_ten_points_and_the_key_fits_it():
    assert sum(graded.fields().values()) == 10
    totals = {name: sum(points.values()) for name, points in graded.key().items()}
    assert totals["full"] == 10 and totals["empty"] == 0 and 3 <= totals["half"] <= 7


@pytest.mark.parametrize("lab", LABS)
def test_an_empty_report_of_every_lab_says_missing_in_every_field(lab, tmp_path):
    found = graded.parts(to_markdown(Record(lab, learner="nobody", folder=tmp_path)))
    outline = LABS[lab]
    for field in graded.fields():
        asked = {"Exercises": outline.exercises, "In your own words": outline.answers}
        if field in asked and not asked[field]:
            continue  # this lab has none
        texts = [text for heading, text in found.items() if heading.startswith(field)]
        assert texts and all(MISSING in text for text in texts), field
    for expected in outline.predictions + outline.exercises:
        assert any(row[0] == expected.text for text in found.values() for row in graded.rows(text))
