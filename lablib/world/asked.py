"""What the probes ask: no text that a model is trained on may hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lablib.runtime import data_folder


def plain(text: str) -> str:
    """Return the words, numbers and signs of a text, so that ``Hi,  You!`` equals ``hi you``.

    With a space round each, so that one plain text lies in another only by whole words.
    """
    words = re.findall(r"[^\W_]+|[+*/=-]", text.lower())
    return f" {' '.join(words)} "


def probe_prompts() -> frozenset[str]:
    """Return the prompts of all items in ``data/probes``, as ``plain`` text."""
    return _read(data_folder() / "probes")


@cache
def _read(folder: Path) -> frozenset[str]:
    lines = (
        line
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    return frozenset(plain(json.loads(line)["prompt"]) for line in lines)


def holds(text: str, prompts: Iterable[str]) -> bool:
    """Return True if one of the ``plain`` prompts lies in the text, word for word."""
    words = plain(text)
    return any(prompt in words for prompt in prompts)
