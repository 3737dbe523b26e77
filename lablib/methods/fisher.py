"""The diagonal of the Fisher information: how sharply each weight matters to what a model says.

Shared by the methods that hold on to important weights. What goes by
that name differs by orders of magnitude: three of the kinds here are right, one by enumeration
and two on average; two are wrong, and kept so that a learner can see by how much.

N answer tokens, V vocabulary.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lablib import models, runtime
from lablib.controls import Batch
from lablib.events import Progress
from lablib.models import Rows
from lablib.models.adapters import adapted_layers
from lablib.models.prefix import evaluating

KINDS = ("sampled", "signed", "exact", "empirical", "batch_squared")
BATCH_SIZE = 8  # rows of one backward, and between two looks at Stop
MAX_EXACT = 10_000_000  # parameters; above it one token alone would take hours
CHUNK = 2**24  # gradient entries held at once by the exact Fisher (67 MB)


def held_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights that training changes, by their names in the plain model.

    Of a model with adapters these are the adapted weights themselves: they are frozen, but
    what the adapters add to them is learned. Tied weights appear once.

    Raises
    ------
    ValueError
        If other weights are trained beside adapters: these would not be among those returned.
    """
    if models.is_adapted(model):
        if any(p.requires_grad for p in models.base_parameters(model).values()):
            raise ValueError("Only adapted weights have springs: set lora.embeddings to false.")
        return {name: layer.base_layer.weight for name, layer in adapted_layers(model)}
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def can_be_weighed(model: nn.Module) -> bool:
    """Return True if the gradients of ``held_weights`` are those of the weights in effect.

    Weights of 4 bits have none; under DoRA the weight in effect is a rescaled one.
    """
    rescaled = any(
        getattr(layer, "lora_magnitude_vector", None) for _, layer in adapted_layers(model)
    )
    return not rescaled and all(p.is_floating_point() for p in held_weights(model).values())


