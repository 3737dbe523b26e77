"""Prompts that a model has read once, and everything that may follow from there.

Reading the prompt is most of the cost of a short question. A ``Prefix`` keeps the keys and
values of a batch of prompts, so that the answer is generated and all its candidates are
weighed without reading the prompt again.

B rows, T tokens of the padded prompts, V vocabulary.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch.nn import functional as F

from lablib.models.encode import left_pad, position_ids

# Padded prompt tokens of one batch: bounds memory, and how long Stop has to wait.
MAX_TOKENS = 2048
PIECE_TOKENS = 512  # tokens read in one forward: large enough to be efficient, small for memory
GPU_TIMES = 8  # a GPU waits for its orders with so little to do, and has the memory for more


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

    def select(self, rows: torch.Tensor) -> Prefix:
        """Return the given rows (repeats allowed) with a cache of their own."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        for layer in cache.layers:
            layer.batch_select_indices(rows)
        return Prefix(self.mask[rows], cache, self.logits[rows])

    def joinable(self) -> bool:
        """Return True if the cache is nothing but keys and values of every position."""
        width = self.mask.shape[1]
        keys = (getattr(layer, "keys", None) for layer in self.cache.layers)
        return all(k is not None and k.shape[-2] == width for k in keys)


def join(prefixes: Sequence[Prefix]) -> Prefix:
    """Return prefixes as one batch, the shorter ones padded on the left."""
    widest = max(prefixes, key=lambda prefix: prefix.mask.shape[1])
    gaps = [widest.mask.shape[1] - prefix.mask.shape[1] for prefix in prefixes]
    cache = copy.copy(widest.cache)
    cache.layers = [copy.copy(layer) for layer in widest.cache.layers]
    for number, layer in enumerate(cache.layers):
        parts = [prefix.cache.layers[number] for prefix in prefixes]
        layer.keys = torch.cat(
            [F.pad(p.keys, (0, 0, gap, 0)) for p, gap in zip(parts, gaps, strict=True)]
        )
        layer.values = torch.cat(
            [F.pad(p.values, (0, 0, gap, 0)) for p, gap in zip(parts, gaps, strict=True)]
        )
    masks = [F.pad(p.mask, (gap, 0)) for p, gap in zip(prefixes, gaps, strict=True)]
    return Prefix(torch.cat(masks), cache, torch.cat([p.logits for p in prefixes]))


def feed(
    model, prefix: Prefix, ids: torch.Tensor, mask: torch.Tensor, logits_to_keep: int = 0
) -> tuple[Prefix, torch.Tensor]:
    """Let the model read more tokens after ``prefix`` (whose cache is used up by this).

    Parameters
    ----------
    model
        A causal language model with a key-value cache.
    prefix
        What was read before.
    ids, mask
        The tokens (B, N) and which of them are real, 1 or 0. The new prefix can only be fed
        again if every row's last token is real.
    logits_to_keep
        Give the logits after so many of the last tokens; 0 for all.

    Returns
    -------
    tuple
        The longer prefix, and the logits (B, N, V).
    """
    whole = torch.cat([prefix.mask, mask], dim=1)
    outputs = model(
        input_ids=ids,
        attention_mask=whole,
        position_ids=position_ids(whole)[:, -ids.shape[1] :],
        past_key_values=prefix.cache,
        use_cache=True,
        logits_to_keep=logits_to_keep,
    )
    return Prefix(whole, outputs.past_key_values, outputs.logits[:, -1]), outputs.logits


