"""Runs compared: matched scores, intervals over seeds, Pareto front. Pure functions.

"Forgets less" is worth nothing if it only means "learned less". So every arm is read at the
same task score, along each run's own curve, beside what it reaches at its end.

Conventions: kept is mean retention, cut off at 1, over the capabilities that have something to
lose (1 nothing lost, 0 at chance); gain is the new-task score minus the base's; a difference is
arm minus full, seed by seed, so that a positive one is in the arm's favor.

References
----------
.. [1] Lin et al., "SFT Doesn't Always Hurt General Capabilities", 2025, arXiv:2509.20758 (a lower
   rate alone keeps most: compare at similar target scores).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from lablib import metrics
from lablib.sweep.measured import Measured

BASELINE = "full"  # what differences are taken to
FEW = 3  # fewer seeds than these have an interval, but decide nothing
MATCH_SHARE = 0.9  # default target, as a share of what the baseline reaches
MATCH_LEVELS = (0.25, 0.5, 0.75, 0.9, 1.0)  # of the target, for the curve of all levels


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its bootstrap 95% interval.

    ``low`` and ``high`` are None where one seed only was run: nothing is known of the spread.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        spread = "" if self.low is None else f" [{_bound(self.low)}, {_bound(self.high)}]"
        return f"{self.mean:z.2f}{spread}"

    def __neg__(self) -> Estimate:
        low, high = (None, None) if self.low is None else (-self.high, -self.low)
        return Estimate(-self.mean, low, high, self.n)


def _bound(end: float) -> str:
    """An end of an interval: its third decimal, where two would not tell its side of zero."""
    # z: a loss that rounds to nothing is no "-0.00"
    coarse, fine = f"{end:z.2f}", f"{end:z.3f}"
    return fine if float(coarse) == 0 != float(fine) else coarse


def estimate(values: Sequence[float]) -> Estimate | None:
    """Return mean and interval of one value a seed; None if there are none."""
    if not values:
        return None
    low, high = metrics.bootstrap_mean_interval(values) if len(values) > 1 else (None, None)
    return Estimate(sum(values) / len(values), low, high, len(values))


def mean_matrix(matrices: Sequence[Sequence[Sequence[float]]]) -> list[list[Estimate]]:
    """Return a score matrix over seeds, entry by entry; empty if there is none."""
    return [
        [estimate(list(entries)) for entries in zip(*rows, strict=True)]
        for rows in zip(*matrices, strict=True)
    ]


def first_crossing(scores: Sequence[float], target: float) -> float | None:
    """Return where a curve first reaches ``target``, as a place among its points.

    Returns
    -------
    float or None
        ``i - 1 + (target - s[i-1]) / (s[i] - s[i-1])`` for the first ``i`` with ``s[i] >=
        target``; 0 if the first point is there already; None if no point is.

    Notes
    -----
    Between two points the curve is taken as straight. A noisy curve crosses early by luck, for
    all arms alike; more test rows at the live points make it less so.
    """
    for i, score in enumerate(scores):
        if score >= target:
            before = scores[i - 1] if i else score
            return float(i) if score == before else i - 1 + (target - before) / (score - before)
    return None


def read_at(values: Sequence[float], place: float) -> float:
    """Return a curve's value at a place among its points, linear between two of them."""
    i = min(math.floor(place), len(values) - 1)
    part = place - i
    return values[i] if part == 0 else values[i] + part * (values[i + 1] - values[i])


def matched(
    run: Measured, target: float, which: str = "says", capability: str | None = None
) -> float | None:
    """Return what a run had kept when it first reached a task score; None if it never did."""
    place = first_crossing(run.task, target)
    values = run.kept_curve(which, capability)
    return None if place is None or not values else read_at(values, place)


def pareto(points: Mapping[str, tuple[float, float]]) -> tuple[str, ...]:
    """Return the names of the points that no other beats in both coordinates, by the first.

    A point is beaten by one that is at least as high in both and higher in one.
    """
    best = [
        (name, point)
        for name, point in points.items()
        if not any(
            other[0] >= point[0] and other[1] >= point[1] and other != point
            for other in points.values()
        )
    ]
    return tuple(name for name, _ in sorted(best, key=lambda item: item[1]))


