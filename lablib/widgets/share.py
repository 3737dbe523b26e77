"""The settings of a run as one short, readable string that restores the controls."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from lablib.controls import check_setting
from lablib.history import History

PREFIX = "lethe:"
_WHAT_TO_DO = "Copy the whole string, from 'lethe:' on, out of Export."
_LONGEST = 4000  # characters


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run, as a learner sets it."""

    model: str = "mini"
    task: str = "tickets"
    method: str = "full"
    lr: float = 1e-3  # step size of the optimizer
    epochs: float = 1.0  # passes over the training rows
    mix_ratio: float = 0.0  # share of general examples in a batch
    seed: int = 0
    fields: dict[str, Any] = field(default_factory=dict)  # the method's own hyper-parameters


def settings_of(history: History) -> Settings:
    """Return what a run began with; what was moved during it is not in them."""
    started, config = history.started, history.started.config
    return Settings(
        started.model,
        "+".join(started.tasks),
        started.method,
        *(config[name] for name in ("lr", "epochs", "mix_ratio")),
        started.seed,
        dict(config.get("method_settings", {})),
    )


def to_string(settings: Settings) -> str:
    """Return ``settings`` as a string for ``from_string``."""
    pairs = [
        ("model", settings.model),
        ("task", settings.task),
        ("method", settings.method),
        ("lr", f"{settings.lr:.6g}"),
        ("epochs", f"{settings.epochs:g}"),
        ("mix", f"{settings.mix_ratio:g}"),
        ("seed", str(settings.seed)),
    ]
    pairs += [(f"{settings.method}.{k}", json.dumps(v)) for k, v in settings.fields.items()]
    return PREFIX + urlencode(pairs)


def from_string(text: str) -> Settings:
    """Return the settings that ``to_string`` wrote.

    Raises
    ------
    ValueError
        With one sentence, if the string is damaged or no setting of ours.
    """
    text = text.strip()
    if not text.startswith(PREFIX) or len(text) > _LONGEST:
        raise ValueError(f"This is not a shared run: it must begin with '{PREFIX}'. {_WHAT_TO_DO}")
    try:
        pairs = dict(parse_qsl(text[len(PREFIX) :], strict_parsing=True))
    except ValueError:
        raise ValueError(f"This shared run is damaged. {_WHAT_TO_DO}") from None
    missing = [name for name in ("model", "task", "method", "lr") if not pairs.get(name)]
    if missing:
        raise ValueError(f"This shared run lacks {' and '.join(missing)}. {_WHAT_TO_DO}")
    method = pairs["method"]
    try:
        fields = {
            name.split(".", 1)[1]: json.loads(value)
            for name, value in pairs.items()
            if name.startswith(f"{method}.")
        }
        seed = int(pairs.get("seed", "0"))
    except (ValueError, IndexError):
        raise ValueError(
            f"This shared run holds a value that is no number. {_WHAT_TO_DO}"
        ) from None
    return Settings(
        model=pairs["model"],
        task=pairs["task"],
        method=method,
        lr=check_setting("lr", pairs["lr"]),
        epochs=check_setting("epochs", pairs.get("epochs", "1")),
        mix_ratio=check_setting("mix_ratio", pairs.get("mix", "0")),
        seed=check_seed(seed),
        fields=fields,
    )


def check_seed(value: Any) -> int:
    """Return a legal seed, or raise a ValueError in one sentence."""
    try:
        seed = int(value)
    except (TypeError, ValueError):
        raise ValueError(f"The seed must be a whole number, not {value!r}.") from None
    if not 0 <= seed < 2**31:
        raise ValueError(f"The seed must lie between 0 and {2**31 - 1}, not {seed}.")
    return seed
