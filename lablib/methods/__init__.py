"""Methods by key. A new method: one file beside this one, one line in ``METHODS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lablib.methods.base import Method, by_size, check_field, hyperparameters
from lablib.methods.compose import Compose
from lablib.methods.ewc import EWC
from lablib.methods.full import Full
from lablib.methods.lora import LoRA
from lablib.methods.qlora import QLoRA
from lablib.methods.replay import Replay
from lablib.methods.sa_sft import SASFT
from lablib.methods.stm import STM

METHODS: dict[str, type[Method]] = {
    "full": Full,
    "lora": LoRA,
    "qlora": QLoRA,
    "ewc": EWC,
    "stm": STM,
    "replay": Replay,
    "sa_sft": SASFT,
}


def make(name: str, settings: Mapping[str, Any] | None = None, n_parameters: int = 0) -> Method:
    """Return the method of this name, with ``settings`` put into its fields.

    Parameters
    ----------
    name : str
        A key of ``METHODS``, or several joined by ``+`` (``"lora+ewc"``).
    settings : mapping, optional
        Values by ``field`` or ``method.field``; with several methods by ``method.field``.
    n_parameters : int
        Size of the model, on which some defaults depend.

    Raises
    ------
    ValueError
        If a method or field does not exist, a value is out of range or methods cannot be
        combined; the sentence says what there is.
    """
    keys = name.split("+")
    own: dict[str, dict[str, Any]] = {}
    for key in keys:
        if key not in METHODS:
            raise ValueError(f"There is no method {key!r}; choose one of {', '.join(METHODS)}.")
        own[key] = by_size(METHODS[key], n_parameters)
    for full_name, value in (settings or {}).items():
        owner, dot, key = full_name.rpartition(".")
        if not dot and len(keys) == 1:
            owner = keys[0]
        if owner not in own:
            theirs = [one for one in keys if key in hyperparameters(METHODS[one])]
            call_it = f": call it {theirs[0]}.{key} if it is for {theirs[0]}" if theirs else ""
            raise ValueError(f"The setting {full_name} belongs to no method of {name}{call_it}.")
        own[owner][key] = check_field(METHODS[owner], key, value)
    parts = [METHODS[key](**own[key]) for key in keys]
    return parts[0] if len(parts) == 1 else Compose(parts)


__all__ = ["METHODS", "Compose", "Method", "by_size", "check_field", "hyperparameters", "make"]
