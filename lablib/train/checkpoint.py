"""A run on disk, from which it goes on to the very same trajectory.

A checkpoint is a folder: ``state.json`` (settings, position, events) and safetensors files of
the weights, the optimizer and, with early stopping, the best weights, under names that no
other save has. ``state.json`` is renamed into place last and names the others, so that a crash
while saving leaves the previous checkpoint whole. No generator is saved: all random choices are
functions of seed and step (see ``data.py``).
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lablib import atomic, methods
from lablib.controls import Controls
from lablib.events import from_dict, to_dict
from lablib.train.config import TrainConfig
from lablib.train.data import fingerprint
from lablib.train.probing import Watch
from lablib.train.schedule import Clock
from lablib.train.weights import (
    put_back,
    read_tensors,
    trainable,
    write_tensors,
)

FORMAT = 1  # raised when an older program could not read a new checkpoint
STATE = "state.json"
OURS = re.compile(r"(weights|method|optimizer|best)-\d{6,}-[0-9a-f]{8}\.safetensors")


def save(run, folder: Path) -> None:
    """Write ``run`` to ``folder``, replacing the checkpoint that may lie there.

    Raises
    ------
    OSError
        If it cannot be written, with what to do about it.
    ValueError
        For a run with adapters on weights that are in no model folder, as a branch from a
        snapshot has: the weights beneath the adapters would be lost.
    """
    if getattr(run.origin, "moved", False):
        raise ValueError(
            "A run with adapters that began from a snapshot cannot be saved to go on later: save "
            "its model instead (experiment.save_model)."
        )
    files = {"weights": trainable(run.model)}
    state: dict[str, Any] = {
        "format": FORMAT,
        **_description(run),
        "settings": run.settings,
        "position": {"task": run.task, "task_step": run.task_step, "step": run.step},
        "seconds": run.clock.seconds,
        "measured": run.prober.position(),
        "prepared": run.prepared,
    }
    if held := run.method.state(run.model):
        files["method"] = held
    if run.optimizer is not None:
        files["optimizer"], state["optimizer"] = _split(run.optimizer.state_dict())
    if run.watcher is not None:
        files["best"] = run.watcher.best_weights
        state["watcher"] = run.watcher.position()
    mark = secrets.token_hex(4)
    names = {kind: f"{kind}-{run.step:06d}-{mark}.safetensors" for kind in files}
    for kind, tensors in files.items():
        write_tensors(folder / names[kind], tensors)
    state["files"] = names
    state["events"] = [to_dict(event) for event in run.events]
    atomic.write_text(folder / STATE, json.dumps(state))
    for old in folder.iterdir():
        if OURS.fullmatch(old.name) and old.name not in names.values():
            old.unlink(missing_ok=True)


def resume(run_class, folder: Path, model, tokenizer, tasks, probes, general, controls, **options):
    """Return the run that lies in ``folder``; see ``Run.resume``."""
    state = _read(folder)
    settings = state["settings"]
    run = run_class(
        model,
        tokenizer,
        tasks,
        methods.make(state["method"], state["method_settings"]),
        TrainConfig.from_dict(state["config"]),
        probes,
        general,
        Controls(**settings) if controls is None else controls,
        **{
            "name": state["name"],
            "model_name": state["model_name"],
            "digest": state["digest"],
            "watch": [Watch(w["prompt"], tuple(w["candidates"])) for w in state["watch"]],
            **options,
        },
    )
    restore(run, folder)
    return run


def restore(run, folder: Path) -> None:
    """Bring a run that has just been built to where the run in ``folder`` was.

    Raises
    ------
    ValueError, OSError
        If it was built with another model, other data or other settings, or a file is damaged.
    """
    state = _read(folder)
    settings = state["settings"]
    _check_same(state, _description(run), folder)
    run.run_id = state["run_id"]
    run.events = [from_dict(event) for event in state["events"]]
    run.settings, run.clock = settings, Clock(state["seconds"])
    for name, value in state["position"].items():
        setattr(run, name, value)
    if state["prepared"]:  # on the base again, which gives the same
        for _ in run.make_ready():
            pass
        if "method" in state["files"]:
            run.method.load_state(run.model, read_tensors(folder / state["files"]["method"]))
    put_back(run.model, read_tensors(folder / state["files"]["weights"]))
    run.prober.restore(state["measured"])
    if "optimizer" in state:
        tensors = read_tensors(folder / state["files"]["optimizer"])
        run.optimizer = run.method.optimizer(run.model, settings["lr"], run.config.weight_decay)
        run.optimizer.load_state_dict(_join(tensors, state["optimizer"]))
    if "watcher" in state:
        run.watcher = run.new_watcher()
        run.watcher.restore(state["watcher"], read_tensors(folder / state["files"]["best"]))


def _description(run) -> dict[str, Any]:
    """What a run is, as opposed to how far it has come."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "model_name": run.model_name,
        "digest": run.digest,
        "config": run.config.to_dict(),
        "method": run.method.name,
        "method_settings": run.method.settings(),
        "watch": [asdict(w) for w in run.prober.watch],
        "tasks": [task.name for task in run.tasks],
        "data": {
            "tasks": [fingerprint(rows.rows) for rows in run.rows],
            "general": fingerprint(run.general.rows),
        },
        "base_norm": run.origin.norm(),
    }


