"""Lab 08: the model's own diary against real rows, at the same price; read off stored runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lablib.lessons.reading import NAMES
from lablib.sweep import archive
from lablib.sweep.analysis import (
    FEW,
    MATCH_LEVELS,
    Comparison,
    Estimate,
    compare,
    estimate,
    matched,
    paired,
)
from lablib.sweep.measured import Measured

OUTCOMES = (
    "the diary keeps less than real rows",
    "the seeds cannot tell them apart: the difference may be chance",
    "the diary keeps more than real rows",
)


@dataclass(frozen=True)
class Pair:
    """Which stored arms are compared, and at what equal price.

    Attributes
    ----------
    real, own : str
        Arms: general rows, and the base's own dialogues.
    price : str
        What is equal between them.
    beside : tuple of str
        Other arms drawn on the same plane.
    sweep : str
        Where the two are stored, if not in the comparison of methods.
    """

    real: str
    own: str
    price: str
    beside: tuple[str, ...] = ("full", "joint")
    sweep: str = ""


BY_TOKENS = Pair(
    "replay_tokens",
    "sa_sft_tokens",
    "the same share of all answer tokens",
    sweep="diary",
)
BY_EXAMPLES = Pair("replay", "sa_sft", "the same share of all examples")
TASKS = ("tickets", "wrong_facts")
LARGE = "smollm2-135m"
ALONE = "knowledge"  # read alone where hardly anything else has a retention
FEWEST = 3  # capabilities that make a mean worth reading


# ---------------------------------------------------------------- what "kept" is a mean of


def capabilities(runs: Iterable[Measured]) -> tuple[str, ...]:
    """Return the capabilities that had something to lose, which is what "kept" is a mean of."""
    there = {name for run in runs for name in run.says}
    return tuple(name for name in NAMES if name in there)


def named(names: Sequence[str]) -> str:
    """Return capabilities as a sentence names them: each by its name, the last after "and"."""
    words = [NAMES[name] for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def mean_of(names: Sequence[str]) -> str:
    """Return the same in few words, for the head of a column or an axis."""
    if len(names) == len(NAMES):
        return "mean of all six"
    return f"mean of {named(names)}" if len(names) > 1 else named(names)


def focus(runs: Sequence[Measured]) -> list[Measured]:
    """Return runs of which knowledge alone is read, if too little else has a retention.

    SmolLM2 has only language beside it, of three items: a model that has lost all knowledge
    would "keep" one half.
    """
    names = capabilities(runs)
    if ALONE not in names or len(names) >= FEWEST:
        return list(runs)

    def alone(values: Mapping) -> dict:
        return {name: value for name, value in values.items() if name == ALONE}

    return [
        replace(
            run,
            says=alone(run.says),
            knows=alone(run.knows),
            final_says=alone(run.final_says),
            final_knows=alone(run.final_knows),
        )
        for run in runs
    ]


def focused(comparison: Comparison) -> Comparison:
    """Return the comparison of the same runs, read as ``focus`` reads them."""
    return compare(focus(comparison.runs), target=comparison.target)


# --------------------------------------------------------------------- at the same price


@dataclass(frozen=True)
class Matched:
    """Diary and real rows at one task score, and the difference seed by seed.

    ``of`` names the capabilities over which "kept" is a mean.
    """

    target: float
    real: Estimate | None
    own: Estimate | None
    difference: Estimate | None
    of: tuple[str, ...] = ()

    @property
    def outcome(self) -> str | None:
        """Which of ``OUTCOMES`` the stored seeds show, or None where they cannot say."""
        gap = self.difference
        if gap is None or gap.n < FEW:
            return None
        return OUTCOMES[0] if gap.high < 0 else OUTCOMES[2] if gap.low > 0 else OUTCOMES[1]


def pairs_of(model: str, task: str) -> list[Pair]:
    """Return the pairs that are stored, the fairest first."""
    found = []
    for pair in (BY_TOKENS, BY_EXAMPLES):
        there = {run.job.label for run in archive.runs(model, task)}
        if pair.sweep:
            there |= {run.job.label for run in archive.runs(model, task, pair.sweep)}
        if {pair.real, pair.own, "full"} <= there:
            found.append(pair)
    return found


def load(model: str, task: str, pair: Pair) -> Comparison:
    """Return the stored runs of a pair and of what is drawn beside it, as ``focus`` reads them."""
    wanted = (pair.real, pair.own, *pair.beside)
    return focused(archive.load(model, task, arms=wanted, sweep=pair.sweep))


def temperature(comparison: Comparison, label: str) -> float | None:
    """Return the temperature at which the diary of an arm was written; None without a diary."""
    for run in comparison.runs:
        if run.job.label == label and "sa_sft" in label:
            return run.job.settings.get("sa_sft.temperature", 1.0)
    return None


def at_matched(comparison: Comparison, pair: Pair) -> Matched:
    """Return what both had kept when they first reached the same task score.

    That score is the highest of ``MATCH_LEVELS`` (shares of the comparison's target) that every
    seed of both reaches; if there is none, nothing is matched.
    """
    for share in sorted(MATCH_LEVELS, reverse=True):
        target = share * comparison.target
        real, own = (_by_seed(comparison, label, target) for label in (pair.real, pair.own))
        values = (*real.values(), *own.values())
        if None not in values:
            kept = (estimate(list(by_seed.values())) for by_seed in (real, own))
            of = capabilities(comparison.runs)
            return Matched(target, *kept, paired(own, real), of)
    return Matched(comparison.target, None, None, None)


def verdict(found: Matched, pair: Pair) -> str:
    """Return the comparison in one or two sentences, made from the stored runs."""
    if found.difference is None:
        return (
            f"No seed of both reaches a task score of {found.target:.2f}: they cannot be matched."
        )
    said = (
        f"At {pair.price}, when a task score of {found.target:.2f} is first reached, the diary has "
        f"kept {found.own} and real rows {found.real}{_averaged(found.of)}."
    )
    gap = found.difference
    if gap.low is None:
        return f"{said} One seed cannot say more."
    seeds = f"over {gap.n} seeds"
    if gap.n < FEW:
        return f"{said} The difference, {gap}, is over too few seeds to be sure."
    if found.outcome == OUTCOMES[1]:
        return (
            f"{said} The difference, {gap} {seeds}, may be chance. Seeds that cannot tell do not "
            "show equality."
        )
    more = "more" if gap.mean > 0 else "less"
    size = gap if gap.mean > 0 else -gap
    return f"{said} The diary keeps {more}, by {size} {seeds}."


def _averaged(names: Sequence[str]) -> str:
    if len(names) > 1:
        return f", averaged over {named(names)}"
    return f" of {named(names)}" if names else ""


# ------------------------------------------------------ a diary of a larger model, beside others


def elsewhere(model: str = LARGE, task: str = TASKS[0]) -> list[str]:
    """Return what stored runs of another model say of its diaries, a sentence each.

    Against real rows at one task score; then, at the end, as written by default against as it
    comes, and answers to the questions of others against its own.
    """
    found = []
    for pair in pairs_of(model, task):
        at = at_matched(load(model, task, pair), pair)
        found.append(f"On {model}, {task}: {verdict(at, pair)}")
    pairs = (
        ("sa_sft", "sa_sft raw", "a diary written at {0}", "one written at {1}"),
        ("sa_sft given", "sa_sft raw", "own answers to given questions alone, written at {0},",
         "own questions and answers, written at {1},"),
    )  # fmt: skip
    return [*found, *(said for pair in pairs if (said := _at_the_end(model, task, *pair)))]


def _at_the_end(model: str, task: str, one: str, other: str, *words: str) -> str:
    """Say what two kinds of diary had kept at the end of the seeds in which neither diverged."""
    wanted = focus(archive.runs(model, task) + archive.runs(model, task, "large"))
    by_arm = {
        label: {run.job.seed: run for run in wanted if run.job.label == label}
        for label in (one, other)
    }
    shared = set(by_arm[one]) & set(by_arm[other])
    whole = [s for s in shared if all(arm[s].ended != "diverged" for arm in by_arm.values())]
    if not whole:
        return ""
    ends = [
        tuple(estimate([of(arm[s]) for s in sorted(whole)]) for of in (Measured.kept, _score))
        for arm in by_arm.values()
    ]
    written = [_written_at(next(iter(arm.values()))) for arm in by_arm.values()]
    gap = paired(*({s: arm[s].kept() for s in whole} for arm in by_arm.values()))
    parts = [
        f"{said.format(*written)} kept {kept} (task score {score})"
        for said, (kept, score) in zip(words, ends, strict=True)
    ]
    lost = len(shared) - len(whole)
    broken = f"; {lost} more diverged" if lost else ""
    return (
        f"On {model}, {task}, at the end: {parts[0]}, {parts[1]}{_averaged(capabilities(wanted))}. "
        f"{_judged(gap)} ({len(whole)} seed{'s' * (len(whole) != 1)}{broken})."
    )


def _judged(gap: Estimate) -> str:
    if gap.n < FEW:
        return f"The difference, {gap}, is over too few seeds to be sure"
    if gap.low <= 0 <= gap.high:
        return f"The difference, {gap}, may be chance"
    return f"The first kept {'more' if gap.mean > 0 else 'less'}, a difference of {gap}"


def _score(run: Measured) -> float:
    return run.task_score or 0.0


def _written_at(run: Measured) -> str:
    top_p = run.job.settings.get("sa_sft.top_p", 1.0)
    said = f"temperature {run.job.settings.get('sa_sft.temperature', 1.0):g}"
    return said if top_p == 1 else f"{said} and top-p {top_p:g}"


def _by_seed(comparison: Comparison, label: str, target: float) -> Mapping[int, float | None]:
    return {run.job.seed: matched(run, target) for run in comparison.runs if run.job.label == label}
