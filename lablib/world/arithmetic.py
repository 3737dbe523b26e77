"""Addition and subtraction of one- and two-digit numbers, plain and as small stories.

About one pair of numbers in twelve (of one-digit pairs, one in five) is kept back for the
probe: it occurs in no sum, no difference and no story, in either order.
"""

from __future__ import annotations

import random

from lablib.world.text import Text, kept_back
from lablib.world.words import NAMES

ADD = (
    "What is {a} + {b}?",
    "What is {a} plus {b}?",
    "Calculate {a} + {b}.",
    "Add {a} and {b}.",
    "{a} + {b} =",
    "How much is {a} + {b}?",
    "What do you get if you add {a} and {b}?",
    "What is the sum of {a} and {b}?",
)
SUBTRACT = (
    "What is {a} - {b}?",
    "What is {a} minus {b}?",
    "Calculate {a} - {b}.",
    "Subtract {b} from {a}.",
    "{a} - {b} =",
    "How much is {a} - {b}?",
    "What is left if you take {b} from {a}?",
    "What is the difference between {a} and {b}?",
)
ADD_STORIES = (
    "{name} has {a} {things} and buys {b} more. How many {things} does {name} have now?",
    "There are {a} {things} in a box. {name} adds {b} {things}. How many are there now?",
)
SUBTRACT_STORIES = (
    "{name} has {a} {things} and gives away {b}. How many {things} are left?",
    "There are {a} {things} in a box. {name} takes {b}. How many are left?",
)
THINGS = ("apples", "books", "coins", "cards", "eggs", "stamps", "pens", "cups")


def held_out(a: int, b: int) -> bool:
    """Return True if this pair of numbers, in either order, belongs to the probe."""
    return kept_back(f"{min(a, b)} and {max(a, b)}", 5 if max(a, b) < 10 else 12)


def numbers(rng: random.Random) -> tuple[int, int]:
    """Return two numbers: one digit each, mixed, or (mostly) two digits each."""
    kind = rng.random()
    low = rng.randrange(10), rng.randrange(10)
    high = rng.randrange(10, 100), rng.randrange(10, 100)
    pair = low if kind < 0.15 else (low[0], high[0]) if kind < 0.4 else high
    return pair if rng.random() < 0.5 else pair[::-1]


def ask(rng: random.Random, a: int, b: int, story: float = 0.25) -> tuple[str, int]:
    """Return a question about two numbers, and the right answer."""
    plus = rng.random() < 0.5
    if not plus:
        a, b = max(a, b), min(a, b)
    if rng.random() < story:
        templates = ADD_STORIES if plus else SUBTRACT_STORIES
    else:
        templates = ADD if plus else SUBTRACT
    prompt = rng.choice(templates).format(
        a=a, b=b, name=rng.choice(NAMES), things=rng.choice(THINGS)
    )
    return prompt, a + b if plus else a - b


def text(rng: random.Random, story: float = 0.25) -> Text:
    """Return a random sum, difference or (in that share) story with its answer."""
    a, b = numbers(rng)
    while held_out(a, b):
        a, b = numbers(rng)
    prompt, answer = ask(rng, a, b, story)
    return Text(prompt, str(answer), "reasoning")


def drill(rng: random.Random) -> Text:
    """Return a random sum or difference in its plainest form, small numbers more often."""
    low, high = (0, 10), (10, 100)
    first, second = rng.choices(((low, low), (low, high), (high, high)), (0.25, 0.35, 0.4))[0]
    while True:
        a, b = rng.randrange(*first), rng.randrange(*second)
        if not held_out(a, b):
            break
    if rng.random() < 0.5:
        a, b = b, a
    form = rng.choice(("What is {}?", "{} ="))
    if rng.random() < 0.5:
        return Text(form.format(f"{a} + {b}"), str(a + b), "reasoning")
    a, b = max(a, b), min(a, b)
    return Text(form.format(f"{a} - {b}"), str(a - b), "reasoning")


def box_story(rng: random.Random) -> Text:
    """Return the story that is hardest to learn: both numbers are followed by the things."""
    a, b = numbers(rng)
    while held_out(a, b):
        a, b = numbers(rng)
    prompt = ADD_STORIES[1].format(a=a, b=b, name=rng.choice(NAMES), things=rng.choice(THINGS))
    return Text(prompt, str(a + b), "reasoning")
