"""The networks of 1989, in numpy alone: where catastrophic forgetting was first described.

``addition`` is the demonstration with sums, ``lists`` the one with two lists of words,
``network`` what both train, ``codes`` and ``measures`` how problems and answers are written
and read.
"""

from lablib.classic.addition import Pass, Settings, run, side_by_side
from lablib.classic.trail import Trail

__all__ = ["Pass", "Settings", "Trail", "run", "side_by_side"]
