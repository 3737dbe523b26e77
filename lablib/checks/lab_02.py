"""Checks of the exercises of lab 02: retention, diagnosis, the cheapest setting."""

from __future__ import annotations

from typing import Any

from lablib.checks.base import Case, Exercise, Misconception

# ---------------------------------------------------------------------------- retention


def _retention(now: float, base: float, chance: float) -> float | None:
    return (now - chance) / (base - chance) if base > chance else None


RETENTION = Exercise(
    name="retention",
    stub=(
        "Write a function of three scores between 0 and 1 (now, base, chance) that returns the "
        "share of the base model's lead over chance that is left, and None if there was no "
        "lead to lose."
    ),
    returns=(float, int),
    cases=tuple(
        Case(scores, _retention(*scores), edge=scores[1] <= scores[2])
        for scores in (
            (0.625, 1.0, 0.25),
            (0.9, 0.9, 0.25),
            (0.25, 0.85, 0.25),
            (0.1, 0.7, 0.2),
            (0.3, 0.6, 0.0),
            (0.3, 0.25, 0.25),
            (0.2, 0.2, 0.25),
        )
    ),
    misconceptions=(
        Misconception(
            "forgot chance",
            lambda now, base, chance: now / base if base > chance else None,
            "This is the share of the raw score. A model that only guesses would still keep "
            "part of it: where does chance come in?",
        ),
        Misconception(
            "took chance off one score only",
            lambda now, base, chance: (now - chance) / base if base > chance else None,
            "Chance is taken off the score now but not off the base. The base model's score "
            "contains lucky guesses too.",
        ),
        Misconception(
            "forgetting instead of retention",
            lambda now, base, chance: (
                1 - (now - chance) / (base - chance) if base > chance else None
            ),
            "This is forgetting, what was lost. Retention is what is left.",
        ),
        Misconception(
            "difference instead of share",
            lambda now, base, chance: now - base if base > chance else None,
            "This is a difference of two scores. A share makes capabilities with different "
            "base scores comparable.",
        ),
        Misconception(
            "upside down",
            lambda now, base, chance: (
                (base - chance) / (now - chance) if base > chance and now != chance else None
            ),
            "This grows as the model forgets. Check which of the two leads is the whole and "
            "which is the part.",
        ),
        Misconception(
            "divided by the room above chance",
            lambda now, base, chance: (now - chance) / (1 - chance) if base > chance else None,
            "This compares with a perfect model. Retention compares with the model that you "
            "started from.",
        ),
        Misconception(
            "cut off at zero",
            lambda now, base, chance: (
                max(0.0, (now - chance) / (base - chance)) if base > chance else None
            ),
            "Negative values were cut off. A model can answer worse than chance, when it has "
            "learned to prefer a wrong answer, and that is worth seeing.",
        ),
        Misconception(
            "nothing to lose not handled",
            lambda now, base, chance: (now - chance) / (base - chance),
            "Where the base model is no better than chance there is nothing to lose, and no "
            "share can be formed.",
        ),
    ),
    praise=(
        "Right. One number now means the same for every capability: all of the lead is kept at "
        "one, nothing but chance is left at zero."
    ),
    difficulty=1,
    minutes=8,
    hint=(
        "Ask yourself what a model that only guesses would score, and how far above that the "
        "base model was. Then ask how far above it the model is now."
    ),
)


# ---------------------------------------------------------------------------- diagnose


def _diagnose(says: float, knows: float) -> str:
    if says >= 0.5:
        return "healthy"
    return "mute" if knows >= 0.5 else "erased"


DIAGNOSE = Exercise(
    name="diagnose",
    stub=(
        "Write a function of two retentions, of what the model says and of what it still ranks "
        "first, that returns 'healthy', 'mute' or 'erased'. Call a retention below one half lost."
    ),
    returns=str,
    cases=tuple(
        Case(pair, _diagnose(*pair))
        for pair in (
            (0.1, 0.95),
            (0.95, 0.98),
            (0.05, 0.2),
            (0.3, 0.1),
            (0.9, 0.6),
            (0.0, 0.5),
            (0.6, 0.97),
            (0.2, 0.45),
            (0.45, 0.3),
            (0.5, 0.9),
        )
    ),
    misconceptions=(
        Misconception(
            "silence taken for loss",
            lambda says, knows: "healthy" if says >= 0.5 else "erased",
            "This looks only at what the model says. A model that does not say the answer may "
            "still rank it first.",
        ),
        Misconception(
            "every illness called mute",
            lambda says, knows: "healthy" if says >= 0.5 else "mute",
            "This calls every silent model mute. Look also at whether the right answer is "
            "still ranked first.",
        ),
        Misconception(
            "names swapped",
            lambda says, knows: (
                "healthy" if says >= 0.5 else ("erased" if knows >= 0.5 else "mute")
            ),
            "The two names are swapped: which of them means that the answer is still there?",
        ),
        Misconception(
            "compared the two with each other",
            lambda says, knows: (
                "healthy" if says >= 0.5 else ("mute" if knows > says else "erased")
            ),
            "This compares one retention with the other. They have different chance levels and "
            "each has to be judged by itself.",
        ),
        Misconception(
            "never healthy",
            lambda says, knows: "mute" if knows >= 0.5 else "erased",
            "This finds an illness in every model, also in one that still says the answer.",
        ),
    ),
    praise="Right. Two measurements tell two illnesses apart that look alike from outside.",
    difficulty=1,
    minutes=6,
    hint=(
        "A healthy model needs only one of the two measurements to be recognized. The other one "
        "decides between the two illnesses."
    ),
)


