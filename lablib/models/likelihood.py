"""How likely a model finds an answer: of given candidates, and of the answers it learns.

Probabilities are taken in float32, and only where there is something to score: with a
vocabulary of 50,000 the logits of the prompt would cost more than the rest of the step.

B rows, T tokens, L longest answer, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lablib.controls import Batch
from lablib.models.encode import encode_completions, encode_prompts, position_ids
from lablib.models.prefix import (
    PIECE_TOKENS,
    Prefix,
    at_once,
    batches_by_length,
    check_room,
    evaluating,
    feed,
    read,
)
from lablib.models.rows import Rows

# Candidate tokens scored in one forward; at 49,152 vocabulary entries their logits take 50 MB.
MAX_CANDIDATE_TOKENS = 256
NEAR = 1e-3  # nats; candidates this close are always weighed to their last token


@dataclass
class _Candidate:
    row: int  # of the prefix
    ids: Sequence[int]
    logprob: float  # of its first ``n_weighed`` tokens
    n_weighed: int = 1


def weigh(
    model,
    prefix: Prefix,
    candidates: Sequence[Sequence[Sequence[int]]],
    only_likeliest: bool = False,
) -> list[list[float]]:
    """Return the summed log-probability (nats) of every candidate after its prompt.

    Parameters
    ----------
    model
        The model that read ``prefix``.
    prefix
        The prompts; left untouched.
    candidates
        For each row of ``prefix`` its candidates as token ids.
    only_likeliest
        Say exactly which candidate is likeliest, but leave one whose first token alone is
        less likely than another's whole: more tokens can only make it less likely still.
    """
    if not any(candidates):
        return [[] for _ in candidates]
    listed = [[_Candidate(row, ids, 0.0) for ids in each] for row, each in enumerate(candidates)]
    flat = [candidate for each in listed for candidate in each]
    first = F.log_softmax(prefix.logits.float(), dim=-1)  # (B, V)
    device = first.device
    rows = torch.tensor([candidate.row for candidate in flat], device=device)
    ids = torch.tensor([candidate.ids[0] for candidate in flat], device=device)
    for candidate, logprob in zip(flat, first[rows, ids].tolist(), strict=True):
        candidate.logprob = logprob
    if only_likeliest:
        open_ = [[c for c in each if c.n_weighed < len(c.ids)] for each in listed]
        leaders = [max(each, key=lambda c: c.logprob) for each in open_ if each]
        _finish(model, prefix, leaders)
        flat = [c for each in listed for c in _still_in(each)]
    _finish(model, prefix, flat)
    return [[candidate.logprob for candidate in each] for each in listed]


def _still_in(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return those that may yet be the likeliest."""
    best = max((c.logprob for c in candidates if c.n_weighed == len(c.ids)), default=-math.inf)
    return [c for c in candidates if c.logprob >= best - NEAR]


def _finish(model, prefix: Prefix, candidates: Sequence[_Candidate]) -> None:
    """Add the log-probability of all tokens after the first, where that is not done."""
    open_ = [c for c in candidates if c.n_weighed < len(c.ids)]
    rests = [c.ids[1:] for c in open_]
    for batch in batches_by_length(rests, len(rests), at_once(model, MAX_CANDIDATE_TOKENS)):
        part = [open_[i] for i in batch]
        for candidate, logprob in zip(part, _rest_of(model, prefix, part), strict=True):
            candidate.logprob += logprob
            candidate.n_weighed = len(candidate.ids)


def _rest_of(model, prefix: Prefix, candidates: Sequence[_Candidate]) -> list[float]:
    device = prefix.mask.device
    width = max(len(c.ids) for c in candidates) - 1
    ids = torch.zeros(len(candidates), width + 1, dtype=torch.long)
    real = torch.zeros(len(candidates), width, dtype=torch.long)
    for at, candidate in enumerate(candidates):
        ids[at, : len(candidate.ids)] = torch.tensor(candidate.ids)
        real[at, : len(candidate.ids) - 1] = 1
    ids, real = ids.to(device), real.to(device)
    rows = torch.tensor([c.row for c in candidates], device=device)
    with evaluating(model):
        _, logits = feed(model, prefix.select(rows), ids[:, :-1], real)  # (N, width, V)
        scored = real.bool()
        losses = F.cross_entropy(logits[scored].float(), ids[:, 1:][scored], reduction="none")
    by_place = torch.zeros(real.shape, dtype=torch.double, device=device)
    return by_place.masked_scatter(scored, -losses.double()).sum(-1).tolist()


