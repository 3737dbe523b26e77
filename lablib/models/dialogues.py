"""What a model says when nobody has asked it anything: dialogues with itself, or plain text.

A chat model is given its template up to the place of the user's text and writes the question
as well (*pre-query generation*, Xu et al. 2024, "Magpie", arXiv 2406.08464), until the
template's next part begins; then it answers. A base model, which never saw a template,
writes text from its beginning-of-text token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lablib import runtime
from lablib.models.encode import encode_prompts, frame, has_own_template, stop_ids
from lablib.models.sample import Sampled, iter_sample


@dataclass(frozen=True)
class Dialogue:
    """One question and answer, or one plain text (then ``prompt`` is empty)."""

    prompt: str
    completion: str
    ids: tuple[int, ...]  # as they were read and written, template and end included
    n_prompt: int  # how many of them the model was given, or wrote as the user
    asked: bool  # False: the question had not ended when the room was used up
    ended: bool  # False: the answer was cut off when the room was used up


def iter_dialogues(
    model,
    tokenizer,
    n: int,
    *,
    seed: int,
    prompts: Sequence[str] | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 96,
    batch_size: int = 32,
) -> Iterator[list[Dialogue]]:
    """Yield ``n`` dialogues batch by batch; an empty list between question and answer.

    Parameters
    ----------
    model, tokenizer
        A causal language model and its tokenizer.
    n : int
        How many, unfinished ones included.
    seed : int
        Of everything that is drawn.
    prompts : sequence of str, optional
        Questions to be answered, ``n`` of them, instead of the model's own.
    temperature, top_p : float
        See ``sample.distribution``.
    max_new_tokens : int
        Most tokens of a question, and most of an answer.
    batch_size : int
        Dialogues written together.
    """
    for number, start in enumerate(range(0, n, batch_size)):
        size = min(batch_size, n - start)
        options = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "batch_size": size,
        }
        asked = [True] * size
        if prompts is not None:
            questions = list(prompts[start : start + size])
            beginnings = encode_prompts(tokenizer, questions)
        elif has_own_template(tokenizer):
            head, tail = list(frame(tokenizer).head), list(frame(tokenizer).tail)
            own = _written(
                model, tokenizer, [head] * size, {tail[0]}, seed, "questions", number, options
            )
            asked = [sampled.end == tail[0] for sampled in own]
            beginnings = [[*head, *sampled.ids, *tail] for sampled in own]
            questions = [_text(tokenizer, sampled.ids) for sampled in own]
            yield []
        else:
            bos = tokenizer.bos_token_id
            beginnings = [[tokenizer.eos_token_id if bos is None else bos]] * size
            questions = [""] * size
        open_ = [i for i in range(size) if asked[i]]
        written = _written(
            model, tokenizer, [beginnings[i] for i in open_], (), seed, "answers", number, options
        )
        answers = [Sampled((), None)] * size  # a question that never ended is not answered
        for i, answer in zip(open_, written, strict=True):
            answers[i] = answer
        yield [
            Dialogue(
                question,
                _text(tokenizer, answer.ids),
                (*beginning, *answer.ids, *(() if answer.end is None else (answer.end,))),
                len(beginning),
                was_asked,
                answer.end is not None,
            )
            for question, was_asked, beginning, answer in zip(
                questions, asked, beginnings, answers, strict=True
            )
        ]


def _written(model, tokenizer, beginnings, ends, seed, what, number, options):
    """What the model writes after each beginning, up to one of ``ends`` or an end of turn."""
    found = {}
    for batch in iter_sample(
        model,
        tokenizer,
        beginnings,
        ends={*ends, *stop_ids(model, tokenizer)},
        seed=runtime.derive_seed(seed, what, number),
        **options,
    ):
        found |= dict(batch)
    return [found[i] for i in range(len(beginnings))]


def _text(tokenizer, ids: Sequence[int]) -> str:
    return tokenizer.decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
    ).strip()
