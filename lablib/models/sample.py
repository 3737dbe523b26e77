"""Ancestral sampling, batched, with a key-value cache: what would the model write by itself?

Every row has random numbers of its own, one a token, drawn from its own seed. The same seed
therefore gives the same text whatever the batch size, as far as the logits are the same: a
batch of another shape may round them differently in the last digit, which changes a token
only where a random number falls within that digit of the border between two tokens (about
once in a million tokens).

B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch

from lablib import runtime
from lablib.models.prefix import batches_by_length, check_room, evaluating, feed, read


@dataclass(frozen=True)
class Sampled:
    """What a model wrote after a beginning."""

    ids: tuple[int, ...]  # without the token that ended it
    end: int | None  # the token that ended it; None if there was no room left


def distribution(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Return the probabilities that tokens are drawn with, (B, V), float64.

    Notes
    -----
    ``softmax(logits / temperature)``, cut down to the nucleus: the fewest likeliest tokens that
    have together at least ``top_p``, renormalized. ``temperature=1, top_p=1`` is the model's
    own distribution; anything less is sharper than the model.
    """
    probabilities = (logits.double() / temperature).softmax(-1)
    if top_p < 1:
        ranked, tokens = probabilities.sort(-1, descending=True)
        outside = ranked.cumsum(-1) - ranked >= top_p  # those before it suffice
        ranked = ranked.masked_fill(outside, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, tokens, ranked)
    return probabilities / probabilities.sum(-1, keepdim=True)


def draw(probabilities: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Return a token for each row, (B,): the first whose cumulated probability exceeds ``u``.

    Parameters
    ----------
    probabilities : torch.Tensor
        (B, V).
    uniform : torch.Tensor
        (B,), uniform on [0, 1).
    """
    cumulated = probabilities.cumsum(-1)
    target = (uniform * cumulated[:, -1])[:, None]  # the sum is 1 but for rounding
    tokens = torch.searchsorted(cumulated, target, right=True)[:, 0]
    return tokens.clamp(max=probabilities.shape[-1] - 1)


def iter_sample(
    model,
    tokenizer,
    beginnings: Sequence[Sequence[int]],
    *,
    ends: Collection[int],
    seed: int,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    batch_size: int = 32,
) -> Iterator[list[tuple[int, Sampled]]]:
    """Yield what the model writes after each beginning, batch by batch, as (number, Sampled).

    Parameters
    ----------
    model, tokenizer
        A causal language model and its tokenizer.
    beginnings : sequence of token ids
        Prompts (``encode_prompts``) or any other tokens, at least one in each.
    ends : collection of int
        Tokens that end a text.
    seed : int
        Row ``i`` draws from a generator of its own, for (seed, i).
    max_new_tokens : int
        Most tokens written.
    temperature, top_p : float
        See ``distribution``.
    batch_size : int
        Most rows written together.

    Raises
    ------
    ValueError
        If a beginning is longer than the model can read.
    """
    check_room(model, beginnings, max_new_tokens)
    for numbers in batches_by_length(beginnings, batch_size):
        uniform = torch.stack(
            [
                torch.rand(
                    max_new_tokens, generator=runtime.generator(seed, "text", i), dtype=torch.double
                )
                for i in numbers
            ]
        )
        now = read(model, [beginnings[i] for i in numbers], tokenizer.pad_token_id)
        written: list[list[int]] = [[] for _ in numbers]
        ended: list[int | None] = [None] * len(numbers)
        rows = list(range(len(numbers)))  # those still being written
        with evaluating(model):
            for n in range(max_new_tokens):
                chances = distribution(now.logits, temperature, top_p)
                tokens = draw(chances, uniform[rows, n].to(chances.device))
                alive = []
                for at, (row, token) in enumerate(zip(rows, tokens.tolist(), strict=True)):
                    if token in ends:
                        ended[row] = token
                    else:
                        written[row].append(token)
                        alive.append(at)
                if not alive or n == max_new_tokens - 1:
                    break
                if len(alive) < len(rows):
                    keep = torch.tensor(alive, device=tokens.device)
                    now, tokens, rows = now.select(keep), tokens[keep], [rows[at] for at in alive]
                now, _ = feed(model, now, tokens[:, None], torch.ones_like(tokens)[:, None])
        sampled = [Sampled(tuple(ids), end) for ids, end in zip(written, ended, strict=True)]
        yield list(zip(numbers, sampled, strict=True))


def sample(model, tokenizer, beginnings: Sequence[Sequence[int]], **options) -> list[Sampled]:
    """Return what the model writes after each beginning; options as in ``iter_sample``."""
    found: list[Sampled | None] = [None] * len(beginnings)
    for batch in iter_sample(model, tokenizer, beginnings, **options):
        for i, sampled in batch:
            found[i] = sampled
    return found
