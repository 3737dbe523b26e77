"""``python -m lablib compare``: many runs, one fair comparison."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lablib import experiment, inputs, models, runtime, sweep, tasks
from lablib.cli.result import check_writable, write
from lablib.cli.run import INTERRUPTED, settings_of
from lablib.controls import check_setting
from lablib.plots import comparison as pictures
from lablib.sweep.job import content_of, unique
from lablib.train import TrainConfig

PATIENCE = 10  # seconds to wait for the scheduler of a cluster
CONFIG = {
    "batch_size": "batch_size",
    "train_rows": "train_rows",
    "max_steps": "max_steps",
    "max_length": "max_length",
    "probe_every": "probe_every",
    "test_rows": "task_test_rows",
}


def compare(args: argparse.Namespace) -> int:
    """Do the comparison that ``args`` describe; print it and return the exit status."""
    files = [Path(name) for name in (args.json, args.html) if name]
    for file in files:
        check_writable(file)
    jobs = jobs_of(args)
    for setting, names in sweep.fixed(settings_of(args.settings), names_of(args)).items():
        print(
            f"{' and '.join(names)}: {setting} stays as the arm has it; the value given is for "
            "the others.",
            file=sys.stderr,
        )
    folder = Path(args.folder) if args.folder else runtime.home_folder() / "comparisons"
    begun, failed, interrupted = time.perf_counter(), [], False
    found: list[sweep.Measured] = []
    try:
        for outcome in _follow(args, jobs, folder):
            if outcome.measured is None:
                failed.append(f"{outcome.job.label}, seed {outcome.job.seed}: {outcome.error}")
            else:
                found.append(outcome.measured)
    except KeyboardInterrupt:
        interrupted = True
    for line in failed:
        print(f"lablib: a run failed: {line}", file=sys.stderr)
    labels: dict[str, list[str]] = {}
    for job in jobs:
        labels.setdefault(job.key(), []).append(job.label)
    places = list(labels)
    found.sort(key=lambda run: places.index(run.job.key()))
    kept = f"Finished runs are kept in {folder}; the same command goes on from there."
    if not any(run.job.label == "full" for run in found):
        print(f"Nothing to compare yet: no run of full fine-tuning is finished. {kept}")
        return INTERRUPTED if interrupted else 1
    compared = sweep.compare(found, labels, args.match)
    seconds = time.perf_counter() - begun
    if args.json:
        write(_record(args, compared, failed, seconds), Path(args.json))
    if args.html:
        Path(args.html).write_text(pictures.page(compared), encoding="utf-8")
    print("\n".join([*sweep.table(compared), "", *sweep.sentences(compared)]))
    print(f"{len(found)} of {len(labels)} runs, {seconds:.0f} s. {kept}")
    if interrupted:
        return INTERRUPTED
    return 1 if failed else 0


def jobs_of(args: argparse.Namespace) -> list[sweep.Job]:
    """Return the runs that ``args`` ask for, everything checked before the first begins.

    Raises
    ------
    ValueError, OSError
        With one sentence that says what is wrong and what to do.
    """
    for name in ("seeds", "workers", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name} must be at least 1, not {value}.")
    if args.match is not None and not 0 < args.match <= 1:
        raise ValueError(f"--match is a task score above 0 up to 1, not {args.match}.")
    config: dict[str, Any] = {"probe_early": False}
    if args.quick:
        config["full_probes"] = False
    for field in ("epochs", "lr"):
        if getattr(args, field) is not None:
            config[field] = check_setting(field, getattr(args, field))
    mix_ratio = None if args.mix is None else check_setting("mix_ratio", args.mix)
    for option, field in CONFIG.items():
        if getattr(args, option) is not None:
            config[field] = getattr(args, option)
    TrainConfig(**{"lr": 1e-3, **config})
    probes = experiment.make_probes(args.probe)
    given = args.task or ["tickets"]
    if len(given) > 1:
        raise ValueError(
            f"A comparison is of one task, not of {' and '.join(given)}: compare each by itself; "
            "'python -m lablib run' learns several in turn."
        )
    names = names_of(args)
    plan = sweep.Plan(
        model=args.model,
        tasks=tuple(given),
        seeds=tuple(range(args.seeds)),
        settings=settings_of(args.settings),
        config=config,
        mix_ratio=mix_ratio,
        probes=tuple(args.probe or ()),
        general="" if args.general == "default" else args.general,
    )
    sweep.jobs(plan, names)  # a method that is not there is found before a model is loaded
    task, loaded = tasks.load(given[0]), models.load(args.model)
    general: Sequence[tasks.Row] = ()
    if plan.general:
        general = inputs.check_unasked(inputs.general_rows(plan.general, loaded), probes)
    content = content_of(loaded, [task], general)
    plan = replace(plan, content=content, n_parameters=loaded.n_parameters)
    return sweep.jobs(plan, names, args.grid)


def names_of(args: argparse.Namespace) -> list[str]:
    """Return the arms that ``--methods`` names."""
    return list(dict.fromkeys(filter(None, map(str.strip, args.methods.split(",")))))


def _follow(
    args: argparse.Namespace, jobs: Sequence[sweep.Job], folder: Path
) -> Iterator[sweep.Outcome]:
    """Yield how each job ended, with a progress bar on stderr."""
    workers = args.workers or max((os.cpu_count() or 1) // args.threads, 1)
    bar = tqdm(
        total=len(list(unique(jobs))),
        file=sys.stderr,
        disable=args.quiet,
        unit="run",
        desc="comparing",
    )
    with bar, _cluster(args.cluster) as executor:
        outcomes = sweep.run(jobs, folder, executor, workers, args.threads)
        with contextlib.closing(outcomes):
            try:
                for outcome in outcomes:
                    how = "stored" if outcome.stored else "failed" if outcome.error else "done"
                    bar.set_postfix_str(f"{outcome.job.label}, seed {outcome.job.seed}: {how}")
                    bar.update(1)
                    yield outcome
            except KeyboardInterrupt:
                bar.set_description("interrupted")
                raise


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[Executor | None]:
    """Yield the executor of a Dask cluster, or None for processes here."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            "A cluster needs the package distributed: pip install 'lablib[cluster]'."
        ) from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise OSError(
            f"No Dask scheduler answers at {address} ({' '.join(str(error).split())[:120]}): "
            "check the address, or leave --cluster out to run here."
        ) from None
    with client:
        yield client.get_executor(pure=False)


def _record(
    args: argparse.Namespace, compared: sweep.Comparison, failed: Sequence[str], seconds: float
) -> dict[str, Any]:
    return {
        **compared.to_dict(),
        "verdicts": sweep.sentences(compared),
        "failed": list(failed),
        "seconds": seconds,
        "command": args.line,
        "versions": runtime.versions(),
        "machine": runtime.machine(),
        "runs": [json.loads(run.to_json()) for run in compared.runs],
    }
