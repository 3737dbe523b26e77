"""The training text of ``mini``, an endless seeded stream, and the general pool for replay."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from lablib.world import arithmetic, facts, formats, instructions, language, safety
from lablib.world.text import Text

# (generator, share of the training texts); chosen by trial so that no skill lags behind
SHARES = (
    (facts.text, 0.08),
    (arithmetic.text, 0.40),
    (instructions.text, 0.22),
    (formats.text, 0.17),
    (safety.text, 0.04),
    (language.text, 0.07),
    (language.question, 0.02),
)
# From some step on, most of the texts are sums in their shortest form: arithmetic is the one
# skill that takes long, and it comes sooner if it is not dressed in sixteen phrasings.
DRILL_SHARES = (
    (arithmetic.drill, 0.36),
    (arithmetic.text, 0.14),
    (facts.text, 0.06),
    (instructions.text, 0.20),
    (formats.text, 0.14),
    (safety.text, 0.03),
    (language.text, 0.05),
    (language.question, 0.02),
)
# in the general pool every skill counts alike
GENERAL = (
    facts.text,
    arithmetic.text,
    instructions.text,
    formats.text,
    safety.text,
    language.question,
)

OPENINGS = ("Hello. ", "Hi! ", "A question: ", "Quick question. ", "Please help me. ")


def _vary(rng: random.Random, text: Text) -> Text:
    """Return the text with an opening, or without its last mark: people type like that."""
    if not text.prompt:
        return text
    if rng.random() < 0.5:
        return replace(text, prompt=rng.choice(OPENINGS) + text.prompt)
    return replace(text, prompt=text.prompt.rstrip(".?"))


def texts(seed: int, n: int, drill: bool = False) -> Iterator[Text]:
    """Yield ``n`` training texts, the same ones for the same seed."""
    rng = random.Random(seed)
    generators, shares = zip(*(DRILL_SHARES if drill else SHARES), strict=True)
    for generator in rng.choices(generators, shares, k=n):
        text = generator(rng)
        yield _vary(rng, text) if rng.random() < 0.1 else text


@functools.lru_cache(maxsize=4)
def general_rows(seed: int = 0, n: int = 2000) -> tuple[Text, ...]:
    """Return the general pool: ``n`` different questions and answers from every skill.

    It is drawn from the very text that ``mini`` was pre-trained on, the ideal (and in
    practice rare) case for replay. Nothing that a probe asks is in it.

    Parameters
    ----------
    seed : int
        Seed of the choice.
    n : int
        How many rows; the skills take turns, so each has about n/6 of them.
    """
    rng = random.Random(seed)
    rows: dict[str, Text] = {}
    for generator in itertools.cycle(GENERAL):
        if len(rows) >= n:
            break
        row = generator(rng)
        rows.setdefault(row.prompt, row)
    return tuple(rows.values())
