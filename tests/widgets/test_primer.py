"""The pictures of the primer: drawn on a click, beside the prediction once it can be seen."""

from __future__ import annotations

import pytest

from lablib.report import Record
from lablib.widgets import primer
from lablib.widgets.predict import Choice


@pytest.fixture
def guess(tmp_path):
    record = Record("primer", learner="ada", folder=tmp_path)
    return Choice(record, "primer-step", "What happens?", primer.FATES)


@pytest.mark.parametrize(
    ("kind", "settings", "answer"),
    [
        (primer.LikelihoodPicture, {"answer": primer.SHORT_AND_LONG[1]}, primer.SHORT_AND_LONG),
        (primer.PerplexityPicture, {"text": "a ticket"}, tuple(primer.TEXTS)),
        (primer.ValleyPicture, {"rate": 2.2}, (primer.FATES[2],)),
        (primer.AdamPicture, {"larger": 100.0}, (primer.LARGER[2],)),
        (primer.RankPicture, {"which": "a diagonal line", "rank": 8}, (primer.PATTERNS[2],)),
        (primer.DivergencePicture, {"share": 0.5}, (primer.SYMMETRY[0],)),
    ],
)
def test_a_picture_is_drawn_and_meets_the_prediction(kind, settings, answer, guess):
    picture = kind(guess)
    assert picture.view.value == ""  # nothing is shown before the click
    picture.button.click()
    first = picture.view.value
    assert "<svg" in first and "<table" in first and "lethe-badge" in first
    for name, value in settings.items():
        getattr(picture, name).value = value
    measured = guess.record.read()["measurements"]["primer-step"]
    assert measured["value"] in answer
    assert measured["source"] == picture.source
    assert "Your prediction" in picture.view.value


def test_a_typed_answer_is_escaped_and_an_empty_one_refused(guess):
    picture = primer.LikelihoodPicture()
    picture.answer.value = "my own answer"
    picture.own.value = "<b>Lyon</b>"
    picture.button.click()
    assert "<b>Lyon" not in picture.view.value and "&lt;" in picture.view.value
    picture.own.value = "  "
    assert "role='alert'" in picture.view.value