def paired(
    arm: Mapping[int, float | None], baseline: Mapping[int, float | None]
) -> Estimate | None:
    """Return arm minus baseline over the seeds that both have a value for."""
    shared = [s for s in arm if arm[s] is not None and baseline.get(s) is not None]
    return estimate([arm[s] - baseline[s] for s in sorted(shared)])


@dataclass(frozen=True)
class AtScore:
    """An arm at one task score.

    Attributes
    ----------
    target : float
        The task score.
    n, n_reached : int
        Seeds, and those that ever reach it; the estimates are over these only.
    says, knows : Estimate or None
        What was kept there.
    against_full : Estimate or None
        Kept (says) minus that of full fine-tuning, over the seeds in which both reach it.
    """

    target: float
    n: int
    n_reached: int
    says: Estimate | None
    knows: Estimate | None
    against_full: Estimate | None

    @property
    def better(self) -> bool:
        """True if more was kept than by full, beyond the interval; every seed got there."""
        gap = self.against_full
        everywhere = self.n_reached == self.n and gap is not None and gap.n == self.n
        return everywhere and gap.n >= FEW and gap.low > 0

    @property
    def worse(self) -> bool:
        """True if less was kept than by full fine-tuning, beyond the interval."""
        gap = self.against_full
        return gap is not None and gap.n >= FEW and gap.high < 0


@dataclass(frozen=True)
class ArmResult:
    """All seeds of one arm.

    Attributes
    ----------
    label : str
        Name of the arm.
    seeds : tuple of int
        Those that were run.
    diverged, stopped_early : int
        Runs that ended so.
    task_score, gain, says, knows : Estimate or None
        At the end.
    by_capability : dict
        Capability -> ``{"says": Estimate, "knows": Estimate}`` at the end.
    at : AtScore
        At the comparison's target.
    levels : tuple of AtScore
        At other task scores, for the curve.
    displacement, kl : Estimate or None
        Of the weights and of the output, at the end.
    cost : dict of str to float
        Medians over the runs (a machine that stalls spoils a mean); of what is prepared once
        and then cached, the dearest run.
    """

    label: str
    seeds: tuple[int, ...]
    diverged: int
    stopped_early: int
    task_score: Estimate | None
    gain: Estimate | None
    says: Estimate | None
    knows: Estimate | None
    by_capability: dict[str, dict[str, Estimate | None]]
    at: AtScore
    levels: tuple[AtScore, ...]
    displacement: Estimate | None
    kl: Estimate | None
    cost: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Arms on the plane of gain against forgetting, of one model and one task."""

    model: str
    task: str
    target: float
    arms: dict[str, ArmResult]
    front: tuple[str, ...]  # arms that no other beats in gain and in kept (says), at the end
    runs: tuple[Measured, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict:
        """Return the figures (not the runs) as JSON-ready values."""
        found = asdict(self)
        del found["runs"]
        for name, arm in self.arms.items():
            found["arms"][name]["at"] |= {"better": arm.at.better, "worse": arm.at.worse}
        return found


def compare(
    runs: Sequence[Measured],
    labels: Mapping[str, Sequence[str]] | None = None,
    target: float | None = None,
) -> Comparison:
    """Return the runs as arms side by side.

    Parameters
    ----------
    runs : sequence of Measured
        Runs of one model and one task, several seeds of each arm.
    labels : mapping, optional
        Arms of each job by its key, where a result serves several; default the job's label.
    target : float, optional
        Task score at which arms are matched; default ``MATCH_SHARE`` of the mean score that
        full fine-tuning ends with at its last live point, rounded down to two digits, but
        above the base's.

    Raises
    ------
    ValueError
        If the runs are not of one kind, or full fine-tuning is not among them.
    """
    kinds = {(run.job.model, run.job.tasks) for run in runs}
    if len(kinds) != 1:
        raise ValueError("A comparison takes runs of one model and one task; choose such runs.")
    by_arm: dict[str, dict[int, Measured]] = {}
    for run in runs:
        for label in (labels or {}).get(run.job.key(), [run.job.label]):
            by_arm.setdefault(label, {})[run.job.seed] = run
    if BASELINE not in by_arm:
        raise ValueError(
            "No run of full fine-tuning is finished, so nothing can be compared: run them first."
        )
    if target is None:
        target = default_target(list(by_arm[BASELINE].values()))
    baseline = by_arm[BASELINE]
    arms = {label: _arm(label, found, baseline, target) for label, found in by_arm.items()}
    places = {
        label: (arm.gain.mean, arm.says.mean)
        for label, arm in arms.items()
        if arm.gain and arm.says
    }
    model, tasks = kinds.pop()
    return Comparison(model, "+".join(tasks), target, arms, pareto(places), tuple(runs))


def default_target(baseline: Sequence[Measured]) -> float:
    """Return ``MATCH_SHARE`` of the mean last live task score, rounded; above the base's."""
    ends = [(run.task[0], run.task[-1]) for run in baseline if run.task]
    base, reached = (sum(values) / len(values) for values in zip(*ends, strict=True))
    rounded = math.floor(100 * MATCH_SHARE * reached + 1e-9) / 100
    return max(rounded, math.floor(100 * base + 1) / 100)


