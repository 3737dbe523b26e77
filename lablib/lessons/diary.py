"""Lab 08: the model's own diary, read, checked, thinned out, and learned from beside tickets."""

from __future__ import annotations

import functools
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lablib import experiment
from lablib.events import Progress
from lablib.history import History
from lablib.lessons import catalog, maps, stored
from lablib.methods.sa_sft import NOTHING
from lablib.models import LoadedModel, sieve
from lablib.models.dialogues import Dialogue
from lablib.probes import PROBES
from lablib.sweep.analysis import Estimate, estimate
from lablib.world import arithmetic, facts, plain
from lablib.world.corpus import OPENINGS

DELETIONS = (NOTHING, *sieve.SUBJECTS)
# Stored runs by what they learn beside tickets; the words are those of the tables.
ROWS = {
    "tickets-mix0": "no diary",
    "diary-whole": "the whole diary",
    **{f"diary-no-{subject}": f"without {subject}" for subject in sieve.SUBJECTS},
}
# What is read off a run: the capitals are a part of knowledge and stand apart here.
COLUMNS = {
    "capitals": "capitals",
    "other facts": "other facts",
    "reasoning": "arithmetic",
    "instruction": "instructions",
    "format": "format",
    "safety": "safety",
    "language": "language",
}
HIT = {"arithmetic": "reasoning", "capitals": "capitals"}  # subject -> its column


@dataclass(frozen=True)
class Diary:
    """What a model wrote, and how it was sifted."""

    lines: tuple[Dialogue, ...]
    report: Mapping

    def without(self, subject: str) -> tuple[Dialogue, ...]:
        """Return the lines that are left when every line on a subject is deleted."""
        if subject == NOTHING:
            return self.lines
        return tuple(line for line in self.lines if not sieve.mentions(line, subject))


def write(loaded: LoadedModel, seed: int = 0) -> Generator[Progress, None, Diary]:
    """Let the model write its diary, or read it from the cache; the one that a run would use.

    A model of which no line can be used has an empty one.
    """
    task, given = catalog.options(loaded, "diary-whole")
    run = experiment.build(loaded, task, seed=seed, probes=(), **{**given, "watch": ()})
    try:
        yield from run.make_ready()
    except ValueError:
        if run.method.report_ is None:
            raise
    return Diary(tuple(run.method.dialogues_), run.method.report_)


# ------------------------------------------------------------------- is it true?


