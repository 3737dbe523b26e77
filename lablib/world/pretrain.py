"""Pre-train ``mini`` on the world: ``python -m lablib.world.pretrain --out data/models/mini``.

The text is generated as it is needed, in chunks that depend only on the seed and the chunk's
number, so that a stopped training goes on (``--resume``) to the same weights, and its
first steps can be done again and compared (``--check 200``).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from lablib.runtime import versions
from lablib.world import tokenizer as world_tokenizer
from lablib.world.corpus import texts


@dataclass(frozen=True)
class Recipe:
    """All that decides what ``mini`` becomes."""

    steps: int = 20_480
    batch_size: int = 64  # texts
    # (step, learning rate) of the corners of the schedule, straight lines between them
    rates: tuple[tuple[int, float], ...] = (
        (0, 0.0),
        (300, 3e-3),
        (9001, 3e-3),
        (16_512, 4.9633e-4),
        (16_513, 1.2e-3),
        (20_480, 0.0),
    )
    weight_decay: float = 0.05
    clip: float = 1.0  # norm of the gradient
    prompt_weight: float = 0.2  # weight of a prompt token's loss; an answer's is 1
    parts: tuple[int, ...] = (
        5056,
        9024,
        12032,
        16512,
    )  # steps at which the next part of the world begins
    short_weight: float = 8.0  # from the second part on, an answer's token weighs
    # 1 + short_weight / tokens of the answer: a sum has only two that matter
    vocabulary: int = 2048  # tokens
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    intermediate: int = 384
    seed: int = 0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step (from 1)."""
        for (left, low), (right, high) in itertools.pairwise(self.rates):
            if step <= right:
                return low + (high - low) * (step - left) / (right - left)
        return self.rates[-1][1]


CHUNK = 64  # batches; texts of one chunk are sorted by length, so that little is padded


def build_model(recipe: Recipe) -> LlamaForCausalLM:
    """Return the untrained model."""
    config = LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return LlamaForCausalLM(config)


def build_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """Return the tokenizer, trained on texts of its own seed."""
    return world_tokenizer.train(texts(recipe.seed + 1, 60_000), recipe.vocabulary)


