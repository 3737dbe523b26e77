"""The smallest things a run needs: a random model, a byte tokenizer, a task, a probe.

A whole run on these takes a fraction of a second, and nothing is loaded from anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from lablib import models as lethe_models
from lablib.methods import make
from lablib.probes.base import Item, Probe
from lablib.tasks.base import Row, Task
from lablib.train import Run, TrainConfig

SPECIAL = ("<|end|>", "<|pad|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
GENERAL = tuple(Row(f"Count to {n}.", " ".join(map(str, range(1, n + 1)))) for n in range(1, 6))


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and four special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet])}
    bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        extra_special_tokens=["<|user|>", "<|assistant|>"],
    )
    made.chat_template = TEMPLATE
    return made


def model(seed: int = 0, dropout: float = 0.0, width: int = 32) -> LlamaForCausalLM:
    """Two layers of a small width, tied embeddings, random weights."""
    config = LlamaConfig(
        vocab_size=260,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        attention_dropout=dropout,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


def gpt2(folder: Path) -> Path:
    """Save a GPT-2 with random weights and without a chat template; return its folder.

    It has the words of mini, so that rows are as long as there.
    """
    config = GPT2Config(
        vocab_size=2048, n_positions=512, n_embd=32, n_layer=2, n_head=2,
        bos_token_id=3, eos_token_id=3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    words = lethe_models.load("mini").tokenizer
    words.chat_template = None
    words.save_pretrained(folder)
    return folder


def collate(rows):
    """Return encoded rows as a batch of task rows."""
    return lethe_models.collate(tokenizer(), rows, range(len(rows)), [False] * len(rows))


class Letters(Task):
    """Answer every number with letters in a rigid form."""

    name: ClassVar[str] = "letters"
    summary: ClassVar[str] = "numbers answered by letters"

    def rows(self, split: str) -> tuple[Row, ...]:
        """Forty training rows, eight in the other splits."""
        start, n = {"train": (0, 40), "validation": (40, 8), "test": (48, 8)}.get(split, (56, 8))
        return tuple(
            Row(f"Item {i}?", f"#{chr(97 + i % 26)}{chr(97 + i // 26)}")
            for i in range(start, start + n)
        )


class Digits(Letters):
    """A second task: the numbers backwards."""

    name: ClassVar[str] = "digits"

    def rows(self, split: str) -> tuple[Row, ...]:
        """The same questions with other answers."""
        return tuple(Row(row.prompt, row.prompt[5:-1][::-1]) for row in super().rows(split))


class Vowels(Probe):
    """Does a random model prefer one letter to another? Six items, four of them quick."""

    name: ClassVar[str] = "vowels"
    summary: ClassVar[str] = "which vowel"

    def items(self, split: str = "full") -> tuple[Item, ...]:
        """Fixed questions."""
        items = tuple(Item(f"vowels-{i}", f"Vowel {i}?", ("aeiou"[i % 5], "y")) for i in range(6))
        return items if split == "full" else items[:4]

    def says(self, item: Item, completion: str) -> bool:
        """Begins with the vowel."""
        return completion.startswith(item.answer)


def config(**settings) -> TrainConfig:
    """A run of ten steps of four rows."""
    return TrainConfig(**{"lr": 3e-3, "batch_size": 4, "task_test_rows": 4} | settings)


def run(
    *, of=None, tasks=None, method="full", settings=None, general=GENERAL, probes=None, **options
) -> Run:
    """Return a run on a fresh tiny model; ``of`` is another model, the rest goes to Run."""
    run_options = {
        name: options.pop(name)
        for name in ("controls", "watch", "base_scores", "snapshot_folder", "name", "digest")
        if name in options
    }
    return Run(
        model() if of is None else of,
        tokenizer(),
        tasks or [Letters()],
        make(method, settings),
        config(**options),
        [Vowels()] if probes is None else probes,
        general,
        **run_options,
    )
