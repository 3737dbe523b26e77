"""``python -m lablib run``: one run from the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lablib import experiment, metrics
from lablib.cli.result import Record, check_writable, write
from lablib.controls import Controls, check_setting
from lablib.events import Event, Probed, Progress, Started, StepDone
from lablib.probes import PROBES
from lablib.train import Run

INTERRUPTED = 130  # the shell's status for Ctrl-C


def run(args: argparse.Namespace) -> int:
    """Do the run that ``args`` describe; print its scores and return the exit status."""
    config = config_of(args)
    settings = settings_of(args.settings, args.method)
    json_file = Path(args.json) if args.json else None
    save_folder = Path(args.save) if args.save else None
    if json_file:
        check_writable(json_file)
    if save_folder:
        _check_folder(save_folder)
    controls = experiment.make_controls(args.method, settings, **config)
    the_run = experiment.build(
        model=args.model,
        task=args.task or ["tickets"],
        method=args.method,
        settings=settings,
        controls=controls,
        probe_names=args.probe,
        name=args.name,
        **config,
    )
    record = Record()
    failure = None
    try:
        with ctrl_c_stops(controls):
            follow(the_run, record, quiet=args.quiet)
    except KeyboardInterrupt:
        record.finished = "interrupted"
    except Exception as error:
        failure = error
        record.finished = f"failed: {error}"
    interrupted = record.finished in ("interrupted", "stopped")
    result = {**record.to_dict(), "settings": settings}
    if interrupted:
        result["finished"] = "interrupted"
    if json_file:
        write(result, json_file)
    if failure is None and save_folder:
        the_run.save(save_folder)
    print("\n".join(table(result)))
    if json_file:
        print(f"Everything measured is in {json_file}.")
    if failure is not None:
        if not isinstance(failure, ValueError | OSError | FloatingPointError):
            raise failure
        print(f"lablib: the run failed: {failure}", file=sys.stderr)
        return 1
    return INTERRUPTED if interrupted else 0


def config_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of ``TrainConfig`` that were given, checked.

    Raises
    ------
    ValueError
        With one sentence, if a value is out of range.
    """
    given = {
        "lr": args.lr,
        "epochs": args.epochs,
        "mix_ratio": args.mix,
    }
    config = {name: check_setting(name, v) for name, v in given.items() if v is not None}
    for name in ("batch_size", "train_rows", "max_steps", "max_length", "probe_every"):
        value = getattr(args, name)
        if value is not None:
            config[name] = _at_least(1, name, value)
    for name in ("weight_decay", "clip", "max_seconds"):
        value = getattr(args, name)
        if value is not None:
            config[name] = _at_least(0, name, value)
    if args.early_stop is not None:
        config["early_stopping"] = experiment.early_stopping(
            patience=_at_least(1, "early_stop", args.early_stop)
        )
    return {**config, "seed": args.seed, "full_probes": not args.quick}


def settings_of(pairs: list[str], method: str) -> dict[str, Any]:
    """Return the method's settings from ``METHOD.FIELD=VALUE`` texts."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        owner, dot, field = key.partition(".")
        if not (equals and dot and owner and field):
            raise ValueError(f"--set takes METHOD.FIELD=VALUE, not {pair!r}.")
        if owner not in method.split("+"):
            raise ValueError(f"--set {pair} is for the method {owner}, but the run uses {method}.")
        try:
            settings[field] = json.loads(text)
        except ValueError:
            settings[field] = text
    return settings


def follow(the_run: Run, record: Record, quiet: bool = False) -> None:
    """Iterate the run to its end, showing steps, loss and the latest retention on stderr."""
    chances = {name: probe.chance_says for name, probe in PROBES.items()}
    with tqdm(
        file=sys.stderr, disable=quiet, unit="step", desc="preparing", mininterval=0.3
    ) as bar:
        for event in the_run:
            record.add(event)
            _show(event, bar, record, chances)


def _show(event: Event, bar: tqdm, record: Record, chances: dict[str, float]) -> None:
    if isinstance(event, Started):
        bar.total = event.total_steps
        bar.refresh()
    elif isinstance(event, Progress):
        bar.set_description(f"{event.what} {event.done}/{event.total}", refresh=False)
        bar.update(0)
    elif isinstance(event, StepDone):
        bar.total = event.total_steps
        bar.set_description("training", refresh=False)
        bar.set_postfix_str(_postfix(record, chances), refresh=False)
        bar.update(1)
    elif isinstance(event, Probed):
        bar.set_postfix_str(_postfix(record, chances), refresh=True)


def _postfix(record: Record, chances: dict[str, float]) -> str:
    parts = [f"loss {record.steps[-1].loss:.2f}"] if record.steps else []
    if len(record.points) > 1:
        base, now = record.points[0].scores, record.points[-1].scores
        kept = {
            name: metrics.retention(now[name].says, base[name].says, chances.get(name, 0.0))
            for name in now
            if name in base and base[name].says > chances.get(name, 0.0)
        }
        if kept:
            lowest = min(kept, key=kept.get)
            mean = sum(kept.values()) / len(kept)
            parts.append(f"kept {mean:.0%}, least {lowest} {kept[lowest]:.0%}")
    return ", ".join(parts)


def table(result: dict[str, Any]) -> list[str]:
    """Return base and final scores as lines of text."""
    lines = [f"{'':<12} {'says it':>15} {'ranks it first':>18} {'items':>6}"]
    for name, final in result["final"].items():
        base = result["base"][name]
        lines.append(
            f"{name:<12} {base['says']:>6.2f} -> {final['says']:>5.2f} "
            f"{base['knows']:>9.2f} -> {final['knows']:>5.2f} {final['n']:>6}"
        )
    task = result["task"]
    if task["final"] is not None:
        lines.append(f"{'task':<12} {task['base']:>6.2f} -> {task['final']:>5.2f}")
    rate = f", {result['steps_per_s']:.2g} steps/s" if result["steps_per_s"] else ""
    lines.append(
        f"{result['finished']} after {result['steps']} steps, {result['seconds']:.1f} s{rate}"
    )
    return lines


@contextlib.contextmanager
def ctrl_c_stops(controls: Controls) -> Iterator[None]:
    """Let the first Ctrl-C end the run between two steps, the second at once."""

    def on_interrupt(_signal, _frame):
        controls.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _at_least(low: float, name: str, value: float) -> float:
    if not value >= low:  # also refuses NaN
        raise ValueError(f"--{name.replace('_', '-')} must be at least {low}, not {value}.")
    return value


def _check_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OSError(f"The model cannot be saved in {folder}: it exists and is not empty.")
    parent = folder.resolve().parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise OSError(f"The model cannot be saved in {folder}: {parent} is read-only.")
