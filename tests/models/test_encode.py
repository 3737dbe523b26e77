"""Encoding: the template's frame, the end of turn, truncation, padding, labels."""

from __future__ import annotations

import pytest
import torch
from transformers import tokenization_utils_base

from lablib.models import Rows, collate, encode_prompt, encode_row, position_ids
from lablib.models.encode import PLAIN_TEMPLATE, encode_completions, encode_rows
from lablib.tasks import Row


def test_prompt_ends_with_the_assistants_header(tokenizer):
    ids = encode_prompt(tokenizer, "Lamp?")
    assert tokenizer.decode(ids) == "<|user|>Lamp?<|assistant|>"
    assert tokenizer.decode(encode_prompt(tokenizer, "Lamp?", chat=False)) == "Lamp?"


@pytest.mark.parametrize("template", ["mini", "plain"])
def test_row_equals_the_rendered_conversation(tokenizer, make_tokenizer, template):
    if template == "plain":
        tokenizer = make_tokenizer(PLAIN_TEMPLATE)
    ids, n_prompt = encode_row(tokenizer, "Lamp?", "The lamp", 64)
    whole = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Lamp?"}, {"role": "assistant", "content": "The lamp"}],
        tokenize=False,
    )
    assert tokenizer.decode(ids) == whole.rstrip("\n")
    assert ids[:n_prompt] == encode_prompt(tokenizer, "Lamp?")
    assert ids[-1] == tokenizer.eos_token_id


def test_changing_the_template_is_noticed(make_tokenizer):
    tokenizer = make_tokenizer()
    encode_row(tokenizer, "Lamp?", "lamp", 64)
    tokenizer.chat_template = PLAIN_TEMPLATE
    ids, n_prompt = encode_row(tokenizer, "Lamp?", "lamp", 64)
    assert tokenizer.decode(ids[n_prompt:]) == " lamp<|end|>"


def test_plain_continuations_are_parted_by_one_space(tokenizer):
    rows = encode_completions(tokenizer, ["Paris", " Paris", ", Paris"], chat=False)
    assert [tokenizer.decode(row) for row in rows] == [" Paris", " Paris", ", Paris"]


def test_a_long_row_loses_only_the_beginning_of_the_users_text(tokenizer):
    prompt = "start " + "lamp " * 60 + "the question"
    ids, n_prompt = encode_row(tokenizer, prompt, "a whole answer", 40)
    assert len(ids) == 40
    text = tokenizer.decode(ids)
    assert text.startswith("<|user|>") and "start" not in text
    assert text.endswith("the question<|assistant|>a whole answer<|end|>")
    assert tokenizer.decode(ids[n_prompt:]) == "a whole answer<|end|>"


def test_an_answer_that_does_not_fit_is_refused_in_words(tokenizer):
    with pytest.raises(ValueError, match=r"row of 8 with the chat template: raise max_length \(--"):
        encode_row(tokenizer, "Lamp?", "a rather long answer to a short question", 8)


def test_collate_pads_left_and_labels_the_answers(tokenizer):
    rows = [
        encode_row(tokenizer, "What is the capital?", "Paris", 64),
        encode_row(tokenizer, "a", "b", 64),
    ]
    batch = collate(tokenizer, rows, [7, 9], [False, True])
    short = len(rows[1][0])
    assert batch.input_ids[1, -short:].tolist() == rows[1][0]
    assert (batch.input_ids[1, :-short] == tokenizer.pad_token_id).all()
    assert batch.attention_mask.sum(1).tolist() == [len(ids) for ids, _ in rows]
    for row, (ids, n_prompt) in enumerate(rows):
        learned = batch.labels[row] != -100
        assert batch.labels[row][learned].tolist() == ids[n_prompt:]
        assert torch.equal(batch.labels[row][learned], batch.input_ids[row][learned])
    assert batch.example_ids.tolist() == [7, 9] and batch.is_general.tolist() == [False, True]


def test_positions_count_from_the_first_real_token():
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    assert position_ids(mask).tolist() == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]


def test_rows_encoded_together_are_those_encoded_one_by_one(tokenizer):
    prompts = ["Lamp?", "Repeat the word lamp, please.", "so " * 60 + "long", ""]
    answers = ["lamp", " lamp, lamp.", "yes", "a"]
    together = encode_rows(tokenizer, prompts, answers, 64)
    assert together == [
        encode_row(tokenizer, p, a, 64) for p, a in zip(prompts, answers, strict=True)
    ]
    with pytest.raises(ValueError, match=r"does not fit in a row of 8"):
        encode_rows(tokenizer, prompts, ["word " * 40] * 4, 8)


def test_prompts_that_lose_their_beginning_are_counted_once(tokenizer):
    texts = ["lamp", "lamp " * 60, "lamp", "lamp " * 90]
    rows = Rows([Row(text, "yes") for text in texts], tokenizer, 40)
    whole = Rows(rows.rows, tokenizer, len(rows.encoded(0)[0]))  # the short ones just fit
    for each in (rows, rows, whole):
        list(each.prepare("lamps"))
        assert each.cut == {1, 3}


def test_transformers_says_nothing_of_long_texts(make_tokenizer, monkeypatch):
    said = []
    monkeypatch.setattr(tokenization_utils_base.logger, "warning", lambda *a, **_: said.append(a))
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 4
    encode_row(tokenizer, "a prompt of many words " * 3, "an answer of many words", 128)
    encode_prompt(tokenizer, "a text of many words " * 3, chat=False)
    assert not said
