"""Model files on disk: their checksums, and quiet loading."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import safe_open
from transformers.utils import logging

from lablib import atomic
from lablib.runtime import home_folder


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file as hex digits.

    Checksums are remembered under ``cache/checksums.json`` by place, size and time of change:
    half a gigabyte takes a second to read, and a base score is asked for by checksum.
    """
    stat = file.stat()
    key = f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    known = read_json_dict("checksums.json")
    if isinstance(known.get(key), str):
        return known[key]
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    with suppress(OSError):  # without a home nothing is remembered, at the price of time only
        write_json(home_folder() / "cache" / "checksums.json", {**known, key: found})
    return found


def read_json_dict(name: str) -> dict:
    """Return what is remembered in ``cache/<name>``; nothing if it is missing or damaged."""
    try:
        found = json.loads((home_folder() / "cache" / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(file: Path, content: object) -> None:
    """Write JSON so that a reader never meets half a file."""
    atomic.write_text(file, json.dumps(content))


def digest(folder: Path) -> str:
    """Return one SHA-256 over all weights of a model folder."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        whole.update(f"{file.name}:{sha256_of(file)}\n".encode())
    return whole.hexdigest()


def n_stored(folder: Path) -> int:
    """Return how many numbers the safetensors of a model folder hold, by their heads alone."""
    n = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            n += sum(math.prod(tensors.get_slice(k).get_shape()) for k in tensors.offset_keys())
    return n


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from drawing progress bars and warnings into a notebook."""
    bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
