"""Checks of the exercises of lab 01: best match, and comparing at matched scores."""

from __future__ import annotations

from lablib.checks.base import Case, Exercise, Misconception

# --------------------------------------------------------------------------- best_match

Output = list[float]
Patterns = dict[int, list[float]]


def _squares(output: Output, pattern: Output) -> float:
    return sum((o - p) ** 2 for o, p in zip(output, pattern, strict=True))


def _nearest(output: Output, patterns: Patterns, distance=_squares) -> int:
    return min(patterns, key=lambda total: distance(output, patterns[total]))


def _sides(output: Output, pattern: Output) -> int:
    return sum((o > 0.5) != (p > 0.5) for o, p in zip(output, pattern, strict=True))


# Small patterns, so that a message can be read: four units instead of 24, and some with more
# units on than others, where a product and a distance part ways.
_P: Patterns = {
    2: [0.9, 0.9, 0.1, 0.1],
    3: [0.1, 0.9, 0.9, 0.1],
    4: [0.1, 0.1, 0.9, 0.9],
    5: [0.9, 0.9, 0.9, 0.9],
}
_OUTPUTS = (
    [0.9, 0.9, 0.1, 0.1],
    [0.1, 0.2, 0.8, 0.7],
    [0.4, 0.6, 0.6, 0.3],
    [0.3, 0.8, 0.45, 0.1],
    [0.55, 0.55, 0.45, 0.45],
    [0.1, 0.55, 0.55, 0.55],
    [0.8, 0.6, 0.4, 0.4],
)


def _code(output: Output) -> str:
    return "[" + ", ".join(f"{value:g}" for value in output) + "], patterns"


BEST_MATCH = Exercise(
    name="best_match",
    stub=(
        "Write a function of an output (a list of activations) and of the patterns of all sums "
        "(a dictionary from sum to list) that returns the sum whose pattern lies closest: the "
        "one with the smallest sum of squared differences."
    ),
    returns=int,
    cases=tuple(Case((output, _P), _nearest(output, _P), _code(output)) for output in _OUTPUTS),
    misconceptions=(
        Misconception(
            "farthest instead of closest",
            lambda output, patterns: max(patterns, key=lambda s: _squares(output, patterns[s])),
            "This is the pattern that fits worst. A distance is small where the fit is good.",
        ),
        Misconception(
            "differences that cancel",
            lambda output, patterns: _nearest(
                output,
                patterns,
                lambda o, p: abs(sum(a - b for a, b in zip(o, p, strict=True))),
            ),
            "Positive and negative differences cancel here, so that a pattern may look close "
            "although every unit is wrong. What makes each difference count?",
        ),
        Misconception(
            "product instead of distance",
            lambda output, patterns: max(
                patterns,
                key=lambda s: sum(o * p for o, p in zip(output, patterns[s], strict=True)),
            ),
            "This is a product of output and pattern. It favors patterns with many units on; in "
            "the paper all have equally many, here they have not.",
        ),
        Misconception(
            "counted sides of one half",
            lambda output, patterns: _nearest(output, patterns, _sides),
            "This counts units on the wrong side of .5. That is another of the four measures; "
            "best match asks how far each unit is off.",
        ),
        Misconception(
            "distance instead of the sum",
            lambda output, patterns: min(_squares(output, p) for p in patterns.values()),
            "This is how close the closest pattern lies. Asked is which sum it stands for.",
        ),
        Misconception(
            "place instead of the sum",
            lambda output, patterns: list(patterns).index(_nearest(output, patterns)),
            "This is the place of the pattern in the dictionary, not the sum that it stands for.",
        ),
    ),
    praise=(
        "Right. This is what the network still ranks first; no unit has to be near its target "
        "for that."
    ),
    difficulty=1,
    minutes=8,
    hint=(
        "For one pattern: go through output and pattern together, and add up the squared "
        "differences. Then ask which key of the dictionary makes that number smallest."
    ),
)

# ----------------------------------------------------------------------------- ones_at

Points = list[tuple[float, float]]


def _first(trail: Points, reached) -> float | None:
    return next((ones for twos, ones in trail if reached(twos)), None)


_TRAILS: tuple[tuple[Points, float], ...] = (
    ([(0.1, 1.0), (0.4, 0.5), (0.85, 0.3), (0.8, 0.35), (1.0, 0.1)], 0.8),
    ([(0.1, 1.0), (0.1, 0.95), (0.3, 0.7), (0.5, 0.6), (0.7, 0.4), (0.8, 0.25), (0.95, 0.2)], 0.8),
    ([(0.1, 1.0), (0.5, 0.6), (0.62, 0.55), (0.9, 0.15), (0.9, 0.1)], 0.6),
    ([(0.1, 1.0), (0.3, 0.8), (0.55, 0.7), (0.5, 0.65)], 0.8),
)


def _shown(trail: Points, level: float) -> str:
    return f"{trail}, {level:g}"


ONES_AT = Exercise(
    name="ones_at",
    stub=(
        "Write a function of a trail (a list of pairs: twos learned, ones kept; one pair a pass) "
        "and of a level that returns the ones kept at the first pass at which the twos have "
        "reached at least that level, and None if they never do."
    ),
    returns=(float, int),
    cases=tuple(
        Case(
            (trail, level),
            _first(trail, lambda twos, level=level: twos >= level),
            _shown(trail, level),
            edge=max(twos for twos, _ in trail) < level,
        )
        for trail, level in _TRAILS
    ),
    misconceptions=(
        Misconception(
            "equal passes instead of equal twos",
            lambda trail, level: trail[1][1],
            "This looks after one pass, whatever was learned in it. A run with small steps has "
            "hardly begun by then.",
        ),
        Misconception(
            "the end instead of the level",
            lambda trail, level: trail[-1][1],
            "This looks at the end of the run, wherever that is. Two runs end at different twos.",
        ),
        Misconception(
            "closest instead of reached",
            lambda trail, level: min(trail, key=lambda point: abs(point[0] - level))[1],
            "This takes the pass whose twos lie closest to the level, which may be one that has "
            "not reached it, or a later one.",
        ),
        Misconception(
            "twos instead of ones",
            lambda trail, level: next((twos for twos, _ in trail if twos >= level), None),
            "These are the twos that were learned. Asked is what is left of the ones.",
        ),
        Misconception(
            "axes swapped",
            lambda trail, level: next((twos for twos, ones in trail if ones <= level), None),
            "The two numbers of a pair are swapped: the first is the twos learned.",
        ),
        Misconception(
            "above instead of at least",
            lambda trail, level: _first(trail, lambda twos: twos > level),
            "A pass that reaches the level exactly was left out.",
        ),
        Misconception(
            "best instead of first",
            lambda trail, level: min((ones for twos, ones in trail if twos >= level), default=None),
            "This takes the lowest point beyond the level. Asked is the first pass that gets "
            "there.",
        ),
        Misconception(
            "never reached not handled",
            lambda trail, level: next(ones for twos, ones in trail if twos >= level),
            "Some runs never reach the level, and a function has to be able to say so.",
        ),
    ),
    praise=(
        "Right. The plane above now has a column of its own for your function: every run, read "
        "at the same score on the twos."
    ),
    difficulty=2,
    minutes=8,
    hint=(
        "Go through the trail from its beginning and stop at the first pair that is far enough. "
        "What is there to return if you come to the end without stopping?"
    ),
)
