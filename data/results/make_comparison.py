"""Make the stored comparisons: all methods on one plane, over seeds.

    python data/results/make_comparison.py [--model mini] [--seeds 5] [--workers 2]
    python data/results/make_comparison.py --model smollm2-135m --seeds 3
    python data/results/make_comparison.py --model smollm2-135m --sweep large --seeds 3
    python data/results/make_comparison.py --grid [--model …]
    python data/results/make_comparison.py --sweep ewc --seeds 3

Half a minute a run for ``mini``; some minutes for SmolLM2, and 3.5 GB a worker. Resumable after a
kill: a finished run is a file in ``--folder``; delete it there to make it anew. What the
repository keeps of each run is smaller: curves and ends, rounded, without answers or items.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from lablib import models, sweep, tasks
from lablib.runtime import home_folder
from lablib.sweep import archive, arms
from lablib.sweep.job import content_of

ALL = ("lora", "qlora", "ewc", "stm", "replay", "sa_sft", "low_lr")
MASKS = ("stm_random", "stm_threshold", "stm_replay")  # masking and its controls, for mini
# What is compared on which task; replies is where the STM paper's setting holds.
METHODS = {"tickets": ALL, "wrong_facts": ALL, "replies": ("stm", "replay", "low_lr")}
MASKED = ("tickets", "replies")
SWEPT = ("tickets", "wrong_facts")  # one that makes mute, one that erases
# 48 test rows at a point make smooth curves; wrong facts are learned within the first 25 steps.
SMALL = {"probe_early": False, "task_test_rows": 48}
# 40 steps of 4 rows, measured on the quick items at eight points.
LARGE = {
    "probe_early": False,
    "probe_every": 5,
    "train_rows": 160,
    "task_test_rows": 16,
    "full_probes": False,
}
WRITTEN = {"sa_sft.n_dialogues": 80}  # each takes seconds
# At 1e-4, the default rate when they were made, which is twice that of today (docs/LOG.md).
LARGE_TICKETS = {"config": LARGE, "lr_factor": 2.0, "settings": WRITTEN}
# Single facts take more: in 60 such steps none of them is learned (docs/LOG.md), in 40 steps of
# 16 rows at twice that rate nearly all.
LARGE_FACTS = {
    "config": {**LARGE, "probe_every": 10, "train_rows": 640, "batch_size": 16},
    "lr_factor": 4.0,
    "settings": WRITTEN,
}
# What a plan has besides model, task and seeds.
PLANS = {
    "mini": {
        "tickets": {"config": SMALL},
        "wrong_facts": {"config": {**SMALL, "probe_every": 10}},
        "replies": {"config": SMALL},
    },
    "large": {"tickets": LARGE_TICKETS, "wrong_facts": LARGE_FACTS},
}


def plans(model: str, seeds: int, only: list[str]) -> Iterator[sweep.Plan]:
    """Yield what is compared, task by task."""
    loaded = models.load(model)
    size = "mini" if model == "mini" else "large"
    for task, given in PLANS[size].items():
        if not only or task in only:
            yield sweep.Plan(
                model=model,
                tasks=(task,),
                seeds=tuple(range(seeds)),
                **given,
                content=content_of(loaded, [tasks.load(task)]),
                n_parameters=loaded.n_parameters,
            )


def main() -> None:
    """Make what is missing and store it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a run")
    parser.add_argument("--task", nargs="*", default=[], help="these tasks only")
    parser.add_argument("--grid", action="store_true", help="also other rates and ranks")
    parser.add_argument("--labels", nargs="*", default=[], help="these arms or runs only")
    parser.add_argument("--sweep", choices=arms.SWEEPS, help="the settings of one method instead")
    parser.add_argument("--folder", type=Path, help="where finished runs are kept")
    arguments = parser.parse_args()
    folder = arguments.folder or home_folder() / "comparisons"
    for plan in plans(arguments.model, arguments.seeds, arguments.task):
        (task,) = plan.tasks
        if arguments.sweep and task not in SWEPT:
            continue
        masks = MASKS if arguments.model == "mini" and task in MASKED else ()
        if arguments.sweep:
            jobs = arms.sweep_jobs(plan, arguments.sweep)
        else:
            jobs = sweep.jobs(plan, (*METHODS[task], *masks), grid=arguments.grid)
        if arguments.labels:
            jobs = [job for job in jobs if job.label in arguments.labels]
        bar = tqdm(total=len(jobs), unit="run", desc=task)
        for outcome in sweep.run(jobs, folder, None, arguments.workers, arguments.threads):
            bar.update(1)
            job = outcome.job
            if outcome.error:
                bar.write(f"{task}, {job.label}, seed {job.seed}: {outcome.error}")
                continue
            bar.set_postfix_str(f"{job.label}, seed {job.seed}")
            command = f"python data/results/make_comparison.py --model {job.model} --task {task}"
            if arguments.sweep:
                command += f" --sweep {arguments.sweep}"
            elif " " in job.label:
                command += " --grid"
            archive.save(outcome.measured, command, arguments.sweep or "")
        bar.close()


if __name__ == "__main__":
    main()
