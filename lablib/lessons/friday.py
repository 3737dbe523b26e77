"""Friday's decision: what to recommend to the help desk, under which constraints, on what evidence.

Three recommendations come from the literature; two more put the model's own diary in the place of
data that may not be kept. All are judged by the same stored runs, at one task score.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lablib import tasks
from lablib.lessons import equal
from lablib.lessons.reading import NAMES
from lablib.models import LoadedModel
from lablib.sweep import archive
from lablib.sweep.analysis import FEW, Comparison, Estimate, estimate
from lablib.sweep.measured import Measured
from lablib.tasks.base import Row, Task

SIZE = 7e9  # weights of the model that the constraint of memory speaks of
CARD = 24e9  # bytes of that card
# Bytes a weight needs, without activations: 16-bit weight and gradient, 32-bit copy and two moments
# where it is trained; the 16-bit weight alone where it is frozen (see lab 04).
TRAINED, FROZEN = 16, 2


@dataclass(frozen=True)
class Option:
    """Something that can be recommended.

    Attributes
    ----------
    title : str
        As the learner reads it.
    arm : str
        The stored arm that measures it; empty for the untrained model.
    source : str
        Whose advice it is.
    old_data : bool
        True if it needs general data to be kept.
    all_weights : bool
        True if every weight is trained.
    remark : str
        What has to be known where it is ruled out for training all weights.
    """

    title: str
    arm: str
    source: str
    old_data: bool
    all_weights: bool
    remark: str = ""


OPTIONS: dict[str, Option] = {
    "stm": Option(
        "mask surprising tokens (STM), a little replay", "stm_replay", "[5]", True, True,
        "measured here with all weights trained; its authors train adapters, which nobody "
        "measured here",
    ),
    "lora": Option(
        "LoRA, a fifth of general data, a regression test", "lora_replay", "[6]", True, False
    ),
    "prompt": Option("do not train: put examples in the prompt", "", "[7]", False, False),
    "diary": Option("full fine-tuning with the model's own diary", "sa_sft", "lab 08", False, True),
    "lora_diary": Option(
        "LoRA with the model's own diary", "lora_sa_sft", "labs 03 and 08", False, False
    ),
}  # fmt: skip
NONE = "none of these: do not deploy"
CONSTRAINTS = {
    "data": "No old data may be kept",
    "memory": "One card of 24 GB, seven billion weights",
    "tasks": "Three more tasks will follow (no figures here)",
}
BESIDE = ("full", "replay", "low_lr")  # drawn on the same plane, to compare with


def ruled_out(option: Option, constraints: Iterable[str]) -> str:
    """Return why an option breaks a constraint, or an empty string."""
    if "data" in constraints and option.old_data:
        return "it needs old data"
    if "memory" in constraints and option.all_weights:
        remark = f" ({option.remark})" if option.remark else ""
        return (
            f"training every weight takes {TRAINED} bytes each, {TRAINED * SIZE / 1e9:.0f} GB; the "
            f"card has {CARD / 1e9:.0f}{remark}"
        )
    return ""


@dataclass(frozen=True)
class Evidence:
    """What is known of an option on one model and one task.

    Attributes
    ----------
    at, knows : Estimate or None
        Kept at the matched task score: says, still ranks it first.
    reached, n : int
        Seeds that reach that score, and all.
    task_score, end : Estimate or None
        At the end: task score, kept (says).
    passed : int
        Seeds that pass the regression test at the end.
    lowest : str
        The capability that is kept least at the end, and how much of it, in words.
    """

    key: str
    at: Estimate | None
    knows: Estimate | None
    reached: int
    n: int
    task_score: Estimate | None
    end: Estimate | None
    passed: int
    lowest: str = ""

    @property
    def one_short(self) -> bool:
        """True if all seeds but one reach the matched score: that one decides."""
        return self.n >= FEW and self.reached == self.n - 1


def load(model: str, task: str, target: float | None = None) -> Comparison:
    """Return the stored runs of all options that were measured on a model and a task.

    They are read as ``equal.focus`` reads them.

    Parameters
    ----------
    model, task : str
        What was measured.
    target : float, optional
        Task score that the help desk needs; default as in ``sweep.compare``.
    """
    wanted = [option.arm for option in OPTIONS.values() if option.arm]
    return equal.focused(archive.load(model, task, target, arms=(*BESIDE, *wanted), sweep="diary"))


def measured(model: str, task: str) -> list[str]:
    """Return the keys of the trained options that are stored for a model and a task."""
    there = {run.job.label for run in archive.runs(model, task)}
    there |= {run.job.label for run in archive.runs(model, task, "diary")}
    return [key for key, option in OPTIONS.items() if option.arm in there]


def passes(run: Measured, target: float, floor: float) -> bool:
    """Return True if a run passes the regression test: task learned, nothing below the floor."""
    kept = run.final_says.values()
    return bool(kept) and (run.task_score or 0.0) >= target and min(kept) >= floor


def _lowest(runs: Sequence[Measured]) -> str:
    """Return the capability of which least is kept at the end, mean over seeds, in words."""
    means = {
        name: estimate([run.final_says[name] for run in runs if name in run.final_says]).mean
        for name in equal.capabilities(runs)
        if any(name in run.final_says for run in runs)
    }
    if not means:
        return ""
    name = min(means, key=means.__getitem__)
    return f"{NAMES[name]}, {means[name]:.2f}"


def evidence(
    comparison: Comparison, floor: float, prompted: Sequence[float] = ()
) -> dict[str, Evidence]:
    """Return what is known of each option that was measured.

    Parameters
    ----------
    comparison : Comparison
        What ``load`` gave.
    floor : float
        Least retention of every capability that the regression test accepts.
    prompted : sequence of float
        Task scores of the untrained model with examples in its prompt, one a draw.
    """
    found = {}
    for key, option in OPTIONS.items():
        arm = comparison.arms.get(option.arm)
        if arm is not None:
            runs = [run for run in comparison.runs if run.job.label == option.arm]
            passed = sum(passes(run, comparison.target, floor) for run in runs)
            at = arm.at
            found[key] = Evidence(
                key, at.says, at.knows, at.n_reached, at.n, arm.task_score, arm.says, passed,
                _lowest(runs),
            )  # fmt: skip
        elif not option.arm and prompted:
            n = len(prompted)
            reached = sum(score >= comparison.target for score in prompted)
            whole = Estimate(1.0, 1.0, 1.0, n)  # no weight has changed
            there = whole if reached else None
            found[key] = Evidence(
                key, there, there, reached, n, estimate(list(prompted)), whole, reached
            )
    return found


def _for_one_seed(one: Evidence) -> str:
    """Say of an option that misses the score in one seed what the others keep there."""
    if not one.one_short:
        return ""
    return (
        f" One seed leaves it out: the others keep {one.at}. Ask for a little less, and it may "
        "be back."
    )


def advice(
    found: Mapping[str, Evidence], constraints: Iterable[str], target: float, floor: float
) -> tuple[str | None, list[str]]:
    """Return the best option that is allowed, by the rule below, and the reasons.

    An option counts if it breaks no constraint, every seed reaches the task score, and more than
    half of its seeds pass the regression test at the end. Of these the one that keeps most at the
    task score comes first.
    """
    constraints, said, counted = tuple(constraints), [], []
    for key, option in OPTIONS.items():
        why, one = ruled_out(option, constraints), found.get(key)
        least = f" (kept least: {one.lowest})" if one and one.lowest else ""
        if why:
            said.append(f"{option.title}: ruled out, {why}.")
        elif one is None:
            said.append(f"{option.title}: not measured on this model and task.")
        elif one.reached < one.n:
            said.append(
                f"{option.title}: {one.reached} of {one.n} seeds reach a task score of "
                f"{target:.2f}; it ends at {one.task_score}{least}.{_for_one_seed(one)}"
            )
        else:
            said.append(
                f"{option.title}: keeps {one.at} at task score {target:.2f}, and "
                f"{one.passed} of {one.n} seeds pass the regression test at the end{least}."
            )
            if 2 * one.passed > one.n:
                counted.append(one)
    if "tasks" in constraints:
        said.append("Three more tasks: nothing on this plane speaks of them; see labs 03 and 07.")
    best = max(counted, key=lambda one: one.at.mean, default=None)
    said.append(
        f"By the rule of this lab: {OPTIONS[best.key].title}."
        if best
        else f"By the rule of this lab, with a floor of {floor:.2f}: {NONE}."
    )
    return (best.key if best else None), said


# ------------------------------------------------------------------ do not train, prompt


class Prompted(Task):
    """A task whose every prompt begins with examples, for a model that was not trained on it."""

    def __init__(self, task: Task, examples: Sequence[Row]):
        self.name, self.exact = task.name, task.exact
        self._task, self._examples = task, tuple(examples)

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows of the task with the examples before each prompt."""
        shown = "\n\n".join(f"Message: {e.prompt}\nAnswer: {e.completion}" for e in self._examples)
        return tuple(
            replace(row, prompt=f"{shown}\n\nMessage: {row.prompt}\nAnswer:")
            for row in self._task.rows(split)
        )

    def right(self, row: Row, completion: str) -> float:
        """Score an answer as the task does."""
        return self._task.right(row, completion)


def prompted(loaded: LoadedModel, name: str, draw: int, n_examples: int, n_rows: int):
    """Yield progress, then the untrained model's task score with examples in its prompt.

    Parameters
    ----------
    loaded : LoadedModel
        The model as it is.
    name : str
        Key of the task.
    draw : int
        Which rows of the training split are the examples.
    n_examples, n_rows : int
        Examples in a prompt, test rows scored.
    """
    task = tasks.load(name)
    examples = task.rows("train")[draw * n_examples : (draw + 1) * n_examples]
    yield from Prompted(task, examples).iter_score(
        loaded.model, loaded.tokenizer, "test", limit=n_rows
    )
