"""Ask a base before and after rounding it in several ways; nothing is trained.

    python data/results/make_rounding.py [--model mini]
    python data/results/make_rounding.py --model smollm2-135m --split quick

Seconds for ``mini``, some minutes for SmolLM2. There is no seed: rounding is exact.
"""

from __future__ import annotations

import argparse
import json

from lablib import experiment, models, runtime
from lablib.events import Progress
from lablib.lessons import absorbed


def main() -> None:
    """Ask all items of all probes, and write one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--split", default="full", choices=("full", "quick"))
    arguments = parser.parse_args()
    name, split = arguments.model, arguments.split
    loaded = models.load(name)
    found = {}
    for part in absorbed.compare(loaded, absorbed.kinds(), experiment.make_probes(), split):
        if not isinstance(part, Progress):
            found[part[0]] = part[1]
            says = absorbed.flips(part[1])
            print(f"{part[0]}: {says.lost} of {says.right} lost, {says.gained} gained", flush=True)
    content = {
        "model": name,
        "command": f"python data/results/make_rounding.py --model {name} --split {split}",
        "split": split,
        "digest": loaded.digest,
        "versions": runtime.versions(),
        "machine": runtime.machine(),
        **absorbed.to_dict(found),
    }
    path = absorbed.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
