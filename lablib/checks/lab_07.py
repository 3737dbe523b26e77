"""Checks of the exercises of lab 07: the realized mix, and reservoir sampling."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lablib.checks.base import Case, Exercise, Misconception

# ------------------------------------------------------------------------ realized_mix

Batches = list[list[tuple[bool, int]]]


def _share(rows: Iterable[tuple[bool, int]]) -> float | None:
    rows = list(rows)
    total = sum(tokens for _, tokens in rows)
    return sum(tokens for general, tokens in rows if general) / total if total else None


def _rows(batches: Batches) -> list[tuple[bool, int]]:
    return [row for batch in batches for row in batch]


def _mix(batches: Batches) -> float | None:
    return _share(_rows(batches))


def _mean_of_batches(batches: Batches) -> float | None:
    shares = [share for batch in batches if (share := _share(batch)) is not None]
    return sum(shares) / len(shares) if shares else None


def _against_task(batches: Batches) -> float | None:
    general, task = (sum(t for g, t in _rows(batches) if g is side) for side in (True, False))
    return general / task if task else None


_BATCHES: tuple[Batches, ...] = (
    [[(False, 20), (False, 20), (True, 4), (False, 20)], [(True, 2), (False, 18), (True, 6)]],
    [[(True, 5), (False, 15)], [(False, 30), (False, 30), (False, 10), (True, 10)]],
    [[(True, 3), (True, 9)], [(True, 4), (False, 8), (False, 8), (False, 8)]],
    [[], []],
)

REALIZED_MIX = Exercise(
    name="realized_mix",
    stub=(
        "Write a function that takes the batches of a run, each a list of rows, each row a pair "
        "(is it general, how many answer tokens it has), and returns the share of all answer "
        "tokens of the run that belong to general rows, or None if there are no tokens."
    ),
    returns=float,
    cases=tuple(Case((b,), _mix(b), repr(b), edge=_mix(b) is None) for b in _BATCHES),
    misconceptions=(
        Misconception(
            "counted rows",
            lambda batches: (
                sum(general for general, _ in _rows(batches)) / len(_rows(batches))
                if _rows(batches)
                else None
            ),
            "This counts rows. A row with a short answer weighs as much here as one with a long "
            "answer; the loss does not see it so.",
        ),
        Misconception(
            "mean of the batches' shares",
            _mean_of_batches,
            "This forms a share in every batch and takes their mean. A batch with few tokens then "
            "counts as much as one with many. Where do the sums belong?",
        ),
        Misconception(
            "against the task",
            _against_task,
            "This compares general tokens with task tokens. A share compares a part with the "
            "whole.",
        ),
        Misconception(
            "share of the task",
            lambda batches: None if _mix(batches) is None else 1 - _mix(batches),
            "This is the share of the task's tokens: what is left for the other rows.",
        ),
        Misconception(
            "tokens instead of a share",
            lambda batches: (
                float(sum(tokens for general, tokens in _rows(batches) if general))
                if _rows(batches)
                else None
            ),
            "This is a number of tokens. Without the total nobody knows whether it is much.",
        ),
        Misconception(
            "last batch only",
            lambda batches: _share(batches[-1]),
            "This looks at the last batch alone. The mix of a run is drawn by chance, batch by "
            "batch; one of them says little.",
        ),
        Misconception(
            "no tokens not handled",
            lambda batches: (
                sum(t for g, t in _rows(batches) if g) / sum(t for _, t in _rows(batches))
            ),
            "A run that has not begun has no tokens, and no share can be formed of nothing.",
        ),
    ),
    praise=(
        "Right. This is the share that the gradient sees; from now on the table above shows your "
        "own figure."
    ),
    difficulty=1,
    minutes=6,
    hint=(
        "Two sums over all rows of all batches: the answer tokens of general rows, and the answer "
        "tokens of all rows. Divide once, at the end."
    ),
)

# --------------------------------------------------------------------------- reservoir

Sampler = Callable[[Iterator[Any], int, random.Random], list]


class _Item:
    """An item of a stream of which one can see whether somebody still holds it."""

    def __init__(self, number: int):
        self.number = number


def _one_time(function: Sampler, n: int, size: int, seed: int) -> list[int]:
    return list(function(iter(range(n)), size, random.Random(seed)))


def _short(function: Sampler, n: int, size: int) -> list[int]:
    return sorted(_one_time(function, n, size, 0))


def _often(function: Sampler, n: int, size: int, times: int) -> list[str]:
    """How often the first, the middle and the last items are kept, in steps of five in 100."""
    part, counts = n // 5, [0] * n
    for seed in range(times):
        kept = _one_time(function, n, size, seed)
        if len(kept) != size or len(set(kept)) != size:
            return [f"{len(set(kept))} different items in {len(kept)} places"]
        for number in kept:
            counts[number] += 1
    shares = [sum(counts[k : k + part]) / (part * times) for k in (0, 2 * part, n - part)]
    return [f"{round(20 * share) / 20:.2f}" for share in shares]


def _held(function: Sampler, n: int, size: int, seed: int = 0) -> str:
    """Whether more of the stream is held at any time than the buffer has places."""
    alive: weakref.WeakSet[_Item] = weakref.WeakSet()
    most = 0

    def stream() -> Iterator[_Item]:
        nonlocal most
        for number in range(n):
            item = _Item(number)
            alive.add(item)
            most = max(most, len(alive))
            yield item
            del item

    function(stream(), size, random.Random(seed))
    # the one in hand, and one more that a loop may not have let go of
    return f"at most {size}" if most <= size + 2 else f"{most} at once"


_MEASURES = {"kept": _short, "kept how often": _often, "held": _held}


def _through(function: Sampler) -> Callable[..., Any]:
    """A function of what to measure and its numbers, for the cases of the exercise."""

    def measured(what: str, *numbers: int) -> Any:
        tried = function(iter(range(2)), 1, random.Random(0))
        return tried if tried is None or tried is ... else _MEASURES[what](function, *numbers)

    return measured


def _sampler(place: Callable[[int, int, random.Random], int | None]) -> Sampler:
    """A rule that puts the n-th item (1, 2, …) into a place of a full buffer, or nowhere."""

    def rule(stream: Iterator[Any], size: int, rng: random.Random) -> list:
        kept: list = []
        for n, item in enumerate(stream, 1):
            if len(kept) < size:
                kept.append(item)
            elif (j := place(n, size, rng)) is not None:
                kept[j] = item
        return kept

    return rule


def _below(size: int, drawn: int) -> int | None:
    return drawn if drawn < size else None


_TIMES = 1500
_CASES = (
    Case(("kept", 3, 5), [0, 1, 2], "reservoir(iter(range(3)), 5, rng), sorted,", edge=True),
    Case(("kept", 5, 5), [0, 1, 2, 3, 4], "reservoir(iter(range(5)), 5, rng), sorted,", edge=True),
    Case(
        ("held", 60, 5),
        "at most 5",
        "The number of items held while reservoir(stream, 5, rng) read a stream of 60",
    ),
    Case(
        ("kept how often", 20, 5, _TIMES),
        ["0.25", "0.25", "0.25"],
        f"The share of the first, the middle and the last four items of iter(range(20)) that "
        f"reservoir(stream, 5, rng) kept over {_TIMES} draws",
    ),
)

RESERVOIR = Exercise(
    name="reservoir",
    stub=(
        "Write a function of a stream (an iterator that can be read once), of the number of "
        "places and of a random.Random, which returns a list: a sample of the stream in which "
        "every item has the same chance to be, without ever holding more items than there are "
        "places."
    ),
    returns=(list, str),
    cases=_CASES,
    misconceptions=(
        Misconception(
            "first come, first kept",
            _sampler(lambda n, size, rng: None),
            "This keeps the first items for ever. Whatever comes later has no chance.",
        ),
        Misconception(
            "newest kept",
            _sampler(lambda n, size, rng: (n - 1) % size),
            "This keeps the newest items. Of a stream of tasks only the last one would be left.",
        ),
        Misconception(
            "every new item replaces a random one",
            _sampler(lambda n, size, rng: rng.randrange(size)),
            "Here every new item gets in for certain, so that the early ones are washed out. "
            "How likely may the n-th item be to get in at all?",
        ),
        Misconception(
            "a coin decides",
            _sampler(lambda n, size, rng: rng.randrange(size) if rng.random() < 0.5 else None),
            "The chance to get in is the same for every item here. But what is in the buffer "
            "early must survive many more draws than what comes late: the chance has to fall.",
        ),
        Misconception(
            "off by one",
            _sampler(lambda n, size, rng: _below(size, rng.randrange(n - 1))),
            "Nearly: the first item that finds the buffer full gets in for certain here. Count "
            "the item in hand among those that the draw is about.",
        ),
        Misconception(
            "stored the whole stream first",
            lambda stream, size, rng: (
                lambda rows: rng.sample(rows, size) if len(rows) > size else rows
            )(list(stream)),
            "Every item has the same chance here, but the whole stream was held to get there. "
            "Who may keep everything needs no buffer.",
        ),
        Misconception(
            "drawn with repetition",
            lambda stream, size, rng: (
                lambda rows: rng.choices(rows, k=size) if len(rows) > size else rows
            )(list(stream)),
            "An item can lie in two places here, while another that had a right to it is gone.",
        ),
    ),
    praise=(
        "Right: every item has the same chance, whenever it came, and nobody had to know how long "
        "the stream would be. Your reservoir is a rule of the instrument above now."
    ),
    difficulty=2,
    minutes=12,
    hint=(
        "Fill the buffer first. After n items each of them should be in it with the chance "
        "places / n, the n-th one included: so let it in with just that chance, and let it take "
        "the place of one that is drawn at random. One draw can decide both."
    ),
    through=_through,
)
