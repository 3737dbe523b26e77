"""Lab 07: what is in a pool. Which kits rescue, and whether variety or repetition is missing."""

from __future__ import annotations

from collections.abc import Mapping

from lablib.lessons import kits
from lablib.lessons.kits import KITS
from lablib.lessons.mixing import (
    ENOUGH,
    RATIO_NAMES,
    RATIOS,
    TASKS,
    Point,
    kit_setting,
    point,
    ratio_setting,
)
from lablib.sweep.analysis import FEW, paired


def rescues(points: Mapping[str, Point], task: str) -> str:
    """Say which kits keep enough, in the mean over seeds; empty if not all of them are stored.

    Parameters
    ----------
    points : mapping of str to Point
        Of ``mixing.pools``.
    task : str
        What was learned.
    """
    if not set(KITS) <= set(points) or any(points[kit].main is None for kit in KITS):
        return ""
    good = [KITS[kit].name for kit in KITS if points[kit].main.mean >= ENOUGH]
    if good:
        return f"On {task} enough is kept with {' and with '.join(good)}."
    top = max(KITS, key=lambda kit: points[kit].main.mean)
    return f"On {task} no kit rescues; most is kept with {KITS[top].name}, {points[top].main}."


def variety(model: str) -> list[str]:
    """Say what a few rows of the whole pool do on tickets beside five capitals, shown often.

    A sentence a share of the pool, from the smallest on, up to the first that is sure to keep
    more than the kit.
    """
    five = point(model, kit_setting("capitals", TASKS[0]))
    said: list[str] = []
    for ratio in RATIOS[1:]:
        few = point(model, ratio_setting(ratio))
        gap = paired(few.by_seed, five.by_seed) if few and five else None
        if gap is None or gap.n < FEW:
            continue
        shown = five.general / len(kits.rows("capitals"))
        sure = gap.low > 0
        judged = "keeps more than" if sure else "keeps less than" if gap.high < 0 else ""
        said.append(
            f"Variety against repetition on {TASKS[0]}: {RATIO_NAMES[ratio]} of the whole pool, "
            f"{few.general:.0f} rows in a run, {judged or 'cannot be told apart from'} five "
            f"capitals, each shown about {shown:.0f} times (difference {gap}, {gap.n} seeds)."
        )
        if sure:
            break
    return said
