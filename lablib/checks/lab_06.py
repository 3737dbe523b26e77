"""Checks of the exercises of lab 06: the mask, the masked loss, the quantile."""

from __future__ import annotations

import math

from lablib.checks.base import Case, Exercise, Misconception

# ------------------------------------------------------------------------------- learned

Numbers = list[float]


def _learned(probabilities: Numbers, threshold: float, keep=lambda p, tau: 1 / p <= tau):
    *words, _ = probabilities
    return [*(keep(p, threshold) for p in words), True]


_ANSWERS = (
    ([0.9, 0.4, 0.39, 0.02, 0.8], 2.5),
    ([0.5, 0.05, 0.01, 0.3, 0.004], 20.0),
    ([0.95, 0.7, 0.85, 0.6, 0.1], 1.25),
    ([0.2, 0.12, 0.07, 0.9, 0.3], 2.5),
)

LEARNED = Exercise(
    name="learned",
    stub=(
        "Write a function of the probabilities that the base gave to the tokens of one answer, "
        "and of a threshold in perplexity. It returns a list: for each token True if it is "
        "learned, False if it is masked. Tokens with a perplexity above the threshold are "
        "masked; the last token is the end of turn and is always learned."
    ),
    returns=list,
    cases=tuple(
        Case(answer, _learned(*answer), f"{answer[0]}, {answer[1]:g}") for answer in _ANSWERS
    ),
    misconceptions=(
        Misconception(
            "masked instead of learned",
            lambda ps, tau: [not kept for kept in _learned(ps, tau)],
            "This list is upside down: it says True where a token is masked. Asked is which "
            "tokens are learned.",
        ),
        Misconception(
            "probability compared with a perplexity",
            lambda ps, tau: _learned(ps, tau, lambda p, t: p <= t),
            "This compares a probability with a threshold in perplexity. A probability is never "
            "above one; how does one become the other?",
        ),
        Misconception(
            "end of turn masked",
            lambda ps, tau: [1 / p <= tau for p in ps],
            "The end of turn was judged like a word. If it is masked, nothing teaches the model "
            "to stop.",
        ),
        Misconception(
            "logarithm of the perplexity",
            lambda ps, tau: _learned(ps, tau, lambda p, t: -math.log(p) <= t),
            "This compares the loss of a token, in nats, with the threshold. The loss is the "
            "logarithm of the perplexity.",
        ),
        Misconception(
            "threshold itself masked",
            lambda ps, tau: _learned(ps, tau, lambda p, t: 1 / p < t),
            "A token whose perplexity is exactly the threshold was masked. Only what lies above "
            "it is.",
        ),
        Misconception(
            "tokens taken out",
            lambda ps, tau: [p for p, kept in zip(ps, _learned(ps, tau), strict=True) if kept],
            "This takes the surprising tokens out of the answer. A masked token stays where it "
            "is and is read; only its loss is left out.",
        ),
    ),
    praise="Right. The base draws this mask once, before the first step, and it stays.",
    difficulty=1,
    minutes=6,
    hint=(
        "One over the probability is the perplexity. Judge every token but the last, and add "
        "what always holds for the last one."
    ),
)

# --------------------------------------------------------------------------- masked_loss


def _picked(losses: Numbers, learned: list[bool]) -> Numbers:
    return [loss for loss, kept in zip(losses, learned, strict=True) if kept]


def _mean(values: Numbers) -> float:
    return sum(values) / len(values) if values else 0.0


_BATCHES = (
    ([0.2, 3.0, 0.4, 0.1], [True, False, True, True]),
    ([5.0, 0.5, 4.0, 0.3, 0.1], [False, True, False, True, True]),
    ([1.0, 0.4, 0.3, 2.0], [True, True, True, False]),
    ([4.0, 6.0], [False, False]),
)

