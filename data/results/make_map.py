"""Measure lab 02's map on ``mini``: distance of the task by intensity of training.

    python data/results/make_map.py [--seeds 5]

Distance is the base model's loss per token on the task's answers, in nats. Each field is one
task at one learning rate and one number of epochs, over seeds. Resumable: a field keeps the
seeds that it has. Knowledge is scored on all items at base and end.
"""

from __future__ import annotations

import argparse
import json
import math

from lablib import atomic, experiment, models
from lablib.history import History
from lablib.lessons import maps, stored
from lablib.runtime import versions

TASKS = ("tickets", "diverse", "wrong_facts", "replies")
CLAIMED = ("tickets", "diverse")  # compared at the default intensity by the lab, in words
LR = maps.DEFAULT_LR["mini"]
INTENSITIES = ((LR, 1.0), (LR * 0.2, 0.4), (LR, 0.4), (LR * 3, 1.0))


def measure(loaded, task: str, lr: float, epochs: float, seed: int) -> dict[str, float]:
    """Return retention of knowledge, task score and the base's loss of one run."""
    run = experiment.build(
        loaded, task, seed=seed, lr=lr, epochs=epochs, probe_names=("knowledge",), watch=(),
        probe_every=10_000, probe_early=False,
    )  # fmt: skip
    history = History.of(run)
    return {
        "retention": history.final_retention("knowledge", "says"),
        "knows": history.final_retention("knowledge", "knows"),
        "task_score": maps.task_score(history),
        "distance": next(p.validation_loss for p in history.scores if p.step == 0),
    }


def main() -> None:
    """Measure what is missing and write the map after every field."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="of the fields of the claim")
    parser.add_argument("--other-seeds", type=int, default=2, help="of the other fields")
    arguments = parser.parse_args()
    loaded = models.load("mini")
    path = stored.results_folder() / "map" / "mini.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []
    by_key = {(c["task"], c["lr"], c["epochs"]): c for c in cells}
    for seed in range(arguments.seeds):
        for task in TASKS:
            for lr, epochs in INTENSITIES:
                cell = by_key.setdefault(
                    (task, lr, epochs),
                    {"task": task, "lr": lr, "epochs": epochs, "retention": [], "knows": [],
                     "task_score": [], "distance": math.nan},
                )  # fmt: skip
                claimed = task in CLAIMED and (lr, epochs) == INTENSITIES[0]
                if len(cell["retention"]) > seed or (seed >= arguments.other_seeds and not claimed):
                    continue
                found = measure(loaded, task, lr, epochs, seed)
                for name in ("retention", "knows", "task_score"):
                    cell[name].append(round(found[name], 4))
                cell["distance"] = round(found["distance"], 4)
                write(path, list(by_key.values()), loaded)
                print(task, f"{lr:g}", epochs, seed, found, flush=True)


def write(path, cells: list[dict], loaded) -> None:
    """Write the map; it appears as a whole or not at all."""
    content = {
        "command": "python data/results/make_map.py",
        "model": loaded.name,
        "digest": loaded.digest,
        "versions": versions(),
        "machine": stored.machine(),
        "cells": [cell for cell in cells if cell["retention"]],
    }
    atomic.write_text(path, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
