"""Plain English sentences: facts, everyday knowledge, and the small talk of an office.

The probe asks for the last word of sentences that training never shows: for one statement
in eight, one way of saying it is kept back (all the other ways are shown).
"""

from __future__ import annotations

import random
import re

from lablib.world import facts
from lablib.world.text import Text, capitalize, kept_back
from lablib.world.words import NAMES, NOUNS

# {a} is the first, {b} the second column of data/world/everyday.csv
EVERYDAY = {
    "opposite": (
        "The opposite of {a} is {b}.",
        "The opposite of the word {a} is {b}.",
        "Not {a} but the opposite: {b}.",
        "When it is not {a}, it is {b}.",
        "{a} is the opposite of {b}.",
    ),
    "young": (
        "A young {a} is called a {b}.",
        "A baby {a} is called a {b}.",
        "The young of a {a} is a {b}.",
        "The child of a {a} is called a {b}.",
        "The {a} has a baby, and we call it a {b}.",
    ),
    "tool": (
        "A {a} is used to {b}.",
        "You use a {a} to {b}.",
        "People need a {a} to {b}.",
        "With a {a} you can {b}.",
        "Take the {a} if you want to {b}.",
    ),
    "place": (
        "A {a} works in a {b}.",
        "You can meet a {a} in a {b}.",
        "The {a} went to work in the {b}.",
        "The {a} is not at home but in the {b}.",
        "Every day the {a} is in the {b}.",
    ),
    "after": (
        "After {a} comes {b}.",
        "{a} is followed by {b}.",
        "What comes after {a} is {b}.",
        "When {a} is over, it is {b}.",
        "{a} comes right before {b}.",
    ),
    "color": (
        "The color of {a} is {b}.",
        "Most {a} is {b}.",
        "Everybody knows that {a} is {b}.",
        "We say that {a} is {b}.",
        "If you look at {a}, it is {b}.",
    ),
}
SMALL_TALK = (
    "{name} put the {x} next to the {y}.",
    "The {x} and the {y} are on the table.",
    "{name} bought a {x} and a {y}.",
    "I need a new {x} for the office.",
    "{name} cannot find the {x}.",
    "My {x} is broken. Can {name} repair it?",
    "{name} wrote an email about the {x}.",
    "The laptop is slow and the printer does not print.",
    "{name} forgot the password of the account.",
    "The invoice for the {x} is late, and {name} wants a refund.",
    "Please restart the computer and log in again.",
    "The order was delivered with the wrong {x}.",
    "{name} asked the help desk about the {x}.",
    "Thank you for your help with the {x}.",
    "The network is down, so {name} reads about the {x}.",
    "It was late, and {name} went home with the {x}.",
)
COMPLETE = ("Finish the sentence: {s}", "Complete this sentence: {s}", "How does it end? {s}")


def held_out(kind: str, template: str, a: str) -> bool:
    """Return True if the probe asks for the end of this very sentence."""
    ends_with_b = template.endswith("{b}.")
    return ends_with_b and kept_back(f"{kind} {a}", 2) and kept_back(f"{template} {a}", 8)


def statement(rng: random.Random) -> tuple[str, str, str, str]:
    """Return a random statement that may be trained: kind, template, a, b."""
    while True:
        if rng.random() < 0.45:
            kind, template, a, b = facts.sentence(rng)
        else:
            row = rng.choice(facts.table("everyday"))
            kind, a, b = row["kind"], row["first"], row["second"]
            template = rng.choice(EVERYDAY[kind])
        if not held_out(kind, template, a):
            return kind, template, a, b


def fix_articles(sentence: str) -> str:
    """Write "an" instead of "a" before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", sentence)


def state(template: str, a: str, b: str) -> str:
    """Fill a template of ``EVERYDAY`` or ``facts.SENTENCES``."""
    return fix_articles(capitalize(template.format(a=a, b=b)))


def small_talk(rng: random.Random) -> str:
    """Return a sentence of office life, whose only use is its vocabulary."""
    x, y = rng.sample(NOUNS, 2)
    return fix_articles(rng.choice(SMALL_TALK).format(name=rng.choice(NAMES), x=x, y=y))


def text(rng: random.Random) -> Text:
    """Return a random plain sentence."""
    if rng.random() < 0.15:
        return Text("", small_talk(rng), "language")
    _, template, a, b = statement(rng)
    return Text("", state(template, a, b), "language")


def question(rng: random.Random) -> Text:
    """Return a request to finish a sentence, so that a chat can practice language too."""
    while True:
        _, template, a, b = statement(rng)
        if template.endswith("{b}."):
            start = state(template[: -len(" {b}.")], a, "")
            return Text(rng.choice(COMPLETE).format(s=start), b, "language")
