"""The report of a lab as Markdown and HTML, complete enough to be graded from the file alone.

Both forms are made from the same sections, so that neither can say more than the other.
What the learner has not done is printed as the word "missing", never dropped.
"""

from __future__ import annotations

import html
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lablib.report.labs import LABS
from lablib.report.record import SOURCES, Record
from lablib.runtime import device, versions

MISSING = "missing"


@dataclass(frozen=True)
class Section:
    """One part of a report: a heading, then a paragraph, a table or code, as given."""

    heading: str
    text: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    code: str = ""


def as_text(value: Any, unit: str = "") -> str:
    """Return a saved value as a reader would write it."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = f"{value:.2f}"
    elif isinstance(value, dict):
        value = "; ".join(f"{name}: {as_text(part)}" for name, part in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        value = " → ".join(str(part) for part in value)
    return f"{value} {unit}".strip()


def sections(record: Record) -> list[Section]:
    """Return the parts of the report in reading order."""
    outline, content = LABS[record.lab], record.read()
    parts = [_about(record), _predictions(outline, content), _runs(content)]
    parts += _exercises(outline, content) + _recommendation(outline, content)
    parts += _answers(outline, content)
    parts.append(_what_is_missing(outline, content))
    return parts


def _about(record: Record) -> Section:
    where = device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else platform.machine()
    rows = [
        ("learner", record.learner),
        ("device", f"{where.type} ({name}), {torch.get_num_threads()} threads"),
        ("system", platform.platform(terse=True)),
        *((package, version) for package, version in versions().items()),
    ]
    return Section("Made by and on", header=("what", "value"), rows=tuple(rows))


def _predictions(outline, content) -> Section:
    rows = []
    for expected in outline.predictions:
        said = content["predictions"].get(expected.key, {})
        seen = content["measurements"].get(expected.key, {})
        unit = said.get("unit", "")
        predicted = as_text(said.get("value"), unit)
        if said and said["first"] != said["value"]:
            predicted += f" (first: {as_text(said['first'], unit)})"
        measured = as_text(seen.get("value"), unit if seen else "")
        if seen.get("detail"):
            measured += f" ({seen['detail']})"
        source = SOURCES.get(seen.get("source", ""), MISSING)
        rows.append((expected.text, predicted, measured, source))
    return Section(
        "Predictions and measurements",
        "A prediction is not graded for being right: what counts is the explanation below.",
        ("question", "predicted", "measured", "where the measurement comes from"),
        tuple(rows),
    )


def _runs(content) -> Section:
    keys = ("model", "task", "method", "lr", "epochs", "mix_ratio", "seed", "steps", "source")
    rows = []
    for facts in content["runs"].values():
        shown = {**facts, "source": SOURCES.get(facts.get("source", ""), MISSING)}
        # A learning rate of 0.0001 must not be rounded to 0.00.
        rows.append(tuple(_plain(shown.get(key)) for key in keys))
    if not rows:
        return Section("Runs", f"Runs used: {MISSING}.")
    return Section("Runs", header=keys, rows=tuple(rows))


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else as_text(value)


def _exercises(outline, content) -> list[Section]:
    rows, codes = [], []
    for expected in outline.exercises:
        done = content["exercises"].get(expected.key)
        state = MISSING if done is None else "solved" if done["passed"] else "not solved yet"
        rows.append(
            (
                expected.text,
                state,
                str(done["attempts"]) if done else "0",
                done["message"] if done else MISSING,
            )
        )
        if done and done["code"]:
            codes.append(Section(f"Code: {expected.text}", code=done["code"]))
    table = Section(
        "Exercises",
        header=("exercise", "state", "attempts", "what the check said"),
        rows=tuple(rows),
    )
    return [table, *codes]


def _recommendation(outline, content) -> list[Section]:
    if not outline.recommends:
        return []
    made = content["kept"].get("recommendation")
    if not made:
        return [Section("Recommendation", f"Recommendation: {MISSING}.")]
    constraints = "; ".join(made["constraints"]) or "none stated"
    rows = [
        ("recommended", made["text"]),
        ("constraints", constraints),
        ("measured on", made["basis"]),
    ]
    rows += [("evidence", reason) for reason in made["evidence"]]
    return [Section("Recommendation", header=("what", "said"), rows=tuple(rows))]


def _answers(outline, content) -> list[Section]:
    parts = []
    for expected in outline.answers:
        text = content["answers"].get(expected.key, {}).get("text", "").strip()
        parts.append(Section(f"In your own words: {expected.text}", text or MISSING))
    return parts


def _what_is_missing(outline, content) -> Section:
    absent = [
        f"{kind}: {expected.text}"
        for kind, wanted, have in (
            ("prediction", outline.predictions, content["predictions"]),
            ("measurement", outline.predictions, content["measurements"]),
            ("exercise", outline.exercises, content["exercises"]),
            ("answer", outline.answers, content["answers"]),
        )
        for expected in wanted
        if expected.key not in have
    ]
    if outline.recommends and "recommendation" not in content["kept"]:
        absent.append("recommendation: Friday's decision")
    if not absent:
        return Section("What is missing", "Nothing: every part of this report is filled in.")
    return Section("What is missing", header=("part",), rows=tuple((part,) for part in absent))


def _plain_text(text: str) -> str:
    """Return text that Markdown shows as it stands: no tags, no formulas, no links."""
    return re.sub(r"([\\`*_\[\]<>$|#~])", r"\\\1", text)


def _cell(text: str) -> str:
    return _plain_text(text).replace("\n", " ")


def to_markdown(record: Record) -> str:
    """Return the report of a lab as Markdown."""
    lines = [f"# Report on lab {record.lab}: {LABS[record.lab].title}", ""]
    for part in sections(record):
        lines += [f"## {part.heading}", ""]
        if part.text:
            lines += [_plain_text(part.text), ""]
        if part.rows:
            lines.append("| " + " | ".join(part.header) + " |")
            lines.append("|" + " --- |" * len(part.header))
            lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in part.rows]
            lines.append("")
        if part.code:
            lines += ["~~~python", part.code.rstrip().replace("~~~", "~ ~ ~"), "~~~", ""]
    return "\n".join(lines)


def to_html(record: Record, whole_page: bool = True) -> str:
    """Return the report of a lab as HTML: a page of its own, or a fragment for a widget."""
    title = f"Report on lab {record.lab}: {LABS[record.lab].title}"
    out = [f"<h1>{html.escape(title)}</h1>"]
    for part in sections(record):
        out.append(f"<h2>{html.escape(part.heading)}</h2>")
        if part.text:
            out.append(f"<p>{html.escape(part.text)}</p>")
        if part.rows:
            head = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in part.header)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in part.rows
            )
            out.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        if part.code:
            out.append(f"<pre>{html.escape(part.code)}</pre>")
    body = "\n".join(out)
    if not whole_page:
        return body
    style = (
        "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td,th{border:1px solid #888;padding:.3em .6em;"
        "text-align:left;vertical-align:top}pre{overflow:auto;border:1px solid #888;padding:.6em}"
    )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{html.escape(title)}</title><style>{style}</style></head>"
        f"<body>{body}</body></html>"
    )
