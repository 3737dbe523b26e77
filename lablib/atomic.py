"""Files that appear as a whole or not at all, whoever else writes or reads them meanwhile."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """Call ``fill(draft)`` on a path beside ``path``, then rename it; folders are made.

    Raises
    ------
    OSError
        If it cannot be written, with what to do about it.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fill(draft)
        draft.replace(path)
    except OSError as error:
        raise OSError(
            f"{path.name} cannot be written in {path.parent} ({error.strerror or error}): "
            "choose a folder you may write to, with enough free space."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file; see ``write``."""
    write(path, lambda draft: draft.write_text(text, encoding="utf-8"))
