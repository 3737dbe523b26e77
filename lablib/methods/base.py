"""A method is a way of fine-tuning: a dataclass with hooks that the loop calls by name.

Each hook takes what it needs and returns a value; none sees the run. A hook is added here
the day its first method needs it (the planned names and their order are in CONTRIBUTING.md).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import nn

from lablib import models
from lablib.controls import Batch


@dataclass
class Method:
    """Fine-tune all weights with cross-entropy on the answer tokens; subclasses change a hook.

    Fields of a subclass are its hyper-parameters. Each carries ``metadata`` with ``unit``,
    ``low``, ``high``, ``source`` and, if it may be changed during a run, ``live=True``; the
    dashboard builds its sliders from these. What is learned from data ends in ``_``.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def default_lr(self, n_parameters: int) -> float:
        """Return the learning rate this method starts with on a model of this size."""
        raise NotImplementedError

    def optimizer(self, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """Return the optimizer for the trainable parameters; AdamW unless a method says else."""
        trainable = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.AdamW(trainable, lr=lr, weight_decay=weight_decay, fused=True)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Return the training loss of a batch; the mean over its answer tokens unless changed.

        Returns
        -------
        torch.Tensor
            A scalar in nats per answer token, with gradients.
        """
        losses = models.token_losses(model, batch)  # (B, L), 0 where nothing is learned
        return losses.sum() / (batch.labels != -100).sum()

    def settings(self) -> dict[str, Any]:
        """Return the hyper-parameters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}
