"""Make the stored runs that the labs show and replay.

    python data/results/make_runs.py [--model mini] [--seeds 5]
    python data/results/make_runs.py --model smollm2-135m --seeds 2

Seconds a run for ``mini``, minutes for SmolLM2. Resumable: a run that is there already is
skipped; delete its file to make it anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from lablib import models
from lablib.history import History
from lablib.lessons import catalog, device, mixing, stored, taskstream

EVERY = 10  # of lab 07's runs, of which there are many, and of sequences, which are long, only
# each tenth step is kept
THINNED = (*mixing.SETTINGS, *taskstream.SETTINGS, *catalog.DIARIES)
FEW = 3  # seeds of what is shown over seeds, but not claimed


def jobs(large: bool, seeds: int) -> Iterator[tuple[str, int]]:
    """Yield setting and seed; of settings that are not shown over seeds, only seed 0."""
    for seed in range(seeds):
        for setting in catalog.LARGE if large else catalog.SETTINGS:
            shown = setting in catalog.SHOWN and seed < FEW
            if seed == 0 or shown or setting in catalog.CLAIMED:
                yield setting, seed


def main() -> None:
    """Make what is missing, one run after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of the main settings")
    parser.add_argument("--only", nargs="*", default=(), help="these settings only")
    arguments = parser.parse_args()
    loaded = models.load(arguments.model)
    for setting, seed in jobs(arguments.model != "mini", arguments.seeds):
        if arguments.only and setting not in arguments.only:
            continue
        if stored.path_of(arguments.model, setting, seed).exists():
            continue
        run = catalog.build(loaded, setting, seed)
        begun = time.perf_counter()
        history = History.of(run)
        seconds = time.perf_counter() - begun
        path = stored.save(
            arguments.model,
            setting,
            seed,
            history,
            catalog.command(loaded, setting, seed),
            every=EVERY if setting in THINNED or setting.startswith("sequence-") else 1,
            seconds=round(seconds, 2),
            gflops=round(device.gflops(), 1),
            digest=loaded.digest,
        )
        print(f"{path.name}: {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
