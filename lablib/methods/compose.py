"""Several methods in one run: ``Compose([LoRA(rank=16), EWC(strength=10.0)])``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from lablib.controls import Batch
from lablib.events import Progress
from lablib.methods.base import Method
from lablib.models import Rows


class Compose(Method):
    """Methods side by side: each hook is called on all of them in the order given.

    Parameters
    ----------
    parts : sequence of Method
        At least two; at most one that decides which weights are trained and one that decides
        what is mixed in.

    Raises
    ------
    ValueError
        If two methods cannot be combined, in one sentence.

    Notes
    -----
    Penalties are added; token weights are multiplied; the pool of one is handed to the next.
    Learning rate and optimizer are those of the method that decides which weights are trained,
    if there is one, else of the first. Settings are called ``method.field``.
    """

    def __init__(self, parts: Sequence[Method]):
        self.parts = tuple(parts)
        names = [part.name for part in self.parts]
        if len(self.parts) < 2:
            raise ValueError("Combine at least two methods, or use one alone.")
        for what, deed in (("weights", "which weights are trained"), ("pool", "what is mixed in")):
            deciding = [part.name for part in self.parts if part.decides == what]
            if len(deciding) > 1:
                raise ValueError(f"{' and '.join(deciding)} both decide {deed}: choose one.")
        if len(set(names)) < len(names):
            raise ValueError(f"{'+'.join(names)} has a method twice: name each once.")
        self.name = "+".join(names)
        self.summary = " with ".join(names)
        self.trains_all = all(part.trains_all for part in self.parts)
        self.default_mix_ratio = max(part.default_mix_ratio for part in self.parts)
        self._leader = next((p for p in self.parts if p.decides == "weights"), self.parts[0])

    @property
    def owns_pool(self) -> bool:
        """True if one of the methods decides what is mixed in."""
        return any(part.owns_pool for part in self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compose) and self.parts == other.parts

    def default_lr(self, n_parameters: int) -> float:
        """The rate of the method that decides which weights are trained, else of the first."""
        return self._leader.default_lr(n_parameters)

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Prepare one after the other."""
        for part in self.parts:
            yield from part.prepare(base, tokenizer, tasks, general, seed)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Wrap one after the other."""
        for part in self.parts:
            model = part.wrap(model)
        return model

    def pool(self, general: Rows, past: Sequence[Rows]) -> Rows:
        """Let the method that decides on the pool decide."""
        for part in self.parts:
            general = part.pool(general, past)
        return general

    def begin_task(self, model: nn.Module, number: int) -> None:
        """Make all ready for the task."""
        for part in self.parts:
            part.begin_task(model, number)

    def optimizer(self, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """Return the optimizer of the method that decides which weights are trained.

        The others are asked as well, for one of them may have to refuse the decay.
        """
        for part in self.parts:
            if weight_decay and part is not self._leader:
                part.optimizer(model, lr, weight_decay)
        return self._leader.optimizer(model, lr, weight_decay)

    def token_weights(self, batch: Batch) -> torch.Tensor | None:
        """Return the product of all weights."""
        found = [w for part in self.parts if (w := part.token_weights(batch)) is not None]
        return torch.stack(found).prod(0) if found else None

    def penalty(self, model: nn.Module, batch: Batch, outputs) -> torch.Tensor | None:
        """Return the sum of all penalties."""
        found = [p for part in self.parts if (p := part.penalty(model, batch, outputs)) is not None]
        return torch.stack(found).sum() if found else None

    def after_task(
        self, model: nn.Module, tokenizer, rows: Rows, number: int, seed: int
    ) -> Iterator[Progress]:
        """Let all take in what was learned."""
        for part in self.parts:
            yield from part.after_task(model, tokenizer, rows, number, seed)

    def state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return the state of all, by ``method.name``."""
        return {f"{p.name}.{k}": value for p in self.parts for k, value in p.state(model).items()}

    def load_state(self, model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
        """Hand each what is its own."""
        for part in self.parts:
            start = f"{part.name}."
            own = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            part.load_state(model, own)

    def settings(self) -> dict[str, Any]:
        """Return the hyper-parameters of all, by ``method.field``."""
        return {f"{p.name}.{k}": value for p in self.parts for k, value in p.settings().items()}

    def change(self, name: str, value: Any) -> None:
        """Set ``method.field`` during the run."""
        owner, _, key = name.partition(".")
        next(part for part in self.parts if part.name == owner).change(key, value)
