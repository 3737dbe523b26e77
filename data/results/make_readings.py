"""Store how surprising training rows are to a base, token by token: lab 06.

    python data/results/make_readings.py [--model smollm2-135m] [--rows 24]

One forward pass over the rows of each task; seconds for ``mini``, half a minute for SmolLM2.
"""

from __future__ import annotations

import argparse

from lablib import models
from lablib.lessons import surprise


def main() -> None:
    """Read and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", type=int, default=24, help="training rows of each task")
    arguments = parser.parse_args()
    loaded = models.load(arguments.model)
    readings = {}
    for task in surprise.TASKS:
        steps = surprise.read(loaded, task, arguments.rows)
        while task not in readings:
            try:
                next(steps)
            except StopIteration as end:
                readings[task] = end.value
    command = f"python data/results/make_readings.py --model {loaded.name} --rows {arguments.rows}"
    print(surprise.save(loaded.name, readings, command, loaded.digest))


if __name__ == "__main__":
    main()
