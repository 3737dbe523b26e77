"""Where the memory of a training step goes, predicted and measured; what rounding to 4 bits costs.

Four parts: weights, gradients, optimizer states, and the activations that the backward pass
needs. Bytes throughout; a megabyte is 10^6 of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass

import torch
from torch import nn

from lablib import models, runtime
from lablib.controls import Batch
from lablib.methods.base import Method
from lablib.methods.full import Full
from lablib.methods.lora import LoRA
from lablib.methods.qlora import QLoRA
from lablib.models.quantize import linear_names


@dataclass(frozen=True)
class Memory:
    """Bytes by part."""

    weights: int  # of the model and its adapters, with the scales of weights of 4 bits
    gradients: int  # of the trainable weights
    optimizer: int  # its states
    activations: int  # tensors kept from the forward pass for the backward pass

    @property
    def total(self) -> int:
        """The sum of the parts."""
        return sum(astuple(self))


STAGES = (
    "putting the method on",
    "forward pass",
    "backward pass",
    "first step of the optimizer",
    "second training step",
)


def measure(
    model: nn.Module,
    method: Method,
    batch: Batch,
    seed: int = 0,
    stage: Callable[[str], object] = lambda name: None,
    twice: bool = False,
) -> Memory:
    """Do one training step and return what it held.

    Parameters
    ----------
    model : nn.Module
        A plain model, which is used up: the method wraps and trains it.
    method : Method
        How it is fine-tuned; prepared already if it has to be.
    batch : Batch
        What it is trained on.
    seed : int
        For the adapters and dropout.
    stage : callable
        ``stage(name)`` is called at the beginning of each of ``STAGES``.
    twice : bool
        Do a second step after the one that is measured, for whoever watches the process: only
        then are there states of the optimizer while activations are kept.

    Returns
    -------
    Memory
        Activations: the storages that autograd saved and that are no parameters, each once.
        What lives only within an operation (a weight dequantized, a gradient on its way) is in
        none of the parts, and gradients come in as activations are given back: the peak of a
        process may lie above the total or below it.
    """
    with runtime.seeded(next(model.parameters()).device, seed):
        stage(STAGES[0])
        model = method.wrap(model).train()
        optimizer = method.optimizer(model, 1e-5, 0.0)
        saved: dict[int, int] = {}
        known = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                saved[storage.data_ptr()] = storage.nbytes()
            return tensor

        stage(STAGES[1])
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = method.loss(model, batch)
        stage(STAGES[2])
        loss.backward()
        stage(STAGES[3])
        optimizer.step()
        found = _held(model, optimizer, sum(saved.values()))
        if twice:
            stage(STAGES[4])
            optimizer.zero_grad(set_to_none=True)
            method.loss(model, batch).backward()
            optimizer.step()
    return found


def _held(model: nn.Module, optimizer: torch.optim.Optimizer, activations: int) -> Memory:
    """What there is right after a step, and the activations that there were."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    states = [t for state in optimizer.state.values() for t in state.values() if torch.is_tensor(t)]
    return Memory(
        weights=sum(map(models.n_bytes, (*model.parameters(), *model.buffers()))),
        gradients=sum(map(models.n_bytes, gradients)),
        optimizer=sum(map(models.n_bytes, {id(t): t for t in states}.values())),
        activations=activations,
    )


