"""Two training steps in a process of its own, under a limit: the child of ``lessons.capped``.

    python -m lablib.lessons.onestep '{"model": "small", "method": "lora", …}'

It says on its standard output, one JSON object a line, how far it has come. The limit counts
from the moment in which everything is imported and a step of a toy model is done, so that
it is the model's own memory that is limited and not that of the libraries.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM

from lablib import methods, runtime
from lablib.lessons import shapes
from lablib.methods import memory

LOADING = "loading the model"
_TOY = shapes.Shape("toy", 64, 64, 1, 2, 2, 64, True)


def main(text: str) -> None:
    """Do the step that is asked for, or say at which stage it ended."""
    asked = json.loads(text)
    where = [LOADING]

    def stage(name: str) -> None:
        where[0] = name
        say(stage=name)

    warm_up(asked["method"])
    start = reset_peak()
    try:
        if asked["cap"]:
            limit(asked["cap"])
        stage(LOADING)
        model = shapes.build(asked["model"])
        batch = shapes.batch(model, asked["rows"], asked["tokens"])
        parts = memory.measure(model, make(asked["method"]), batch, stage=stage, twice=True)
    except (MemoryError, RuntimeError, OSError) as error:
        if not runtime.out_of_memory(error):
            raise
        # Where the frame of the failed call goes, its tensors go, and there is room to speak.
        wanted = re.search(r"allocate (\d+) bytes", str(error))
        error.__traceback__ = None
        say(died=where[0], wanted=int(wanted[1]) if wanted else None)
        return
    except ValueError as error:  # the method does not go with this model
        say(refused=str(error))
        return
    say(parts=asdict(parts), peak=max(round(runtime.peak_memory_mb() * 1e6) - start, 0))


def make(method: str) -> methods.Method:
    """Return a method as lab 04 uses it."""
    return methods.make(method, {} if method == "full" else {"rank": shapes.RANK})


def warm_up(method: str) -> None:
    """Do a step of a toy, so that all libraries are there and all threads have begun."""
    with runtime.seeded(torch.device("cpu"), 0):
        toy = LlamaForCausalLM(_TOY.config())
    memory.measure(toy, make(method), shapes.batch(toy, 2, 8))
    del toy
    gc.collect()


def reset_peak() -> int:
    """Return the resident memory now, in bytes, and let the peak be counted from here."""
    with suppress(OSError):  # Linux only; elsewhere the libraries' own peak is in the figure
        Path("/proc/self/clear_refs").write_text("5")
    return round(runtime.memory_mb() * 1e6)


def limit(n_bytes: int) -> None:
    """Let this process take so many bytes more than it has, and not one beyond."""
    import resource  # not on Windows, where nobody asks for a limit

    status = Path("/proc/self/status").read_text()
    now = int(re.search(r"VmData:\s+(\d+) kB", status)[1]) * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (now + n_bytes, hard))


def say(**facts: Any) -> None:
    """Write one line to whoever started this process."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
