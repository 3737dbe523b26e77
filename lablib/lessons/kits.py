"""Lab 07's kits: five rows of one kind that are rehearsed beside a task, and kits of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lablib import tasks
from lablib.runtime import data_folder
from lablib.tasks import Row

FOLDER = "data/kits"
MOST_ROWS = 20  # of a kit of one's own: it is to be a kit, not a data set
ARROW = "=>"


@dataclass(frozen=True)
class Kit:
    """Five rows for sale."""

    key: str
    name: str
    price: int  # coins; ours, a rough order of what such rows take to come by
    why: str  # what the price stands for


KITS = {
    kit.key: kit
    for kit in (
        Kit("nonsense", "five rows of nonsense", 1, "a random generator writes them"),
        Kit("clauses", "five contract clauses", 2, "another department has them lying about"),
        Kit("capitals", "five capitals", 3, "somebody has to look them up"),
        Kit("mixed", "five mixed rows", 5, "somebody has to have kept old data of every kind"),
    )
}
NONE = "none of the four"


def file(key: str) -> Path:
    """Return the file of a kit."""
    return data_folder().parent / FOLDER / f"{key}.jsonl"


def rows(key: str) -> tuple[Row, ...]:
    """Return the rows of a kit."""
    return tasks.read_rows(file(key))


def own(text: str) -> tuple[Row, ...]:
    """Return the rows of a kit that the learner typed, one ``question => answer`` a line.

    Raises
    ------
    ValueError
        With one sentence that says which line is wrong and what to do.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        question, arrow, answer = (part.strip() for part in line.partition(ARROW))
        if not (arrow and question and answer):
            raise ValueError(f"Line {number} of your kit is not 'question {ARROW} answer'.")
        found.append(Row(question, answer))
    if not found:
        raise ValueError(f"Your kit is empty: write a line such as 'Say moon. {ARROW} moon'.")
    if len(found) > MOST_ROWS:
        raise ValueError(f"Your kit has {len(found)} rows; {MOST_ROWS} are allowed, five suffice.")
    return tuple(found)


def cheapest(kept: dict[str, float | None], enough: float) -> str:
    """Return the name of the cheapest kit that keeps ``enough``, or ``NONE``.

    Parameters
    ----------
    kept : dict
        What was kept with each kit, by its key; None or left out: not known.
    enough : float
        Least share that counts as a rescue.
    """
    good = [KITS[key] for key, value in kept.items() if value is not None and value >= enough]
    return min(good, key=lambda kit: kit.price).name if good else NONE


def total_price(bought: Sequence[str]) -> int:
    """Return what the kits of these keys cost together."""
    return sum(KITS[key].price for key in bought if key in KITS)
