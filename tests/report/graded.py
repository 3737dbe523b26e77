"""Three fixture reports, and the part of their grading that needs no judgment.

``python -m tests.report.graded`` writes the reports anew from the records beside them.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from lablib.report import Record, to_markdown

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("full", "half", "empty")
RUBRIC = Path(__file__).resolve().parents[2] / "docs" / "rubric.md"
SHOWN_ELSEWHERE = "Made by and on"  # depends on the machine


def record(name: str, folder: Path) -> Record:
    """Return the record of a fixture, as if the learner's work lay in ``folder``."""
    content = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    made = Record(content["lab"], learner=name, folder=folder)
    made.path.parent.mkdir(parents=True, exist_ok=True)
    made.path.write_text(json.dumps(content), encoding="utf-8")
    return made


def parts(report: str) -> dict[str, str]:
    """Return the sections of a report by heading."""
    found = re.split(r"^## (.+)$", report, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def fields() -> dict[str, int]:
    """Return the parts of a report that the rubric grades, with their points."""
    rows = re.findall(r"^\| ([A-Z][^|]+) \| (\d) \|", RUBRIC.read_text("utf-8"), re.MULTILINE)
    return {name: int(points) for name, points in rows}


def rows(section: str) -> list[list[str]]:
    """Return the rows of the first table of a section, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def counted(report: str) -> dict[str, float]:
    """Return the points of the parts that are counted and not judged."""
    found = parts(report)
    predicted = ["missing" not in row[1] for row in rows(found["Predictions and measurements"])]
    share = sum(predicted) / len(predicted)
    solved = [row[1] == "solved" for row in rows(found["Exercises"])]
    live = any(row[-1] == "trained live here" for row in rows(found["Runs"]))
    return {
        "predictions": 2 if share == 1 else 1 if share >= 0.5 else 0,
        "runs": 2 if live else 1 if rows(found["Runs"]) else 0,
        "exercises": 3 * sum(solved) / len(solved),
    }


def key() -> dict[str, dict[str, int]]:
    """Return what each report is worth, part by part."""
    return tomllib.loads((FIXTURES / "key.toml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    import tempfile

    for each in NAMES:
        with tempfile.TemporaryDirectory() as home:
            text = to_markdown(record(each, Path(home)))
        (FIXTURES / f"{each}.md").write_text(text, encoding="utf-8")
