"""``python -m lablib run``: one run from the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
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
from lablib.events import Probed, Progress, Started, StepDone
from lablib.history import History
from lablib.train import Diverged, EarlyStopping, Run, TrainConfig, checkpoint

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
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one only where there are terminals
INTERRUPTED = 130  # the shell's status for Ctrl-C


def run(args: argparse.Namespace) -> int:
    """Do the run that ``args`` describe; print its scores and return the exit status."""
    config = config_of(args)
    settings = settings_of(args.settings)
    json_file, save_folder, checkpoint_folder = (
        Path(name) if name else None for name in (args.json, args.save, args.checkpoint)
    )
    if json_file:
        check_writable(json_file)
    if save_folder:
        experiment.check_folder(save_folder)
    if checkpoint_folder:
        checkpoint_folder.mkdir(parents=True, exist_ok=True)
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
    for line in used.left_out(the_run, args.general):
        print(line, flush=True)
    if checkpoint_folder and (checkpoint_folder / checkpoint.STATE).exists():
        checkpoint.restore(the_run, checkpoint_folder)
        print(f"Going on after step {the_run.step}, from {checkpoint_folder}.", file=sys.stderr)
    record = Record(the_run.events)
    failure: Exception | None = None
    finished = "interrupted"
    try:
        with signals_stop(the_run.controls):
            follow(the_run, record, checkpoint_folder, quiet=args.quiet)
        end = record.history.finished
        if end and end.reason != "stopped":
            finished = end.reason
        if checkpoint_folder:
            the_run.save(checkpoint_folder)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # kept until what was measured is safe
        failure, finished = error, f"failed: {error}"
    result = record.to_dict(finished) | {"rows": used.rows_of(the_run)}
    if json_file:
        write(result, json_file)
    print("\n".join([*table(result), *used.cut(the_run)]))
    if json_file:
        print(f"Everything measured is in {json_file}.")
    if failure is not None and not isinstance(failure, ValueError | OSError):
        raise failure
    problems = [f"the run failed: {failure}"] if failure else []
    # An OSError is that of a checkpoint: what was trained is whole.
    if save_folder and (failure is None or isinstance(failure, Diverged | OSError)):
        try:
            experiment.save_model(the_run, save_folder, merged=args.merge)
            print(f"The model after step {the_run.step} is in {save_folder}.")
        except OSError as error:
            problems.append(f"the model could not be saved in {save_folder}: {error}")
    for problem in problems:
        print(f"lablib: {problem}", file=sys.stderr)
    if problems:
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


def follow(
    the_run: Run, record: Record, checkpoint_folder: Path | None = None, quiet: bool = False
) -> None:
    """Iterate the run to its end, showing steps, loss and the latest retention on stderr.

    With a folder for checkpoints the run is saved there at the first step after each point.
    """
    due = False
    with tqdm(
        file=sys.stderr, disable=quiet, unit="step", desc="preparing", mininterval=0.3
    ) as bar:
        for event in the_run:
            record.add(event)
            due = due or (isinstance(event, Probed) and event.step > 0)
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
                if checkpoint_folder and due:
                    the_run.save(checkpoint_folder)
                    due = False
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
    measured = result["curve"][-1]["step"] if result["curve"] else 0
    if measured != result["steps"]:
        lines.append(f"(measured after step {measured})")
    lines.append(
        f"{result['finished']} after {result['steps']} steps, {result['seconds']:.1f} s{rate}"
    )
    return lines


@contextlib.contextmanager
def signals_stop(controls: Controls) -> Iterator[None]:
    """Let Ctrl-C, or whoever ends the process or its terminal, end the run between two steps.

    The second time it ends at once. What is ignored stays so: ``nohup`` outlives its terminal.
    """
    there = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in there}
    heeded = [one for one, handler in before.items() if handler is not signal.SIG_IGN]

    def on_signal(_signal, _frame):
        controls.stop()
        for one in heeded:
            signal.signal(one, signal.default_int_handler)

    for one in heeded:
        signal.signal(one, on_signal)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, before[one])


def _early_stopping(rule: str, patience: int) -> EarlyStopping:
    if rule == "validation":
        return EarlyStopping(monitor="validation", patience=patience)
    try:
        floor = float(rule)
    except ValueError:
        floor = math.nan
    if not 0 < floor <= 1:
        raise ValueError(
            f"--early-stop takes a share above 0 up to 1, or 'validation', not {rule!r}."
        )
    return EarlyStopping(floor=floor, patience=patience)
