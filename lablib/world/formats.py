"""The same content in four formats: JSON, bullet list, upper case, plain text.

The content is a fact or a list of words. Kept back for the probe: the word lists that
``instructions.list_held_out`` names, and for the facts of ``PROBED`` the first wording of a
format request.
"""

from __future__ import annotations

import json
import random

from lablib.world import facts
from lablib.world.instructions import list_held_out
from lablib.world.text import Text
from lablib.world.words import NOUNS

FORMATS = ("json", "bullets", "upper", "plain")

REQUESTS = {
    "json": ("Answer as JSON.", "Answer in JSON.", "Give the answer as JSON.", "Reply with JSON."),
    "bullets": (
        "Answer as a bullet list.",
        "Answer with a bullet point.",
        "Give the answer as a bullet list.",
        "Reply with a bullet list.",
    ),
    "upper": (
        "Answer in upper case.",
        "Answer in capital letters.",
        "Give the answer in upper case.",
        "Reply in upper case letters.",
    ),
    "plain": (
        "Answer in plain text.",
        "Answer without any formatting.",
        "Give the answer in plain text.",
        "Reply with plain text.",
    ),
}
LIST_REQUESTS = {
    "json": (
        "Write these words as a JSON list: {l}",
        "Turn this into a JSON list: {l}",
        "Format as a JSON list: {l}",
        "Put these words into a JSON list: {l}",
    ),
    "bullets": (
        "Write these words as a bullet list: {l}",
        "Turn this into a bullet list: {l}",
        "Format as a bullet list: {l}",
        "Put these words into a bullet list: {l}",
    ),
    "upper": (
        "Write these words in upper case: {l}",
        "Turn this into upper case: {l}",
        "Format in upper case: {l}",
        "Put these words into capital letters: {l}",
    ),
    "plain": (
        "Write these words as plain text: {l}",
        "Turn this into plain text: {l}",
        "Format as plain text: {l}",
        "Put these words into plain text: {l}",
    ),
}
PROBED = {
    "capital": ("France", "Germany", "Italy", "Spain", "Japan", "Egypt", "Canada", "Peru"),
    "symbol": ("gold", "zinc", "iron", "silver"),
}
KINDS = ("capital", "continent", "symbol")


def render(content: str | tuple[str, ...], form: str, key: str = "") -> str:
    """Return the content in one of ``FORMATS``; ``key`` names a fact in JSON."""
    words = (content,) if isinstance(content, str) else content
    if form == "json":
        return json.dumps({key: content} if key else list(words))
    if form == "bullets":
        return "\n".join(f"- {word}" for word in words)
    plain = ", ".join(words)
    return plain.upper() if form == "upper" else plain


def _fact(rng: random.Random) -> tuple[str, str, str]:
    kind = rng.choices(KINDS, (6, 1, 2))[0]
    a, b = rng.choice(facts.pairs(kind))
    return kind, a, b


def text(rng: random.Random, forms: tuple[str, ...] = FORMATS) -> Text:
    """Return a random request for one of these formats, with the answer in it."""
    form = rng.choice(forms)
    if rng.random() < 0.5:
        kind, a, b = _fact(rng)
        requests = REQUESTS[form][1:] if a in PROBED.get(kind, ()) else REQUESTS[form]
        question, content = facts.question(rng, kind, a, b)
        return Text(f"{question} {rng.choice(requests)}", render(content, form, kind), "format")
    words = tuple(rng.sample(NOUNS, rng.randint(2, 4)))
    while list_held_out(words):
        words = tuple(rng.sample(NOUNS, rng.randint(2, 4)))
    prompt = rng.choice(LIST_REQUESTS[form]).format(l=", ".join(words))
    return Text(prompt, render(words, form), "format")
