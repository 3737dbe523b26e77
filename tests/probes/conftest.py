"""A tokenizer made of the probes' own words, and a model that answers from a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from lablib.models.encode import encode_completions, encode_prompt
from lablib.probes import PROBES

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE in which the items' answers are short."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000,
        special_tokens=["<|end|>", "<|pad|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    items = [item for probe in PROBES.values() for item in probe().items()]
    bpe.train_from_iterator([t for i in items for t in (i.prompt, *i.candidates)], trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        extra_special_tokens=["<|user|>", "<|assistant|>"],
    )
    made.chat_template = TEMPLATE
    return made


class Layer:
    """Keeps the tokens themselves where a real cache keeps keys and values."""

    def __init__(self, ids):
        self.ids = ids

    def batch_select_indices(self, rows):
        self.ids = self.ids[rows]


class TableModel(torch.nn.Module):
    """After every beginning of a known row, its next token is all but certain."""

    def __init__(self, rows, vocabulary, pad_id):
        super().__init__()
        self.next = {tuple(row[:n]): row[n] for row in rows for n in range(1, len(row))}
        self.vocabulary, self.pad_id = vocabulary, pad_id
        self.config = SimpleNamespace(max_position_embeddings=512)
        self.device = torch.device("cpu")

    def forward(
        self,
        input_ids,
        attention_mask,
        position_ids,
        use_cache,
        past_key_values=None,
        logits_to_keep=0,
    ):
        before = past_key_values.layers[0].ids if past_key_values else input_ids[:, :0]
        ids = torch.cat([before, input_ids], dim=1)
        logits = torch.zeros(*input_ids.shape, self.vocabulary)
        for row, whole in enumerate(ids):
            for at in range(input_ids.shape[1]):
                seen = whole[: before.shape[1] + at + 1][
                    attention_mask[row, : before.shape[1] + at + 1] > 0
                ]
                if tuple(seen.tolist()) in self.next:
                    logits[row, at, self.next[tuple(seen.tolist())]] = 20.0
        return SimpleNamespace(
            logits=logits[:, -logits_to_keep:],
            past_key_values=SimpleNamespace(layers=[Layer(ids)]),
        )


@pytest.fixture(scope="session")
def table_model(tokenizer):
    """``table_model(probe, answer)``: a model that gives ``answer(item)`` to every item."""

    def make(probe, answer):
        rows = []
        for item in probe.items():
            prompt = encode_prompt(tokenizer, item.prompt, item.chat)
            given = encode_completions(tokenizer, [answer(item)], item.chat)[0]
            rows.append([*prompt, *given, tokenizer.eos_token_id])
        return TableModel(rows, len(tokenizer), tokenizer.pad_token_id)

    return make
