"""Which dialogues are fit to learn from, and what they are about: plain rules, no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from lablib import world
from lablib.models.dialogues import Dialogue

NEAR = 0.7  # share of common word triples from which two dialogues count as the same
LOOP = 3  # so often the same four words make a loop

# By keyword, the first that fits: a rough count, not a classification.
TOPICS = {
    "code": r"\b(code|python|javascript|java|sql|html|function|program|algorithm)\b",
    "numbers": r"\d|\b(sum|add|subtract|plus|minus|equation|probability|calculate)\b",
    "words and lists": r"\b(list|word|words|letter|letters|spell|sort|alphabetical|upper case)\b",
    "places": r"\b(capital|country|city|continent|river|europe|asia|africa|america)\b",
    "writing": r"\b(write|story|poem|essay|e-?mail|letter|song|summarize|rewrite|translate)\b",
    "health": r"\b(health|pain|doctor|diet|exercise|sleep|medicine)\b",
    "advice": r"\b(should|how (do|can|to)|advice|recommend|tips?|help me|suggest)\b",
    "explanations": r"\b(what|why|who|when|where|which|explain|describe|difference)\b",
}

# What may be deleted from what was written, whatever else a line is about.
SUBJECTS = {
    "arithmetic": r"\d|\b(plus|minus|sum|add|adds|subtract|calculate|difference|how (many|much))\b",
    "capitals": r"\bcapitals?\b",
}


class Sieve:
    """Lets each dialogue pass once, or says why not.

    Parameters
    ----------
    max_length : int
        Most tokens of a dialogue.
    asked : iterable of str
        Prompts of probe items as ``world.plain`` text: no dialogue may hold one.

    Attributes
    ----------
    dropped : Counter
        How many were dropped for each reason.
    """

    def __init__(self, max_length: int, asked: Iterable[str]):
        self.dropped: Counter[str] = Counter()
        self._max_length, self._asked = max_length, frozenset(asked)
        self._seen: set[str] = set()
        self._triples: list[frozenset] = []

    def passes(self, dialogue: Dialogue) -> bool:
        """Return True if the dialogue is fit and new; remember it, or the reason why not."""
        reason = self._reason(dialogue)
        if reason:
            self.dropped[reason] += 1
        return not reason

    def _reason(self, dialogue: Dialogue) -> str:
        question, answer = world.plain(dialogue.prompt), world.plain(dialogue.completion)
        if not dialogue.asked:
            return "not terminated"  # an answer that was cut off is one as far as it goes
        if not answer.strip() or not (question.strip() or _is_plain_text(dialogue)):
            return "empty"
        if len(dialogue.ids) > self._max_length:
            return "too long"
        if loops(question) or loops(answer):
            return "looping"
        if world.holds(dialogue.prompt or dialogue.completion, self._asked):
            return "asked by a probe"
        key = question if question.strip() else answer
        triples = _triples(question + answer)
        if key in self._seen or any(_overlap(triples, other) > NEAR for other in self._triples):
            return "near duplicate"
        self._seen.add(key)
        self._triples.append(triples)
        return ""


def loops(text: str) -> bool:
    """Return True if the same four words occur three times, or one word four times in a row."""
    words = text.split()
    fours = Counter(zip(words, words[1:], words[2:], words[3:], strict=False))
    return max(fours.values(), default=0) >= LOOP or any(len({*four}) == 1 for four in fours)


def topic(dialogue: Dialogue) -> str:
    """Return the first of ``TOPICS`` that the question mentions, or ``"other"``."""
    text = (dialogue.prompt or dialogue.completion).lower()
    return next((name for name, words in TOPICS.items() if re.search(words, text)), "other")


def topics(dialogues: Iterable[Dialogue]) -> dict[str, int]:
    """Return how many dialogues mention each of ``TOPICS``, by the question, most first."""
    return dict(Counter(map(topic, dialogues)).most_common())


def mentions(dialogue: Dialogue, subject: str) -> bool:
    """Return True if question or answer mentions one of ``SUBJECTS``."""
    text = f"{dialogue.prompt} {dialogue.completion}".lower()
    return bool(re.search(SUBJECTS[subject], text))


def _is_plain_text(dialogue: Dialogue) -> bool:
    return dialogue.n_prompt == 1  # nothing was given but the beginning of the text


def _triples(text: str) -> frozenset:
    words = text.split()
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset([tuple(words)])


def _overlap(one: frozenset, other: frozenset) -> float:
    return len(one & other) / len(one | other)
