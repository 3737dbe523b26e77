"""EWC over strengths and against its controls: stored runs read as curves, and verdicts on them.

Nothing here knows how the runs came out: every sentence is made from the stored numbers, so that
it changes when they do. Positive differences speak for the springs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lablib.lessons import equal
from lablib.sweep import Comparison, Measured, archive, compare
from lablib.sweep.analysis import FEW, Estimate, default_target, estimate, matched, paired

TASKS = ("tickets", "wrong_facts")
FREE = "no springs"
KINDS = {
    "fisher": "Fisher",
    "uniform": "equal (L2-SP)",
    "shuffled": "shuffled Fisher",
}
# What is lost in each illness: a mute model no longer says, an erased one no longer knows.
LOST = {"tickets": "says", "wrong_facts": "knows"}
HELPS = (
    "only tickets, where the model goes mute",
    "only wrong_facts, where facts are erased",
    "both",
    "neither",
)
STIFFER = (
    "more is kept, and as much is learned",
    "more is kept, and less is learned",
    "no more is kept, and less is learned",
    "neither changes",
)
HUNDRED = 100.0  # times the default: what the lab asks about
EARNS = (
    "It keeps more than both controls",
    "It keeps more than one of them only",
    "No gain over either can be shown",
)


def label_of(run: Measured) -> str:
    """Return what a stored run is called here: no springs, or kind and strength."""
    if run.job.method != "ewc":
        return FREE
    kind = run.job.settings.get("ewc.importance", "fisher")
    return f"{KINDS[kind]} {run.job.settings['ewc.strength']:g}"


def runs_of(model: str, task: str) -> list[Measured]:
    """Return the stored runs of a task: without springs, and with all springs there are.

    They are read as ``equal.focus`` reads them.
    """
    compared = [one for one in archive.runs(model, task) if one.job.label in ("full", "ewc")]
    swept = [
        one
        for sweep in ("ewc", "large")
        for one in archive.runs(model, task, sweep)
        if one.job.method == "ewc"
    ]
    kinds = list(KINDS)

    def place(one: Measured) -> tuple:
        settings = one.job.settings
        kind = kinds.index(settings.get("ewc.importance", "fisher"))
        springs = one.job.method == "ewc"
        return springs, kind, settings.get("ewc.strength", 0.0), one.job.seed

    return equal.focus(sorted(compared + swept, key=place))


def why_missing(model: str, task: str, swept: bool = False) -> str:
    """Return what of the stored runs is not there, in one sentence, or an empty string.

    Parameters
    ----------
    model, task : str
        Whose runs.
    swept : bool
        Ask for other strengths and for both controls as well, not only for the comparison of
        the default strength with none.
    """
    seeds = Counter(label_of(one) for one in runs_of(model, task))
    command = f"'python data/results/make_comparison.py --model {model} --task {task}"
    if FREE not in seeds or default_strength(model, task) is None:
        return f"No runs of {model} on {task} with and without springs are stored; {command}' does."
    kinds = {name.rpartition(" ")[0] for name, n in seeds.items() if n >= FEW}
    if swept and not kinds >= set(KINDS.values()):
        return (
            f"Not all springs of {model} on {task} are stored with {FEW} seeds; "
            f"{command} --sweep ewc --seeds {FEW}' does that."
        )
    return ""


def default_strength(model: str, task: str) -> float | None:
    """Return the strength of the comparison's own arm of EWC, or None if it is not stored."""
    stored = (one for one in runs_of(model, task) if one.job.label == "ewc")
    return next((one.job.settings["ewc.strength"] for one in stored), None)


def comparison(model: str, task: str) -> Comparison:
    """Return the stored runs as arms called by kind and strength; full is called full."""
    runs = runs_of(model, task)
    names = {one.job.key(): [label_of(one)] for one in runs if one.job.method == "ewc"}
    return compare(runs, {one.job.key(): ["full"] for one in runs} | names)


def target_of(model: str, task: str) -> float:
    """Return the task score at which runs are read: nine tenths of what full ends with."""
    return default_target([one for one in runs_of(model, task) if one.job.method != "ewc"])


@dataclass(frozen=True)
class Best:
    """The strength of one kind of spring that keeps most where the task is learned.

    Attributes
    ----------
    kind, strength
        Which springs.
    kept : Estimate
        Of ``LOST[task]`` of knowledge, where a run first reaches the target.
    values : dict of int to float
        The same by seed.
    """

    kind: str
    strength: float
    kept: Estimate
    values: dict[int, float]


def read(run: Measured, target: float) -> float | None:
    """Return what a run had kept, of what its task makes a model lose, at a task score."""
    return matched(run, target, LOST[run.job.tasks[0]], "knowledge")


