"""Lab 07: how little general data is enough, and what is in it. Settings, readings, sentences.

The ratio is varied on ``tickets`` with the model's usual pool; the pool is varied, five rows of
one kind, at one ratio on both tasks. Every sentence is made from the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lablib import experiment, metrics
from lablib.controls import Controls
from lablib.history import History
from lablib.lessons import equal, illnesses, stored
from lablib.lessons.kits import FOLDER, KITS
from lablib.lessons.reading import NAMES
from lablib.models import LoadedModel
from lablib.probes import PROBES
from lablib.sweep import archive
from lablib.sweep.analysis import Estimate, estimate, first_crossing, paired, read_at
from lablib.tasks import Row
from lablib.train import Run

RATIOS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
MIX = 0.2  # at which every kit is mixed in
ENOUGH = 0.9  # share that has to be kept to count as a rescue
MATCH = 0.75  # task score at which runs of different ratios are read, beside their ends
TASKS = ("tickets", "wrong_facts")
NOTHING, WHOLE = "nothing", "whole"  # beside the kits: no general rows, and the whole pool

RATIO_NAMES = {
    0.01: "one row in a hundred",
    0.02: "one in fifty",
    0.05: "one in twenty",
    0.1: "one in ten",
    0.2: "one in five",
    0.3: "three in ten",
    0.5: "one in two",
}
NOT_EVEN = "not even one in two"


def ratio_setting(ratio: float) -> str:
    """Return the name of the stored runs of tickets with a mix ratio."""
    shared = {0.0: "tickets-mix0", 0.2: "tickets-mix20"}  # those of lab 02
    return shared.get(ratio, f"ratio-tickets-{round(100 * ratio):02d}")


def kit_setting(kit: str, task: str) -> str:
    """Return the name of the stored runs of a task with a kit, nothing or the whole pool."""
    lab_02 = {NOTHING: f"{task}-mix0", WHOLE: f"{task}-mix20"}
    return lab_02.get(kit, f"kit-{kit}-{task}")


# What is made beside the settings of lab 02; see lessons.catalog. Kits are measured at the ends
# only, ratios at a few points on the way: probing takes as long as training.
_ENDS: dict[str, Any] = {"probe_every": 10_000, "probe_early": False, "watch": ()}
EVERY = 50  # steps between two points at which ratios are compared
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        kit_setting(kit, task): (
            task,
            {"mix_ratio": MIX, "general": f"{FOLDER}/{kit}.jsonl", **_ENDS},
        )
        for task in TASKS
        for kit in KITS
    },
    **{
        ratio_setting(ratio): (
            "tickets",
            {"mix_ratio": ratio, "probe_every": EVERY, "probe_early": False, "watch": ()},
        )
        for ratio in RATIOS
        if ratio_setting(ratio).startswith("ratio-")
    },
}


def build(
    loaded: LoadedModel,
    task: str,
    rows: Sequence[Row],
    seed: int = 0,
    controls: Controls | None = None,
) -> Run:
    """Return the run of a task with these rows as its whole pool, at the ratio of all kits."""
    return experiment.build(loaded, task, general=rows, mix_ratio=MIX, seed=seed, controls=controls)


@dataclass(frozen=True)
class Reading:
    """One run, read off at its end.

    Attributes
    ----------
    task : float
        Score on the new task.
    kept : dict of str to float
        Says retention of every capability that had something to lose.
    main, main_knows : float or None
        What the lab asks about, said and still ranked first: the retention of knowledge on
        tickets, of the capitals that it never mentions on wrong_facts.
    counts : dict of str to int
        What was trained on: ``n_general`` of ``n_rows`` rows, ``n_general_tokens`` of
        ``n_tokens`` answer tokens.
    """

    task: float
    kept: dict[str, float]
    main: float | None
    main_knows: float | None
    counts: dict[str, int]

    @property
    def mean(self) -> float | None:
        """What is kept of all capabilities (``metrics.mean_kept``)."""
        return metrics.mean_kept(self.kept.values())


def read(history: History, facts: Mapping[str, Any] | None = None) -> Reading:
    """Return the reading of a run that has ended.

    Parameters
    ----------
    history : History
        The run.
    facts : mapping, optional
        Of a stored run: its ``counts``, where not all of its steps were stored.
    """
    task = history.started.tasks[-1]
    kept = {
        name: value
        for name in history.capabilities()
        if (value := history.final_retention(name, "says")) is not None
    }
    if task == "wrong_facts":
        main, main_knows = _untouched(history)
    else:
        main = kept.get("knowledge")
        main_knows = history.final_retention("knowledge", "knows")
    counts = (facts or {}).get("counts") or stored.counts(history)
    return Reading(history.task_score(task)[1] or 0.0, kept, main, main_knows, counts)


def _untouched(history: History) -> tuple[float | None, float | None]:
    """Retention of the capitals that ``wrong_facts`` never mentions: says, and knows."""
    names = {item.id for item in illnesses.untouched_capitals().items()}
    items = PROBES["knowledge"]().items("full")
    base, final = history.base("knowledge"), history.final("knowledge")
    if base is None or final is None or len(final.says_outcomes) != len(items):
        return None, None
    places = [i for i, item in enumerate(items) if item.id in names]

    def kept(which: str) -> float | None:
        if history.nothing_to_lose("knowledge", which):
            return None
        chance = history.chance("knowledge", which)
        before, now = (
            sum(getattr(score, f"{which}_outcomes")[i] for i in places) / len(places)
            for score in (base, final)
        )
        return (now - chance) / (before - chance) if before > chance else None

    return kept("says"), kept("knows")


def at_match(history: History) -> float | None:
    """Return the knowledge kept when the task first reached ``MATCH``; None if it never did.

    Read along the points that all runs have, ``EVERY`` steps apart: more points would make a
    crossing come earlier.
    """
    scores = dict(zip(*history.task_curve(history.started.tasks[-1]), strict=True))
    values = dict(zip(*history.retention("knowledge", "says"), strict=True))
    end = max(scores, default=0)
    steps = [step for step in sorted(scores) if step in values]
    steps = [step for step in steps if step % EVERY == 0 or step == end]
    place = first_crossing([scores[step] for step in steps], MATCH)
    return None if place is None else read_at([values[step] for step in steps], place)


@dataclass(frozen=True)
class Point:
    """All stored seeds of one setting.

    Attributes
    ----------
    seeds : int
        How many there are.
    main, knows, mean, task, matched : Estimate or None
        Over seeds: ``Reading.main``, ``main_knows``, ``mean``, ``task``, and ``at_match`` over
        the seeds that get there.
    kept : dict of str to Estimate
        Says retention by capability.
    by_seed : dict of int to float
        ``Reading.main``, for comparisons seed by seed.
    steps, rows, general : float
        Steps of a run, rows it saw, general ones among them: means over seeds.
    """

    seeds: int
    main: Estimate | None
    knows: Estimate | None
    mean: Estimate | None
    task: Estimate | None
    matched: Estimate | None
    kept: dict[str, Estimate]
    by_seed: dict[int, float | None]
    steps: float = 0.0
    rows: float = 0.0
    general: float = 0.0


def point(model: str, setting: str) -> Point | None:
    """Return what is stored of a setting, or None if there is nothing."""
    found = list(stored.load_all(model, setting))
    if not found:
        return None
    readings = {one.seed: read(one.history, one.facts) for one in found}

    def of(values: Sequence[float | None]) -> Estimate | None:
        return estimate([value for value in values if value is not None])

    each = list(readings.values())

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    kept = {name: of([one.kept.get(name) for one in each]) for name in NAMES}
    return Point(
        len(found),
        of([one.main for one in each]),
        of([one.main_knows for one in each]),
        of([one.mean for one in each]),
        of([one.task for one in each]),
        of([at_match(one.history) for one in found]),
        {name: value for name, value in kept.items() if value is not None},
        {seed: one.main for seed, one in readings.items()},
        mean([max((p.step for p in one.history.scores), default=0) for one in found]),
        mean([one.counts.get("n_rows", 0) for one in each]),
        mean([one.counts.get("n_general", 0) for one in each]),
    )


def mean_of(kept: Mapping[str, Any]) -> str:
    """Return what a mean is taken over, in a few words: ``Reading.kept``, or that of a point."""
    return equal.mean_of([name for name in NAMES if name in kept])


def curve(model: str) -> dict[float, Point]:
    """Return the stored runs of tickets by mix ratio, those that there are."""
    found = {ratio: point(model, ratio_setting(ratio)) for ratio in RATIOS}
    return {ratio: one for ratio, one in found.items() if one is not None}


def pools(model: str, task: str) -> dict[str, Point]:
    """Return the stored runs of a task by kit, from nothing to the whole pool."""
    found = {kit: point(model, kit_setting(kit, task)) for kit in (NOTHING, *KITS, WHOLE)}
    return {kit: one for kit, one in found.items() if one is not None}


def smallest(points: Mapping[float, Point], capability: str = "knowledge") -> float | None:
    """Return the smallest ratio above 0 whose mean over seeds keeps ``ENOUGH``, or None."""
    for ratio, one in sorted(points.items()):
        if ratio > 0 and capability in one.kept and one.kept[capability].mean >= ENOUGH:
            return ratio
    return None


def smallest_in_words(points: Mapping[float, Point], capability: str = "knowledge") -> str:
    """Return the smallest rescue as the prediction offers it; nothing is said of the unmeasured."""
    ratio = smallest(points, capability)
    if ratio is None:
        return NOT_EVEN if RATIOS[-1] in points else "none of those that are stored"
    return RATIO_NAMES[ratio]


def not_stored(points: Mapping[float, Point]) -> str:
    """Say which ratios are missing, for then a smaller rescue may have been overlooked."""
    missing = [f"{ratio:g}" for ratio in RATIOS if ratio not in points]
    if not missing:
        return ""
    return (
        f"Not stored: the ratios {', '.join(missing)}. A smaller one than is named here may do; "
        "your own runs can tell."
    )


def rule_of_thumb(points: Mapping[float, Point]) -> str:
    """Say what a fifth to three tenths of general rows do, against a twentieth and a half."""
    if not {0.05, 0.2, 0.3, 0.5} <= set(points):
        return "The ratios that the rule of thumb names are not all stored."
    small, low, high, half = (points[ratio] for ratio in (0.05, 0.2, 0.3, 0.5))
    parts = [
        f"At the rule's twenty to thirty percent, {low.main} to {high.main} of knowledge are "
        f"kept ({mean_of(low.kept)}: {low.mean} to {high.mean}), at a task score of "
        f"{low.task} to {high.task}.",
        f"At five percent it is {small.main} of knowledge ({small.mean}), at a task score of "
        f"{small.task}.",
        f"At fifty percent it is {half.main} ({half.mean}), at {half.task}.",
    ]
    return " ".join(parts)


def compared(points: Mapping[str, Point], kit: str, other: str) -> str:
    """Say whether one kit keeps more than another, seed by seed."""
    if kit not in points or other not in points:
        return "These two were not both stored."
    gap = paired(points[kit].by_seed, points[other].by_seed)
    names = {NOTHING: "nothing", WHOLE: "the whole pool", **{k: v.name for k, v in KITS.items()}}
    if gap is None or gap.low is None:
        return f"{names[kit]} and {names[other]}: too few seeds to compare."
    if gap.low > 0:
        verdict = f"More is kept with {names[kit]} than with {names[other]}"
    elif gap.high < 0:
        verdict = f"Less is kept with {names[kit]} than with {names[other]}"
    else:
        verdict = f"What is kept with {names[kit]} and with {names[other]} cannot be told apart"
    return f"{verdict} (difference {gap}, {gap.n} seeds)."


def foreign() -> list[tuple[str, ...]]:
    """Return rows of a table: mini with its own past beside SmolLM2 with foreign rows."""
    found = []
    for model, pool in (
        ("mini", "what it was pre-trained on"),
        ("smollm2-135m", "the task diverse, which it never saw"),
    ):
        for ratio in (0.0, MIX):
            one = point(model, ratio_setting(ratio))
            if one is not None:
                source = "none" if ratio == 0 else pool
                kept, spent = (
                    (str(one.main), str(one.task)),
                    (f"{one.steps:.0f}", f"{one.rows:.0f}"),
                )
                found.append((model, source, f"{ratio:g}", *kept, *spent, str(one.seeds)))
    return found


# Arms of the stored comparisons that rehearse the whole pool, and in what words.
_ARMS = {
    "full": "nothing",
    "replay": f"the whole pool, {MIX:g} of the rows",
    "joint": "the whole pool, as many rows again, on top",
}


def whole_pool(model: str, task: str) -> list[tuple[str, str, str, str, str]]:
    """Return rows of a table: what the whole pool keeps in the stored comparison of methods.

    Empty if there is none. On wrong_facts, knowledge counts the re-taught capitals as lost.
    """
    try:
        arms = archive.load(model, task).arms
    except (OSError, ValueError):
        return []
    rows = []
    for name, words in _ARMS.items():
        if name in arms and "knowledge" in arms[name].by_capability:
            arm, knowledge = arms[name], arms[name].by_capability["knowledge"]
            values = (knowledge["says"], knowledge["knows"], arm.task_score)
            rows.append((words, *(str(v or "–") for v in values), str(len(arm.seeds))))
    return rows