def _arm(
    label: str, runs: Mapping[int, Measured], baseline: Mapping[int, Measured], target: float
) -> ArmResult:
    ordered = [runs[seed] for seed in sorted(runs)]

    def of(value: Callable[[Measured], float | None]) -> Estimate | None:
        return estimate([v for run in ordered if (v := value(run)) is not None])

    names = dict.fromkeys(name for run in ordered for name in (*run.final_says, *run.final_knows))
    return ArmResult(
        label=label,
        seeds=tuple(sorted(runs)),
        diverged=sum(run.ended == "diverged" for run in ordered),
        stopped_early=sum(run.ended == "early stopping" for run in ordered),
        task_score=of(lambda run: run.task_score),
        gain=of(lambda run: run.gain),
        says=of(lambda run: run.kept("says")),
        knows=of(lambda run: run.kept("knows")),
        by_capability={
            name: {
                "says": of(lambda run, n=name: run.final_says.get(n)),
                "knows": of(lambda run, n=name: run.final_knows.get(n)),
            }
            for name in names
        },
        at=at_score(runs, baseline, target),
        levels=tuple(at_score(runs, baseline, target * share) for share in MATCH_LEVELS),
        displacement=of(lambda run: run.displacement[-1] if run.displacement else None),
        kl=of(lambda run: run.kl),
        cost=_cost(ordered),
    )


def at_score(
    runs: Mapping[int, Measured], baseline: Mapping[int, Measured], target: float
) -> AtScore:
    """Return what the runs of an arm, by seed, had kept at a task score."""
    says = {seed: matched(run, target) for seed, run in runs.items()}
    reached = [seed for seed in sorted(runs) if first_crossing(runs[seed].task, target) is not None]
    knows = [matched(runs[seed], target, "knows") for seed in reached]
    full = {seed: matched(run, target) for seed, run in baseline.items()}
    return AtScore(
        target=target,
        n=len(runs),
        n_reached=len(reached),
        says=estimate([says[seed] for seed in reached if says[seed] is not None]),
        knows=estimate([value for value in knows if value is not None]),
        against_full=None if runs is baseline else paired(says, full),
    )


def _cost(runs: Sequence[Measured]) -> dict[str, float]:
    once = {"prepare_seconds", "extra_forwards", "extra_tokens", "peak_mb"}
    found = {}
    for name in vars(runs[0].cost):
        values = [getattr(run.cost, name) for run in runs]
        found[name] = max(values) if name in once else statistics.median(values)
    return found
