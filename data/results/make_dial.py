"""Trace lab 03's dial beforehand, over seeds: from the base to the fine-tuned model.

    python data/results/make_dial.py [--seeds 5] [--methods lora full] [--model mini]

Each run is the model's default run on tickets. Resumable: a trace that is there already is
skipped. The run of LoRA is stored as well, as ``lora-tickets``.
"""

from __future__ import annotations

import argparse

from lablib import models
from lablib.history import History
from lablib.lessons import catalog, dial, stored
from lablib.lessons.dial import Notch
from lablib.runtime import machine, versions

SETTINGS = {"lora": "lora-tickets", "full": "tickets-mix0"}


def main() -> None:
    """Trace what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=tuple(SETTINGS))
    parser.add_argument("--model", default="mini")
    arguments = parser.parse_args()
    loaded = models.load(arguments.model)
    for seed in range(arguments.seeds):
        for method in arguments.methods:
            if dial.path_of(arguments.model, method, seed).exists():
                continue
            setting = SETTINGS[method]
            run = catalog.build(loaded, setting, seed)
            history = History.of(run)
            if not stored.path_of(arguments.model, setting, seed).exists():
                stored.save(
                    arguments.model,
                    setting,
                    seed,
                    history,
                    catalog.command(loaded, setting, seed),
                    seconds=round(history.finished.seconds, 2),
                    digest=loaded.digest,
                )
            notches = [part for part in dial.trace(run, loaded) if isinstance(part, Notch)]
            path = dial.save(
                arguments.model,
                method,
                seed,
                notches,
                command=f"python data/results/make_dial.py --model {arguments.model}",
                digest=loaded.digest,
                versions=versions(),
                machine=machine(),
            )
            print(path.name, flush=True)


if __name__ == "__main__":
    main()
