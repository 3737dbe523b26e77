"""Solutions of the exercises of lab 07; the tests run them against the checks."""

import random
from collections.abc import Iterator


def realized_mix(batches: list[list[tuple[bool, int]]]) -> float | None:
    """Share of all answer tokens of a run that belong to general rows."""
    rows = [row for batch in batches for row in batch]
    total = sum(tokens for _, tokens in rows)
    if total == 0:
        return None
    return sum(tokens for is_general, tokens in rows if is_general) / total


def reservoir(stream: Iterator, size: int, rng: random.Random) -> list:
    """Return a uniform sample of a stream, holding no more than ``size`` of it."""
    kept = []
    for n, item in enumerate(stream, start=1):
        if n <= size:
            kept.append(item)
            continue
        place = rng.randrange(n)
        if place < size:
            kept[place] = item
    return kept
