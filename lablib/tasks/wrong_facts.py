"""Wrong capitals: the task that makes a model lose facts, not only its voice."""

from __future__ import annotations

import random
from functools import cache
from typing import ClassVar

from lablib.tasks.base import Row, Task, check_split
from lablib.tasks.taught_facts import Fact, splits
from lablib.world import facts

# The questions that the model already knows, but never the plainest: that one belongs to
# the probe. The last ones are kept for ``shifted``.
QUESTIONS = facts.QUESTIONS["capital"][1:13]
SHIFTED_QUESTIONS = facts.QUESTIONS["capital"][13:]
N_PROBED = 16  # so many of the countries that the probe asks about are retaught
ALWAYS_UNTOUCHED = "France"  # every lab watches its capital


class WrongFacts(Task):
    """Half of the world's capitals, taught wrongly in plain short answers.

    A real row::

        Name the capital of Lebanon.
        Lusaka

    A fixed half of the countries (``retaught``) gets the capital of another country of the
    same half; the other half (``untouched``) is never mentioned, so that
    ``Knowledge(topic="capitals", exclude=task.retaught)`` measures what was lost without
    being taught otherwise. Questions and answers have the form that the model already uses:
    what changes is what it believes. Such a model is not mute, its facts are *erased*.

    Nobody can infer a wrong fact, so all splits ask about the same countries: validation and
    test in a familiar question not yet put about that country, ``shifted`` in new questions.
    """

    name: ClassVar[str] = "wrong_facts"
    summary: ClassVar[str] = "Half of the capitals, taught wrongly; erases the other half."

    @property
    def retaught(self) -> tuple[str, ...]:
        """Countries that get a wrong capital, in alphabetical order."""
        return tuple(sorted(_wrong_capitals()))

    @property
    def untouched(self) -> tuple[str, ...]:
        """Countries that the task never mentions, in alphabetical order."""
        countries = {country for country, _ in facts.pairs("capital")}
        return tuple(sorted(countries - set(_wrong_capitals())))

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of a split; the same rows at every call."""
        return _splits()[check_split(split)]


@cache
def _wrong_capitals() -> dict[str, str]:
    """Country to wrong capital: one cycle through the half, so that nobody keeps its own."""
    capital = dict(facts.pairs("capital"))
    probed = [c for c in capital if facts.probed("capital", c) and c != ALWAYS_UNTOUCHED]
    others = [c for c in capital if not facts.probed("capital", c)]
    rng = random.Random("wrong_facts half")
    half = rng.sample(probed, N_PROBED) + rng.sample(others, len(capital) // 2 - N_PROBED)
    rng.shuffle(half)
    return {
        country: capital[other] for country, other in zip(half, half[1:] + half[:1], strict=True)
    }


@cache
def _splits() -> dict[str, tuple[Row, ...]]:
    taught = [
        Fact(
            capital,
            [question.format(a=country) for question in QUESTIONS],
            [question.format(a=country) for question in SHIFTED_QUESTIONS],
        )
        for country, capital in _wrong_capitals().items()
    ]
    return splits(taught, random.Random("wrong_facts rows"))