def by_strength(model: str, task: str, kind: str) -> dict[float, dict[int, float | None]]:
    """Return what was kept at the target by strength and seed; None where it is not reached."""
    target = target_of(model, task)
    found: dict[float, dict[int, float | None]] = {}
    for run in runs_of(model, task):
        own = run.job.settings.get("ewc.importance", "fisher")
        if run.job.method == "ewc" and own == kind:
            at = found.setdefault(run.job.settings["ewc.strength"], {})
            at[run.job.seed] = read(run, target)
    return found


def without(model: str, task: str) -> dict[int, float | None]:
    """Return what full fine-tuning had kept at the target, by seed."""
    target = target_of(model, task)
    return {
        one.job.seed: read(one, target)
        for one in runs_of(model, task)
        if one.job.method != "ewc"
    }  # fmt: skip


def best(model: str, task: str, kind: str) -> Best | None:
    """Return the best strength of a kind among those at which every seed learns the task.

    Strengths with fewer than ``FEW`` seeds are left out: luck would choose among them.
    """
    found = []
    for strength, values in by_strength(model, task, kind).items():
        if len(values) >= FEW and all(value is not None for value in values.values()):
            found.append(Best(kind, strength, estimate(list(values.values())), dict(values)))
    return max(found, key=lambda one: one.kept.mean, default=None)


def against(one: Mapping[int, float | None], other: Mapping[int, float | None]) -> Estimate | None:
    """Return one minus other over the seeds that both have."""
    return paired(one, other)


def sure(gap: Estimate | None) -> bool:
    """Return True if a difference lies above zero beyond its interval, over enough seeds."""
    return gap is not None and gap.n >= FEW and gap.low is not None and gap.low > 0


def helps(model: str) -> tuple[str, dict[str, Estimate | None]]:
    """Return which illness springs of the default strength help, and the differences.

    A difference is what is kept of knowledge (says for tickets, knows for wrong facts) at the
    matched task score, with springs minus without, seed by seed. The answer is one of ``HELPS``.
    """
    gaps = {}
    for task in TASKS:
        strength = default_strength(model, task)
        values = by_strength(model, task, "fisher").get(strength, {})
        gaps[task] = against(values, without(model, task))
    tickets, facts = (sure(gaps[task]) for task in TASKS)
    index = 2 if tickets and facts else 0 if tickets else 1 if facts else 3
    return HELPS[index], gaps


def stiffer(
    model: str, task: str = "tickets", times: float = HUNDRED
) -> tuple[str, dict[str, Estimate | None]]:
    """Return what springs so many times the default do, one of ``STIFFER``, and the changes.

    At the end of the runs, seed by seed: the mean says retention of the capabilities, and the
    task score.
    """
    default = default_strength(model, task)
    ends: dict[float, dict[int, Measured]] = {}
    for run in runs_of(model, task):
        settings = run.job.settings
        if run.job.method == "ewc" and settings.get("ewc.importance", "fisher") == "fisher":
            ends.setdefault(settings["ewc.strength"], {})[run.job.seed] = run
    weak, stiff = ends.get(default, {}), ends.get(times * (default or 0), {})
    changes = {
        what: paired({s: of(r) for s, r in stiff.items()}, {s: of(r) for s, r in weak.items()})
        for what, of in (("kept", Measured.kept), ("learned", lambda run: run.task_score))
    }
    lost = changes["learned"]
    less = lost is not None and lost.n >= FEW and lost.high < 0
    index = {(True, False): 0, (True, True): 1, (False, True): 2, (False, False): 3}
    return STIFFER[index[sure(changes["kept"]), less]], changes


def earns(model: str, task: str) -> tuple[str, dict[str, Estimate | None]]:
    """Return whether the Fisher beats its controls, one of ``EARNS``, and the differences.

    Each kind is read at its own best strength, chosen on the same seeds for all kinds alike.
    """
    own = best(model, task, "fisher")
    gaps: dict[str, Estimate | None] = {}
    for kind in ("uniform", "shuffled"):
        other = best(model, task, kind)
        gaps[kind] = against(own.values, other.values) if own and other else None
    won = sum(sure(gap) for gap in gaps.values())
    return EARNS[{2: 0, 1: 1, 0: 2}[won]], gaps


def sentence_of_gap(name: str, gap: Estimate | None, enough: str = "more") -> str:
    """Return a difference in words."""
    if gap is None:
        return f"{name}: no seed has both, so that nothing can be said"
    if gap.n < FEW:
        return f"{name}: {gap}, over too few seeds to be sure"
    if gap.low > 0:
        return f"{name}: {gap} {enough}, an interval above zero over {gap.n} seeds"
    if gap.high < 0:
        return f"{name}: {gap}, an interval below zero over {gap.n} seeds"
    return f"{name}: {gap}, which may be chance over {gap.n} seeds"


Verdict = tuple[str | None, str]  # one of the answers offered, or None, and a sentence


