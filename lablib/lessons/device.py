"""What this device can do for a lab: speed, free memory, and how long a run will take."""

from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path

import psutil
import torch

from lablib import models
from lablib.models import smollm2
from lablib.runtime import device, home_folder

# Free memory, in megabytes (10^6 bytes), that full fine-tuning with AdamW needs on top of what
# the kernel holds: weights, gradients, two moments and the base's copy, plus activations.
NEEDED_MB = {"mini": 300, "smollm2-135m": 2900}

_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def free_memory_mb() -> float:
    """Return the memory that this process may still take: a container's limit counts."""
    free = psutil.virtual_memory().available
    for limit, usage in _CGROUPS:
        try:
            free = min(free, int(limit.read_text()) - int(usage.read_text()))
        except (OSError, ValueError):
            continue  # no such file, or "max": no limit
    return max(free, 0) / 1e6


def why_not_live(model: str) -> str:
    """Return one sentence why ``model`` cannot be fully fine-tuned here, or an empty string."""
    if device().type == "cuda":
        return ""
    needed, free = NEEDED_MB.get(model, 0), free_memory_mb()
    if free >= needed:
        return ""
    return (
        f"Full fine-tuning of {models.short_name(model)} needs about {needed / 1000:.1f} GB of "
        f"free memory; this device has {free / 1000:.1f} GB left. You see a stored run instead."
    )


def at_hand(model: str) -> bool:
    """Return True if a model is on this device already, whole or not; nothing is fetched."""
    if model != smollm2.NAME:
        return True
    if (home_folder() / "models" / smollm2.NAME / "model.safetensors").exists():
        return True
    try:
        metadata.distribution(smollm2.WHEEL)
    except metadata.PackageNotFoundError:
        return False
    return True


def gflops(size: int = 512, tries: int = 5) -> float:
    """Return the speed of a matrix product in 10^9 operations a second, the best of a few."""
    a = torch.ones(size, size, device=device())
    best = float("inf")
    for _ in range(tries):
        begun = time.perf_counter()
        # Reading a value waits for the product, also on a GPU.
        float((a @ a)[0, 0])
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best / 1e9


def estimated_seconds(stored_seconds: float, stored_gflops: float) -> float:
    """Return how long a stored run would take here, by the ratio of the two speeds."""
    return stored_seconds * stored_gflops / gflops()
