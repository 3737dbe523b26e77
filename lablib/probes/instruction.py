"""Instruction following: do exactly what is asked with the words that are given."""

from __future__ import annotations

from typing import ClassVar

from lablib.probes.base import Item, Probe

QUOTES = "\"'“”‘’`"


class Instruction(Probe):
    """Repeat, spell, reverse, sort, pick or count given words, and write nothing else.

    A real item: ``Reverse the list: card, brush, song`` with the answer ``song, brush,
    card``. *Says*: the whole completion is the answer; letter case, quotation marks round it
    and a full stop after it are ignored.
    """

    name: ClassVar[str] = "instruction"
    summary: ClassVar[str] = "following instructions: repeat, spell, reverse, sort, count"
    slack: ClassVar[int] = 3  # quotation marks and a full stop

    def says(self, item: Item, completion: str) -> bool:
        """The completion is the answer and nothing else."""
        return _bare(completion) == _bare(item.answer)

    def decided(self, item: Item, text: str) -> bool:
        """The text no longer begins as the answer does."""
        return not _bare(item.answer).startswith(_bare(text)) and bool(_bare(text))


def _bare(text: str) -> str:
    return text.strip().strip(QUOTES).rstrip(".").strip().strip(QUOTES).casefold()