def verdict_on_stiffer(model: str) -> Verdict:
    """Return what springs a hundred times stiffer do, or what is missing."""
    missing = why_missing(model, "tickets")
    if missing:
        return None, missing
    changed, by = stiffer(model)
    if any(gap is None or gap.n < FEW for gap in by.values()):
        return None, (
            f"Springs a hundred times the default are not stored with {FEW} seeds; "
            f"'python data/results/make_comparison.py --model {model} --sweep ewc --seeds {FEW}' "
            f"does that.{_stiffest(model)}"
        )
    return changed, f"Springs a hundred times stiffer on tickets: {changed}. {_changes(model, by)}"


def _changes(model: str, by: Mapping[str, Estimate | None]) -> str:
    said = equal.mean_of(equal.capabilities(runs_of(model, "tickets")))
    return (
        f"What is kept at the end (says, {said}) changes by {by['kept']}, the task score by "
        f"{by['learned']}."
    )


def _stiffest(model: str) -> str:
    """Say what the stiffest springs of the Fisher do that are stored, if not the stiffest asked."""
    default = default_strength(model, "tickets")
    times = max(by_strength(model, "tickets", "fisher")) / default
    changed, by = stiffer(model, times=times)
    if times <= 1 or any(gap is None or gap.n < FEW for gap in by.values()):
        return ""
    return f" The stiffest that are, {times:g} times the default: {changed}. {_changes(model, by)}"


def verdict_on_illness(model: str) -> Verdict:
    """Return which illness springs help, or what is missing."""
    missing = [said for task in TASKS if (said := why_missing(model, task))]
    if missing:
        return None, " ".join(missing)
    helped, gaps = helps(model)
    if any(gap is None or gap.n < FEW for gap in gaps.values()):
        return None, f"Fewer than {FEW} seeds reach the matched score, which decides nothing."
    parts = [
        sentence_of_gap(f"{task} (knowledge, {LOST[task]})", gap) for task, gap in gaps.items()
    ]
    return helped, (
        f"At a matched task score, springs of the default strength help {helped}. "
        f"With springs minus without: {'; '.join(parts)}."
    )


def verdict_on_fisher(model: str, task: str) -> Verdict:
    """Return whether the Fisher earns its price on a task, or what is missing."""
    missing = why_missing(model, task, swept=True)
    if missing:
        return None, missing
    earned, differences = earns(model, task)
    chosen = [one for kind in KINDS if (one := best(model, task, kind))]
    if len(chosen) < len(KINDS):
        return None, f"On {task} not every kind of spring has a strength that learns the task."
    at = ", ".join(f"{KINDS[one.kind]} {one.strength:g} keeps {one.kept}" for one in chosen)
    parts = [sentence_of_gap(f"against {KINDS[kind]}", gap) for kind, gap in differences.items()]
    return earned, (
        f"Does the Fisher earn its price on {task}? {earned}. Read at a task score of "
        f"{target_of(model, task):.2f}, each at its best strength, and of knowledge alone "
        f"({LOST[task]}): {at}. The Fisher {'; '.join(parts)}." + _at_the_edge(model, chosen, task)
    )


def _at_the_edge(model: str, chosen: list[Best], task: str) -> str:
    """Say of which kinds the stiffest springs that were tried kept most: stiffer may keep more."""
    edge = [
        KINDS[one.kind] for one in chosen if one.strength == max(by_strength(model, task, one.kind))
    ]
    if not edge:
        return ""
    return (
        f" The best strength of {' and of '.join(edge)} is also the highest that was tried: a "
        "higher one may keep more."
    )


def early(model: str = "smollm2-135m", task: str = "tickets", step: int = 10) -> str:
    """Return what springs had kept by a step, and what was learned by then; empty if not stored.

    The default strength against none, in a model whose runs are so short that springs might come
    too late.
    """
    parts, seeds = [], set()
    for label in ("full", "ewc"):
        runs = [run for run in runs_of(model, task) if run.job.label == label and step in run.step]
        if not runs:
            return ""
        seeds.add(len(runs))
        places = [run.step.index(step) for run in runs]
        kept = _range([r.says["knowledge"][i] for r, i in zip(runs, places, strict=True)])
        learned = _range([run.task[i] for run, i in zip(runs, places, strict=True)])
        parts.append(f"{label_of(runs[0])}: {kept} of knowledge said, task score {learned}")
    n = min(seeds)
    return (
        f"Do springs come too late? On {model}, {task}, after {step} steps ({n} "
        f"seed{'s' * (n != 1)}, lowest and highest): {'; '.join(parts)}."
    )


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:z.2f}" if low == high else f"{low:z.2f} to {high:z.2f}"


def verdicts(model: str) -> list[str]:
    """Return the verdict sentences of lab 05, made from the stored runs of a model."""
    found = [verdict_on_stiffer(model), verdict_on_illness(model)]
    return [said for _, said in (*found, *(verdict_on_fisher(model, task) for task in TASKS))]
