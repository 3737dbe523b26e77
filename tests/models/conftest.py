"""Tiny random models with a tokenizer of their own: nothing is loaded from anywhere."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

TEXT = [
    "What is the capital of France? The capital of France is Paris.",
    "Add 12 and 30. The answer is 42. Repeat the word lamp. Give me a list, please.",
    "User: a question. Assistant: an answer. Rome, Berlin, Madrid and Lisbon are capitals.",
]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tiny_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 400 tokens."""
    special = ["<|end|>", "<|pad|>", "<|user|>", "<|assistant|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXT, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        extra_special_tokens=["<|user|>", "<|assistant|>"],
    )
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(family: str) -> LlamaForCausalLM | GPT2LMHeadModel:
    """A random model of two layers; weights large enough that no two answers tie."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if family == "llama":
            model = LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=400,
                    hidden_size=32,
                    intermediate_size=64,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    max_position_embeddings=128,
                    bos_token_id=None,
                    eos_token_id=0,
                    pad_token_id=1,
                    attention_dropout=0.1,
                    initializer_range=0.3,
                )
            )
        else:
            model = GPT2LMHeadModel(
                GPT2Config(
                    vocab_size=400,
                    n_embd=32,
                    n_layer=2,
                    n_head=4,
                    n_positions=128,
                    bos_token_id=0,
                    eos_token_id=0,
                    pad_token_id=1,
                    initializer_range=0.3,
                )
            )
    return model.eval()


@pytest.fixture(scope="session")
def tokenizer():
    """The tiny tokenizer with a chat template like mini's."""
    return tiny_tokenizer()


@pytest.fixture(scope="session", params=["llama", "gpt2"])
def model(request):
    """A tiny random model of each family."""
    return tiny_model(request.param)


@pytest.fixture(scope="session")
def make_tokenizer():
    """``make_tokenizer(template)``: the tiny tokenizer with another chat template."""
    return tiny_tokenizer
