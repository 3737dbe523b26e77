"""Write the checksums of all stored results: ``python data/results/checksums.py``."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def lines() -> list[str]:
    """Return one line a file, as ``sha256sum`` writes them, sorted by name."""
    files = sorted(HERE.glob("*/**/*.json"))
    return [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(HERE).as_posix()}"
        for file in files
    ]


if __name__ == "__main__":
    (HERE / "SHA256").write_text("\n".join(lines()) + "\n", encoding="utf-8")
