"""The training text of ``mini``, an endless seeded stream, and the general pool for replay."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from lablib.world import arithmetic, facts, formats, instructions, language, safety
from lablib.world.text import Text

# The course of the pre-training, in five parts, each a list of (generator, share of the texts);
# chosen by trial so that no skill lags behind. All skills alike show which come quickly.
ALL_SKILLS = (
    (facts.text, 0.08),
    (arithmetic.text, 0.40),
    (instructions.text, 0.22),
    (formats.text, 0.17),
    (safety.text, 0.04),
    (language.text, 0.07),
    (language.question, 0.02),
)
# Sums come sooner in their shortest form than dressed in sixteen phrasings.
SUMS = (
    (arithmetic.drill, 0.36),
    (arithmetic.text, 0.14),
    (facts.text, 0.06),
    (instructions.text, 0.20),
    (formats.text, 0.14),
    (safety.text, 0.03),
    (language.text, 0.05),
    (language.question, 0.02),
)
# Then what is left: sums in stories, upper case (letter by letter), the harder instructions.
HARD_REST = (
    (arithmetic.drill, 0.07),
    (arithmetic.text, 0.13),
    (functools.partial(arithmetic.text, story=1.0), 0.10),
    (facts.text, 0.06),
    (instructions.text, 0.12),
    (functools.partial(instructions.text, shares=instructions.HARD_SHARES), 0.15),
    (formats.text, 0.12),
    (functools.partial(formats.text, forms=("upper",)), 0.11),
    (safety.text, 0.05),
    (language.text, 0.07),
    (language.question, 0.02),
)
# Everything once more, and what part three had let slip.
EVERYTHING = (
    (arithmetic.drill, 0.04),
    (arithmetic.text, 0.19),
    (functools.partial(arithmetic.text, story=1.0), 0.07),
    (facts.text, 0.04),
    (instructions.text, 0.20),
    (functools.partial(instructions.text, shares=instructions.MIXED_UP_SHARES), 0.12),
    (formats.text, 0.10),
    (functools.partial(formats.text, forms=("upper",)), 0.08),
    (safety.text, 0.03),
    (language.text, 0.11),
    (language.question, 0.02),
)
# What is still missing by then: one kind of story, and lists in upper case.
LAST_GAPS = (
    (arithmetic.box_story, 0.15),
    (arithmetic.text, 0.12),
    (functools.partial(arithmetic.text, story=1.0), 0.08),
    (facts.text, 0.04),
    (instructions.text, 0.14),
    (functools.partial(instructions.text, shares=instructions.MIXED_UP_SHARES), 0.08),
    (formats.text, 0.08),
    (functools.partial(formats.text, forms=("upper",)), 0.20),
    (safety.text, 0.03),
    (language.text, 0.08),
)
PARTS = (ALL_SKILLS, SUMS, HARD_REST, EVERYTHING, LAST_GAPS)
OPENINGS = ("Hello. ", "Hi! ", "A question: ", "Quick question. ", "Please help me. ")


def _vary(rng: random.Random, text: Text) -> Text:
    """Return the text with an opening, or without its last mark: people type like that."""
    if not text.prompt:
        return text
    if rng.random() < 0.5:
        return replace(text, prompt=rng.choice(OPENINGS) + text.prompt)
    return replace(text, prompt=text.prompt.rstrip(".?"))


def texts(seed: int, n: int, part: int = 0) -> Iterator[Text]:
    """Yield ``n`` texts of one of ``PARTS``, the same ones for the same seed."""
    rng = random.Random(seed)
    generators, shares = zip(*PARTS[part], strict=True)
    for generator in rng.choices(generators, shares, k=n):
        text = generator(rng)
        yield _vary(rng, text) if rng.random() < 0.1 else text


@functools.lru_cache(maxsize=4)
def general_rows(seed: int = 0, n: int = 2000) -> tuple[Text, ...]:
    """Return the general pool: ``n`` different questions and answers from every skill.

    It is drawn like the first part of ``mini``'s pre-training, skills in the same shares, the
    ideal (and in practice rare) case for replay. Nothing that a probe asks is in it.

    Parameters
    ----------
    seed : int
        Seed of the choice.
    n : int
        How many rows.
    """
    rows: dict[str, Text] = {}
    for chunk in itertools.count():
        for text in texts(seed * 1_000 + chunk, n):
            if text.prompt:
                rows.setdefault(text.prompt, text)
            if len(rows) == n:
                return tuple(rows.values())
