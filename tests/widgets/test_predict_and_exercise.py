"""Predictions commit and come back; exercises teach; nothing of it ever blocks."""

from __future__ import annotations

import base64
import re

import pytest

from lablib.report import LABS, SOURCES, Record
from lablib.widgets.badge import badge
from lablib.widgets.exercise import Exercise, solution_code
from lablib.widgets.predict import Choice, Number, Order
from lablib.widgets.reportcard import ReportCard


@pytest.fixture
def record(tmp_path):
    return Record("02", learner="ada", folder=tmp_path)


ABC = ["knowledge", "reasoning", "language"]


def test_nothing_is_predicted_until_the_button_is_clicked(record):
    number = Number(record, "02-lr", "How much is left?", unit="of the lead")
    assert number.value is None
    number.slider.value = 0.8
    assert number.value is None
    number.button.click()
    assert number.value == pytest.approx(0.8)
    assert "Saved" in number.status.value


def test_a_saved_prediction_comes_back_in_a_new_widget(record):
    Number(record, "02-lr", "How much?").save(0.3)
    assert Number(record, "02-lr", "How much?").slider.value == pytest.approx(0.3)
    Order(record, "02-order", "Order?", ABC).save(ABC[::-1])
    assert Order(record, "02-order", "Order?", ABC).read() == ABC[::-1]
    Choice(record, "02-mix", "Which?", ["a", "b"]).save("b")
    assert Choice(record, "02-mix", "Which?", ["a", "b"]).radio.value == "b"


def test_a_choice_starts_without_a_hint_and_asks_for_one(record):
    choice = Choice(record, "02-mix", "Which?", ["a", "b"])
    assert choice.radio.value is None
    choice.button.click()
    assert choice.value is None
    assert "Choose" in choice.status.value


def test_an_order_is_always_a_permutation(record):
    order = Order(record, "02-order", "Order?", ABC)
    order.menus[0].value = "language"
    assert order.read() == ["language", "reasoning", "knowledge"]
    assert [menu.value for menu in order.menus] == order.read()
    order.put(["language", "language", "language"])
    assert sorted(order.read()) == sorted(ABC)


def test_those_who_draw_are_told(record):
    seen = []
    number = Number(record, "00-count", "How many?", low=0, high=6, step=1)
    number.on_saved(seen.append)
    number.save(4)
    assert seen == [4] and isinstance(number.read(), int)


def test_a_number_out_of_range_moves_to_the_end(record):
    number = Number(record, "02-lr", "How much?")
    number.put(7)
    assert number.read() == 1.0


def test_a_home_that_cannot_be_written_is_said_not_raised(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    number = Number(Record("02", "ada", blocker), "02-lr", "How much?")
    number.save(0.5)
    assert "⚠" in number.status.value
    card = ReportCard(Record("02", "ada", blocker))
    card.make()
    assert "⚠" in card.links.value


def test_questions_are_escaped(record):
    number = Number(record, "02-lr", "<script>alert(1)</script>")
    assert "<script>" not in number.children[1].value


def test_a_long_label_stands_above_its_slider(record):
    slider = Number(record, "00-count", "q", unit="of those right on Monday").slider
    assert "lethe-control" in slider._dom_classes  # beside it, it would leave no track
    assert "of those right on Monday" in slider.description


def test_every_control_has_a_label(record):
    for widget in (
        Number(record, "02-lr", "q"),
        Order(record, "02-order", "q", ABC),
    ):
        controls = [w for w in widget.children if hasattr(w, "description") and "value" in w.keys]
        assert all(w.description for w in controls if type(w).__name__ != "HTML")


def test_an_untouched_stub_is_no_attempt(record):
    def retention(now, base, chance):
        raise NotImplementedError

    view = Exercise(record, "retention", retention)
    assert "Not yet.</b> Write a function" in view.value
    assert record.read()["exercises"] == {}


def test_a_solved_exercise_is_kept_with_its_code(record):
    def retention(now, base, chance):
        return (now - chance) / (base - chance) if base > chance else None

    view = Exercise(record, "retention", retention)
    assert "Solved" in view.value
    done = record.read()["exercises"]["retention"]
    assert done["passed"] and "base - chance" in done["code"]


def test_hint_and_solution_are_folded(record):
    view = Exercise(record, "retention", lambda now, base, chance: now / base)
    assert view.value.count("<details><summary>") == 2
    assert "<details open" not in view.value
    assert "return (now - chance) / (base - chance)" in view.value


def test_an_unknown_exercise_is_named(record):
    with pytest.raises(ValueError, match="no exercise 'nope'"):
        Exercise(record, "nope", len)


def test_solutions_are_found():
    assert solution_code("02", "diagnose").startswith("def diagnose")
    assert solution_code("02", "no_such") is None
    assert solution_code("99", "x") is None


def test_the_report_can_be_downloaded_whole(record):
    card = ReportCard(record)
    card.fields["02-friday"].value = "It went <b>mute</b>."
    card.make()
    links = re.findall(r"base64,([A-Za-z0-9+/=]+)", card.links.value)
    texts = [base64.b64decode(link).decode() for link in links]
    assert len(texts) == 2
    assert all("mute" in text and "missing" in text for text in texts)
    assert "<b>mute</b>" not in card.preview.value
    assert (record.path.parent / "report_02.md").read_text() == texts[0]


def test_badges_say_it_in_words():
    assert all(words in badge(source) for source, words in SOURCES.items())
    assert "<i>" not in badge("live", "<i>")


def test_every_outline_has_what_a_lab_needs():
    assert all(outline.predictions for outline in LABS.values())
    assert all(outline.exercises for lab, outline in LABS.items() if lab != "primer")
