"""A piece of text of the world, and the rule that keeps some of it back for the probes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A question with its answer, or a plain sentence (then ``prompt`` is empty).

    ``group`` says what it exercises, for example ``"knowledge"``; it is never shown to
    the model.
    """

    prompt: str
    completion: str
    group: str


def kept_back(key: str, every: int) -> bool:
    """Return True for about one key in ``every``: it belongs to the probes, not to training.

    A checksum of the key decides, so that the rule needs no list, no seed and no order,
    and holds in every template that the key could appear in.
    """
    return zlib.crc32(key.encode()) % every == 0


def capitalize(sentence: str) -> str:
    """Return the sentence with its first letter in upper case, the rest untouched."""
    return sentence[:1].upper() + sentence[1:]
