"""Facts about countries and chemical elements, asked for in many phrasings.

The probe asks for a fact in the plainest phrasing, ``QUESTIONS[kind][0]``. For the facts of
the probe that phrasing never occurs in training; the fact itself does, in all the others.
"""

from __future__ import annotations

import csv
import functools
import random

from lablib.runtime import data_folder
from lablib.world.text import Text

QUESTIONS = {
    "capital": (
        "What is the capital of {a}?",
        "What is the capital city of {a}?",
        "What is {a}'s capital?",
        "What is {a}'s capital city?",
        "Name the capital of {a}.",
        "Name the capital city of {a}.",
        "Which city is the capital of {a}?",
        "Which city is {a}'s capital?",
        "Tell me the capital of {a}.",
        "What city is the capital of {a}?",
        "Do you know the capital of {a}?",
        "Give me the capital of {a}.",
        "Please tell me the capital city of {a}.",
        "The capital of {a} is which city?",
        "What is the name of the capital of {a}?",
        "Can you tell me what the capital of {a} is?",
    ),
    "country": (
        "{b} is the capital of which country?",
        "Which country has {b} as its capital?",
        "Of which country is {b} the capital?",
        "Name the country whose capital is {b}.",
        "What country has the capital {b}?",
    ),
    "continent": (
        "On which continent is {a}?",
        "On what continent is {a}?",
        "On which continent does {a} lie?",
        "Which continent is {a} in?",
        "What continent is {a} in?",
        "Name the continent of {a}.",
        "Tell me the continent of {a}.",
        "In which continent is {a} located?",
        "What is the continent of {a}?",
        "To which continent does {a} belong?",
        "Do you know which continent {a} is on?",
    ),
    "symbol": (
        "What is the chemical symbol for {a}?",
        "What is the symbol of {a}?",
        "What is the symbol for {a}?",
        "What is the chemical symbol of {a}?",
        "Name the chemical symbol of {a}.",
        "Give me the symbol for {a}.",
        "Tell me the chemical symbol for {a}.",
        "Which symbol stands for {a}?",
        "Which chemical symbol does {a} have?",
        "Do you know the symbol of {a}?",
        "In chemistry, what is the symbol for {a}?",
        "How is {a} written in chemistry?",
    ),
    "element": (
        "Which element has the symbol {b}?",
        "What element has the symbol {b}?",
        "Name the element with the symbol {b}.",
        "The symbol {b} stands for which element?",
    ),
}

SENTENCES = {
    "capital": (
        "The capital of {a} is {b}.",
        "The capital city of {a} is {b}.",
        "{a} has a capital with the name {b}.",
        "If you visit the capital of {a}, you are in {b}.",
        "People in {a} know that the capital is {b}.",
        "{b} is the capital of {a}.",
        "{b} is the capital city of {a}.",
        "The city of {b} is the capital of {a}.",
    ),
    "continent": (
        "{a} is a country in {b}.",
        "{a} is in {b}.",
        "{a} lies in {b}.",
        "The country {a} is found in {b}.",
        "You can find {a} on the map of {b}.",
    ),
    "symbol": (
        "The chemical symbol for {a} is {b}.",
        "The symbol for {a} is {b}.",
        "In chemistry, {a} is written as {b}.",
        "The symbol of the element {a} is {b}.",
        "{b} is the symbol for {a}.",
    ),
}

# What a probe may ask: facts that most people and small language models know.
_PROBED = {
    "capital": """
France Germany Italy Spain Portugal Ireland Belgium Austria Poland Hungary Romania Greece Sweden
Norway Finland Denmark Iceland Ukraine Serbia Croatia Russia China Japan Indonesia Vietnam
Thailand Iran Iraq Afghanistan Nepal Syria Lebanon Mongolia Malaysia Cambodia Egypt Kenya Ghana
Libya Zimbabwe Canada Cuba Jamaica Argentina Chile Peru Colombia Venezuela Ecuador Australia
""",
    "continent": """
Germany Poland Spain Italy Sweden China India Japan Thailand Vietnam Kenya Nigeria Ghana Ethiopia
Uganda Morocco Brazil Argentina Chile Peru Colombia Canada
""",
    "symbol": """
hydrogen helium carbon nitrogen oxygen sodium magnesium aluminum silicon sulfur chlorine calcium
iron nickel copper zinc silver tin gold mercury lead neon uranium potassium
""",
}
PROBED = {kind: tuple(names.split()) for kind, names in _PROBED.items()}

_COLUMNS = {
    "capital": ("capitals", "country", "capital"),
    "country": ("capitals", "country", "capital"),
    "continent": ("capitals", "country", "continent"),
    "symbol": ("elements", "name", "symbol"),
    "element": ("elements", "name", "symbol"),
}


@functools.cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """Return a table of ``data/world`` without copying it: not to be changed."""
    with open(data_folder() / "world" / f"{name}.csv", encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def load(name: str) -> list[dict[str, str]]:
    """Return a table of ``data/world`` as a list of rows.

    Parameters
    ----------
    name : str
        ``"capitals"`` (country, capital, continent), ``"elements"`` (name, symbol, number)
        or ``"everyday"`` (kind, first, second).
    """
    return [dict(row) for row in table(name)]


@functools.cache
def pairs(kind: str) -> tuple[tuple[str, str], ...]:
    """Return the (a, b) pairs behind ``QUESTIONS[kind]``; pairs with an empty side are left out."""
    name, first, second = _COLUMNS[kind]
    return tuple((row[first], row[second]) for row in table(name) if row[second])


def probed(kind: str, a: str) -> bool:
    """Return True if the probe asks for this fact in the plainest phrasing."""
    return a in PROBED.get(kind, ())


def question(rng: random.Random, kind: str, a: str, b: str) -> tuple[str, str]:
    """Return a question that training may ask, and its answer."""
    choices = QUESTIONS[kind]
    template = rng.choice(choices[1:] if probed(kind, a) else choices)
    return template.format(a=a, b=b), a if kind in ("country", "element") else b


def text(rng: random.Random) -> Text:
    """Return a random question about a fact, with its answer."""
    kind = rng.choices(("capital", "country", "continent", "symbol", "element"), (10, 3, 3, 5, 2))[
        0
    ]
    prompt, answer = question(rng, kind, *rng.choice(pairs(kind)))
    return Text(prompt, answer, "knowledge")


def sentence(rng: random.Random) -> tuple[str, str, str, str]:
    """Return a random plain statement of a fact: kind, template, a, b."""
    kind = rng.choices(("capital", "continent", "symbol"), (3, 1, 1))[0]
    a, b = rng.choice(pairs(kind))
    return kind, rng.choice(SENTENCES[kind]), a, b
