"""Format flexibility: the same content as JSON, as bullets, in upper case or plain."""

from __future__ import annotations

import json
import re
from typing import ClassVar

from lablib.probes.base import Item, Probe

BULLETS = ("- ", "* ", "• ")


class Format(Probe):
    """Answers in the format that is asked for; each is parsed strictly, its content too.

    A real item: ``What is the capital of France? Answer as JSON.`` with the candidates
    ``{"capital": "Paris"}``, ``- Paris``, ``PARIS`` and ``Paris``: the same content in all
    formats, so that a model which has only one format left *knows* one item in four. *Says*:

    - json: the completion is one JSON value, a list of exactly the words or an object whose
      only value is the answer;
    - bullets: every line is a bullet, together exactly the words;
    - upper: no small letter, and exactly the words (a fact: one line that names it);
    - plain: one line without JSON, bullets or shouting, and exactly the words (a fact: it is
      named).
    """

    name: ClassVar[str] = "format"
    summary: ClassVar[str] = "format on demand: JSON, bullets, upper case, plain"
    slack: ClassVar[int] = 10  # a fact may be named in a sentence

    def says(self, item: Item, completion: str) -> bool:
        """The completion has the format and the content."""
        return _RULES[item.fields["format"]](completion.strip(), item.fields["content"])

    def decided(self, item: Item, text: str) -> bool:
        """The text has begun in another format, or goes on after its end."""
        wanted = item.fields["format"]
        if wanted == "json":
            return text[:1] not in ("", "{", "[") or "\n\n" in text
        if wanted == "bullets":
            return text[:1] not in ("", "-", "*", "•") or "\n\n" in text
        if wanted == "upper" and text != text.upper():
            return True
        return "\n" in text


def _json(text: str, content: str | list[str]) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    if isinstance(content, str):
        values = list(value.values()) if isinstance(value, dict) else []
        return len(values) == 1 and str(values[0]).casefold() == content.casefold()
    return isinstance(value, list) and [str(v).casefold() for v in value] == _folded(content)


def _bullets(text: str, content: str | list[str]) -> bool:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not all(line.startswith(BULLETS) for line in lines):
        return False
    words = [line[2:].strip().rstrip(".") for line in lines]
    wanted = [content] if isinstance(content, str) else content
    return _folded(words) == _folded(wanted)


def _upper(text: str, content: str | list[str]) -> bool:
    return text == text.upper() and not text.startswith(BULLETS) and _holds(text, content)


def _plain(text: str, content: str | list[str]) -> bool:
    marked = text.startswith((*BULLETS, "{", "[", "`", '"'))
    # A chemical symbol may have no small letter even in plain text.
    shouted = text == text.upper() and "".join(content) != "".join(content).upper()
    return not marked and not shouted and _holds(text, content)


def _holds(text: str, content: str | list[str]) -> bool:
    """One line that names the fact, or that is exactly the list."""
    if "\n" in text:
        return False
    if isinstance(content, str):
        named = rf"(?<!\w){re.escape(content)}(?!\w)"
        return re.search(named, text, re.IGNORECASE) is not None
    return _folded(re.split(r"[,\s]+", text.rstrip("."))) == _folded(content)


def _folded(words: list[str]) -> list[str]:
    return [word.casefold() for word in words]


_RULES = {"json": _json, "bullets": _bullets, "upper": _upper, "plain": _plain}