def moved(
    model: nn.Module, anchor: Mapping[str, torch.Tensor]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield name and ``theta - theta*`` of each held weight, float32, with gradients.

    Parameters
    ----------
    model : nn.Module
        With adapters ``theta`` is the weight and what they add to it.
    anchor : mapping of str to torch.Tensor
        ``theta*``; may be empty with adapters, where it then is the weight without them.
    """
    held = held_weights(model)
    if not models.is_adapted(model):
        yield from ((name, held[name].float() - begun) for name, begun in anchor.items())
        return
    for name, delta in models.weight_deltas(model):
        yield name, delta + (held[name].detach() - anchor[name]) if anchor else delta


def iter_diagonal(
    model: nn.Module,
    rows: Rows,
    numbers: Sequence[int],
    *,
    kind: str = "sampled",
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> Iterator[Progress]:
    """Compute the diagonal Fisher of ``held_weights(model)``, one ``Progress`` a batch.

    Parameters
    ----------
    model : nn.Module
        A causal language model; left as it was found.
    rows : Rows
        Where the contexts come from: prompts and the answers so far (teacher forcing).
    numbers : sequence of int
        Which rows.
    kind : {"sampled", "signed", "exact", "empirical", "batch_squared"}
        See Notes.
    batch_size : int
        Rows of one backward. The expectations of ``sampled`` and ``signed`` do not depend on
        it, ``batch_squared`` does; ``exact`` and ``empirical`` always take one row at a time.
    seed : int
        Of the labels that are drawn.

    Returns
    -------
    dict of str to torch.Tensor
        As the generator's return value: float32, shaped like the weights, per answer token.

    Notes
    -----
    With ``t`` over the N answer tokens of the rows (end of turn included, padding excluded),
    ``x_t`` what stands before ``t``, and ``d_i`` the derivative by weight ``i``:

    - ``exact``: ``F_i = 1/N sum_t sum_y p(y|x_t) (d_i log p(y|x_t))^2``, all V labels enumerated.
    - ``sampled``: ``F_i = 1/N sum_batches (d_i sum_t log p(y_t|x_t))^2`` with every ``y_t``
      drawn from ``p(.|x_t)``. Scores of drawn labels have mean zero and are independent of each
      other, so the square of their *sum* has the sum of their squares as its expectation: one
      backward a batch is enough, and the result is right on average [1]_.
    - ``signed``: ``F_i = 1/N sum_batches (d_i sum_t sum_y e_ty sqrt(q_ty) log p(y|x_t))^2``, where
      ``q_ty = p(y|x_t)`` is held constant and ``e_ty`` are random signs: all labels at once, and
      products of different ones vanish on average. Right on average too, and steadier where a
      model is sure of itself: there drawn labels are nearly always the likeliest one, and a rare
      other one outweighs everything else.
    - ``empirical``: the true labels instead, one row at a time. Their scores do not have mean
      zero: it measures how badly the row fits as much as how much the weight matters [2]_.
    - ``batch_squared``: ``1/B sum_b (d_i L_b)^2`` with ``L_b`` the mean loss of batch ``b``, true
      labels. Common in libraries (Avalanche's EWC); it is not the Fisher: besides the bias above,
      the mean over N_b tokens divides what is squared, so it shrinks as batches grow.

    ``KL(p_0 || p_0 + e u_i) = F_i e^2 / 2 + O(e^3)`` per answer token holds for the exact one.
    Dropout is off, gradients are not clipped, squares are added in float32.

    References
    ----------
    .. [1] Liu et al., Sophia (arXiv 2305.14342), Gauss-Newton-Bartlett estimator; van de Ven, On
       the computation of the Fisher information in continual learning (arXiv 2502.11756).
    .. [2] Kunstner, Balles, Hennig, Limitations of the empirical Fisher approximation
       (arXiv 1905.12558).
    """
    weights = _differentiable(model, kind)
    total = {name: torch.zeros_like(p, dtype=torch.float32) for name, p in weights.items()}
    size = 1 if kind in ("exact", "empirical") else batch_size
    draw = runtime.generator(seed, "Fisher labels")
    n_tokens = n_batches = 0
    for start in range(0, len(numbers), size):
        batch = rows.batch(numbers[start : start + size]).to(_device(weights))
        with evaluating(model), _gradients_for(weights, model):
            n_tokens += _add(total, model, batch, weights, kind, draw)
        n_batches += 1
        done = min(start + size, len(numbers))
        yield Progress("preparing: Fisher", done, len(numbers))
    by = n_batches if kind == "batch_squared" else n_tokens
    return {name: square / max(by, 1) for name, square in total.items()}


def diagonal(model: nn.Module, rows: Rows, numbers: Sequence[int], **options):
    """Return the diagonal Fisher; everything as in ``iter_diagonal``."""
    steps = iter_diagonal(model, rows, numbers, **options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _differentiable(model: nn.Module, kind: str) -> dict[str, nn.Parameter]:
    """The held weights, if a Fisher of this kind can be had of them."""
    weights = held_weights(model)
    if kind not in KINDS:
        raise ValueError(f"There is no Fisher of kind {kind!r}; choose one of {', '.join(KINDS)}.")
    if not weights:
        raise ValueError("The model has no weights to train: there is nothing to weigh.")
    if not can_be_weighed(model):
        raise ValueError(
            "The gradients of 4-bit and DoRA weights are not those of the weights in effect: "
            "weigh the model without them."
        )
    if kind == "exact" and sum(p.numel() for p in model.parameters()) > MAX_EXACT:
        raise ValueError(
            "The exact Fisher asks for every word of the vocabulary at every token, hours for a "
            "model of this size: choose 'sampled', which is the same on average."
        )
    return weights


def _device(weights: Mapping[str, nn.Parameter]) -> torch.device:
    return next(iter(weights.values())).device


@contextlib.contextmanager
def _gradients_for(weights: Mapping[str, nn.Parameter], model: nn.Module) -> Iterator[None]:
    """Let these weights alone have gradients for a block."""
    found = [(p, p.requires_grad) for p in model.parameters()]
    wanted = {id(p) for p in weights.values()}
    try:
        for p, _ in found:
            p.requires_grad_(id(p) in wanted)
        with torch.enable_grad():
            yield
    finally:
        for p, was in found:
            p.requires_grad_(was)


def _add(
    total: dict[str, torch.Tensor],
    model: nn.Module,
    batch: Batch,
    weights: Mapping[str, nn.Parameter],
    kind: str,
    draw: torch.Generator,
) -> int:
    """Add the squares of one batch to ``total``; return how many answer tokens it has."""
    labels = models.answer_labels(batch)
    learned = labels != -100
    if kind == "exact":
        with sdpa_kernel(SDPBackend.MATH):  # the only attention that many labels can share
            logits = models.forward(model, batch).logits[learned]  # (N, V)
            _add_every_label(total, logits.float().log_softmax(-1), weights)
        return len(logits)
    logprobs = models.forward(model, batch).logits[learned].float().log_softmax(-1)  # (N, V)
    n = len(logprobs)
    spoken = labels[learned]
    if kind == "sampled":
        spoken = torch.multinomial(logprobs.detach().exp().cpu(), 1, generator=draw)[:, 0]
    if kind == "signed":
        signs = torch.randint(2, logprobs.shape, generator=draw).to(logprobs) * 2 - 1
        loss = (signs * (logprobs.detach() / 2).exp() * logprobs).sum()
    else:
        loss = -logprobs[torch.arange(n), spoken.to(logprobs.device)].sum()
    if kind == "batch_squared":
        loss = loss / n
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    for square, gradient in zip(total.values(), found, strict=True):
        if gradient is not None:
            square.addcmul_(gradient.float(), gradient.float())
    return n


def _add_every_label(
    total: dict[str, torch.Tensor], logprobs: torch.Tensor, weights: Mapping[str, nn.Parameter]
) -> None:
    """Add ``sum_t sum_y p(y|x_t) (d log p(y|x_t))^2``."""
    flat = logprobs.flatten()  # (N * V,)
    size = max(1, CHUNK // sum(p.numel() for p in weights.values()))
    for start in range(0, len(flat), size):
        probability = flat[start : start + size].detach().exp().float()  # (C,)
        pick = torch.zeros(len(probability), len(flat), dtype=flat.dtype, device=flat.device)
        pick[range(len(probability)), range(start, start + len(probability))] = 1
        found = torch.autograd.grad(
            flat, list(weights.values()), pick, retain_graph=True, is_grads_batched=True,
            allow_unused=True,
        )  # fmt: skip
        for square, gradients in zip(total.values(), found, strict=True):  # (C, *shape)
            if gradients is not None:
                square += torch.tensordot(probability, gradients.float().square(), dims=1)


def some_rows(rows: Rows, n: int, seed: int) -> list[int]:
    """Return the numbers of at most ``n`` of the rows that may be used, drawn by ``seed``."""
    if not len(rows.used):
        raise ValueError("There are no general examples to weigh the weights on: give some.")
    order = torch.randperm(len(rows.used), generator=runtime.generator(seed, "Fisher rows"))
    return [rows.used[i] for i in order[:n].tolist()]


def mean(values: Mapping[str, torch.Tensor]) -> float:
    """Return the mean over all entries of all tensors."""
    total = sum(float(value.sum(dtype=torch.float64)) for value in values.values())
    return total / sum(value.numel() for value in values.values())


def with_mean_one(values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return ``values`` divided by their mean over all entries."""
    scale = mean(values)
    if not 0 < scale < math.inf:
        raise ValueError(f"The mean of these Fisher values is {scale}: weigh other examples.")
    return {name: value / scale for name, value in values.items()}


def shuffled(values: Mapping[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Return the same entries, each at a place drawn anew among those of the whole model."""
    flat = torch.cat([value.flatten() for value in values.values()])
    order = torch.randperm(len(flat), generator=runtime.generator(seed, "shuffled Fisher"))
    return _like(values, flat[order.to(flat.device)])


def _like(values: Mapping[str, torch.Tensor], flat: torch.Tensor) -> dict[str, torch.Tensor]:
    """Cut a flat tensor into pieces shaped like ``values``."""
    pieces = flat.split([value.numel() for value in values.values()])
    return {
        name: piece.view(value.shape)
        for (name, value), piece in zip(values.items(), pieces, strict=True)
    }


def pick(values: Mapping[str, torch.Tensor], share: float, how: str, seed: int = 0):
    """Return which weights to scramble: a mask for each, True in ``share`` of all entries.

    Parameters
    ----------
    values : mapping of str to torch.Tensor
        What the weights are ranked by: a Fisher, or their own sizes.
    share : float
        In (0, 1].
    how : {"highest", "lowest", "random"}
        The largest values, the smallest, or any. Among equals the choice is arbitrary.
    seed : int
        Of ``"random"``.
    """
    flat = torch.cat([value.detach().flatten().float().cpu() for value in values.values()])
    if how == "random":
        flat = torch.rand(len(flat), generator=runtime.generator(seed, "weights to scramble"))
    elif how not in ("highest", "lowest"):
        raise ValueError(f"Pick the highest, lowest or random weights, not {how!r}.")
    chosen = torch.zeros(len(flat), dtype=torch.bool)
    n = max(1, round(share * len(flat)))
    chosen[flat.topk(n, largest=how != "lowest").indices] = True
    return _like(values, chosen)