@functools.cache
def _facts() -> dict[str, tuple[str, ...]]:
    """Every question about a fact of the world that ``mini`` was taught, with its answers."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, templates in facts.QUESTIONS.items():
        for a, b in facts.pairs(kind):
            right = a if kind in ("country", "element") else b
            for template in templates:
                key = plain(template.format(a=a, b=b))
                found[key] = (*found.get(key, ()), right)
    return found


@functools.cache
def _sums() -> tuple[tuple[re.Pattern, int], ...]:
    """Every form of a plain sum or difference, with the sign of its second number."""
    made = []
    for sign, templates in ((1, arithmetic.ADD), (-1, arithmetic.SUBTRACT)):
        for template in templates:
            text = re.escape(plain(template.format(a="AAA", b="BBB")).strip())
            text = text.replace("aaa", r"(?P<a>\d+)").replace("bbb", r"(?P<b>\d+)")
            made.append((re.compile(text), sign))
    return tuple(made)


def checked(line: Dialogue) -> tuple[str, bool] | None:
    """Return what a line asks, ``"a fact"`` or ``"a sum"``, and whether its answer is right.

    None for everything that no table and no rule can judge.
    """
    asked = plain(line.prompt)
    for opening in OPENINGS:
        start = plain(opening)
        if asked.startswith(start):
            asked = asked[len(start) - 1 :]
    rights = _facts().get(asked)
    if rights:
        answer = plain(line.completion)
        return "a fact", any(plain(right) in answer for right in rights)
    for form, sign in _sums():
        found = form.fullmatch(asked.strip())
        if found:
            total = int(found["a"]) + sign * int(found["b"])
            return "a sum", re.findall(r"-?\d+", line.completion)[-1:] == [str(total)]
    return None


def truth(lines: Sequence[Dialogue]) -> dict[str, tuple[int, int]]:
    """Return of each kind that can be checked (right, all)."""
    counts: dict[str, tuple[int, int]] = {}
    for line in lines:
        found = checked(line)
        if found:
            right, n = counts.get(found[0], (0, 0))
            counts[found[0]] = (right + found[1], n + 1)
    return counts


def share_right(lines: Sequence[Dialogue]) -> float | None:
    """Return the share of right answers among all lines that can be checked, or None."""
    counts = truth(lines).values()
    n = sum(number for _, number in counts)
    return sum(right for right, _ in counts) / n if n else None


# ----------------------------------------------------------------- what survives?


def kept(history: History) -> dict[str, float | None]:
    """Return the says retention at the end by ``COLUMNS``; the capitals apart from other facts."""
    found: dict[str, float | None] = {}
    groups = [item.group for item in PROBES["knowledge"]().items("full")]
    base, final = history.base("knowledge"), history.final("knowledge")
    whole = base is not None and final is not None
    whole = whole and len(base.says_outcomes) == len(final.says_outcomes) == len(groups)
    for name in COLUMNS:
        if name in ("capitals", "other facts"):
            wanted = [
                i for i, group in enumerate(groups) if (group == "capitals") == (name[0] == "c")
            ]
            before = sum(base.says_outcomes[i] for i in wanted) if whole else 0
            # A base that says next to nothing has nothing to lose.
            enough = before > len(wanted) / 10
            after = sum(final.says_outcomes[i] for i in wanted) if enough else 0
            found[name] = after / before if enough else None
        else:
            found[name] = history.final_retention(name, "says")
    return found


@dataclass(frozen=True)
class Row:
    """The stored runs of one diary: by column one value a seed."""

    setting: str
    seeds: tuple[int, ...]
    values: Mapping[str, Mapping[int, float]]
    task: Mapping[int, float]

    def at(self, column: str) -> Estimate | None:
        """Return mean and interval of a column over the seeds."""
        return estimate(list(self.values.get(column, {}).values()))


def rows(model: str) -> dict[str, Row]:
    """Return the stored runs of a model by setting, in the order of ``ROWS``."""
    return _rows(model, stored.results_folder())


@functools.lru_cache(maxsize=4)  # twenty files, and the page draws them at every click
def _rows(model: str, _folder: Path) -> dict[str, Row]:
    found = {}
    for setting in ROWS:
        values: dict[str, dict[int, float]] = {name: {} for name in COLUMNS}
        task = {}
        for one in stored.load_all(model, setting):
            for name, value in kept(one.history).items():
                if value is not None:
                    values[name][one.seed] = value
            score = maps.task_score(one.history)
            if score is not None:
                task[one.seed] = score
        if task:
            found[setting] = Row(setting, tuple(sorted(task)), values, task)
    return found


def cost_of(subject: str, found: Mapping[str, Row], column: str) -> Estimate | None:
    """Return what deleting a subject cost in a column: whole diary minus thinned, seed by seed."""
    whole, thinned = found.get("diary-whole"), found.get(f"diary-no-{subject}")
    if whole is None or thinned is None:
        return None
    pairs = [
        (whole.values[column][seed], thinned.values[column][seed])
        for seed in whole.seeds
        if seed in whole.values[column] and seed in thinned.values[column]
    ]
    return estimate([one - other for one, other in pairs])


def verdicts(found: Mapping[str, Row]) -> list[str]:
    """Return what the deletions cost, in sentences made from the stored runs."""
    said = []
    for subject, column in HIT.items():
        cost = cost_of(subject, found, column)
        thinned = found.get(f"diary-no-{subject}")
        if cost is None or thinned is None:
            continue
        left, bare = thinned.at(column), found.get("tickets-mix0")
        without = bare.at(column) if bare else None
        beside = f", beside {without.mean:.2f} without any diary" if without else ""
        said.append(
            f"With every line on {subject} deleted, {left} of {COLUMNS[column]} is kept{beside}. "
            f"{_judged(cost)}"
        )
    return said


def _judged(cost: Estimate) -> str:
    if cost.low is None:
        return "One seed cannot say what the deletion cost."
    if cost.low > 0:
        return f"The deletion cost {cost} of it, seed by seed."
    if cost.high < 0:
        return f"It kept more than the whole diary, by {-cost}."
    return f"Against the whole diary that is a difference of {cost}, which may be chance."


def setting_of(deleted: str) -> str:
    """Return the stored setting that learns with what a deletion leaves."""
    return "diary-whole" if deleted == NOTHING else f"diary-no-{deleted}"
