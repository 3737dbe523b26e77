"""Lab 07: a stream goes by once, a buffer keeps some of it. Rules of what to keep."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from lablib.lessons.taskstream import BUFFER, TASKS

SIZE = BUFFER
EACH = 200  # rows of each task in the stream
Item = tuple[int, int]  # number of the task, of its row
Rule = Callable[[Iterable[Item], int, random.Random], list[Item]]


def first_come(stream: Iterable[Item], size: int, rng: random.Random) -> list[Item]:
    """Keep the first rows for ever."""
    kept: list[Item] = []
    for item in stream:
        if len(kept) < size:
            kept.append(item)
    return kept


def last_come(stream: Iterable[Item], size: int, rng: random.Random) -> list[Item]:
    """Keep the newest rows: the oldest makes room."""
    kept: list[Item] = []
    for number, item in enumerate(stream):
        if len(kept) < size:
            kept.append(item)
        else:
            kept[number % size] = item
    return kept


def always_in(stream: Iterable[Item], size: int, rng: random.Random) -> list[Item]:
    """Let every new row in, in the place of a random one."""
    kept: list[Item] = []
    for item in stream:
        if len(kept) < size:
            kept.append(item)
        else:
            kept[rng.randrange(size)] = item
    return kept


RULES: dict[str, Rule] = {
    "the first rows stay": first_come,
    "the oldest row makes room": last_come,
    "every new row replaces a random one": always_in,
}
OWN = "your reservoir"
ASKED = "every new row replaces a random one"  # what the prediction is about


def stream(length: int) -> list[Item]:
    """Return the beginning of the stream: the tasks one after the other, each ``EACH`` rows."""
    return [(number // EACH, number % EACH) for number in range(min(length, total()))]


def total() -> int:
    """Return the length of the whole stream."""
    return EACH * len(TASKS)


def after(rule: Rule, length: int, seed: int = 0) -> list[Item]:
    """Return what lies in the buffer after ``length`` rows.

    Every rule here, like the reservoir, draws anew for each row that comes, so that the buffer
    after a part of the stream is the one that the whole stream had at that moment.
    """
    return rule(iter(stream(length)), SIZE, random.Random(f"buffer {seed}"))


def counts(kept: Sequence[Item]) -> list[int]:
    """Return how many rows of each task are kept."""
    return [sum(task == number for task, _ in kept) for number in range(len(TASKS))]


def checked(kept: object, length: int) -> list[Item]:
    """Return what a rule of the learner's kept, if it can be drawn.

    Raises
    ------
    ValueError
        With one sentence that says what is wrong.
    """
    seen = set(stream(length))
    if not isinstance(kept, list) or any(item not in seen for item in kept):
        raise ValueError("Your reservoir did not return a list of rows of the stream.")
    if len(kept) > SIZE:
        raise ValueError(f"Your reservoir kept {len(kept)} rows where {SIZE} have room.")
    return kept
