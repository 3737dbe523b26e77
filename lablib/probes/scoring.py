"""Scoring many probes at once: every prompt is read once, then answered and weighed.

Items of all probes share the batches, since sixty short prompts cost little more than ten.
Each batch is read into a ``Prefix``; the candidates branch off it (*knows*), the greedy
answer continues it (*says*) until the probe's rule is decided.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lablib.events import Progress, Score
from lablib.models.encode import encode_prompts
from lablib.models.generate import complete
from lablib.models.likelihood import encode_candidates, weigh
from lablib.models.packed import packed
from lablib.models.prefix import (
    MAX_TOKENS,
    at_once,
    batches_by_length,
    check_room,
    read,
    read_text,
)

if TYPE_CHECKING:
    from lablib.probes.base import Item, Probe

BATCH_SIZE = 64  # items read together
TEXT_TOKENS = 512  # tokens of plain text read together: all their logits are needed
TIE = 1e-6  # nats; closer than that, two candidates count as equally likely


@dataclass
class Outcome:
    """What came out for one item."""

    item: Item
    says: int = 0
    knows: int = 0
    nats: float = 0.0  # plain text only: summed -log p of the text with its right ending
    n_bytes: int = 0  # plain text only: UTF-8 bytes that these nats are spread over


def iter_score_all(
    probes: Sequence[Probe], model, tokenizer, split: str = "full"
) -> Iterator[Progress | tuple[str, Score]]:
    """Score all probes together: ``Progress`` after each part, then (name, ``Score``) of each.

    Parameters
    ----------
    probes
        The probes, each scored on all its items.
    model, tokenizer
        The model as it is now, left as it was found.
    split
        ``"full"`` or ``"quick"``.
    """
    asked = [(probe, item) for probe in probes for item in probe.items(split)]
    items = [item for _, item in asked]
    chat = [item.chat for item in items]
    prompts = encode_prompts(tokenizer, [item.prompt for item in items], chat)
    candidates = encode_candidates(tokenizer, [item.candidates for item in items], chat)
    # The right answer's own length in this model's tokens, and room for words round it.
    room = [
        len(listed[0]) + probe.slack for listed, (probe, _) in zip(candidates, asked, strict=True)
    ]
    longest = max((len(ids) for listed in candidates for ids in listed), default=0)
    check_room(model, prompts, max([longest, *room]))

    found = [Outcome(item) for item in items]
    done = 0
    yield Progress("probing", 0, len(items))
    with packed(model):
        for batch in _batches(model, prompts, chat):
            plain = not chat[batch[0]]
            rows = [prompts[i] for i in batch]
            if plain:
                prefix, nats = read_text(model, rows, tokenizer.pad_token_id)
            else:
                prefix, nats = read(model, rows, tokenizer.pad_token_id), [0.0] * len(rows)
            yield Progress("probing", done, len(items))  # a place to stop
            listed = [candidates[i] for i in batch]
            for i, n, logprobs in zip(
                batch, nats, weigh(model, prefix, listed, only_likeliest=not plain), strict=True
            ):
                found[i].knows = ranks_first(items[i], logprobs)
                if plain:
                    found[i].nats = n - logprobs[0]
                    found[i].n_bytes = _scored_bytes(tokenizer, items[i], prompts[i])
            yield Progress("probing", done, len(items))  # a place to stop
            texts = complete(
                model,
                tokenizer,
                prefix,
                [room[i] for i in batch],
                lambda at, text, batch=batch: asked[batch[at]][0].decided(items[batch[at]], text),
            )
            for i, text in zip(batch, texts, strict=True):
                found[i].says = int(asked[i][0].says(items[i], text))
            done += len(batch)
            yield Progress("probing", done, len(items))
    start = 0
    for probe in probes:
        n = len(probe.items(split))
        yield probe.name, sum_up(probe, found[start : start + n])
        start += n


def sum_up(probe: Probe, outcomes: Sequence[Outcome]) -> Score:
    """Return the score that the outcomes of all items of a probe make."""
    n = len(outcomes)
    return Score(
        says=sum(o.says for o in outcomes) / n,
        knows=sum(o.knows for o in outcomes) / n,
        n=n,
        says_outcomes=tuple(o.says for o in outcomes),
        knows_outcomes=tuple(o.knows for o in outcomes),
        extra=probe.extra(outcomes),
    )


def _batches(model, prompts: Sequence[Sequence[int]], chat: Sequence[bool]) -> Iterator[list[int]]:
    """Item numbers in batches; plain text goes apart from questions."""
    for wanted, max_tokens in ((True, MAX_TOKENS), (False, TEXT_TOKENS)):
        numbers = [i for i, flag in enumerate(chat) if flag == wanted]
        rows = [prompts[i] for i in numbers]
        for batch in batches_by_length(
            rows, at_once(model, BATCH_SIZE), at_once(model, max_tokens)
        ):
            yield [numbers[at] for at in batch]


def _scored_bytes(tokenizer, item: Item, ids: Sequence[int]) -> int:
    """Bytes of a sentence, less those of its first token, which nothing could predict."""
    first = tokenizer.decode(ids[:1], skip_special_tokens=True)
    return len((item.prompt + item.answer).encode()) - len(first.encode())


def ranks_first(item: Item, logprobs: Sequence[float]) -> int:
    """Return 1 if the right candidate is the likeliest, else 0.

    Ties are broken by a draw that depends on the item alone, so that a model to which all
    candidates are alike scores chance, and the same model always scores the same.
    """
    if not all(math.isfinite(value) for value in logprobs):
        return 0  # a model that training has blown up knows nothing
    best = max(logprobs)
    tied = [i for i, value in enumerate(logprobs) if best - value <= TIE]
    return int(random.Random(item.id).choice(tied) == 0)
