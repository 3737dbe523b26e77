"""Every lab has the form that a learner can rely on (CONTRIBUTING.md, "A new lab")."""

from __future__ import annotations

import re
import statistics

import nbformat

TURN = ("Question", "Predict", "Run", "Look", "Explain", "Exercise")
FOOT = ("Key points", "Limits", "References", "Next")


def cells(lab, kind: str) -> list:
    """The cells of one kind."""
    made = nbformat.read(lab, as_version=4)
    return [cell for cell in made.cells if cell.cell_type == kind]


def headings(lab) -> list[str]:
    """Every markdown heading below the title, in order."""
    text = "\n".join(cell.source for cell in cells(lab, "markdown"))
    return re.findall(r"^#{2,4} (.+)$", text, re.MULTILINE)


def test_length(lab):
    code = cells(lab, "code")
    total = len(code) + len(cells(lab, "markdown"))
    lengths = [len(cell.source.splitlines()) for cell in code]
    assert 25 <= total <= 40, f"{total} cells"
    assert len(code) <= 15, f"{len(code)} code cells"
    assert max(lengths) <= 20, f"a code cell of {max(lengths)} lines"
    assert statistics.median(lengths) <= 8


def test_it_opens_with_one_title(lab):
    first = cells(lab, "markdown")[0].source
    assert len(re.findall(r"^# ", first, re.MULTILINE)) == 1
    rest = "\n".join(cell.source for cell in cells(lab, "markdown")[1:])
    assert not re.findall(r"^# ", rest, re.MULTILINE)


def test_turns_keep_their_order(lab):
    found = [
        TURN.index(match[1])
        for match in (re.match(rf"({'|'.join(TURN)})\b", h) for h in headings(lab))
        if match
    ]
    starts = [at for at, part in enumerate(found) if part == 0]
    assert starts and starts[0] == 0, "the first part of a turn is its Question"
    for start, end in zip(starts, [*starts[1:], len(found)], strict=True):
        turn = found[start:end]
        assert turn == sorted(turn), [TURN[part] for part in turn]
        names = {TURN[part] for part in turn}
        assert names >= {"Question", "Predict", "Run", "Look", "Explain"}, names


def test_foot(lab):
    found = [name for h in headings(lab) for name in FOOT if h.startswith(name)]
    assert tuple(found) == FOOT, found


def test_nothing_is_installed_or_imported_by_star(lab):
    for cell in cells(lab, "code"):
        assert not re.search(r"^\s*[!%]\s*pip|import \*", cell.source, re.MULTILINE), cell.source


def test_exercises_are_tagged(lab):
    """The web version removes what carries the tag: a stub without it would be left over."""
    for cell in cells(lab, "code"):
        if "NotImplementedError" in cell.source or "checks." in cell.source:
            assert "exercise" in cell.metadata.get("tags", []), cell.source
