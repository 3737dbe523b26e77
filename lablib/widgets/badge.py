"""The badge on every figure: where its numbers come from. In words, never by color alone."""

from __future__ import annotations

import html

from lablib.report import SOURCES

_SIGNS = {"live": "●", "replayed": "▷", "illustrative": "◇"}


def badge(source: str, detail: str = "") -> str:
    """Return the badge for a key of ``SOURCES`` as HTML, with an optional detail behind it."""
    text = f"{_SIGNS[source]} {SOURCES[source]}" + (f": {detail}" if detail else "")
    style = (
        "display:inline-block;border:1px solid currentColor;border-radius:0.8em;"
        "padding:0 0.7em;font-size:0.85em;opacity:0.85;margin-bottom:4px"
    )
    return f"<span class='lethe-badge' style='{style}'>{html.escape(text)}</span>"
