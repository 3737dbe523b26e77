"""The tokenizer of mini: digits one by one, a chat template, nothing lost."""

import pytest
from transformers import AutoTokenizer

from lablib.runtime import data_folder
from lablib.world import texts
from lablib.world.text import Text
from lablib.world.tokenizer import render, train
from lablib.world.words import NOUNS


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(data_folder() / "models" / "mini")


def test_digits_are_split(tokenizer):
    assert [t.strip("Ġ") for t in tokenizer.tokenize("What is 47 + 138?")][2:] == (
        ["", "4", "7", "+", "", "1", "3", "8", "?"]
    )


def test_decoding_gives_the_text_back(tokenizer):
    for text in ("Ünïcode, 12 + 3 = 15\n- a\n- b", *(t.completion for t in texts(9, 200))):
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_chat_template_is_what_training_used(tokenizer):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert whole == render(Text("Hi", "Yes", "")) == "<|user|>Hi<|assistant|>Yes<|end|>"
    header = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    assert header == "<|user|>Hi<|assistant|>"


def test_special_tokens(tokenizer):
    assert tokenizer.eos_token == "<|end|>" and tokenizer.pad_token == "<|pad|>"
    for token in ("<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"):
        assert len(tokenizer(token).input_ids) == 1


def test_nouns_are_whole_words(tokenizer):
    whole = [len(tokenizer(f" {noun}").input_ids) == 1 for noun in NOUNS]
    assert sum(whole) / len(whole) > 0.95


def test_training_it_again_gives_the_same_tokens():
    def tokens():
        return train(texts(1, 2000), 600).get_vocab()

    assert tokens() == tokens()