MASKED_LOSS = Exercise(
    name="masked_loss",
    stub=(
        "Write a function of the losses of the tokens of a batch and of the list that says which "
        "of them are learned. It returns the mean loss of the tokens that are learned, and zero "
        "if none is."
    ),
    returns=(float, int),
    cases=tuple(
        Case(batch, _mean(_picked(*batch)), f"{batch[0]}, {batch[1]}", edge=not any(batch[1]))
        for batch in _BATCHES
    ),
    misconceptions=(
        Misconception(
            "mean over all tokens",
            lambda losses, learned: sum(_picked(losses, learned)) / len(losses),
            "The sum is right, but it is divided by the number of all tokens. So a masked batch "
            "would count for less than one without a mask.",
        ),
        Misconception(
            "sum instead of mean",
            lambda losses, learned: sum(_picked(losses, learned)),
            "This is a sum. A long answer would pull harder than a short one.",
        ),
        Misconception(
            "mask forgotten",
            lambda losses, learned: _mean(losses),
            "This is the loss of plain fine-tuning: the mask has no part in it.",
        ),
        Misconception(
            "mean of the masked tokens",
            lambda losses, learned: _mean(_picked(losses, [not kept for kept in learned])),
            "This is the mean over what should be left out.",
        ),
        Misconception(
            "nothing left not handled",
            lambda losses, learned: sum(_picked(losses, learned)) / sum(learned),
            "Where every token is masked there is nothing to divide by. In a real run this loss "
            "would be no number any more, and one such batch ruins all weights.",
        ),
    ),
    praise=(
        "Right. Note what the mean does: with fewer tokens in it, each of them weighs more than "
        "in plain fine-tuning."
    ),
    difficulty=1,
    minutes=6,
    hint="Collect the losses that count. Divide by how many these are, if there are any.",
)

# ---------------------------------------------------------------------------- quantile


def _threshold(perplexities: Numbers, share: float, count=round) -> float:
    ranked = sorted(perplexities, reverse=True)
    n = count(share * len(ranked))
    return ranked[n] if n < len(ranked) else 0.0


_TEXTS = (
    ([1.0, 40.0, 1.2, 300.0, 1.5, 2.0, 7.0, 1.1, 1.3, 90.0], 0.28),
    ([3.0, 1.0, 1.4, 800.0, 12.0], 0.2),
    ([1.1, 1.2, 5.0, 1.3, 60.0, 1.4, 2.2, 1.6], 0.35),
    ([2.0, 1.5, 9.0, 4.0], 0.0),
    ([2.0, 1.5, 9.0], 1.0),
)

QUANTILE = Exercise(
    name="quantile",
    stub=(
        "Write a function of a list of perplexities and of a share. It returns the threshold above "
        "which that share of the tokens lies, rounded to whole tokens: the largest perplexity "
        "that is still learned, and zero if none is."
    ),
    returns=(float, int),
    cases=tuple(
        Case(text, _threshold(*text), f"{text[0]}, {text[1]:g}", edge=text[1] == 1)
        for text in _TEXTS
    ),
    misconceptions=(
        Misconception(
            "from the wrong end",
            lambda ps, share: sorted(ps)[round(share * len(ps))],
            "This masks all but the least surprising tokens: the share was counted from the "
            "wrong end.",
        ),
        Misconception(
            "last masked instead of first learned",
            lambda ps, share: sorted(ps, reverse=True)[max(round(share * len(ps)) - 1, 0)],
            "This is the perplexity of the last token to be masked. Only what lies *above* the "
            "threshold is masked, so that this token would be learned.",
        ),
        Misconception(
            "share of the largest perplexity",
            lambda ps, share: (1 - share) * max(ps),
            "This takes a share of the largest value. A quantile counts tokens; one token of "
            "very large perplexity must not move it.",
        ),
        Misconception(
            "cut off instead of rounded",
            lambda ps, share: _threshold(ps, share, int),
            "The number of tokens was cut off, not rounded.",
        ),
        Misconception(
            "share that is learned",
            lambda ps, share: _threshold(ps, 1 - share),
            "This masks what should be learned and learns what should be masked: the share is "
            "that of the masked tokens.",
        ),
        Misconception(
            "everything masked not handled",
            lambda ps, share: sorted(ps, reverse=True)[round(share * len(ps))],
            "With a share of one no token is left to be learned, and the list has no such place.",
        ),
    ),
    praise="Right. This rule masks the same share whatever the model; the threshold follows.",
    difficulty=2,
    minutes=8,
    hint=(
        "Sort the perplexities so that the most surprising come first, and count how many of them "
        "are masked. Which one is the first that is learned?"
    ),
)
