"""The weights of a run: where it began, how far it has moved, and copies on disk.

Copies are safetensors files in float32, written beside their place and renamed, so that a
crash or a full disk never leaves half a file under a good name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from lablib import atomic, models

SMALL = 50_000_000  # weights; below it a copy in memory (200 MB at most) is simplest


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the trainable parameters by name; tied ones appear once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


class Origin:
    """The trainable weights as they were when the run began.

    Parameters
    ----------
    model : nn.Module
        The model, not trained yet.

    Attributes
    ----------
    as_loaded : bool
        True if these are exactly the weights in the folder that the model was loaded from. A
        model that was trained since, or given a snapshot, is another one whatever its name.

    Notes
    -----
    A small model's weights are copied. A large model's are read from the safetensors files it
    was loaded from, mapped into memory, if those hold exactly these weights; else copied too.
    """

    def __init__(self, model: nn.Module):
        weights = trainable(model)
        files = _files_of(model, weights)
        self.as_loaded = bool(files)
        large = sum(p.numel() for p in weights.values()) > SMALL
        self._files = files if large else {}
        self._copy = {} if self._files else copy_of(weights)

    def items(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and weights on the CPU, one after the other, so that few are in memory."""
        if self._copy:
            yield from self._copy.items()
        for path in sorted({path for path, _ in self._files.values()}):
            with safe_open(path, framework="pt") as file:
                for name in (n for n, (where, _) in self._files.items() if where == path):
                    yield name, file.get_tensor(self._files[name][1])

    def norm(self) -> float:
        """Return ``||theta_0||``, by which two first weights are told apart."""
        return (
            sum(float(w.float().square().sum(dtype=torch.float64)) for _, w in self.items()) ** 0.5
        )

    @torch.no_grad()
    def displacement(self, model: nn.Module) -> float:
        """Return ``||theta - theta_0|| / ||theta_0||`` over the trainable weights."""
        weights, moved, length = trainable(model), 0.0, 0.0
        for name, begun in self.items():
            now = weights[name].float()
            begun = begun.to(now.device, torch.float32)
            moved += float(torch.linalg.vector_norm(now - begun)) ** 2
            length += float(torch.linalg.vector_norm(begun)) ** 2
        return (moved / length) ** 0.5 if length else 0.0

    @contextlib.contextmanager
    def swapped_in(self, model: nn.Module) -> Iterator[None]:
        """Give the model its first weights for a block, then the trained ones back, bit by bit.

        Of a model with adapters, these are the weights beneath them.
        """
        weights = models.base_parameters(model)
        trained = {name: (weights[name], models.stored(weights[name])) for name, _ in self.items()}
        try:
            for name, begun in self.items():
                models.put_weight(weights[name], begun)
            yield
        finally:
            for p, kept in trained.values():
                models.put_stored(p, kept)


class AdapterOrigin:
    """The model of a run with adapters, and without them: what it was before they learned.

    Parameters
    ----------
    model : nn.Module
        A model of ``peft``, just wrapped.
    before : Origin
        Where the run began, with names as before it was wrapped.
    moved : bool
        True if the model had left its origin before it was wrapped, as a branch from a snapshot
        has: then switching the adapters off is not enough to go back.

    Attributes
    ----------
    moved : bool
        As given.
    as_loaded : bool
        False: an adapted model is never the one in a folder.
    base_as_loaded : bool
        True if the base beneath the adapters, before any quantization, is the one in a folder.
    """

    as_loaded = False

    def __init__(self, model: nn.Module, before: Origin, moved: bool = False):
        self._norm, self.moved = before.norm(), moved
        self.base_as_loaded = before.as_loaded and not moved
        beneath = any(p.requires_grad for p in models.base_parameters(model).values())
        self._before = before if moved or beneath else None

    def norm(self) -> float:
        """Return ``||theta_0||`` of the unwrapped model."""
        return self._norm

    @torch.no_grad()
    def displacement(self, model: nn.Module) -> float:
        """Return ``||Delta W|| / ||theta_0||`` over the adapted weights (Frobenius).

        Rounding to 4 bits is no part of it, unless the model had moved before it was wrapped or
        weights beneath the adapters are trained too: then ``||theta - theta_0|| / ||theta_0||``
        over all weights.
        """
        if self._before is None:
            squares = [float(delta.square().sum()) for _, delta in models.weight_deltas(model)]
        else:
            now = models.effective_weights(model)
            squares = [
                float((now[name] - begun.to(now[name].device)).square().sum())
                for name, begun in self._before.items()
            ]
        return sum(squares) ** 0.5 / self._norm

    @contextlib.contextmanager
    def swapped_in(self, model: nn.Module) -> Iterator[None]:
        """Switch the adapters off for a block, and put the first weights back if others lie there.

        A quantized model stays so.
        """
        with models.adapters_off(model):
            if self._before is None:
                yield
            else:
                with self._before.swapped_in(model):
                    yield


