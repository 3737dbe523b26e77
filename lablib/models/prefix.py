"""Prompts that a model has read once, and everything that may follow from there.

Reading the prompt is most of the cost of a short question. A ``Prefix`` keeps the keys and
values of a batch of prompts, so that the answer is generated and all its candidates are
weighed without reading the prompt again.

B rows, T tokens of the padded prompts, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lablib.models.encode import left_pad, position_ids

# Padded prompt tokens read in one forward: bounds memory, and how long Stop has to wait.
MAX_TOKENS = 2048


@contextmanager
def evaluating(model) -> Iterator[None]:
    """Switch dropout off and gradients off for a block; leave every module as it was found."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


@dataclass
class Prefix:
    """A batch of prompts as the model has read them."""

    mask: torch.Tensor  # (B, T), 0 at padding
    cache: object  # keys and values, a transformers Cache
    logits: torch.Tensor  # (B, V), for the token after each prompt
    nats: torch.Tensor | None = None  # (B,), surprise at the prompt itself, where asked for

    def select(self, rows: torch.Tensor) -> Prefix:
        """Return the given rows (repeats allowed) with a cache of their own."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        for layer in cache.layers:
            layer.batch_select_indices(rows)
        return Prefix(self.mask[rows], cache, self.logits[rows])


def feed(model, prefix: Prefix, ids: torch.Tensor, mask: torch.Tensor) -> tuple[Prefix, object]:
    """Let the model read more tokens after ``prefix`` (whose cache is used up by this).

    Parameters
    ----------
    model
        A causal language model with a key-value cache.
    prefix
        What was read before.
    ids, mask
        The tokens (B, N) and which of them are real, 1 or 0, padded on the right.

    Returns
    -------
    tuple
        The longer prefix, and the logits after each of the new tokens (B, N, V).
    """
    whole = torch.cat([prefix.mask, mask], dim=1)
    outputs = model(
        input_ids=ids,
        attention_mask=whole,
        position_ids=position_ids(whole)[:, -ids.shape[1] :],
        past_key_values=prefix.cache,
        use_cache=True,
    )
    return Prefix(whole, outputs.past_key_values, outputs.logits[:, -1]), outputs.logits


def read(model, rows: Sequence[Sequence[int]], pad_id: int, surprise: bool = False) -> Prefix:
    """Let the model read a batch of prompts once.

    With ``surprise`` the prefix also holds the summed -log p of each prompt's tokens after
    its first, which needs the logits of all of them: keep such batches small.
    """
    ids, mask = left_pad(rows, pad_id)
    ids, mask = ids.to(model.device), mask.to(model.device)
    with evaluating(model):
        outputs = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position_ids(mask),
            use_cache=True,
            logits_to_keep=0 if surprise else 1,  # 0 means all
        )
        prefix = Prefix(mask, outputs.past_key_values, outputs.logits[:, -1])
        if surprise:
            scored = (mask[:, :-1] * mask[:, 1:]).bool()
            losses = F.cross_entropy(
                outputs.logits[:, :-1][scored].float(), ids[:, 1:][scored], reduction="none"
            )
            by_place = torch.zeros(scored.shape, dtype=torch.double, device=ids.device)
            prefix.nats = by_place.masked_scatter(scored, losses.double()).sum(-1)
    return prefix


def check_room(model, rows: Sequence[Sequence[int]], n_new: int) -> None:
    """Raise a ValueError in words if a prompt and its answer exceed what the model can read."""
    limit = getattr(model.config, "max_position_embeddings", None)
    longest = max((len(row) for row in rows), default=0)
    if limit and longest + n_new > limit:
        raise ValueError(
            f"The prompt takes {longest:,} tokens and its answer up to {n_new}; this model reads "
            f"at most {limit:,} in all: shorten the prompt."
        )


def batches_by_length(
    rows: Sequence[Sequence[int]], batch_size: int, max_tokens: int = MAX_TOKENS
) -> list[list[int]]:
    """Return row numbers in batches of similar length, longest first, to waste little on padding.

    Longest first, so that memory peaks in the first batch rather than in the last.
    """
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    batches: list[list[int]] = []
    for i in order:
        fits = batches and len(batches[-1]) < batch_size
        if fits and (len(batches[-1]) + 1) * len(rows[batches[-1][0]]) <= max_tokens:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches
