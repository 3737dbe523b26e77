"""Files and hub data sets as numbered records, whatever state they are in.

JSON Lines, a JSON array, CSV parted by commas, semicolons or tabs, and Parquet, each also packed
with gzip; text in UTF-8, or in UTF-16 with its byte order mark.

A record that cannot even be read becomes a ``Broken`` with the reason, so that the caller
reports it beside the others instead of stopping at the first.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from lablib.tasks.shapes import CHATS

MAX_BYTES = 200_000_000  # of a file; more would not fit in a laptop's memory as rows
FORMATS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
PACKED = ".gz"
SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
BETWEEN = re.compile(r"[\s,]*")  # what parts the elements of a JSON array

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
    is_file = path.suffix.lower() in (*FORMATS, PACKED)
    if is_file or not re.fullmatch(r"[\w.-]+/[\w.-]+", str(source)):
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
    ending = Path(name).suffix.lower()
    if ending == PACKED:
        return _records(_unpacked(content, name), Path(name).stem)
    if ending == ".parquet":
        return _parquet(content, name)
    if ending not in FORMATS:
        raise ValueError(
            f"{name} has the ending {ending or '(none)'}: give a file of rows "
            f"({', '.join(FORMATS)}; also with {PACKED})."
        )
    text = _text(content, name)
    if ending == ".json" and text.lstrip().startswith("["):
        return _array(text, name)
    # What is called .json holds often JSON Lines.
    return _jsonl(text) if ending in (".jsonl", ".json") else _csv(text)


def _unpacked(content: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(MAX_BYTES + 1)  # one more than ``_records`` lets pass
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is not a readable gzip file: pack it again.") from error


def _text(content: bytes, name: str) -> str:
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{name} is not UTF-8 text (line {line}): save it again with the encoding UTF-8."
        ) from error


def _array(text: str, name: str) -> Records:
    """The elements of a JSON array, each with the line that it begins on."""
    decoder, records = json.JSONDecoder(), []
    at, line, begun = text.index("[") + 1, 1, 0
    try:
        while text[at := BETWEEN.match(text, at).end()] != "]":
            line, begun = line + text.count("\n", begun, at), at
            record, at = decoder.raw_decode(text, at)
            records.append((line, record))
    except (ValueError, IndexError, RecursionError):
        raise ValueError(
            f"{name} is not valid JSON (the row that begins on line {line}): mend it there."
        ) from None
    return records


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
    first = text.lstrip().partition("\n")[0]
    # Not csv.Sniffer: it also looks at the rows, whose prose holds more commas than the header.
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
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
        if not any(cell.strip() for cell in cells):
            continue  # spreadsheets write such rows below the last one
        if header is None:
            header = [cell.strip().lower() for cell in cells]
        elif len(cells) != len(header):
            reason = f"{len(cells)} cells where the header has {len(header)} columns"
            records.append((number, Broken(reason)))
        else:
            records.append((number, _csv_record(dict(zip(header, cells, strict=True)))))


def _csv_record(record: dict[str, str]) -> object:
    for chat in CHATS:
        if record.get(chat):
            try:
                record[chat] = json.loads(record[chat])
            except ValueError:
                return Broken(f"{chat} is not valid JSON")
    return record


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
