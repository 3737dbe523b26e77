"""Small instructions on words and lists: repeat, reverse, first, last, second, sort, count, spell.

Kept back for the probe: about one list in ten (in every instruction), one word in ten for
repeating, and one word in six for the plainest way to ask for its spelling.
"""

from __future__ import annotations

import random

from lablib.world.text import Text, kept_back
from lablib.world.words import NOUNS

TEMPLATES = {
    "repeat": (
        "Repeat the word '{w}'.",
        "Repeat this word: {w}",
        "Say the word '{w}'.",
        "Say {w}.",
        "Write the word '{w}'.",
        "Copy this word: {w}",
    ),
    "twice": (
        "Repeat the word '{w}' twice.",
        "Say the word '{w}' two times.",
        "Write {w} twice.",
    ),
    "spell": (
        "Spell the word '{w}'.",
        "How do you spell {w}?",
        "Spell {w} letter by letter.",
        "Give the letters of the word {w}.",
        "Which letters are in the word '{w}'?",
    ),
    "reverse": (
        "Reverse the list: {l}",
        "Write this list backwards: {l}",
        "Reverse the order of these words: {l}",
        "Turn this list around: {l}",
    ),
    "first": (
        "What is the first word of the list: {l}",
        "Give the first word of this list: {l}",
        "Which word comes first? {l}",
        "Say only the first of these words: {l}",
    ),
    "last": (
        "What is the last word of the list: {l}",
        "Give the last word of this list: {l}",
        "Which word comes last? {l}",
        "Say only the last of these words: {l}",
    ),
    "second": (
        "What is the second word of the list: {l}",
        "Give the second word of this list: {l}",
        "Which word comes second? {l}",
        "Say only the second of these words: {l}",
    ),
    "sort": (
        "Sort the list alphabetically: {l}",
        "Put these words in alphabetical order: {l}",
        "Write these words in the order of the alphabet: {l}",
    ),
    "count": (
        "How many words are in the list: {l}",
        "Count the words: {l}",
        "Count the words in this list: {l}",
        "How many words do you see here? {l}",
    ),
}
SHARES = {
    "repeat": 2,
    "twice": 1,
    "spell": 3,
    "reverse": 3,
    "first": 1,
    "last": 1,
    "second": 1,
    "sort": 4,
    "count": 1,
}


# what takes longest to learn
HARD_SHARES = {"spell": 2, "reverse": 1, "second": 4, "sort": 3}
# ... and what is then mixed up with it
MIXED_UP_SHARES = {"repeat": 1, "twice": 1, "spell": 2, "first": 3, "second": 3, "sort": 3}


def list_held_out(words: tuple[str, ...]) -> bool:
    """Return True if a list of these words, in any order, belongs to the probes."""
    return kept_back(" ".join(sorted(words)), 10)


def word_held_out(word: str) -> bool:
    """Return True if repeating this word, once or twice, belongs to the probe."""
    return kept_back(f"repeat {word}", 10)


def spelling_held_out(word: str) -> bool:
    """Return True if the plainest way to ask for this word's spelling belongs to the probe."""
    return kept_back(f"spell {word}", 6)


def word_list(rng: random.Random, kind: str) -> tuple[str, ...]:
    """Return a list of different words, as long as the instruction can bear."""
    longest = {"sort": 3, "reverse": 4}.get(kind, 5)
    return tuple(rng.sample(NOUNS, rng.randint(2 if kind in ("reverse", "sort") else 3, longest)))


def answer(kind: str, words: tuple[str, ...]) -> str:
    """Return what following the instruction gives."""
    return {
        "repeat": lambda: words[0],
        "twice": lambda: f"{words[0]} {words[0]}",
        "spell": lambda: "-".join(words[0]),
        "reverse": lambda: ", ".join(reversed(words)),
        "first": lambda: words[0],
        "last": lambda: words[-1],
        "second": lambda: words[1],
        "sort": lambda: ", ".join(sorted(words)),
        "count": lambda: str(len(words)),
    }[kind]()


def text(rng: random.Random, shares: dict[str, int] = SHARES) -> Text:
    """Return a random instruction with its result."""
    kind = rng.choices(tuple(shares), tuple(shares.values()))[0]
    templates = TEMPLATES[kind]
    if kind in ("repeat", "twice", "spell"):
        words = (rng.choice(NOUNS),)
        while kind in ("repeat", "twice") and word_held_out(words[0]):
            words = (rng.choice(NOUNS),)
        if kind == "spell" and spelling_held_out(words[0]):
            templates = templates[1:]
    else:
        words = word_list(rng, kind)
        while list_held_out(words):
            words = word_list(rng, kind)
    prompt = rng.choice(templates).format(w=words[0], l=", ".join(words))
    return Text(prompt, answer(kind, words), "instruction")