def iter_candidate_logprobs(
    model,
    tokenizer,
    prompts: Sequence[str],
    candidates: Sequence[Sequence[str]],
    *,
    chat: bool | Sequence[bool] = True,
    batch_size: int = 64,
) -> Iterator[list[tuple[int, list[float]]]]:
    """Yield, batch by batch, (number of the prompt, log-probability of each candidate).

    Parameters
    ----------
    model, tokenizer
        A causal language model and its tokenizer.
    prompts
        What the user says, or with ``chat=False`` the beginning of a text.
    candidates
        The possible answers to each prompt. A whole candidate is scored, without an end
        of turn: the sum of the log-probabilities of its tokens, in nats.
    chat
        One flag for all prompts or one per prompt.
    batch_size
        The most prompts read together.
    """
    flags = [chat] * len(prompts) if isinstance(chat, bool) else list(chat)
    rows = encode_prompts(tokenizer, prompts, flags)
    listed = encode_candidates(tokenizer, candidates, flags)
    check_room(model, rows, max((len(ids) for each in listed for ids in each), default=0))
    for batch in batches_by_length(rows, batch_size):
        prefix = read(model, [rows[i] for i in batch], tokenizer.pad_token_id)
        yield list(zip(batch, weigh(model, prefix, [listed[i] for i in batch]), strict=True))


def encode_candidates(
    tokenizer, candidates: Sequence[Sequence[str]], chat: Sequence[bool]
) -> list[list[list[int]]]:
    """Return the token ids of each prompt's candidates."""
    texts = [text for listed in candidates for text in listed]
    flags = [flag for listed, flag in zip(candidates, chat, strict=True) for _ in listed]
    rows = encode_completions(tokenizer, texts, flags)
    if not all(rows):
        raise ValueError("A candidate answer is empty: every candidate needs at least one word.")
    ids = iter(rows)
    return [[next(ids) for _ in listed] for listed in candidates]


def candidate_logprobs(
    model, tokenizer, prompts: Sequence[str], candidates: Sequence[Sequence[str]], **options
) -> list[list[float]]:
    """Return the log-probability of each candidate; options as in ``iter_candidate_logprobs``."""
    found: list[list[float]] = [[] for _ in prompts]
    for batch in iter_candidate_logprobs(model, tokenizer, prompts, candidates, **options):
        for i, logprobs in batch:
            found[i] = logprobs
    return found


def answer_labels(batch: Batch) -> torch.Tensor:
    """Return the labels of the columns in which any row has an answer, (B, L)."""
    columns = (batch.labels != -100).any(0).nonzero()
    length = batch.labels.shape[1] - int(columns[0]) if len(columns) else 0
    return batch.labels[:, batch.labels.shape[1] - length :]


def forward(model, batch: Batch):
    """Return the model's outputs; ``outputs.logits`` are those that predict the answers.

    Shapes: ``logits`` (B, L, V), where ``logits[:, t]`` predicts ``answer_labels(batch)[:, t]``.
    """
    length = answer_labels(batch).shape[1]
    outputs = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=position_ids(batch.attention_mask),
        logits_to_keep=length + 1,
        use_cache=False,
    )
    # The last column predicts what follows the answer, which nobody knows.
    outputs.logits = outputs.logits[:, -length - 1 : -1]
    return outputs


def token_losses(model, batch: Batch, outputs=None) -> torch.Tensor:
    """Return the cross-entropy of every answer token in nats, (B, L), with gradients.

    Parameters
    ----------
    model
        A causal language model, in whatever mode it is.
    batch
        Rows of ``collate``.
    outputs
        What ``forward(model, batch)`` returned, where it is at hand.

    Notes
    -----
    0 where ``answer_labels(batch)`` is -100. The mean loss of a batch is therefore
    ``token_losses(...).sum() / (answer_labels(batch) != -100).sum()``.
    """
    labels = answer_labels(batch)
    logits = (forward(model, batch) if outputs is None else outputs).logits
    learned = labels != -100
    losses = F.cross_entropy(logits[learned].float(), labels[learned], reduction="none")
    return torch.zeros(labels.shape, device=losses.device).masked_scatter(learned, losses)


def answer_perplexities(
    model, rows: Rows, numbers: Sequence[int], max_tokens: int = PIECE_TOKENS
) -> Iterator[dict[int, torch.Tensor]]:
    """Yield, batch by batch, the perplexity of every answer token, by row number.

    Parameters
    ----------
    model
        A causal language model; it is read in evaluation mode.
    rows, numbers
        Training rows, and which of them.
    max_tokens
        Padded tokens of one batch.

    Yields
    ------
    dict of int to torch.Tensor
        ``exp(CE) = 1 / p(token | prompt and true answer before it)``, float32 on the CPU, for
        the answer's tokens and its end of turn.
    """
    texts = [rows.encoded(i)[0] for i in numbers]
    with evaluating(model):
        for group in batches_by_length(texts, len(texts), max_tokens):
            part = [numbers[at] for at in group]
            batch = rows.batch(part).to(next(model.parameters()).device)
            losses = token_losses(model, batch).cpu()  # (B, L), answers at the right
            yield {i: losses[r, -rows.n_answer_tokens(i) :].exp() for r, i in enumerate(part)}
