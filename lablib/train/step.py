"""The gradient of one step, in one pass over the batch or in several smaller ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from lablib import runtime
from lablib.controls import Batch
from lablib.methods import Method
from lablib.models import forward


def backward(
    model: nn.Module, method: Method, batch: Batch, micro_batch_size: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Leave the gradient of a batch in the parameters; return loss and penalty, detached.

    Parameters
    ----------
    model, method, batch
        The model in training mode, its gradients cleared; how it is trained; rows on its device.
    micro_batch_size : int, optional
        Rows of one pass forward and backward; all of them by default. Fewer need less memory
        for activations and more time.

    Notes
    -----
    ``L = sum_i (W_i / W) (loss_i + penalty_i)`` over the micro-batches ``i``, with ``W_i``
    their ``Method.total_weight`` and ``W`` its sum. This is the loss of the whole batch, also
    where answers differ in length, which the mean of the micro-batches' losses is not; a penalty
    that does not depend on the rows counts once. Dropout is drawn for each micro-batch.
    """
    loss, penalty = torch.zeros(2, device=batch.labels.device)
    for part, share in _parts(method, batch, micro_batch_size):
        with runtime.autocast(batch.labels.device):
            outputs = forward(model, part)
            own = method.loss(model, part, outputs)
        extra = method.penalty(model, part, outputs)
        (share * (own if extra is None else own + extra)).backward()
        loss = loss + share * own.detach()
        if extra is not None:
            penalty = penalty + share * extra.detach()
    return loss, penalty


def _parts(
    method: Method, batch: Batch, size: int | None
) -> Iterator[tuple[Batch, float | torch.Tensor]]:
    """The micro-batches, and the share of the loss that each has."""
    n_rows = len(batch.example_ids)
    if size is None or size >= n_rows:
        yield batch, 1.0
        return
    parts = [batch.rows(start, start + size) for start in range(0, n_rows, size)]
    weights = torch.stack([method.total_weight(part) for part in parts]).float()
    shares = weights / weights.sum()
    # A batch of which nothing is learned has loss 0, and its penalty counts all the same.
    yield from zip(parts, shares.nan_to_num(1 / len(parts)), strict=True)
