"""From text to token ids and back into batches, the same way for every model.

A conversation of one user turn is rendered with the tokenizer's chat template, up to and
including the assistant's header; the answer follows it and ends with the end-of-turn token.
Prompt and answer are tokenized apart, so that training, generation and likelihood see
exactly the same prompt ids. Tokenizers are told ``verbose=False``: what is too long is cut or
refused here, in words of our own.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lablib.controls import Batch

# Our template for models that come without one (base models such as GPT-2).
PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}Assistant: {{ message['content'] }}{{ eos_token }}\n"
    "{% else %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)

_MARK = "Lethe9mark"  # stands for a turn's content while a template is taken apart


@dataclass(frozen=True)
class Frame:
    """What a chat template puts round the two turns of a one-question conversation."""

    head: tuple[int, ...]  # tokens before the user's text
    tail: tuple[int, ...]  # tokens between it and the answer
    lead: str  # between the assistant's header and the answer, e.g. " "
    end_id: int  # the token that ends the answer

    @property
    def n_head(self) -> int:
        """How many tokens stand before the user's text."""
        return len(self.head)


_frames: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def frame(tokenizer) -> Frame:
    """Return the frame of ``tokenizer``'s chat template (worked out once per template)."""
    known = _frames.get(tokenizer)
    if known is None or known[0] != tokenizer.chat_template:
        known = (tokenizer.chat_template, _take_apart(tokenizer))
        _frames[tokenizer] = known
    return known[1]


def has_own_template(tokenizer) -> bool:
    """Return True if the tokenizer came with a chat template: the model was taught to chat."""
    return not tokenizer.chat_template.endswith(PLAIN_TEMPLATE)


def _take_apart(tokenizer) -> Frame:
    question = {"role": "user", "content": _MARK}
    prompt = _render(tokenizer, _MARK)
    whole = tokenizer.apply_chat_template(
        [question, {"role": "assistant", "content": _MARK}], tokenize=False
    )
    head, _, between = prompt.partition(_MARK)
    lead, end_ids = "", []
    if whole.startswith(prompt) and _MARK in whole[len(prompt) :]:
        lead, _, tail = whole[len(prompt) :].partition(_MARK)
        end_ids = _ids(tokenizer, tail)
    # Only the end-of-turn token itself: line breaks after it belong to the next turn. A
    # template that rewrites old turns, or ends them with plain text, gets the end of text.
    marked = end_ids and end_ids[0] in tokenizer.all_special_ids
    end_id = end_ids[0] if marked else tokenizer.eos_token_id
    if lead.startswith(" ") and tokenizer.tokenize("a")[0].startswith("▁"):
        lead = lead[1:]  # SentencePiece adds the space by itself
    return Frame(tuple(_ids(tokenizer, head)), tuple(_ids(tokenizer, between)), lead, end_id)


def _render(tokenizer, prompt: str) -> str:
    turn = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)


def _ids(tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] if text else []


def encode_prompts(
    tokenizer, prompts: Sequence[str], chat: bool | Sequence[bool] = True
) -> list[list[int]]:
    """Return the ids of each prompt, up to and including the assistant's header.

    Parameters
    ----------
    tokenizer
        A tokenizer with a chat template.
    prompts
        What the user says; with ``chat=False`` plain text to be continued.
    chat
        One flag for all prompts or one per prompt.

    Raises
    ------
    ValueError
        If a text to be continued is empty.
    """
    flags = [chat] * len(prompts) if isinstance(chat, bool) else list(chat)
    texts = [
        _render(tokenizer, prompt) if as_chat else prompt
        for prompt, as_chat in zip(prompts, flags, strict=True)
    ]
    rows = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    for i, as_chat in enumerate(flags):
        if not as_chat:
            # Plain text gets what the model was pre-trained with, e.g. a begin-of-text token.
            rows[i] = tokenizer(prompts[i], verbose=False)["input_ids"]
            if rows[i] and rows[i][-1] == tokenizer.eos_token_id:
                rows[i] = rows[i][:-1]
        if not rows[i]:
            raise ValueError("The text to continue is empty: type at least one word.")
    return rows


def encode_prompt(tokenizer, prompt: str, chat: bool = True) -> list[int]:
    """Return the ids of one prompt; see ``encode_prompts``."""
    return encode_prompts(tokenizer, [prompt], chat)[0]