# ---------------------------------------------------------------------------- cheapest

Runs = list[dict[str, Any]]


def _runs(*rows: tuple[str, int, float, float]) -> tuple[Runs]:
    keys = ("name", "examples", "task", "retention")
    return ([dict(zip(keys, row, strict=True)) for row in rows],)


def _best(runs: Runs, keep=lambda run: run["task"] >= 0.9 and run["retention"] >= 0.9):
    good = [run for run in runs if keep(run)]
    return min(good, key=lambda run: run["examples"])["name"] if good else None


_TABLES = (
    _runs(
        ("A", 400, 0.10, 1.00),
        ("B", 800, 0.97, 0.20),
        ("C", 3200, 0.96, 0.95),
        ("D", 1600, 0.90, 0.90),
        ("E", 6400, 0.99, 0.99),
    ),
    _runs(
        ("F", 9600, 0.95, 0.92),
        ("G", 4800, 0.93, 0.97),
        ("H", 200, 0.88, 0.94),
        ("I", 100, 0.95, 0.88),
    ),
    _runs(("J", 100, 0.99, 0.40), ("K", 50, 0.30, 0.99)),
)


def _all(runs: Runs) -> Runs:
    return [run for run in runs if run["task"] >= 0.9 and run["retention"] >= 0.9]


def _describe(runs: Runs) -> str:
    rows = (
        f"{r['name']}: {r['examples']} examples, task {r['task']}, retention {r['retention']}"
        for r in runs
    )
    return "[" + "; ".join(rows) + "]"


CHEAPEST = Exercise(
    name="cheapest",
    stub=(
        "Write a function that takes a list of runs, each with its name, the number of training "
        "examples seen, its task score and its retention, and returns the name of the run with "
        "the fewest examples whose task score and retention are both at least 0.9, or None."
    ),
    returns=str,
    cases=tuple(Case(t, _best(*t), _describe(*t), edge=_best(*t) is None) for t in _TABLES),
    misconceptions=(
        Misconception(
            "forgot the task",
            lambda runs: _best(runs, lambda run: run["retention"] >= 0.9),
            "This run keeps what it knew because it has learned hardly anything. What else "
            "must a useful run do?",
        ),
        Misconception(
            "forgot retention",
            lambda runs: _best(runs, lambda run: run["task"] >= 0.9),
            "This run has learned the task and lost the rest: the help desk of Friday.",
        ),
        Misconception(
            "average of the two",
            lambda runs: _best(runs, lambda run: run["task"] + run["retention"] >= 1.8),
            "An average lets one good score pay for one bad one. Both have to hold.",
        ),
        Misconception(
            "above instead of at least",
            lambda runs: _best(runs, lambda run: run["task"] > 0.9 and run["retention"] > 0.9),
            "A run that reaches the bar exactly was left out: at least includes the bar itself.",
        ),
        Misconception(
            "best instead of cheapest",
            lambda runs: (
                max(_all(runs), key=lambda r: r["task"] + r["retention"])["name"]
                if _all(runs)
                else None
            ),
            "This is the best run, not the cheapest of those that are good enough.",
        ),
        Misconception(
            "most examples instead of fewest",
            lambda runs: (
                max(_all(runs), key=lambda r: r["examples"])["name"] if _all(runs) else None
            ),
            "This is the dearest of the good runs. Cost is the number of examples seen.",
        ),
        Misconception(
            "first instead of cheapest",
            lambda runs: _all(runs)[0]["name"] if _all(runs) else None,
            "This takes the first run that is good enough; a later one may cost less.",
        ),
        Misconception(
            "no run not handled",
            lambda runs: min(_all(runs), key=lambda r: r["examples"])["name"],
            "Sometimes no run is good enough, and a function has to be able to say so.",
        ),
    ),
    praise="Right. Now let it judge the stored runs and your own.",
    difficulty=2,
    minutes=10,
    hint=(
        "Two steps: first leave out every run that is not good enough, then look for the lowest "
        "cost among the rest, and think of the case in which the rest is empty."
    ),
)