def predict(model: nn.Module, method: Full | LoRA | QLoRA, batch: Batch) -> Memory:
    """Return what ``measure`` will find, from sizes alone.

    Parameters
    ----------
    model : nn.Module
        A plain model of Llama's architecture; may be on the device ``meta``, without weights.
    method : Full, LoRA or QLoRA
        How it is fine-tuned.
    batch : Batch
        What it is trained on.

    Raises
    ------
    ValueError
        If the method or the architecture is another one.

    Notes
    -----
    ``N`` weights of the model, ``Q`` of them quantized, ``A = sum r (in + out)`` of the adapters
    (``+ out`` with DoRA), ``P`` trainable: ``N`` or ``A``,
    with the embeddings where they are. All but quantized weights in float32.

    Weights: ``4 N + 4 A``; with QLoRA ``4 (N - Q) + Q / 2 + Q / 64 * s + 4 A``, where a scale takes
    ``s = 4`` bytes, with double quantization ``1 + 4 / 256``. Gradients: ``4 P``. Optimizer: two
    moments, ``8 P``; in 8 bits ``2 P + 8 P / 256`` for tensors of at least 4,096 entries.

    Activations, for ``n`` tokens, padding included, in rows of ``S``: ``h`` hidden width, ``f``
    width of the MLP, ``a`` heads, ``L`` blocks, ``V`` vocabulary, ``m`` learned tokens:

    - each block, full: ``4 n (10 h + 4 f + a + 2 + S)``: inputs of two norms, what they normalized
      and gave (6 h), queries, keys, values and the attention's output (4 h), the MLP's gate, its
      activation, the other branch and their product (4 f), log-sum-exp, two norms, the mask;
    - each block, LoRA: ``4 n (8 h + 4 f + 7 r + a + 2 + S)``: a frozen norm keeps two tensors
      less, each of seven adapters keeps the output of its ``A``;
    - beside the blocks ``4 n * 2 h`` (full) or 0, and ``4 m V`` for the log-probabilities.

    Read off PyTorch's saved tensors (float32, attention by ``scaled_dot_product_attention``
    on the CPU); within a few percent without dropout and with adapters on all linear layers.
    """
    config = model.config
    wanted = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    if type(method) not in (Full, LoRA, QLoRA) or not all(hasattr(config, w) for w in wanted):
        raise ValueError(
            f"There is a formula for full, lora and qlora on models like Llama, not for "
            f"{method.name} on {type(model).__name__}: measure it instead."
        )
    h, f, blocks, heads = (getattr(config, w) for w in wanted)
    adapters = [] if isinstance(method, Full) else _adapter_sizes(model, method)
    base = list(dict(model.named_parameters()).items())
    trainable = list(adapters) or [p.numel() for _, p in base]
    if adapters and method.embeddings:
        tables = {model.get_input_embeddings().weight, model.get_output_embeddings().weight}
        trainable += [table.numel() for table in tables]  # one where they are tied
    weights = sum(models.n_bytes(p) for _, p in base) + 4 * sum(adapters)
    weights += sum(map(models.n_bytes, model.buffers()))
    if isinstance(method, QLoRA):
        for name in linear_names(model):
            n = model.get_submodule(name).weight.numel()
            scale = 1 + 4 / 256 if method.double_quant else 4
            weights += n / 2 + n / 64 * scale - 4 * n
    rows, width = batch.input_ids.shape
    per_token = 4 * f + heads + 2 + width
    per_token += 8 * h + 7 * method.rank if adapters else 10 * h
    outside = 0 if adapters else 2 * h
    learned = int((batch.labels != -100).sum())
    return Memory(
        weights=round(weights),
        gradients=4 * sum(trainable),
        optimizer=round(sum(_optimizer_bytes(n, method) for n in trainable)),
        activations=4 * rows * width * (blocks * per_token + outside)
        + 4 * learned * config.vocab_size,
    )


def _adapter_sizes(model: nn.Module, method: LoRA | QLoRA) -> list[int]:
    """How many weights each tensor of the adapters has."""
    sizes = []
    for name in models.target_modules(model, method.targets):
        layer = model.get_submodule(name)
        sizes += [method.rank * layer.in_features, method.rank * layer.out_features]
        sizes += [layer.out_features] if method.dora else []
    return sizes


def _optimizer_bytes(n: int, method: Full | LoRA | QLoRA) -> float:
    eight_bits = getattr(method, "optim", "adamw") != "adamw" and n >= 4096
    return 2 * n + 8 * n / 256 if eight_bits else 8 * n
