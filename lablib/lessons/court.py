"""Lab 03's courtroom: does LoRA keep more than full fine-tuning? It depends on what is compared.

The runs are always the same stored ones; a rule of evidence only chooses which of them are
put beside each other, and where along them one looks.

References
----------
.. [1] Biderman et al., "LoRA Learns Less and Forgets Less", TMLR 2024, arXiv:2405.09673.
.. [2] Lin et al., "SFT Doesn't Always Hurt General Capabilities", 2025, arXiv:2509.20758 (what a
   lower rate alone keeps).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lablib.experiment import SMALL_RATE_FACTORS
from lablib.methods.lora import LoRA
from lablib.sweep import archive
from lablib.sweep.analysis import (
    FEW,
    Comparison,
    Estimate,
    compare,
    estimate,
    matched,
    paired,
)
from lablib.sweep.arms import SMALL_SCALE
from lablib.sweep.measured import Measured

FULL, LORA = "full", "lora"
# Ranges of learning rates that people are told to use, for real language models: full, LoRA.
ADVICE = {"lower": (1e-5, 1e-4), "upper": (5e-5, 2e-4)}
MORE, LESS, EVEN, OPEN = "LoRA forgets less", "LoRA forgets more", "no clear difference", "no case"
VERDICTS = (MORE, LESS, EVEN)
MEASURES = {
    "says": ("what it says", "says", None),
    "knows": ("what it still ranks first", "knows", None),
    "knowledge": ("what it says, knowledge only", "says", "knowledge"),
}
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # task scores offered for matching


@dataclass(frozen=True)
class Rule:
    """A rule of evidence.

    Attributes
    ----------
    name, about : str
        What it is called; what is put beside each other.
    rates : callable
        ``rates(model, task, defaults)`` returns the learning rates of full fine-tuning and of
        LoRA, where ``defaults`` are those of the plain arms.
    matched : bool
        True: read where each run first reaches a task score. False: at its end.
    best : bool
        True: each at that stored rate which keeps most there (of those at which every seed
        reaches the score). Both choose on the very runs that are judged, which flatters both.
    """

    name: str
    about: str
    rates: Callable[[str, str, tuple[float, float]], tuple[float, float]]
    matched: bool = False
    best: bool = False


def scale(model: str, task: str) -> float:
    """Return what a rate for real language models is multiplied with for this model and task."""
    return SMALL_SCALE * SMALL_RATE_FACTORS.get(task, 1.0) if model == "mini" else 1.0


def _advised(end: str) -> Callable[[str, str, tuple[float, float]], tuple[float, float]]:
    def rates(model: str, task: str, defaults: tuple[float, float]) -> tuple[float, float]:
        full, lora = (rate * scale(model, task) for rate in ADVICE[end])
        return full, lora

    return rates


RULES = {
    "steps": Rule(
        "equal steps, each at the rate that learns best in them",
        "both do the same number of steps, each at its default rate here; read at the end",
        lambda model, task, defaults: defaults,
    ),
    "rate": Rule(
        "equal learning rate",
        "LoRA at the rate of full fine-tuning, the same number of steps; read at the end",
        lambda model, task, defaults: (defaults[0], defaults[0]),
    ),
    "lower": Rule(
        "recommended rates, lower ends",
        "the lowest rates that each is recommended with, the same number of steps; read at the end",
        _advised("lower"),
    ),
    "upper": Rule(
        "recommended rates, upper ends",
        "the highest rates that each is recommended with, the same number of steps; read at the "
        "end",
        _advised("upper"),
    ),
    "matched": Rule(
        "the same task score",
        "each at its default rate; read where each run first reaches the chosen score",
        lambda model, task, defaults: defaults,
        matched=True,
    ),
    "best": Rule(
        "the same task score, each at its gentlest rate",
        "each at that of its stored rates which keeps most at the chosen score; read where each "
        "run first reaches it",
        lambda model, task, defaults: defaults,
        matched=True,
        best=True,
    ),
}


@dataclass(frozen=True)
class Hearing:
    """What one rule of evidence shows.

    Attributes
    ----------
    rule, measure : str
        Keys of ``RULES`` and ``MEASURES``.
    level : float or None
        The matched task score, for the rule that has one.
    rates : tuple of float
        Of full fine-tuning and of LoRA.
    runs : dict of str to list of Measured
        The runs that are heard, by ``FULL`` and ``LORA``.
    kept, task : dict of str to Estimate or None
        What was kept and the task score there, over the seeds that count.
    gap : Estimate or None
        LoRA minus full fine-tuning in what was kept, seed by seed.
    reached : dict of str to int
        Seeds with a value; fewer than all where the score was never reached.
    """

    rule: str
    measure: str
    level: float | None
    rates: tuple[float, float]
    runs: dict[str, list[Measured]]
    kept: dict[str, Estimate | None]
    task: dict[str, Estimate | None]
    gap: Estimate | None
    reached: dict[str, int]

    @property
    def verdict(self) -> str:
        """One of ``VERDICTS``, or ``OPEN`` where there are no runs or too few seeds."""
        if self.gap is None or self.gap.n < FEW:
            return OPEN
        if self.gap.low > 0:
            return MORE
        return LESS if self.gap.high < 0 else EVEN

    def sentence(self) -> str:
        """Return the verdict in words, made from the figures."""
        full, lora = self.rates
        if not all(self.runs.values()):
            return f"No stored runs at the rates {full:g} (full) and {lora:g} (LoRA) yet."
        if self.gap is None:
            missing = [name for name, n in self.reached.items() if n == 0]
            names = {FULL: "full fine-tuning", LORA: "LoRA"}
            who = " and ".join(names[name] for name in missing) or "no seed of both"
            return f"No case: {who} never reaches the task score {self.level:.2f}."
        learned = (
            f"both at task score {self.level:.2f}"
            if self.level is not None
            else f"at task scores of {self.task[LORA]} (LoRA) and {self.task[FULL]} (full)"
        )
        said = (
            f"LoRA keeps {self.kept[LORA]}, full fine-tuning {self.kept[FULL]}, {learned}. "
            f"Difference, seed by seed: {self.gap} over {self.gap.n} seeds: {self.verdict}."
        )
        if self.gap.n < FEW:
            said = f"{said.rpartition(':')[0]}: too few seeds for a verdict."
        return said


def hear(
    runs: Sequence[Measured], rule: str, measure: str = "says", level: float | None = None
) -> Hearing:
    """Return what a rule of evidence shows about stored runs of one model and one task.

    Parameters
    ----------
    runs : sequence of Measured
        All that are stored; see ``evidence``.
    rule, measure : str
        Keys of ``RULES`` and ``MEASURES``.
    level : float, optional
        Task score at which runs are matched; default ``level_for(runs)``.
    """
    chosen, defaults = RULES[rule], default_rates(runs)
    first = runs[0].job if runs else None
    rates = chosen.rates(first.model, first.tasks[0], defaults) if first else (0.0, 0.0)
    if not chosen.matched:
        level = None
    elif level is None:
        level = level_for(runs)
    if chosen.best:
        rates = tuple(
            _gentlest(runs, arm, default, measure, level)
            for arm, default in zip((FULL, LORA), defaults, strict=True)
        )
    heard = {arm: _at_rate(runs, arm, rate) for arm, rate in zip((FULL, LORA), rates, strict=True)}
    kept = {
        arm: {r.job.seed: _kept(r, measure, level) for r in found} for arm, found in heard.items()
    }
    known = {arm: [v for v in values.values() if v is not None] for arm, values in kept.items()}
    return Hearing(
        rule,
        measure,
        level,
        rates,
        heard,
        {arm: estimate(values) for arm, values in known.items()},
        {
            arm: estimate([r.task_score for r in found if r.task_score is not None])
            for arm, found in heard.items()
        },
        paired(kept[LORA], kept[FULL]),
        {arm: len(values) for arm, values in known.items()},
    )


def evidence(model: str, task: str) -> list[Measured]:
    """Return the stored runs of full fine-tuning and LoRA, at all rates and ranks."""
    return [r for r in archive.runs(model, task) if r.job.label.partition(" ")[0] in (FULL, LORA)]


def default_rates(runs: Sequence[Measured]) -> tuple[float, float]:
    """Return the rates of the plain arms, full and LoRA; 0 where there is none."""
    found = {r.job.label: float(r.facts.get("lr", 0.0)) for r in runs}
    return found.get(FULL, 0.0), found.get(LORA, 0.0)


def level_for(runs: Sequence[Measured]) -> float:
    """Return the highest of ``LEVELS`` that every run of both plain arms reaches."""
    plain = [r for r in runs if r.job.label in (FULL, LORA) and r.task]
    reached = min((max(r.task) for r in plain), default=LEVELS[0])
    return max((level for level in LEVELS if level <= reached), default=LEVELS[0])


def exhibit(runs: Sequence[Measured]) -> Comparison | None:
    """Return all runs of both methods as arms side by side; None without full fine-tuning."""
    if not any(r.job.label == FULL for r in runs):
        return None
    return compare(runs, {r.job.key(): [_short(r)] for r in runs})


def _short(run: Measured) -> str:
    """Name an arm so that it fits beside its point: method and rate, or rank."""
    arm, _, more = run.job.label.partition(" ")
    if more.startswith("lr="):
        return f"{arm} {float(run.facts['lr']):.1e}".replace("e-0", "e-")
    return f"{arm} {more}".strip()


@dataclass(frozen=True)
class Moved:
    """How far LoRA moved beside full fine-tuning, as ratios of means, with paired gaps."""

    displacement: dict[str, Estimate]
    kl: dict[str, Estimate]
    displacement_gap: Estimate | None  # LoRA minus full, in % of the base's length
    kl_gap: Estimate | None  # LoRA minus full, nats per answer


def moved(runs: Sequence[Measured]) -> Moved | None:
    """Return how far the plain arms moved weights and output; None if one is missing."""
    values: dict[str, dict[str, dict[int, float]]] = {"displacement": {}, "kl": {}}
    for arm in (FULL, LORA):
        mine = [r for r in runs if r.job.label == arm and r.displacement and r.kl is not None]
        if not mine:
            return None
        values["displacement"][arm] = {r.job.seed: 100 * r.displacement[-1] for r in mine}
        values["kl"][arm] = {r.job.seed: r.kl for r in mine}
    means = {
        name: {arm: estimate(list(of.values())) for arm, of in arms.items()}
        for name, arms in values.items()
    }
    gaps = {name: paired(arms[LORA], arms[FULL]) for name, arms in values.items()}
    return Moved(means["displacement"], means["kl"], gaps["displacement"], gaps["kl"])


def further(gap: Estimate | None) -> str:
    """Return which of the two moved further, in one of the words that the prediction offers."""
    if gap is None or gap.n < FEW or gap.low <= 0 <= gap.high:
        return EVEN
    return "LoRA" if gap.low > 0 else "full fine-tuning"


@dataclass(frozen=True)
class AtRank:
    """What the stored runs of LoRA at one rank show at their end, over seeds."""

    task: str
    rank: int
    score: Estimate
    says: Estimate
    knows: Estimate


def ranks(runs: Sequence[Measured]) -> list[AtRank]:
    """Return LoRA rank by rank, all at its default rate; empty if only one rank is stored."""
    by_rank: dict[int, list[Measured]] = {}
    for run in runs:
        arm, _, more = run.job.label.partition(" ")
        name, _, rank = more.partition("=")
        if arm == LORA and name in ("", "rank") and run.task_score is not None:
            by_rank.setdefault(int(rank or LoRA.rank), []).append(run)
    found = [
        AtRank(
            group[0].job.tasks[0],
            rank,
            *(estimate([v for run in group if (v := of(run)) is not None])
              for of in (lambda r: r.task_score, Measured.kept, lambda r: r.kept("knows"))),
        )
        for rank, group in sorted(by_rank.items())
    ]  # fmt: skip
    return found if len(found) > 1 else []


FURTHER = ("LoRA", "full fine-tuning", EVEN)


def _at_rate(runs: Sequence[Measured], arm: str, rate: float) -> list[Measured]:
    """Runs of an arm at a rate and at its default rank, one a seed."""
    found = {
        r.job.seed: r
        for r in runs
        if r.job.label.partition(" ")[0] == arm
        and " rank=" not in r.job.label
        and rate
        and abs(float(r.facts.get("lr", 0.0)) / rate - 1) < 1e-3
    }
    return [found[seed] for seed in sorted(found)]


def _gentlest(
    runs: Sequence[Measured], arm: str, default: float, measure: str, level: float
) -> float:
    """Return the rate of an arm that keeps most at a score which all of its seeds reach."""
    found = {}
    for rate in sorted({float(r.facts.get("lr", 0.0)) for r in runs}):
        kept = [_kept(r, measure, level) for r in _at_rate(runs, arm, rate)]
        if len(kept) >= FEW and None not in kept:
            found[rate] = sum(kept) / len(kept)
    return max(found, key=found.get) if found else default


def _kept(run: Measured, measure: str, level: float | None) -> float | None:
    _, which, capability = MEASURES[measure]
    if level is None:
        final = run.final_says if which == "says" else run.final_knows
        return final.get(capability) if capability else run.kept(which)
    return matched(run, level, which, capability)
