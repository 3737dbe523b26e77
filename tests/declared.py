"""What every lab declares beside its source: ``labs/source/NN_name.toml``.

The form is explained in ``labs/source/README.md``; the lint and the browser tests read it here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[1] / "labs" / "source"


@dataclass(frozen=True)
class Drive:
    """What a browser test presses in a lab, and what has to change."""

    button: str  # its name as it is read on the page
    number: int = 1  # which of the buttons of this name, from the top
    image: str = "svg.lethe-chart, img"  # CSS; the first match at or below the button's widget
    image_with: str = ""  # words that the picture holds
    table: str = "table"
    table_with: str = ""
    first: tuple[dict[str, Any], ...] = ()  # what is done before: choose, fill or press


@dataclass(frozen=True)
class Declared:
    """Everything that a lab declares."""

    name: str
    browser: Drive
    gives_away: dict[str, list[str]] = field(default_factory=dict)  # by key of the prediction
    numeral: tuple[dict[str, Any], ...] = ()  # allowed in prose, each with a reason
    figure: tuple[dict[str, Any], ...] = ()  # cells shown above a prediction, with a reason


def names() -> list[str]:
    """Return the names of all labs, in order; the primer comes after lab 00."""
    labs = sorted(path.stem for path in SOURCES.glob("[0-9]*.md"))
    return [*labs[:1], "primer", *labs[1:]]


def declared(name: str) -> Declared:
    """Return what the lab called ``name`` declares.

    Raises
    ------
    AssertionError
        If it declares nothing, or something that nobody reads.
    """
    path = SOURCES / f"{name}.toml"
    assert path.exists(), f"labs/source/{path.name} is missing; see labs/source/README.md"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = content.keys() - Declared.__dataclass_fields__.keys()
    assert not unknown, f"{path.name}: nobody reads {', '.join(unknown)}"
    browser = dict(content.get("browser", {}))
    unknown = browser.keys() - Drive.__dataclass_fields__.keys()
    assert not unknown, f"{path.name}: [browser] knows no {', '.join(unknown)}"
    assert "button" in browser, f"{path.name}: [browser] names no button"
    drive = Drive(**browser | {"first": tuple(browser.get("first", ()))})
    return Declared(
        name,
        drive,
        content.get("gives_away", {}),
        tuple(content.get("numeral", ())),
        tuple(content.get("figure", ())),
    )