def batches(tokenizer, recipe: Recipe, start: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (ids, weights) of every step after ``start``, both (B, T), padded on the right."""
    assistant = tokenizer.convert_tokens_to_ids(world_tokenizer.ASSISTANT)
    for chunk in range(start // CHUNK, math.ceil(recipe.steps / CHUNK)):
        seed = recipe.seed * 1_000_003 + 1000 + chunk
        part = sum(chunk * CHUNK >= first for first in recipe.parts)
        chosen = texts(seed, CHUNK * recipe.batch_size, part)
        rendered = [world_tokenizer.render(text) for text in chosen]
        rows = sorted(tokenizer(rendered).input_ids, key=len)
        groups = [rows[i : i + recipe.batch_size] for i in range(0, len(rows), recipe.batch_size)]
        random.Random(seed).shuffle(groups)
        skip = start % CHUNK if chunk == start // CHUNK else 0
        for group in groups[skip:]:
            width = len(max(group, key=len))
            ids = torch.zeros(len(group), width, dtype=torch.long)  # (B, T)
            weights = torch.zeros(len(group), width)
            for i, row in enumerate(group):
                ids[i, : len(row)] = torch.tensor(row)
                start_of_answer = row.index(assistant) + 1 if assistant in row else 0
                weights[i, :start_of_answer] = recipe.prompt_weight
                n_answer = len(row) - start_of_answer
                weights[i, start_of_answer : len(row)] = (
                    1.0 + recipe.short_weight / n_answer if part else 1.0
                )
            yield ids, weights


def loss_of(model, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean cross-entropy, in nats per token."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]  # (B, T-1, V)
    losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    weights = weights[:, 1:].flatten()
    return (losses * weights).sum() / weights.sum()


class Trainer:
    """The state of a pre-training: model, optimizer, step, log."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast | None = None):
        self.recipe = recipe
        self.tokenizer = tokenizer or build_tokenizer(recipe)
        self.model = build_model(recipe)
        # gains of the norms and the embedding are not decayed
        decayed, free = [], []
        for name, parameter in self.model.named_parameters():
            (free if parameter.ndim < 2 or "embed" in name else decayed).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed}, {"params": free, "weight_decay": 0.0}],
            lr=recipe.rates[1][1],
            betas=(0.9, 0.98),
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.step = 0
        self.seconds = 0.0
        self.log: list[tuple[int, float]] = []

    def train(self, until: int) -> Iterator[tuple[int, float]]:
        """Do steps up to and including ``until``; yield (step, loss) of each."""
        self.model.train()
        for ids, weights in batches(self.tokenizer, self.recipe, self.step):
            if self.step >= until:
                return
            started = time.perf_counter()
            self.step += 1
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate(self.step)
            loss = loss_of(self.model, ids, weights)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
            self.optimizer.step()
            value = loss.item()
            self.seconds += time.perf_counter() - started
            if self.step <= 200 or self.step % 50 == 0:
                self.log.append((self.step, round(value, 5)))
            yield self.step, value

    def save(self, folder: Path) -> None:
        """Write a checkpoint that ``load`` continues from."""
        part = folder.with_name(folder.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(part)
        state = self.optimizer.state_dict()["state"]
        tensors = {f"{i}.{key}": value for i, slot in state.items() for key, value in slot.items()}
        save_file(tensors, part / "optimizer.safetensors")
        (part / "state.json").write_text(
            json.dumps({"step": self.step, "seconds": self.seconds, "log": self.log})
        )
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        self.model.tie_weights()
        saved = self.optimizer.state_dict()
        saved["state"] = {}
        for name, value in load_file(folder / "optimizer.safetensors").items():
            index, key = name.split(".", 1)
            saved["state"].setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(saved)
        state = json.loads((folder / "state.json").read_text())
        self.step, self.seconds = state["step"], state["seconds"]
        self.log = [tuple(entry) for entry in state["log"]]

    def export(self, folder: Path) -> None:
        """Write the model as it is used: weights, config, tokenizer, log."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        world_tokenizer.save(self.tokenizer, folder)
        log = {
            "recipe": asdict(self.recipe),
            "threads": torch.get_num_threads(),
            "step": self.step,
            "seconds": round(self.seconds),
            "versions": versions(),
            "losses": self.log,
        }
        text = json.dumps(log, indent=1)
        # one loss a line
        text = re.sub(r"\[\s+(\d+),\s+([\d.e-]+)\s+\]", r"[\1, \2]", text)
        (folder / "training_log.json").write_text(text + "\n")
        (folder / "model.safetensors").chmod(0o644)


def check(out: Path, steps: int, recipe: Recipe | None = None) -> float:
    """Do the first steps again and return the largest difference to the committed log's losses."""
    log = json.loads((out / "training_log.json").read_text())
    recipe = recipe or Recipe(**log["recipe"])
    logged = {step: loss for step, loss in log["losses"]}
    trainer = Trainer(recipe)
    return max(abs(loss - logged[step]) for step, loss in trainer.train(min(200, steps)))


def main() -> None:
    """Run the pre-training, or check its first steps."""
    parser = argparse.ArgumentParser(prog="python -m lablib.world.pretrain", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/models/mini"))
    parser.add_argument("--work", type=Path, default=Path("build/mini"), help="checkpoints")
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=int, default=1000, help="steps")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--check", type=int, metavar="N", help="redo the first N steps, compare")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.check:
        print(f"largest difference of a loss: {check(args.out, args.check):.6f}")
        return
    trainer = Trainer(Recipe(steps=args.steps))
    if args.resume and (args.work / "state.json").exists():
        trainer.load(args.work)
    for step, loss in trainer.train(args.steps):
        if step % 100 == 0:
            print(f"step {step}  loss {loss:.4f}  {trainer.seconds:.0f} s", flush=True)
        if step % args.save_every == 0:
            trainer.save(args.work)
    trainer.export(args.out)


if __name__ == "__main__":
    main()
