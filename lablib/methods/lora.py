"""LoRA: the old weights are frozen; a low-rank update beside each of them is learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from lablib import models
from lablib.methods.base import SMALL, Method, setting
from lablib.models import lazily

LARGE = 1_000_000_000  # parameters; from here on the published rates are used


@dataclass
class LoRA(Method):
    """Low-rank adaptation, through ``peft``.

    Parameters
    ----------
    rank : int
        Inner dimension ``r`` of the update.
    alpha : float
        Numerator of its scale.
    dropout : float
        Share of the adapter's inputs that are dropped in training.
    targets : str
        Which layers get an adapter; see ``models.target_modules``.
    rslora, dora : bool
        Variants, below.
    embeddings : bool
        Train the embeddings as well, whole and not by an adapter. Needed where the task has
        tokens that the model has never seen: an adapter moves what goes into the output layer,
        not that layer's rows. Both tables, where input and output have one each.
    per_task : bool
        False: one adapter, carried on through all tasks. True: each task gets a fresh adapter
        atop the earlier ones, which stay active and are frozen.

    Raises
    ------
    ValueError
        For ``dora`` with ``per_task``: DoRA rescales whole weights, so a second adapter would
        rescale what the first has learned instead of adding to it.

    Notes
    -----
    Layer as implemented: ``h = W x + s B A dropout(x)``, ``A`` (r, in) drawn as peft does
    (Kaiming uniform, a = sqrt 5), ``B`` (out, r) zero, so that the first output is the base's;
    ``s = alpha / r`` (arXiv 2106.09685, section 4.1). ``rslora``: ``s = alpha / sqrt(r)``
    (arXiv 2312.03732, theorem 3.2). ``dora``: the weight is ``m (W + s B A) / ||W + s B A||``, norm
    over the inputs of each output, ``m`` learned from ``||W||`` (arXiv 2402.09353, equation 5).

    The paper adapts queries and values only and sets alpha to the first rank tried; adapting all
    linear layers with alpha = 2 r is the advice of arXiv 2405.09673.
    """

    name: ClassVar[str] = "lora"
    summary: ClassVar[str] = "LoRA: the old weights are frozen, a low-rank update is learned"
    decides: ClassVar[str] = "weights"
    trains_all: ClassVar[bool] = False

    rank: int = setting(
        16,
        label="Rank of the update",
        unit="dimensions",
        source="16 to 64 in arXiv 2405.09673 and 2305.14314",
        low=1,
        high=256,
    )
    alpha: float = setting(
        32.0,
        label="Alpha, the numerator of its scale",
        source="twice the rank: arXiv 2405.09673",
        low=1.0,
        high=512.0,
    )
    dropout: float = setting(
        0.0,
        label="Dropout",
        unit="share of inputs",
        source="0 in arXiv 2405.09673, 0.05 to 0.1 in arXiv 2305.14314",
        low=0.0,
        high=0.9,
    )
    targets: str = setting(
        "all-linear",
        label="Layers with adapters",
        source="arXiv 2305.14314, section 4",
        choices=models.TARGETS,
    )
    rslora: bool = setting(
        False, label="rsLoRA: divide alpha by the root of the rank", source="arXiv 2312.03732"
    )
    dora: bool = setting(
        False, label="DoRA: learn size and direction apart", source="arXiv 2402.09353"
    )
    embeddings: bool = setting(False, label="Train the embeddings as well", source="docs/LOG.md")
    per_task: bool = setting(
        False,
        label="A fresh adapter for each task",
        source="two ways of sequential LoRA: arXiv 2310.14152",
    )

    def __post_init__(self):
        super().__post_init__()
        if self.dora and self.per_task:
            raise ValueError(
                "DoRA rescales whole weights, so adapters of several tasks would not add up: set "
                "either dora or per_task to false."
            )

    def default_lr(self, n_parameters: int) -> float:
        """4e-3 for models like mini, 1e-3 below a billion parameters, 2e-4 above.

        2e-4 is the QLoRA paper's for 7B (arXiv 2305.14314, appendix B). 1e-3 is ten times full
        fine-tuning's rate here, a factor of Schulman et al., "LoRA Without Regret" (2025), for
        short runs. For mini 4e-3 learns more of ``tickets`` in a run than 2e-3 (docs/LOG.md).
        """
        if n_parameters < SMALL:
            return 4e-3
        return 1e-3 if n_parameters < LARGE else 2e-4

    def wrap(self, model: nn.Module) -> nn.Module:
        """Freeze the model and put adapters on it."""
        peft = lazily.peft()
        config = peft.LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=models.target_modules(model, self.targets),
            use_rslora=self.rslora,
            use_dora=self.dora,
            fan_in_fan_out=models.is_transposed(model),
            task_type="CAUSAL_LM",
        )
        adapted = peft.get_peft_model(model, config)
        for table in (adapted.get_input_embeddings(), adapted.get_output_embeddings()):
            if table is not None:  # one and the same where they are tied
                table.requires_grad_(self.embeddings)
        return adapted

    def begin_task(self, model: nn.Module, number: int) -> None:
        """With ``per_task``, put a fresh adapter atop the earlier ones."""
        if self.per_task and number:
            models.stack_adapter(model, f"task_{number}")

    def state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return the adapters of past tasks, which are trained no more."""
        return {name: p for name, p in _adapters(model).items() if not p.requires_grad}

    @torch.no_grad()
    def load_state(self, model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
        """Give the adapters of past tasks what they had learned."""
        own = _adapters(model)
        for name, value in state.items():
            own[name].copy_(value)


def _adapters(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if ".lora_" in name}