def read(model, rows: Sequence[Sequence[int]], pad_id: int) -> Prefix:
    """Let the model read a batch of prompts, every token once and little padding.

    What all prompts begin with (the template's header) is read for one row only, and rows of
    different length are read in pieces and then joined: on short questions both together
    save a third of the work.
    """
    n_shared = _n_shared(rows) if _bears_gaps(model, max(map(len, rows))) else 0
    with evaluating(model):
        shared = _read(model, [rows[0][:n_shared]], pad_id)[0] if n_shared else None

        def read_piece(numbers: Sequence[int]) -> Prefix:
            rest = [rows[i][n_shared:] for i in numbers]
            if shared is None:
                return _read(model, rest, pad_id)[0]
            ids, mask = (part.to(model.device) for part in left_pad(rest, pad_id))
            copies = shared.select(torch.zeros(len(rest), dtype=torch.long, device=ids.device))
            return feed(model, copies, ids, mask, logits_to_keep=1)[0]

        pieces = batches_by_length(rows, len(rows), at_once(model, PIECE_TOKENS))
        if len(pieces) == 1:
            return read_piece(range(len(rows)))
        first = read_piece(pieces[0])
        if not first.joinable():
            return read_piece(range(len(rows)))
        whole = join([first, *map(read_piece, pieces[1:])])
        order = [i for piece in pieces for i in piece]
        if order == sorted(order):
            return whole
        return whole.select(torch.tensor(order, device=whole.mask.device).argsort())


def _bears_gaps(model, width: int) -> bool:
    """False if padding between what is shared and the rest would count as tokens.

    It does where a layer looks back over so many places, and where positions are places: MPT.
    """
    config = model.config
    window = getattr(config, "sliding_window", None) or getattr(config, "window_size", None)
    return getattr(config, "model_type", "") != "mpt" and (not window or width <= window)


def _n_shared(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with; each keeps at least one of its own."""
    if len(rows) == 1:
        return 0
    first, last = min(rows), max(rows)  # in order of the tokens: all others lie between
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return min(sum(1 for _ in same), min(map(len, rows)) - 1)


def read_text(model, rows: Sequence[Sequence[int]], pad_id: int) -> tuple[Prefix, list[float]]:
    """Let the model read plain texts; also return how much each surprised it.

    Returns
    -------
    tuple
        The prefix, and for each text the summed -log p (nats) of its tokens after the first.
        That takes the logits of every token: keep such batches small.
    """
    with evaluating(model):
        prefix, ids, logits = _read(model, rows, pad_id, logits_to_keep=0)
        scored = (prefix.mask[:, :-1] * prefix.mask[:, 1:]).bool()
        losses = F.cross_entropy(
            logits[:, :-1][scored].float(), ids[:, 1:][scored], reduction="none"
        )
        by_place = torch.zeros(scored.shape, dtype=torch.double, device=ids.device)
    return prefix, by_place.masked_scatter(scored, losses.double()).sum(-1).tolist()


def _read(model, rows, pad_id: int, logits_to_keep: int = 1):
    ids, mask = (part.to(model.device) for part in left_pad(rows, pad_id))
    outputs = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position_ids(mask),
        use_cache=True,
        logits_to_keep=logits_to_keep,
    )
    cache = getattr(outputs, "past_key_values", None)
    if cache is None:
        raise ValueError(
            f"{type(model).__name__} keeps no keys and values of what it has read, without which "
            "it cannot be measured here: choose a model that does, as Llama, Qwen or GPT-2 do."
        )
    return Prefix(mask, cache, outputs.logits[:, -1]), ids, outputs.logits


def reach(model) -> int:
    """Return how many tokens a model can read; ``sys.maxsize`` if its config names no limit."""
    return getattr(model.config, "max_position_embeddings", None) or sys.maxsize


def check_room(model, rows: Sequence[Sequence[int]], n_new: int) -> None:
    """Raise a ValueError in words if a prompt and its answer exceed what the model can read."""
    limit = reach(model)
    longest = max((len(row) for row in rows), default=0)
    if longest + n_new > limit:
        longer = "answer" if n_new > longest else "prompt"
        raise ValueError(
            f"The prompt takes {longest:,} tokens and its answer up to {n_new}; this model reads "
            f"at most {limit:,} in all: shorten the {longer}."
        )


def at_once(model, n: int) -> int:
    """Return how much a model reads at once where its CPU would read ``n`` rows or tokens."""
    return n * GPU_TIMES if model.device.type == "cuda" else n


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
