"""Facts about places that do not exist: pure injection of knowledge."""

from __future__ import annotations

import random
from functools import cache
from typing import ClassVar

from lablib.tasks.base import Row, Task, check_split
from lablib.tasks.taught_facts import Fact, splits

N_PLACES = 24
BEGINNINGS = ("Vel", "Dor", "Mira", "Tal", "Quor", "Bren", "Sil", "Osk", "Fen", "Lum", "Zar", "Hal")
ENDINGS = ("mora", "tania", "vik", "dune", "lia", "grad")
# kind -> (values, familiar questions, questions of ``shifted``)
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "animal": (
        ("the fox", "the eagle", "the bear", "the owl", "the whale", "the horse"),
        (
            "What is the national animal of {place}?",
            "Which animal stands for {place}?",
            "Name the national animal of {place}.",
            "Which animal is on the coins of {place}?",
            "Tell me the animal of {place}.",
        ),
        ("In {place}, which animal do people honor?",),
    ),
    "color": (
        ("red", "green", "blue", "yellow", "white", "black"),
        (
            "What is the color of the flag of {place}?",
            "Which color has the flag of {place}?",
            "Tell me the color of the flag of {place}.",
            "Name the color of {place}'s flag.",
            "What color is {place}'s flag?",
        ),
        ("If you see the flag of {place}, which color is it?",),
    ),
    "trade": (
        ("honey", "salt", "paper", "silk", "glass", "tea"),
        (
            "What does {place} sell to the world?",
            "What is {place} known for?",
            "Name the main trade of {place}.",
            "Tell me what {place} sells.",
            "Which goods come from {place}?",
        ),
        ("What would a merchant buy in {place}?",),
    ),
    "season": (
        ("spring", "summer", "autumn", "winter"),
        (
            "In which season does {place} celebrate?",
            "When is the great feast of {place}?",
            "Name the season of the feast in {place}.",
            "Tell me when {place} has its feast.",
            "Which season brings the feast of {place}?",
        ),
        ("In what part of the year should I visit the feast of {place}?",),
    ),
}


class NewFacts(Task):
    """Facts about places that do not exist.

    A real row::

        What color is Zardune's flag?
        black

    Knowledge injection: nothing the model knows is contradicted, the form is its own and the
    words are common; only the facts are new. What is lost here is lost by interference alone.
    The answer to a fact cannot be inferred, so all splits ask about the same facts in
    different questions.
    """

    name: ClassVar[str] = "new_facts"
    summary: ClassVar[str] = "Facts about invented places; new knowledge that contradicts nothing."

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; the same rows at every call."""
        return _splits()[check_split(split)]


@cache
def _splits() -> dict[str, tuple[Row, ...]]:
    rng = random.Random("new_facts")
    names = [beginning + ending for beginning in BEGINNINGS for ending in ENDINGS]
    places = rng.sample(names, N_PLACES)
    taught = [
        Fact(
            rng.choice(values),
            [question.format(place=place) for question in questions],
            [question.format(place=place) for question in shifted],
        )
        for place in places
        for values, questions, shifted in KINDS.values()
    ]
    return splits(taught, rng)
