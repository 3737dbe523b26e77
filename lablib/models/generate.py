"""Greedy generation, batched, with a key-value cache.

Always greedy and always plain: whatever sampling, repetition penalty or default length a
model's generation config asks for is ignored, so that one rule holds for every model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from lablib.models.encode import encode_prompts, shortened, stop_ids
from lablib.models.packed import packed
from lablib.models.prefix import (
    MAX_TOKENS,
    Prefix,
    at_once,
    batches_by_length,
    check_room,
    evaluating,
    feed,
    read,
)

CHECK_EVERY = 2  # after the first token, every second: is the answer already decided?


def complete(
    model,
    tokenizer,
    prefix: Prefix,
    max_new_tokens: Sequence[int],
    decided: Callable[[int, str], bool] | None = None,
) -> list[str]:
    """Return the greedy completion of every row of ``prefix``.

    Parameters
    ----------
    model, tokenizer
        The model that read ``prefix``, and its tokenizer.
    prefix
        The prompts; left untouched, so that it can be used again.
    max_new_tokens
        The most tokens each row may generate.
    decided
        Called with the row number and its text so far; True ends the row early.
    """
    ends = stop_ids(model, tokenizer)
    written: list[list[int]] = [[] for _ in max_new_tokens]
    texts = [""] * len(written)
    rows = list(range(len(written)))  # the rows still being written
    now = prefix.select(torch.arange(len(rows), device=prefix.mask.device))
    with evaluating(model):
        for n in range(1, max(max_new_tokens, default=0) + 1):
            tokens = now.logits.argmax(-1)
            alive = []
            for at, (row, token) in enumerate(zip(rows, tokens.tolist(), strict=True)):
                if token not in ends:
                    written[row].append(token)
                    if n < max_new_tokens[row]:
                        alive.append(at)
            if decided and (n == 1 or n % CHECK_EVERY == 0):
                _decode(tokenizer, written, texts, [rows[at] for at in alive])
                alive = [at for at in alive if not decided(rows[at], texts[rows[at]])]
            if not alive:
                break
            if len(alive) < len(rows):
                keep = torch.tensor(alive, device=tokens.device)
                now, tokens, rows = now.select(keep), tokens[keep], [rows[at] for at in alive]
            now, _ = feed(model, now, tokens[:, None], torch.ones_like(tokens)[:, None])
    _decode(tokenizer, written, texts, range(len(written)))
    return texts


def _decode(tokenizer, written, texts, rows) -> None:
    for row in rows:
        texts[row] = tokenizer.decode(
            written[row], skip_special_tokens=True, clean_up_tokenization_spaces=False
        ).strip()


def iter_generate(
    model,
    tokenizer,
    prompts: Sequence[str],
    *,
    chat: bool | Sequence[bool] = True,
    max_new_tokens: int = 24,
    batch_size: int = 64,
    room: Sequence[int] | None = None,
) -> Iterator[list[tuple[int, str]]]:
    """Yield the greedy answers batch by batch, as (number of the prompt, text).

    Parameters
    ----------
    model, tokenizer
        A causal language model and its tokenizer.
    prompts
        What the user says, or with ``chat=False`` text to be continued.
    chat
        One flag for all prompts or one per prompt.
    max_new_tokens
        The most tokens an answer may have.
    batch_size
        The most prompts generated together; long prompts are batched in smaller numbers.
    room
        The most tokens of each prompt; a longer one loses the beginning of the user's text, as
        a training row does.

    Raises
    ------
    ValueError
        If a prompt is longer than the model can read.
    """
    rows = encode_prompts(tokenizer, prompts, chat)
    if room is not None:
        rows = [shortened(tokenizer, row, n) for row, n in zip(rows, room, strict=True)]
    check_room(model, rows, max_new_tokens)
    with packed(model):
        for batch in batches_by_length(rows, batch_size, at_once(model, MAX_TOKENS)):
            prefix = read(model, [rows[i] for i in batch], tokenizer.pad_token_id)
            texts = complete(model, tokenizer, prefix, [max_new_tokens] * len(batch))
            yield list(zip(batch, texts, strict=True))


def generate(model, tokenizer, prompts: Sequence[str], **options) -> list[str]:
    """Return the greedy answer to each prompt; options as in ``iter_generate``."""
    answers = [""] * len(prompts)
    for batch in iter_generate(model, tokenizer, prompts, **options):
        for i, text in batch:
            answers[i] = text
    return answers
