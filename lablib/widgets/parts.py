"""Small pieces of HTML that the teaching widgets share; everything is escaped here."""

from __future__ import annotations

import html
from collections.abc import Sequence


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first cell of every row is its heading."""
    head = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in header)
    body = "".join(
        f"<tr><th scope='row'>{html.escape(str(row[0]))}</th>"
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        "<div class='lethe-scroll tex2jax_ignore mathjax_ignore' style='max-height:none'>"
        "<table class='lethe-table' style='text-align:left'>"
        f"<caption style='text-align:left'>{html.escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def say(text: str) -> str:
    """Return one line that a screen reader announces when it changes."""
    return f"<p role='status' aria-live='polite'>{html.escape(text)}</p>" if text else ""


def folded(summary: str, inner: str, opened: bool = False) -> str:
    """Return ``inner`` (HTML) folded under a line of text."""
    state = " open" if opened else ""
    return f"<details{state}><summary>{html.escape(summary)}</summary>{inner}</details>"


def prompt_problem(text: str, longest: int = 2000) -> str:
    """Return what is wrong with a typed question in one sentence, or an empty string."""
    if not text.strip():
        return "Type a question first."
    if len(text) > longest:
        return (
            f"Your question has {len(text)} characters; these models read at most {longest}. "
            "Shorten it."
        )
    return ""
