"""Files and hub data sets as numbered records, whatever state they are in.

A record that cannot even be read becomes a ``Broken`` with the reason, so that the caller
reports it beside the others instead of stopping at the first.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 200_000_000  # of a file; more would not fit in a laptop's memory as rows
FORMATS = (".jsonl", ".csv", ".parquet")
SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}

Records = list[tuple[int, object]]  # (line or row number from 1, record)


@dataclass(frozen=True)
class Broken:
    """A line that holds no record."""

    reason: str


def read(source: str | Path | bytes, filename: str = "") -> tuple[str, dict[str, Records]]:
    """Return the name of the data and its records by split.

    Raises
    ------
    ValueError, OSError
        If there is nothing to read, with one sentence on what to do.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name = Path(filename).name or "the upload"
        return name, {"train": _records(bytes(source), name)}
    path = Path(source).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the file in it ({', '.join(FORMATS)}).")
    if path.exists():
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(_too_large(path.name, path.stat().st_size))
        try:
            return path.name, {"train": _records(path.read_bytes(), path.name)}
        except OSError as error:
            raise OSError(f"{path} cannot be read ({error.strerror}).") from error
    if path.suffix.lower() in FORMATS or not re.fullmatch(r"[\w.-]+/[\w.-]+", str(source)):
        raise FileNotFoundError(
            f"There is no file {str(source)!r}: check the path and the folder you are in."
        )
    return str(source), _hub(str(source))


def _too_large(name: str, size: int) -> str:
    return (
        f"{name} has {size / 1e6:,.0f} MB, where {MAX_BYTES / 1e6:,.0f} are allowed: "
        "train on a part of it."
    )


def _records(content: bytes, name: str) -> Records:
    if len(content) > MAX_BYTES:
        raise ValueError(_too_large(name, len(content)))
    suffix = Path(name).suffix.lower()
    if suffix == ".parquet":
        return _parquet(content, name)
    if suffix not in (".jsonl", ".csv"):
        raise ValueError(
            f"{name} has the ending {suffix or '(none)'}: JSONL, CSV or Parquet is needed "
            f"({', '.join(FORMATS)})."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{name} is not UTF-8 text (line {line}): save it again with the encoding UTF-8."
        ) from error
    return _jsonl(text) if suffix == ".jsonl" else _csv(text)


def _jsonl(text: str) -> Records:
    records: Records = []
    # Not splitlines(): JSON strings may hold other characters that Python calls line ends.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            at = f" at character {error.colno}" if hasattr(error, "colno") else ""
            records.append((number, Broken(f"not valid JSON ({reason}{at})")))
    return records


def _csv(text: str) -> Records:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: Records = []
    header: list[str] | None = None
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            # The reader cannot find the next row after this one.
            records.append((number, Broken(f"not valid CSV ({error}); nothing after it was read")))
            return records
        if cells is None:
            return records
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
        elif len(cells) != len(header):
            reason = f"{len(cells)} cells where the header has {len(header)} columns"
            records.append((number, Broken(reason)))
        else:
            records.append((number, _csv_record(dict(zip(header, cells, strict=True)))))


def _csv_record(record: dict[str, str]) -> object:
    if "messages" not in record:
        return record
    try:
        return {"messages": json.loads(record["messages"])}
    except ValueError:
        return Broken("messages is not valid JSON")


def _parquet(content: bytes, name: str) -> Records:
    import pyarrow  # comes with datasets; kept out of every other path, for it takes 50 MB
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{name} is not a readable Parquet file: export it again.") from error
    return list(enumerate(table.to_pylist(), 1))


def _hub(name: str) -> dict[str, Records]:
    import datasets  # 85 MB of memory: only for those who ask for the hub

    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # the library raises many kinds; all mean the same to the user
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise OSError(
            f"The data set {name!r} could not be loaded from the hub ({reason}): check the name "
            "and the network, or give a file."
        ) from error
    parts = {SPLIT_NAMES[split]: rows for split, rows in loaded.items() if split in SPLIT_NAMES}
    if "train" not in parts:
        raise ValueError(
            f"The data set {name!r} has no split train (found: {', '.join(loaded)}): "
            "export the split you want to a file."
        )
    return {split: list(enumerate(rows, 1)) for split, rows in parts.items()}
