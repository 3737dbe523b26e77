"""Make the notebooks and the home page from the sources: ``make labs``.

``source/NN_name.md`` (MyST Markdown, as jupytext reads it) becomes ``NN_name.ipynb`` without
outputs, ``source/primer.md`` likewise. ``source/glossary.toml`` becomes ``glossary.ipynb``, to
which every lab gets a link. The bytes depend on the sources alone: the id of a cell is a hash
of the notebook's name and the cell's position, so that a test can hold the notebooks against
their sources.

    python labs/build.py            write what has changed
    python labs/build.py --check    write nothing; exit status 1 if something is out of date
"""

from __future__ import annotations

import hashlib
import html
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat

LABS = Path(__file__).resolve().parent
SOURCES = LABS / "source"
HOME = LABS / "home" / "voila" / "templates" / "lethe" / "labs.html"

PRIMER, GLOSSARY = "primer", "glossary"
WORDS = (
    f"**Words**: the [glossary]({GLOSSARY}.ipynb) explains every term of the course, the "
    f"[primer]({PRIMER}.ipynb) in ten minutes the six ideas behind them."
)

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(source: Path) -> nbformat.NotebookNode:
    """Return the notebook of one source file."""
    made = jupytext.reads(source.read_text(encoding="utf-8"), fmt="md:myst")
    if source.stem != PRIMER:
        made.cells[0].source += f"\n\n{WORDS}"
    made.metadata = nbformat.from_dict(KERNEL)
    made.nbformat, made.nbformat_minor = 4, 5
    for position, cell in enumerate(made.cells):
        cell.id = hashlib.sha256(f"{source.stem}/{position}".encode()).hexdigest()[:12]
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": list(tags)} if tags else {})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(made)
    return made


def terms() -> dict[str, Any]:
    """Return the glossary as it is written: its groups and its terms."""
    return tomllib.loads((SOURCES / f"{GLOSSARY}.toml").read_text(encoding="utf-8"))


def anchor(name: str) -> str:
    """Return where a term is found on the page: notebooks make it of the heading like this."""
    return name.replace(" ", "-")


def glossary() -> nbformat.NotebookNode:
    """Return the page of all terms, one heading each, grouped and linked to each other."""
    listed = terms()
    cells = [
        "# Glossary\n\nEvery word that the labs use in a meaning of their own. A link in a lab "
        "leads to the word's place here; behind each word stands where one meets it first."
    ]
    for group in listed["groups"]:
        inside = [term for term in listed["term"] if term["group"] == group]
        entries = [f"### {term['name']}\n\n{_meaning(term)}" for term in inside]
        cells.append("\n\n".join([f"## {group}", *entries]))
    made = nbformat.v4.new_notebook(metadata=nbformat.from_dict(KERNEL))
    for position, text in enumerate(cells):
        cell = nbformat.v4.new_markdown_cell(text)
        cell.id = hashlib.sha256(f"{GLOSSARY}/{position}".encode()).hexdigest()[:12]
        made.cells.append(cell)
    return made


def _meaning(term: dict[str, Any]) -> str:
    """A term's text with its links, and the lab in which it is met first."""

    def link(found: re.Match) -> str:
        shown, _, name = found[1].partition("|")
        return f"[{shown}](#{anchor(name or shown)})"

    where = PRIMER if term["lab"] == PRIMER else f"lab {term['lab']}"
    text = re.sub(r"\[\[(.+?)\]\]", link, term["means"])
    return f"{text} ({where})"


def question(made: nbformat.NotebookNode) -> tuple[str, str]:
    """Return the title of a lab and the question it asks: its first heading and paragraph."""
    text = made.cells[0].source
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    if not title:
        raise ValueError("A lab begins with a '# title' heading.")
    paragraph = next((p for p in text[title.end() :].split("\n\n") if p.strip()), "")
    return title[1].strip(), re.sub(r"[*_`]|\s+", _plain, paragraph).strip()


def _plain(found: re.Match) -> str:
    """Spaces for line ends, nothing for the marks of emphasis."""
    return " " if found[0].isspace() else ""


def home(titles: dict[str, tuple[str, str]]) -> str:
    """Return the list of labs for the home page of the web version."""
    lines = ["{# Made by labs/build.py: do not edit. #}"]
    for name, (title, asks) in titles.items():
        lines += [
            f'<li><a href="{{{{ base_url }}}}voila/render/{name}.ipynb">{html.escape(title)}</a>',
            f"<p>{html.escape(asks)}</p></li>",
        ]
    return "\n".join(lines) + "\n"


def outputs() -> dict[Path, str]:
    """Return every generated file with the text it should have."""
    made = {source: notebook(source) for source in _in_order()}
    files = {
        LABS / f"{source.stem}.ipynb": nbformat.writes(nb, indent=1).rstrip("\n") + "\n"
        for source, nb in made.items()
    }
    files[HOME] = home({source.stem: question(nb) for source, nb in made.items()})
    if (SOURCES / f"{GLOSSARY}.toml").exists():
        files[LABS / f"{GLOSSARY}.ipynb"] = (
            nbformat.writes(glossary(), indent=1).rstrip("\n") + "\n"
        )
    return files


def _in_order() -> list[Path]:
    """The sources as the home page lists them: the primer comes after lab 00."""
    labs = sorted(SOURCES.glob("[0-9]*.md"))
    primer = [path for path in [SOURCES / f"{PRIMER}.md"] if path.exists()]
    return labs[:1] + primer + labs[1:]


def out_of_date() -> list[Path]:
    """Return the generated files that differ from their sources, and notebooks without one."""
    files = outputs()
    stale = [
        path
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return stale + [path for path in LABS.glob("*.ipynb") if path not in files]


def main(arguments: list[str]) -> int:
    """Write the generated files, or only check them."""
    stale = out_of_date()
    for path in stale:
        print(path.relative_to(LABS))
    if "--check" in arguments:
        return bool(stale)
    files = outputs()
    for path in stale:
        if path in files:
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
