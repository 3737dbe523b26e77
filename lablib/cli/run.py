"""``python -m lablib run``: one run from the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lablib import experiment, metrics
from lablib.cli import used
from lablib.cli.result import Record, check_writable, write
from lablib.controls import Controls, check_setting
from lablib.events import Progress, Started, StepDone
from lablib.history import History
from lablib.train import EarlyStopping, Run, TrainConfig

PLAIN = (  # options that are fields of the config as they stand
    "mix_unit",
    "mix_budget",
    "batch_size",
    "micro_batch_size",
    "train_rows",
    "max_steps",
    "max_length",
    "probe_every",
    "weight_decay",
    "clip",
    "max_seconds",
    "seed",
)
INTERRUPTED = 130  # the shell's status for Ctrl-C


def run(args: argparse.Namespace) -> int:
    """Do the run that ``args`` describe; print its scores and return the exit status."""
    config = config_of(args)
    settings = settings_of(args.settings)
    json_file = Path(args.json) if args.json else None
    save_folder = Path(args.save) if args.save else None
    if json_file:
        check_writable(json_file)
    if save_folder:
        experiment.check_folder(save_folder)
    the_run = experiment.build(
        model=args.model,
        task=args.task or ["tickets"],
        method=args.method,
        settings=settings,
        probe_names=args.probe,
        general=args.general,
        drop_bad_rows=args.drop_bad_rows,
        name=args.name,
        **config,
    )
    for line in used.left_out(the_run):
        print(line, flush=True)
    record = Record()
    failure: Exception | None = None
    finished = "interrupted"
    try:
        with ctrl_c_stops(the_run.controls):
            follow(the_run, record, quiet=args.quiet)
        end = record.history.finished
        if end and end.reason != "stopped":
            finished = end.reason
    except KeyboardInterrupt:
        pass
    except Exception as error:  # kept until what was measured is safe
        failure, finished = error, f"failed: {error}"
    result = record.to_dict(finished) | {"rows": used.rows_of(the_run)}
    if json_file:
        write(result, json_file)
    if failure is None and save_folder:
        experiment.save_model(the_run, save_folder)
    print("\n".join([*table(result), *used.cut(the_run)]))
    if json_file:
        print(f"Everything measured is in {json_file}.")
    if failure is not None:
        if not isinstance(failure, ValueError | OSError):
            raise failure
        print(f"lablib: the run failed: {failure}", file=sys.stderr)
        return 1
    return INTERRUPTED if finished == "interrupted" else 0


def config_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of ``TrainConfig`` that were given, checked.

    Raises
    ------
    ValueError
        With one sentence, if a value is out of range.
    """
    given = {"lr": args.lr, "epochs": args.epochs, "mix_ratio": args.mix}
    config = {name: check_setting(name, v) for name, v in given.items() if v is not None}
    config |= {name: v for name in PLAIN if (v := getattr(args, name)) is not None}
    if args.early_stop is not None:
        config["early_stopping"] = _early_stopping(args.early_stop, args.patience)
    if args.quick:
        config["full_probes"] = False
    if not args.probe_early:
        config["probe_early"] = False
    TrainConfig(**{"lr": 1e-3, **config})  # what is wrong is said before a model is loaded
    return config


def settings_of(pairs: list[str]) -> dict[str, Any]:
    """Return the methods' settings by ``method.field`` from ``METHOD.FIELD=VALUE`` texts."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        owner, dot, field = key.partition(".")
        if not (equals and dot and owner and field):
            raise ValueError(f"--set takes METHOD.FIELD=VALUE, not {pair!r}.")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings


def follow(the_run: Run, record: Record, quiet: bool = False) -> None:
    """Iterate the run to its end, showing steps, loss and the latest retention on stderr."""
    with tqdm(
        file=sys.stderr, disable=quiet, unit="step", desc="preparing", mininterval=0.3
    ) as bar:
        for event in the_run:
            record.add(event)
            if isinstance(event, Started):
                bar.total = event.total_steps
            elif isinstance(event, Progress):
                bar.set_description(f"{event.what} {event.done}/{event.total}", refresh=False)
                bar.update(0)  # draws at most every mininterval
            elif isinstance(event, StepDone):
                bar.total = event.total_steps
                bar.set_description("training", refresh=False)
                bar.set_postfix_str(postfix(record.history), refresh=False)
                bar.update(1)
        bar.set_description("ended", refresh=False)
        bar.set_postfix_str(postfix(record.history))


def postfix(history: History) -> str:
    """Return the latest loss, the mean *says* retention, and what is kept least."""
    parts = [f"loss {history.steps[-1].loss:.2f}"] if history.steps else []
    curves = {name: history.retention(name)[1] for name in history.capabilities()}
    kept = {name: values[-1] for name, values in curves.items() if values}
    if kept:
        least = min(kept, key=kept.get)
        mean = metrics.mean_kept(kept.values())
        parts.append(f"kept {mean:.0%}, least: {least} {kept[least]:.0%}")
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


def _early_stopping(rule: str, patience: int) -> EarlyStopping:
    if rule == "validation":
        return EarlyStopping(monitor="validation", patience=patience)
    try:
        return EarlyStopping(floor=float(rule), patience=patience)
    except ValueError:
        raise ValueError(
            f"--early-stop takes a share above 0 up to 1, or 'validation', not {rule!r}."
        ) from None