def _settings(description: dict[str, Any]) -> dict[str, Any]:
    """Every setting of a run by name; fields that the config did not have then at their default."""
    config = TrainConfig.from_dict(description["config"]).to_dict()
    found = {"method": description["method"], **config, **description["method_settings"]}
    return json.loads(json.dumps(found))


def _check_same(state: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    """Refuse another model or other data: the trajectory would not be the one that began."""
    if abs(state["base_norm"] - now["base_norm"]) > 1e-9 * state["base_norm"]:
        raise ValueError(
            f"The run in {folder} began from {state['model_name'] or 'another model'}, not from "
            "the model given: load that model, untrained, and resume again."
        )
    begun, given = _settings(state), _settings(now)
    if other := [name for name in given if begun.get(name) != given[name]]:
        raise ValueError(
            f"The run in {folder} was begun with another {' and '.join(other)}: give the same to "
            "go on with it, or choose another folder."
        )
    for what, ours in (("tasks", "training rows"), ("general", "general examples")):
        if state["data"][what] != now["data"][what]:
            raise ValueError(
                f"The run in {folder} was made with other {ours}: give the same ones to resume it."
            )


def _read(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OSError(f"There is no saved run in {folder}: choose another folder.") from None
    except ValueError as error:
        raise OSError(f"The saved run in {folder} is damaged ({error}): run it again.") from None
    if state.get("format") != FORMAT:
        raise ValueError(f"The run in {folder} was saved by another version: run it again.")
    return state


def _split(state: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Part an optimizer's state into its tensors and what JSON can hold."""
    tensors, plain = {}, {}
    for number, nested in state["state"].items():
        entries = _flat(nested)
        plain[str(number)] = {k: v for k, v in entries.items() if not torch.is_tensor(v)}
        tensors |= {f"{number}.{k}": v for k, v in entries.items() if torch.is_tensor(v)}
    return tensors, {"state": plain, "param_groups": state["param_groups"]}


def _flat(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a parameter without the inner dict that bitsandbytes packs it in.

    Its optimizers of 8 bits load the one as well as the other. They share a table among all
    parameters, which a safetensors file cannot: hence the copies.
    """
    packed = [held for held in entries.values() if isinstance(held, dict)]
    inner = {key: tensor.clone() for held in packed for key, tensor in held.items()}
    return {k: v for k, v in entries.items() if not isinstance(v, dict)} | inner


def _join(tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> dict[str, Any]:
    state = {int(number): dict(entries) for number, entries in plain["state"].items()}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        state[int(number)][key] = tensor
    return {"state": state, "param_groups": plain["param_groups"]}