def origin_of(model: nn.Module, before: Origin, moved: bool = False) -> Origin | AdapterOrigin:
    """Return where a model began that a method has wrapped; ``before`` if it has not."""
    return AdapterOrigin(model, before, moved) if models.is_adapted(model) else before


def _files_of(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> dict[str, tuple[Path, str]]:
    """Return the file of each weight and its name there; nothing if one is missing or differs."""
    folder = Path(getattr(model, "name_or_path", "") or "")
    found: dict[str, tuple[Path, str]] = {}
    # Some files on the hub, such as GPT-2's, were written without the prefix of the inner model.
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    ours = {name.removeprefix(prefix): name for name in weights} | {name: name for name in weights}
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
        try:
            with safe_open(path, framework="pt") as file:
                for theirs in set(file.keys()) & set(ours):
                    stored = file.get_tensor(theirs)
                    now = weights[ours[theirs]].detach().cpu()
                    if stored.shape == now.shape and torch.equal(stored.to(now.dtype), now):
                        found[ours[theirs]] = (path, theirs)
        except (SafetensorError, OSError):
            return {}
    return found if len(found) == len(weights) else {}


def copy_of(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a copy of ``weights`` on the CPU."""
    return {name: w.detach().to("cpu", copy=True) for name, w in weights.items()}


@torch.no_grad()
def put_back(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Copy ``weights`` into the model's parameters of the same names.

    Raises
    ------
    ValueError
        If a name or a shape does not fit: the weights are those of another model.
    """
    own = dict(model.named_parameters())
    for name, value in weights.items():
        if name not in own or own[name].shape != value.shape:
            raise ValueError(
                f"These weights belong to another model: {name} does not fit; "
                "load the model that the run was started with."
            )
    for name, value in weights.items():
        own[name].copy_(value)


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors as one safetensors file, whole or not at all; see ``atomic.write``."""
    ready = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}

    def fill(draft: Path) -> None:
        try:
            save_file(ready, draft)
        except SafetensorError as error:  # a full disk among others
            raise OSError(str(error)) from error

    atomic.write(path, fill)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises
    ------
    OSError
        If it is missing or damaged, in one sentence.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise OSError(f"There is no {path.name} in {path.parent}: choose another folder.") from None
    except (SafetensorError, OSError) as error:
        raise OSError(
            f"{path} cannot be read ({error}): it is damaged; use an older copy or run again."
        ) from error


def snapshot_path(folder: Path, step: int) -> Path:
    """Return where the snapshot of ``step`` lies."""
    return Path(folder) / f"step_{step:06d}.safetensors"


def write_snapshot(model: nn.Module, folder: Path, step: int) -> None:
    """Write the weights of this moment in float32, adapters merged in: those of a plain model."""
    write_tensors(snapshot_path(folder, step), models.effective_weights(model))


def snapshot_steps(folder: Path) -> list[int]:
    """Return the steps that have a snapshot, in order."""
    names = (path.stem.removeprefix("step_") for path in Path(folder).glob("step_*.safetensors"))
    return sorted(int(name) for name in names if name.isdigit())


def load_snapshot(model: nn.Module, folder: Path, step: int) -> None:
    """Give ``model`` the weights it had at ``step``.

    Raises
    ------
    ValueError, OSError
        If there is no such snapshot, or it is damaged or of another model.
    """
    path = snapshot_path(folder, step)
    if not path.exists():
        have = ", ".join(map(str, snapshot_steps(folder))) or "none"
        raise ValueError(f"There is no snapshot of step {step} in {folder}; there are: {have}.")
    put_back(model, read_tensors(path))
