"""Checks of the exercises of lab 05: the Fisher of one weight, the penalty and its pull."""

from __future__ import annotations

import math

from lablib.checks.base import Case, Exercise, Misconception

# ------------------------------------------------------------------------------ fisher

Numbers = list[list[float]]


def _context(logits: list[float], effects: list[float]) -> tuple[list[float], list[float]]:
    """Probabilities of a softmax, and the slopes of their logarithms if a weight moves each logit.

    ``d log p_y / dw = a_y - sum_k p_k a_k``: the slopes of a real model have mean zero under it.
    """
    total = sum(map(math.exp, logits))
    p = [math.exp(z) / total for z in logits]
    mean = sum(pk * ak for pk, ak in zip(p, effects, strict=True))
    return [round(pk, 4) for pk in p], [round(ak - mean, 4) for ak in effects]


def _contexts(*pairs: tuple[list[float], list[float]]) -> tuple[Numbers, Numbers]:
    found = [_context(*pair) for pair in pairs]
    return [p for p, _ in found], [s for _, s in found]


_CONTEXTS = (
    _contexts(([2.0, 0.0], [1.0, -1.0])),
    _contexts(([1.0, 0.5, -1.0], [1.0, 0.0, 2.0])),
    _contexts(([2.0, 0.0], [1.0, -1.0]), ([0.0, 0.3], [0.5, 2.0])),
    _contexts(
        ([3.0, 0.0, 0.0], [0.2, 3.0, -1.0]),
        ([0.0, 1.0, 0.0], [1.0, -2.0, 0.5]),
        ([0.5, 0.0, 2.0], [-1.0, 1.0, 1.5]),
    ),
)


def _per_context(one) -> tuple:
    """A function of all contexts from one of a single context: the mean over them."""

    def whole(probabilities: Numbers, slopes: Numbers) -> float:
        found = [one(p, s) for p, s in zip(probabilities, slopes, strict=True)]
        return sum(found) / len(found)

    return whole


def _squares(p: list[float], s: list[float]) -> float:
    return sum(pk * sk * sk for pk, sk in zip(p, s, strict=True))


def _likeliest(p: list[float], s: list[float]) -> float:
    return s[max(range(len(p)), key=p.__getitem__)]


_fisher = _per_context(_squares)

FISHER = Exercise(
    name="fisher",
    stub=(
        "Write a function of two lists of lists, probabilities[t][y] of every label y in every "
        "context t and slopes[t][y] of its log-probability by one weight, that returns the "
        "Fisher of that weight: the squared slope of a label drawn from the model, on average."
    ),
    returns=(float, int),
    cases=tuple(Case(pair, _fisher(*pair)) for pair in _CONTEXTS),
    misconceptions=(
        Misconception(
            "squared the mean slope",
            _per_context(lambda p, s: sum(a * b for a, b in zip(p, s, strict=True)) ** 2),
            "The slopes were averaged first and squared afterwards. Under the model's own "
            "probabilities they always average to nothing, whatever the weight does.",
        ),
        Misconception(
            "all labels alike",
            _per_context(lambda p, s: sum(b * b for b in s) / len(s)),
            "Every label counts the same here. A label that the model would never say must not "
            "count as much as one that it says all the time.",
        ),
        Misconception(
            "likeliest label only",
            _per_context(lambda p, s: _likeliest(p, s) ** 2),
            "Only the label that the model would say was asked. A weight may matter most to the "
            "labels that it nearly says.",
        ),
        Misconception(
            "size of the slope instead of its square",
            _per_context(lambda p, s: sum(a * abs(b) for a, b in zip(p, s, strict=True))),
            "This averages the size of the slope. The divergence grows with the square of a small "
            "step, and so with the square of the slope.",
        ),
        Misconception(
            "probability squared as well",
            _per_context(lambda p, s: sum((a * b) ** 2 for a, b in zip(p, s, strict=True))),
            "The probability is inside the square. It is the weight of the average and belongs "
            "outside.",
        ),
        Misconception(
            "sum over contexts",
            lambda probabilities, slopes: sum(map(_squares, probabilities, slopes)),
            "The contexts are added up. The Fisher is taken per answer token: with twice as many "
            "contexts it must not become twice as large.",
        ),
        Misconception(
            "squared the mean over contexts",
            lambda probabilities, slopes: (
                (sum(map(_likeliest, probabilities, slopes)) / len(slopes)) ** 2
            ),
            "The slopes of several contexts were averaged before they were squared, as in a batch. "
            "Slopes of opposite sign then cancel.",
        ),
    ),
    praise="Right. The KL test above now has a column for your function.",
    difficulty=2,
    minutes=10,
    hint=(
        "Take one context. Imagine that you draw a label, write down the squared slope of its "
        "log-probability, and do so very often: what do you get on average? Then go on to the "
        "next context."
    ),
)

