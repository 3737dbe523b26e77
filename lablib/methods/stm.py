"""Selective token masking: do not learn the words that surprise the base model most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from lablib import models, runtime
from lablib.controls import Batch
from lablib.events import Progress
from lablib.methods.base import Method, mask_weights, setting
from lablib.models import Rows

PAPER = "Wu et al., NeurIPS 2025, arXiv 2501.14315"
TABLES = "0.21 to 0.24 in the authors' tables, at threshold 2.5"


@dataclass(frozen=True)
class ScoredToken:
    """An answer token as the base sees it."""

    text: str
    perplexity: float  # 1 / p0(token | what stands before it), at least 1
    masked: bool  # True: not learned


@dataclass
class STM(Method):
    """Selective token masking: leave the answer tokens that surprise the base out of the loss.

    Before training the frozen base reads every answer ``y`` after its prompt ``x`` and gives
    each token its perplexity ``ppl_t = exp(CE_t) = 1 / p0(y_t | x, y_<t)``.

    Notes
    -----
    ``L = -sum_t k_t log p(y_t | x, y_<t) / sum_t k_t`` over the answer tokens of the batch,
    ``k_t = 1[ppl_t <= tau]`` (the paper's objective). A masked token is still read; only its
    loss is gone. ``rule="threshold"``: ``tau`` is given. ``rule="quantile"``: of the task's
    ``n`` answer tokens, in all rows that the run may train on, the ``round(share n)`` most
    surprising are masked. A threshold does not carry over between models: 2.5 masks 21-24% on
    Gemma-2 and Llama-3, but Qwen2.5 needs about 1.02 for as much (the authors' tables).

    The mean is over the tokens *kept*: with a share ``s`` masked each weighs ``1 / (1 - s)`` of
    what it does in plain fine-tuning. AdamW's step hardly depends on the gradient's scale, but
    clipping does; and general rows, never masked, get more of the loss than the mix ratio
    says. A batch with nothing to learn has loss 0.

    The end of turn is kept unless ``end="scored"``, or the model may not learn to stop.
    Controls: ``mask="random"`` and ``"low"`` (least surprising) mask in each row as many tokens
    as ``"high"`` does, without replacement; the authors' random control draws with replacement
    from the whole row, prompt included, and so masks fewer.

    References
    ----------
    Wu et al., "Mitigating Forgetting in LLM Fine-Tuning via Low-Perplexity Token Learning",
    NeurIPS 2025, arXiv 2501.14315; tables: the CSV files of the authors' repository.
    """

    name: ClassVar[str] = "stm"
    summary: ClassVar[str] = "selective token masking: words that surprise the base are not learned"

    rule: str = setting(
        "quantile", label="Rule of the mask", choices=("quantile", "threshold"), source=PAPER
    )
    share: float = setting(
        0.22, label="Masked share", unit="of tokens", low=0.0, high=1.0, live=True, source=TABLES
    )
    threshold: float = setting(
        2.5,
        label="Masked from this perplexity on",
        unit="ppl",
        low=1.0,
        high=1e6,
        live=True,
        log=True,
        source=PAPER,
    )
    mask: str = setting(
        "high", label="Which tokens are masked", choices=("high", "random", "low"), source=PAPER
    )
    end: str = setting(
        "kept", label="The end of an answer", choices=("kept", "scored"), source="our choice"
    )

    perplexities_ = ()  # by task a dict from row number to (answer tokens,)
    kept_ = ()  # the same, True where a token is learned
    thresholds_ = ()  # by task, in perplexity
    task_ = seed_ = 0

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Let the base score the answers of all tasks: one forward pass over the rows used."""
        self.seed_, self.perplexities_ = seed, []
        for number, rows in enumerate(tasks):
            found: dict[int, torch.Tensor] = {}
            for part in models.answer_perplexities(base, rows, rows.used):
                found |= part
                yield Progress(f"scoring tokens of task {number + 1}", len(found), len(rows.used))
            self.perplexities_.append(dict(sorted(found.items())))
        self._set_masks()

    def begin_task(self, model: nn.Module, number: int) -> None:
        """Use the masks of task ``number`` from now on."""
        self.task_ = number

    def token_weights(self, batch: Batch) -> torch.Tensor:
        """Return 0 for masked tokens and 1 for all others, (B, L).

        General rows, and rows that the run does not train on, are learned whole.
        """
        return mask_weights(batch, self.kept_[self.task_])

    def change(self, name: str, value: Any) -> None:
        """Set a hyper-parameter during the run, and mask anew."""
        super().change(name, value)
        self._set_masks()

    def scored_tokens(self, tokenizer, rows: Rows, i: int, task: int = 0) -> list[ScoredToken]:
        """Return the answer tokens of row ``i`` of a task with perplexity and mask, for display."""
        ids, n_prompt = rows.encoded(i)
        scored = (ids[n_prompt:], self.perplexities_[task][i].tolist(), self.kept_[task][i])
        return [
            ScoredToken(tokenizer.decode([token]), perplexity, not kept)
            for token, perplexity, kept in zip(*scored, strict=True)
        ]

    def masked_share(self, task: int = 0) -> float:
        """Return which share of the answer tokens of a task is masked."""
        return 1 - torch.cat(list(self.kept_[task].values())).float().mean().item()

    def _set_masks(self) -> None:
        self.thresholds_ = [self._threshold(found) for found in self.perplexities_]
        self.kept_ = []
        for number, found in enumerate(self.perplexities_):
            tau, generator = self.thresholds_[number], runtime.generator(self.seed_, number)
            self.kept_.append({i: self._keep(p, tau, generator) for i, p in found.items()})

    def _maskable(self, row: torch.Tensor) -> torch.Tensor:
        return row if self.end == "scored" else row[:-1]  # the last one is the end of turn

    def _threshold(self, found: dict[int, torch.Tensor]) -> float:
        ranked = torch.cat([self._maskable(p) for p in found.values()]).sort(descending=True)[0]
        n = round(self.share * sum(map(len, found.values())))
        by_share = ranked[n].item() if n < len(ranked) else -math.inf
        return self.threshold if self.rule == "threshold" else by_share

    def _keep(self, row: torch.Tensor, threshold: float, generator) -> torch.Tensor:
        scored, kept = self._maskable(row), torch.ones(len(row), dtype=torch.bool)
        n = int((scored > threshold).sum())
        order = scored.argsort(descending=self.mask == "high", stable=True)
        if self.mask == "random":
            order = torch.randperm(len(scored), generator=generator)
        kept[order[:n]] = False
        return kept
