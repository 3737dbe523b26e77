"""QLoRA: the frozen weights are kept in 4 bits; adapters beside them are learned as in LoRA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import nn

from lablib import models, runtime
from lablib.methods.base import Method, setting
from lablib.methods.lora import LoRA
from lablib.models import lazily

OPTIMIZERS = ("adamw", "adamw_8bit", "paged_adamw_8bit")


def _as_in_lora(name: str) -> Any:
    """The hyper-parameter of this name, with the default and the range it has in LoRA."""
    own = next(f for f in fields(LoRA) if f.name == name)
    return field(default=own.default, metadata=own.metadata)


@dataclass
class QLoRA(Method):
    """LoRA on a base whose linear layers are quantized to 4 bits, through ``bitsandbytes``.

    Parameters
    ----------
    rank, alpha, dropout, targets, rslora, dora, embeddings, per_task
        As in ``LoRA``.
    quant_type : str
        The 16 levels a weight may have: NormalFloat or a float of 4 bits.
    double_quant : bool
        Keep the scale of each block of 64 weights in 8 bits instead of 32.
    optim : str
        The optimizer. Tensors below 4,096 entries keep 32-bit states in the 8-bit ones; paged
        states can move to the host's memory, which takes CUDA.

    Notes
    -----
    As implemented: ``h = dequantize(W_4) x + s B A x`` (arXiv 2305.14314, equation 5). Methods
    that prepare themselves do so on the base before it is quantized: weights of 4 bits have no
    gradients. Embeddings and output layer are not quantized, as in transformers. On the CPU it
    computes in float32, on a GPU with bfloat16 in that.

    The run's first scores are those of the base before quantization; ``run.base()`` is the
    quantized base. ``lessons.rounding.quantization_error`` has the difference.
    """

    name: ClassVar[str] = "qlora"
    summary: ClassVar[str] = "QLoRA: LoRA beside weights of four bits"
    decides: ClassVar[str] = "weights"
    trains_all: ClassVar[bool] = False

    rank: int = _as_in_lora("rank")
    alpha: float = _as_in_lora("alpha")
    dropout: float = _as_in_lora("dropout")
    targets: str = _as_in_lora("targets")
    rslora: bool = _as_in_lora("rslora")
    dora: bool = _as_in_lora("dora")
    embeddings: bool = _as_in_lora("embeddings")
    per_task: bool = _as_in_lora("per_task")
    quant_type: str = setting(
        "nf4",
        label="Levels of the four bits",
        source="arXiv 2305.14314, table 4",
        choices=models.QUANT_TYPES,
    )
    double_quant: bool = setting(
        True,
        label="Double quantization: round the scales as well",
        source="arXiv 2305.14314, section 3",
    )
    optim: str = setting(
        "adamw",
        label="Optimizer",
        source="paged in arXiv 2305.14314, section 3",
        choices=OPTIMIZERS,
    )

    def __post_init__(self):
        super().__post_init__()
        self._lora()

    def _lora(self) -> LoRA:
        """The LoRA that works beside the quantized weights."""
        return LoRA(**{f.name: getattr(self, f.name) for f in fields(LoRA)})

    def default_lr(self, n_parameters: int) -> float:
        """LoRA's."""
        return self._lora().default_lr(n_parameters)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Quantize the model in place and put adapters on it.

        Raises
        ------
        ValueError
            If it has no layers to quantize, or the optimizer needs another machine.
        """
        device = next(model.parameters()).device
        if self.optim.startswith("paged") and device.type != "cuda":
            raise ValueError(
                f"qlora.optim={self.optim} moves optimizer states between a GPU and the host, and "
                "there is no CUDA device here: choose adamw_8bit."
            )
        dtype = torch.bfloat16 if runtime.has_bfloat16(device) else torch.float32
        models.quantize(model, self.quant_type, self.double_quant, dtype)
        return self._lora().wrap(model)

    def begin_task(self, model: nn.Module, number: int) -> None:
        """As LoRA."""
        self._lora().begin_task(model, number)

    def optimizer(self, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """Return AdamW, or bitsandbytes' with states of 8 bits."""
        if self.optim == "adamw":
            return super().optimizer(model, lr, weight_decay)
        trainable = [p for p in model.parameters() if p.requires_grad]
        paged = self.optim.startswith("paged")
        kind = lazily.bitsandbytes().optim.AdamW8bit
        return kind(trainable, lr=lr, weight_decay=weight_decay, is_paged=paged)

    def state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """As LoRA."""
        return self._lora().state(model)

    def load_state(self, model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
        """As LoRA."""
        self._lora().load_state(model, state)
