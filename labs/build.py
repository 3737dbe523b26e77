"""Make the notebooks and the home page from the sources: ``make labs``.

``source/NN_name.md`` (MyST Markdown, as jupytext reads it) becomes ``NN_name.ipynb`` without
outputs. The bytes depend on the source alone: the id of a cell is a hash of the lab's name and
the cell's position, so that a test can hold the notebooks against their sources.

    python labs/build.py            write what has changed
    python labs/build.py --check    write nothing; exit status 1 if something is out of date
"""

from __future__ import annotations

import hashlib
import html
import re
import sys
from pathlib import Path

import jupytext
import nbformat

LABS = Path(__file__).resolve().parent
SOURCES = LABS / "source"
HOME = LABS / "home" / "voila" / "templates" / "lethe" / "labs.html"

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(source: Path) -> nbformat.NotebookNode:
    """Return the notebook of one source file."""
    made = jupytext.reads(source.read_text(encoding="utf-8"), fmt="md:myst")
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
    made = {source: notebook(source) for source in sorted(SOURCES.glob("[0-9]*.md"))}
    files = {
        LABS / f"{source.stem}.ipynb": nbformat.writes(nb, indent=1).rstrip("\n") + "\n"
        for source, nb in made.items()
    }
    files[HOME] = home({source.stem: question(nb) for source, nb in made.items()})
    return files


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
