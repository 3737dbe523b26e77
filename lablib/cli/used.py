"""What a run uses of its rows, said in words: a small part, or cut prompts, explains a result."""

from __future__ import annotations

from collections.abc import Iterator

from lablib.tasks import OwnData
from lablib.train import Run


def rows_of(run: Run) -> dict[str, dict[str, int]]:
    """Return by task how many training rows an epoch has, how many there are, how many were cut.

    None of a task is cut before it is prepared for training.
    """
    return {
        task.name: {"used": len(rows), "there": len(task.rows("train")), "cut": len(rows.cut)}
        for task, rows in zip(run.tasks, run.rows, strict=True)
    }


def left_out(run: Run, general: str) -> Iterator[str]:
    """Yield a sentence on whatever of the user's own data the run does not use."""
    if general != "default" and not run.settings["mix_ratio"]:
        yield f"Nothing of {general} is mixed in: --mix is 0."
    for task, rows in zip(run.tasks, run.rows, strict=True):
        yield from task.notices
        there = len(task.rows("train"))
        if isinstance(task, OwnData) and len(rows) < there:
            yield (
                f"{task.name}: {len(rows):,} of {there:,} training rows are used; "
                "--train-rows raises it."
            )


def cut(run: Run) -> Iterator[str]:
    """Yield a sentence on each task whose prompts did not fit."""
    for task, rows in zip(run.tasks, run.rows, strict=True):
        if rows.cut:
            yield (
                f"{task.name}: {len(rows.cut):,} of {len(rows):,} training prompts were cut at "
                f"their beginning to fit {rows.max_length} tokens (--max-length)."
            )
