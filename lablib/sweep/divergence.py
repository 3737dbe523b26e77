"""How far a tuned model's output has moved from the base's, on the task's own prompts.

"RL's Razor" [1]_ finds that forgetting is predicted by this divergence, measured on the inputs
of the new task, better than by how far the weights have moved.

References
----------
.. [1] Shenfeld, Pari and Agrawal, "RL's Razor: Why Online Reinforcement Learning Forgets Less",
   2025, arXiv:2509.04259.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lablib import models
from lablib.controls import Batch
from lablib.models import Rows
from lablib.models.prefix import evaluating
from lablib.tasks.base import Row

ANSWER_TOKENS = 24  # most tokens of the base's answer to a prompt
BATCH = 8  # rows read at once: at 49,152 vocabulary entries their logits take 40 MB


@dataclass(frozen=True)
class Divergence:
    """Mean KL divergence of the tuned model from the base, in nats.

    Attributes
    ----------
    per_answer : float
        Summed over the tokens of an answer, mean over the prompts.
    per_token : float
        Mean over all tokens of all answers.
    """

    per_answer: float
    per_token: float


def base_answers(base, tokenizer, prompts: Sequence[str], max_length: int) -> tuple[Batch, ...]:
    """Return the prompts with the base's own greedy answers, as batches.

    Parameters
    ----------
    base, tokenizer
        The untouched model and its tokenizer.
    prompts : sequence of str
        What the user says, here the task's test prompts.
    max_length : int
        Most tokens of a row, as in the run: longer prompts lose their beginning.
    """
    room = [max_length - ANSWER_TOKENS - 1] * len(prompts)
    texts = models.generate(base, tokenizer, prompts, max_new_tokens=ANSWER_TOKENS, room=room)
    answered = [Row(p, text) for p, text in zip(prompts, texts, strict=True)]
    rows = Rows(answered, tokenizer, max_length)
    ends = range(0, len(rows), BATCH)
    return tuple(rows.batch(range(start, min(start + BATCH, len(rows)))) for start in ends)


def divergence(base, model, batches: Sequence[Batch]) -> Divergence:
    """Return how far ``model`` has moved from ``base`` on the base's own answers.

    Parameters
    ----------
    base, model
        Two models of one vocabulary; both are left as they are.
    batches : sequence of Batch
        What ``base_answers`` gave.

    Notes
    -----
    ``KL(p0 || p) = sum_v p0(v | c) (log p0(v | c) - log p(v | c))`` over the whole vocabulary, in
    float32, at every position ``c`` of the base's greedy answer and at its end. This is the
    *forward* divergence, ``p0`` of the base first, exact at each position. The answers are
    greedy where the paper samples, so that the measure has no noise of its own.
    """
    device, home = (next(m.parameters()).device for m in (model, base))
    base.to(device)
    total, n_tokens, n_answers = 0.0, 0, 0
    for batch in batches:
        batch = batch.to(device)
        asked = models.answer_labels(batch) != -100
        with evaluating(base), evaluating(model):
            before = F.log_softmax(models.forward(base, batch).logits[asked].float(), dim=-1)
            after = F.log_softmax(models.forward(model, batch).logits[asked].float(), dim=-1)
        kl = F.kl_div(after, before, reduction="none", log_target=True).sum(-1)  # (tokens,)
        total += float(kl.sum(dtype=torch.float64))
        n_tokens += len(kl)
        n_answers += len(asked)
    base.to(home)
    return Divergence(total / n_answers, total / n_tokens)
