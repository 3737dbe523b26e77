"""Examine lab 02's patients beforehand, over seeds: before and after unrelated practice.

    python data/results/make_patients.py [--seeds 5] [--model mini]

Resumable: a seed that is there already is skipped.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from lablib import atomic, models
from lablib.lessons import patients, stored
from lablib.runtime import versions


def main() -> None:
    """Examine all patients with every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="mini")
    arguments = parser.parse_args()
    loaded = models.load(arguments.model)
    for seed in range(arguments.seeds):
        path = stored.results_folder() / "patients" / f"{arguments.model}-seed{seed}.json"
        if path.exists():
            continue
        found = [_examined(loaded, task, seed) for task in patients.patients().values()]
        content = {
            "command": f"python data/results/make_patients.py --model {arguments.model}",
            "seed": seed,
            "digest": loaded.digest,
            "versions": versions(),
            "machine": stored.machine(),
            "patients": found,
        }
        atomic.write_text(path, json.dumps(content) + "\n")
        print(path.name, flush=True)


def _examined(loaded, task, seed: int) -> dict:
    examination = patients.examine(loaded, task, seed)
    while True:
        try:
            next(examination)
        except StopIteration as end:
            print(task.name, f"{end.value.recovered:.2f}", flush=True)
            return asdict(end.value)


if __name__ == "__main__":
    main()