def encode_completions(
    tokenizer, completions: Sequence[str], chat: bool | Sequence[bool] = True
) -> list[list[int]]:
    """Return the ids of each completion as it follows its prompt, without an end of turn.

    With ``chat=False`` a completion is parted from its prompt by one space, unless it
    begins with white space or punctuation.
    """
    flags = [chat] * len(completions) if isinstance(chat, bool) else list(chat)
    lead = frame(tokenizer).lead
    space = "" if tokenizer.tokenize("a")[0].startswith("▁") else " "
    texts = [
        (lead if as_chat else space if text[:1].isalnum() else "") + text
        for text, as_chat in zip(completions, flags, strict=True)
    ]
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []


def stop_ids(model, tokenizer) -> frozenset[int]:
    """Return every token that ends an answer: end of turn, end of text, the model's own list."""
    listed = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    listed = [] if listed is None else [listed] if isinstance(listed, int) else list(listed)
    return frozenset([tokenizer.eos_token_id, frame(tokenizer).end_id, *listed])


def encode_row(tokenizer, prompt: str, completion: str, max_length: int) -> tuple[list[int], int]:
    """Return a training row: its ids and how many of them are prompt.

    The completion includes the end-of-turn token. A row longer than ``max_length`` tokens
    loses the beginning of the user's text; its answer and the template stay whole.

    Raises
    ------
    ValueError
        If the answer alone does not fit in ``max_length`` tokens.
    """
    return encode_rows(tokenizer, [prompt], [completion], max_length)[0]


def encode_rows(
    tokenizer, prompts: Sequence[str], completions: Sequence[str], max_length: int
) -> list[tuple[list[int], int]]:
    """Return several training rows, in half the time that one by one they would take.

    See ``encode_row``; the error does not say which row it was.
    """
    rows, end = [], [frame(tokenizer).end_id]
    encoded = zip(
        encode_prompts(tokenizer, prompts), encode_completions(tokenizer, completions), strict=True
    )
    for i, (prompt_ids, answer_ids) in enumerate(encoded):
        answer_ids = answer_ids + end
        prompt_ids = shortened(tokenizer, prompt_ids, max_length - len(answer_ids))
        if len(prompt_ids) + len(answer_ids) > max_length:
            raise ValueError(
                f"The answer {completions[i][:40]!r}… takes {len(answer_ids)} tokens and does not "
                f"fit in a row of {max_length} with the chat template: raise max_length "
                "(--max-length) or shorten the answer."
            )
        rows.append((prompt_ids + answer_ids, len(prompt_ids)))
    return rows


def shortened(tokenizer, prompt_ids: list[int], room: int) -> list[int]:
    """Return a prompt's ids without the beginning of the user's text, to take ``room`` tokens.

    The template stays whole, even where it takes more than that.
    """
    excess = len(prompt_ids) - room
    if excess <= 0:
        return prompt_ids
    n_head, n_fixed = frame(tokenizer).n_head, len(encode_prompt(tokenizer, ""))
    excess = min(excess, len(prompt_ids) - n_fixed)
    return prompt_ids[:n_head] + prompt_ids[n_head + excess :]


def left_pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids (B, T) padded on the left and the attention mask (B, T)."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(width) >= (width - lengths)[:, None]).long()
    return ids, mask


def position_ids(attention_mask: torch.Tensor) -> torch.Tensor:
    """Return each token's position counted from its row's first real token, (B, T).

    Without these a left-padded GPT-2 silently reads the wrong position embeddings.
    """
    return (attention_mask.cumsum(-1) - 1).clamp(min=0)


def collate(
    tokenizer,
    rows: Sequence[tuple[list[int], int]],
    example_ids: Sequence[int],
    is_general: Sequence[bool],
) -> Batch:
    """Return rows of ``encode_row`` as one left-padded batch with labels on the answers."""
    ids, mask = left_pad([ids for ids, _ in rows], tokenizer.pad_token_id)
    n_answer = torch.tensor([len(ids) - n_prompt for ids, n_prompt in rows])
    is_answer = torch.arange(ids.shape[1]) >= (ids.shape[1] - n_answer)[:, None]
    return Batch(
        input_ids=ids,
        attention_mask=mask,
        labels=ids.masked_fill(~is_answer, -100),
        example_ids=torch.tensor(list(example_ids), dtype=torch.long),
        is_general=torch.tensor(list(is_general), dtype=torch.bool),
    )
