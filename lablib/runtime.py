"""What this machine can do, and where the learner's work and the project's data are kept."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs
import psutil
import torch

_OMP_PAUSE_SOFT = 1  # omp_pause_soft of the OpenMP 5.0 API: values survive, threads do not


def data_folder() -> Path:
    """Return the project's ``data`` folder (``LETHE_DATA`` overrides it)."""
    return Path(os.environ.get("LETHE_DATA") or Path(__file__).resolve().parent.parent / "data")


def home_folder() -> Path:
    """Return the one folder for the learner's work: ``LETHE_HOME``, else the user data folder.

    Raises
    ------
    OSError
        If the folder cannot be created or written, with what to do about it.
    """
    home = Path(os.environ.get("LETHE_HOME") or platformdirs.user_data_dir("lethe", False))
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"Your work cannot be kept in {home} ({error.strerror}). "
            "Set the environment variable LETHE_HOME to a folder you may write to."
        ) from error
    if not os.access(home, os.W_OK):
        raise OSError(
            f"Your work cannot be kept in {home}: the folder is read-only. "
            "Set the environment variable LETHE_HOME to a folder you may write to."
        )
    return home


def device() -> torch.device:
    """Return where runs compute: ``LETHE_DEVICE`` (``cpu``, ``cuda``), else CUDA if it is there.

    Raises
    ------
    ValueError
        If ``LETHE_DEVICE`` names something else, or CUDA where there is none.
    """
    there, asked = torch.cuda.is_available(), os.environ.get("LETHE_DEVICE", "")
    if asked not in ("", "cpu", "cuda") or (asked == "cuda" and not there):
        raise ValueError(
            f"LETHE_DEVICE={asked} is not a device here: set it to cpu"
            f"{' or cuda' if there else ' (there is no CUDA device)'}, or unset it."
        )
    return torch.device(asked or ("cuda" if there else "cpu"))


def has_bfloat16(where: torch.device) -> bool:
    """Return True if computing in bfloat16 pays on ``where``: on a GPU that has it."""
    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def autocast(where: torch.device) -> contextlib.AbstractContextManager:
    """Return the mixed-precision context that pays on ``where``.

    bfloat16 on a GPU that has it. Nothing on the CPU, where bfloat16 without hardware support
    is twenty times slower than float32.
    """
    if has_bfloat16(where):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def release_threads() -> None:
    """Give up the helper threads that torch keeps for the thread that calls this.

    Torch's OpenMP (GNU's) keeps a team for every thread that has ever computed something. With two
    teams alive, more threads than cores, it puts waiting threads to sleep at every operation,
    and a step of a small model takes half as long again. A thread that hands its work to another
    one therefore calls this first; its next own operation makes a new team.
    """
    for library in (Path(torch.__file__).parent / "lib").glob("libgomp*"):
        ctypes.CDLL(str(library)).omp_pause_resource_all(_OMP_PAUSE_SOFT)


def derive_seed(seed: int, *purpose: object) -> int:
    """Return a seed for one purpose, independent of the seeds for all other purposes.

    The seed is the first 63 bits of a SHA-256 over the arguments, the same on every machine.
    """
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """Return a fresh CPU generator for one purpose; see ``derive_seed``."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextlib.contextmanager
def seeded(where: torch.device, seed: int):
    """Seed the global random numbers for a block, and leave them as they were found.

    For what cannot be handed a generator: dropout, and the initialization of adapters.
    """
    devices = [where] if where.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(where):
                torch.cuda.manual_seed(seed)
        yield


def on_colab() -> bool:
    """Return True on Colab, whose pages show nothing that a background thread has changed."""
    return "google.colab" in sys.modules


def fast_mode() -> bool:
    """Return True where labs must be quick rather than complete (``LETHE_FAST=1``, in tests)."""
    return os.environ.get("LETHE_FAST", "") not in ("", "0")


def versions() -> dict[str, str]:
    """Return the versions of everything that can change a result."""
    names = ("lablib", "torch", "transformers", "peft", "datasets", "bitsandbytes", "numpy")
    found = {"python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Return the kind of machine this is, without its name."""
    on_gpu = device().type == "cuda"
    return {
        "kind": torch.cuda.get_device_name() if on_gpu else f"{platform.machine()} CPU",
        "threads": torch.get_num_threads(),
        "system": platform.system(),
    }


def out_of_memory(error: BaseException) -> bool:
    """Return True if an error says that memory was short; torch has no class for it on a CPU."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | OSError) and "memory" in str(error)
    )


def memory_mb() -> float:
    """Return the resident memory of this process in megabytes (10^6 bytes)."""
    return psutil.Process().memory_info().rss / 1e6


def peak_memory_mb() -> float:
    """Return the highest resident memory this process has had, in megabytes.

    On Linux this is ``VmHWM``: ``ru_maxrss`` would be the parent's peak where that was higher,
    for a new process starts with the figure of the one it was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows keeps the peak elsewhere
        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
