"""Measure where the memory of one training step goes, and which methods survive which cap.

    python data/results/make_memory.py [--model smollm2-135m small]

About a quarter of a minute a step, each in a process of its own; Linux only, for elsewhere no
limit is enforced. Weights are random: memory does not depend on what they say. Resumable: a step
that is in the file already is skipped; delete the file to make it anew.
"""

from __future__ import annotations

import argparse
import json

from lablib import atomic, runtime
from lablib.events import Progress
from lablib.lessons import capped, shapes
from lablib.lessons.capped import Step

CAPPED_ROWS = 4
ASKED_FACTOR = 1.5


def wanted(model: str) -> list[tuple[str, int, int | None]]:
    """Return method, rows and cap of every step that lab 04 replays, those asked about first."""
    batches = sorted(capped.ROWS, key=lambda rows: rows != CAPPED_ROWS)
    factors = sorted(capped.FACTORS, key=lambda factor: factor != ASKED_FACTOR)
    caps = [capped.cap_bytes(model, factor) for factor in factors]
    pairs = [(CAPPED_ROWS, None), *((CAPPED_ROWS, cap) for cap in caps)]
    pairs += [(rows, None) for rows in batches if rows != CAPPED_ROWS]
    return [(method, rows, cap) for rows, cap in pairs for method in capped.METHODS]


def save(model: str, steps: list[Step]) -> None:
    """Write the file of a shape as a whole."""
    content = {
        "model": model,
        "command": f"python data/results/make_memory.py --model {model}",
        "digest": shapes.SHAPES[model].digest(),
        "versions": runtime.versions(),
        "machine": runtime.machine(),
        "steps": [step.to_dict() for step in steps],
    }
    text = json.dumps(content, separators=(",", ":")) + "\n"
    path = capped.path_of(model)
    atomic.write_text(path, text)


def main() -> None:
    """Measure what is missing, one shape after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="*", default=list(shapes.SHAPES))
    for model in parser.parse_args().model:
        found = capped.stored_steps(model)
        for method, rows, cap in wanted(model):
            if capped.find(found, method, rows, cap):
                continue
            parts = capped.attempt(model, method, rows, cap=cap)
            step = next(part for part in parts if not isinstance(part, Progress))
            if step.problem:
                raise SystemExit(f"{model}, {method}: {step.problem}")
            found.append(step)
            save(model, found)
            said = "survived" if step.survived else f"died: {step.stage}"
            limit = f"{cap / 1e6:.0f} MB" if cap else "none"
            print(f"{model}, {method}, {rows} rows, cap {limit}: {said}", flush=True)


if __name__ == "__main__":
    main()
