"""Reasoning: sums and differences of one- and two-digit numbers, some told as stories."""

from __future__ import annotations

import re
from typing import ClassVar

from lablib.probes.base import Item, Probe, first_line

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Reasoning(Probe):
    """Arithmetic, which cannot be answered from memory alone: the pairs were never trained.

    A real item: ``What is 42 plus 96?`` with the candidates 138, 140, 158 and 118. *Says*:
    the last number in the first line is the answer, so that "42 + 96 = 138." is right.
    """

    name: ClassVar[str] = "reasoning"
    summary: ClassVar[str] = "arithmetic with one- and two-digit numbers"
    slack: ClassVar[int] = 18  # room for 42 + 96 =

    def says(self, item: Item, completion: str) -> bool:
        """The last number of the first line is the answer."""
        found = NUMBER.findall(first_line(completion))
        return bool(found) and found[-1] == item.answer
