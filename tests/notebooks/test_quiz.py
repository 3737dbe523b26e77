"""Every quiz has five questions, and its answers lie apart from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

QUIZ = Path(__file__).resolve().parents[2] / "labs" / "quiz"


@pytest.mark.parametrize("path", sorted(QUIZ.glob("*.json")), ids=lambda path: path.stem)
def test_questions_and_answers_fit_together(path):
    quiz = json.loads(path.read_text(encoding="utf-8"))
    key = json.loads((QUIZ / "answers" / path.name).read_text(encoding="utf-8"))
    assert quiz["lab"] == key["lab"] == path.stem
    assert len(quiz["questions"]) == 5
    assert [question["key"] for question in quiz["questions"]] == list(key["answers"])
    for question in quiz["questions"]:
        assert set(question) == {"key", "question", "options"}  # nothing gives the answer away
        assert len(set(question["options"])) == 4
        answer = key["answers"][question["key"]]
        assert 0 <= answer["option"] < 4 and answer["why"]
    assert len({answer["option"] for answer in key["answers"].values()}) >= 3


def test_every_lab_has_a_quiz(lab):
    assert (QUIZ / f"{lab.stem[:2]}.json").exists(), "labs/quiz/README.md"


def test_the_right_answer_is_not_the_longest_in_all_questions():
    for path in QUIZ.glob("*.json"):
        quiz = json.loads(path.read_text(encoding="utf-8"))
        key = json.loads((QUIZ / "answers" / path.name).read_text(encoding="utf-8"))["answers"]
        longest = [
            max(range(4), key=lambda i: len(question["options"][i]))
            == key[question["key"]]["option"]
            for question in quiz["questions"]
        ]
        assert sum(longest) <= 3, path.stem
