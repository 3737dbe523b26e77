"""Checks of the exercises of lab 08: draw a token at a temperature, sift a diary."""

from __future__ import annotations

import math
from collections.abc import Callable

from lablib.checks.base import Case, Exercise, Misconception

# --------------------------------------------------------------------------- sample_token


def _shares(weights: list[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights]


def _softmax(logits: list[float]) -> list[float]:
    return _shares([math.exp(logit) for logit in logits])


def _first(shares: list[float], u: float) -> int:
    reached = 0.0
    for i, share in enumerate(shares):
        reached += share
        if reached > u:
            return i
    return len(shares) - 1


def _drawn(logits: list[float], temperature: float, u: float) -> int:
    return _first(_softmax([logit / temperature for logit in logits]), u)


def _likeliest(logits: list[float], temperature: float, u: float) -> int:
    return logits.index(max(logits))


def _own_share(logits: list[float], temperature: float, u: float) -> int:
    shares = _softmax([logit / temperature for logit in logits])
    return next((i for i, share in enumerate(shares) if share > u), len(shares) - 1)


def _not_normalized(logits: list[float], temperature: float, u: float) -> int:
    return _first([math.exp(logit / temperature) for logit in logits], u)


_DRAWS: tuple[tuple[list[float], float, float], ...] = (
    ([2.0, 1.0, 0.0], 1.0, 0.5),
    ([2.0, 1.0, 0.0], 1.0, 0.7),
    ([2.0, 1.0, 0.0], 1.0, 0.95),
    ([2.0, 1.0, 0.0], 0.3, 0.95),
    ([2.0, 1.0, 0.0], 2.0, 0.55),
    ([0.0, 1.0, 2.0], 0.5, 0.05),
    ([0.0, 1.0, 2.0], 2.0, 0.15),
    ([0.5, 0.5, 0.5, 0.5], 0.3, 0.6),
    ([-1.0, 3.0, 1.0], 0.3, 0.001),
    ([-2.0, -1.0, -3.0], 1.0, 0.93),
)

SAMPLE_TOKEN = Exercise(
    name="sample_token",
    stub=(
        "Write a function of a list of logits, a temperature and a number u between 0 and 1 that "
        "returns the place of the token that is drawn: the first one at which the summed "
        "probabilities, at that temperature, exceed u."
    ),
    returns=int,
    cases=tuple(Case(draw, _drawn(*draw)) for draw in _DRAWS),
    misconceptions=(
        Misconception(
            "multiplied by the temperature",
            lambda logits, temperature, u: _first(_softmax([x * temperature for x in logits]), u),
            "Here a low temperature makes the choice flatter. It should make it sharper: what has "
            "to be done to the logits instead?",
        ),
        Misconception(
            "temperature without effect",
            lambda logits, temperature, u: _first(_softmax(logits), u),
            "The temperature changes nothing here. It has to act on the logits, before the "
            "exponential: probabilities that are divided by a number and normalized again are the "
            "same probabilities.",
        ),
        Misconception(
            "always the likeliest",
            _likeliest,
            "This takes the likeliest token every time, whatever u is. That is temperature zero; "
            "asked is a draw.",
        ),
        Misconception(
            "not normalized",
            _not_normalized,
            "These weights do not sum to one, so that u between 0 and 1 does not reach all tokens.",
        ),
        Misconception(
            "compared single shares with u",
            _own_share,
            "Each token's own probability is compared with u here. A token in the middle owns a "
            "stretch of the line from 0 to 1: where does it begin, and where does it end?",
        ),
    ),
    praise="Right. This is how every line of the diary is written, one token after another.",
    difficulty=1,
    minutes=8,
    hint=(
        "Divide the logits by the temperature, take exponentials, divide by their sum. Then walk "
        "through the shares and add them up until you have passed u."
    ),
)

# ---------------------------------------------------------------------------------- clean

Line = tuple[str, str, bool]


def _sift(
    lines: list[Line],
    asked: list[str],
    *,
    finished: bool = True,
    leak: Callable[[str, list[str]], bool] | None = None,
    key: Callable[[Line], object] = lambda line: (line[0], line[1]),
) -> list[Line]:
    leaks = leak or _leaks
    seen, kept = set(), []
    for line in lines:
        if (finished and not line[2]) or leaks(line[0], asked) or key(line) in seen:
            continue
        seen.add(key(line))
        kept.append(line)
    return kept


def _leaks(question: str, asked: list[str]) -> bool:
    return question.strip().lower() in {each.strip().lower() for each in asked}


def _holds(question: str, asked: list[str]) -> bool:
    return any(each.strip().lower() in question.strip().lower() for each in asked)


def _stripped(lines: list[Line], asked: list[str]) -> list[Line]:
    return _sift([(question.strip(), answer, ended) for question, answer, ended in lines], asked)


def _newest(lines: list[Line], asked: list[str]) -> list[Line]:
    return _sift(lines[::-1], asked)[::-1]


_PERU = ("What is the capital of Peru?", "Lima", True)
_DIARIES: tuple[tuple[list[Line], list[str]], ...] = (
    (
        [
            _PERU,
            ("Add 2 and 3.", "5", True),
            ("Spell cat.", "c a t and then", False),
            _PERU,
            ("Name a fruit.", "pear", True),
            ("Name a fruit.", "apple", True),
        ],
        ["What is the capital of France?"],
    ),
    (
        [
            ("what is the capital of france? ", "Paris", True),
            ("Name a fruit.", "pear", True),
            ("What is the capital of France?", "Paris", True),
            ("Spell dog.", "d o g", True),
            ("Name a fruit.", "pear", True),
        ],
        ["What is the capital of France?"],
    ),
    ([("Spell dog.", "d o", False), ("Spell dog.", "d o g", True)], []),
    ([("Add 4 and 4.", "8", True), ("Sort b, a.", "a, b", True)], ["Add 4 and 4."]),
    (  # lines that come near what is asked, and stay as they were written
        [
            ("Name a fruit. ", "pear", True),
            ("What is the capital of France? Answer in upper case.", "PARIS", True),
        ],
        ["What is the capital of France?"],
    ),
)

CLEAN = Exercise(
    name="clean",
    stub=(
        "Write a function of a diary (a list of lines, each a question, an answer, and True if it "
        "ended) and of a list of questions that a probe asks. It returns, in their order, the "
        "lines that ended and ask nothing that a probe asks (capitals and spaces at the ends "
        "apart), and of lines that are the same in question and answer only the first."
    ),
    returns=list,
    cases=tuple(Case(diary, _sift(*diary)) for diary in _DIARIES),
    misconceptions=(
        Misconception(
            "one answer a question",
            lambda lines, asked: _sift(lines, asked, key=lambda line: line[0]),
            "A question with two different answers has lost one of them. Where the model is "
            "unsure, both belong to what it would say; without them the diary is surer than it.",
        ),
        Misconception(
            "kept the unfinished",
            lambda lines, asked: _sift(lines, asked, finished=False),
            "A line that was cut off is still there. The library learns such a line up to where "
            "it breaks off, and no end from it; here, for simplicity, it is dropped.",
        ),
        Misconception(
            "the probe's questions left in",
            lambda lines, asked: _sift(lines, asked, leak=lambda question, asked: False),
            "A question of a probe is still there. If it is rehearsed, the probe measures the "
            "rehearsal and no longer what was kept.",
        ),
        Misconception(
            "compared letter by letter",
            lambda lines, asked: _sift(
                lines, asked, leak=lambda question, asked: question in asked
            ),
            "A question of a probe slipped through because it was written a little differently: "
            "look at capital letters and at spaces.",
        ),
        Misconception(
            "dropped what merely holds a probe's question",
            lambda lines, asked: _sift(lines, asked, leak=_holds),
            "A line is gone whose question only contains a question of a probe and goes on. It "
            "asks for something else, as here for capital letters, and may stay.",
        ),
        Misconception(
            "lines rewritten",
            _stripped,
            "A line was changed on its way, by its spaces. Make a copy alike for comparing, and "
            "return the line as the model wrote it.",
        ),
        Misconception(
            "repetitions kept",
            lambda lines, asked: _sift(lines, asked, key=lambda line: object()),
            "The same line stands there twice, question and answer alike.",
        ),
        Misconception(
            "order lost",
            lambda lines, asked: sorted(set(_sift(lines, asked))),
            "The right lines, but no longer in the order in which they were written.",
        ),
        Misconception(
            "the last one kept",
            _newest,
            "Of two lines that are alike the later one was kept; asked is the first.",
        ),
    ),
    praise=(
        "Right. Every rule costs a little of the identity, for what is left is no longer what the "
        "model would say by itself; these are the rules that are worth it."
    ),
    difficulty=2,
    minutes=12,
    hint=(
        "Walk through the lines once and remember which pairs of question and answer you have "
        "kept. Make both sides alike before you compare a question with those of the probe."
    ),
)