# ------------------------------------------------------------------------------ spring

Weights = list[float]

_CASES = (
    ([1.5, 0.0], [1.0, 0.0], [2.0, 3.0], 4.0),
    ([0.5, -1.0, 2.0], [1.0, 1.0, 2.0], [0.5, 0.25, 3.0], 2.0),
    ([2.0, 3.0], [2.0, 1.0], [5.0, 0.1], 10.0),
    ([-0.3, 0.7, 1.1, 0.4], [0.2, 0.7, 0.9, 0.0], [1.0, 9.0, 0.5, 2.5], 0.5),
)


def _energy(weights: Weights, anchor: Weights, fisher: Weights, strength: float) -> float:
    pairs = zip(weights, anchor, fisher, strict=True)
    return strength / 2 * sum(f * (w - a) ** 2 for w, a, f in pairs)


def _pull(weights: Weights, anchor: Weights, fisher: Weights, strength: float) -> Weights:
    pairs = zip(weights, anchor, fisher, strict=True)
    return [strength * f * (w - a) for w, a, f in pairs]


def _spring(*given) -> tuple[float, Weights]:
    return _energy(*given), _pull(*given)


def _times(factor: float, values: Weights) -> Weights:
    return [factor * value for value in values]


SPRING = Exercise(
    name="spring",
    stub=(
        "Write a function of the weights, of where they began (anchor), of their Fisher and of "
        "the strength that returns a pair: the penalty, half the strength times the sum of "
        "Fisher times squared distance, and the list of its derivatives by each weight."
    ),
    returns=tuple,
    cases=tuple(Case(given, _spring(*given)) for given in _CASES),
    misconceptions=(
        Misconception(
            "no half",
            lambda *given: (2 * _energy(*given), _times(2, _pull(*given))),
            "Penalty and derivatives fit each other, but both are twice as large: some libraries "
            "write the penalty without the half, and their strength means something else.",
        ),
        Misconception(
            "half left in the derivative",
            lambda *given: (_energy(*given), _times(0.5, _pull(*given))),
            "The penalty is right. In the derivative of a square something cancels the half.",
        ),
        Misconception(
            "half forgotten in the derivative",
            lambda *given: (_energy(*given), _times(2, _pull(*given))),
            "The penalty is right. The derivatives belong to a penalty without the half.",
        ),
        Misconception(
            "pushes away",
            lambda *given: (_energy(*given), _times(-1, _pull(*given))),
            "The sign is turned round. Gradient descent subtracts the derivative: with this one "
            "it would run away from where it began.",
        ),
        Misconception(
            "pulls to zero",
            lambda weights, anchor, fisher, strength: _spring(
                weights, [0.0] * len(weights), fisher, strength
            ),
            "This holds the weights at zero, as weight decay does. EWC holds them at where they "
            "began.",
        ),
        Misconception(
            "forgot the Fisher",
            lambda weights, anchor, fisher, strength: _spring(
                weights, anchor, [1.0] * len(weights), strength
            ),
            "All springs are equally stiff here. That is the control L2-SP: where does the "
            "importance of each weight come in?",
        ),
        Misconception(
            "mean instead of sum",
            lambda weights, *rest: (
                _energy(weights, *rest) / len(weights),
                _times(1 / len(weights), _pull(weights, *rest)),
            ),
            "The springs were averaged. Then each would be weaker the more weights a model has.",
        ),
        Misconception(
            "distance not squared",
            lambda weights, anchor, fisher, strength: (
                strength
                / 2
                * sum(f * abs(w - a) for w, a, f in zip(weights, anchor, fisher, strict=True)),
                _pull(weights, anchor, fisher, strength),
            ),
            "The penalty grows with the distance, not with its square. Such a spring would pull "
            "just as hard at the first step as later.",
        ),
    ),
    praise=(
        "Right. Look at the derivative where the weights are the anchor: whatever the strength, "
        "it is zero."
    ),
    difficulty=1,
    minutes=8,
    hint=(
        "Begin with one weight: half of strength times Fisher times the squared distance. What is "
        "its derivative? Then add up the penalties of all weights and list the derivatives."
    ),
)
