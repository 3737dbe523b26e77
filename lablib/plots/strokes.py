"""The smallest parts of a picture as SVG: text, numbers, markers, the opening tag."""

from __future__ import annotations

import html
from collections.abc import Sequence

FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:12px"


def text(value: str) -> str:
    """Return ``value`` escaped for HTML and SVG, quotes included."""
    return html.escape(str(value), quote=True)


def thin(values: Sequence, most: int) -> list:
    """Return at most ``most`` of the values, evenly spread, the first and last among them."""
    most = max(most, 2)
    if len(values) <= most:
        return list(values)
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def n(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def open_svg(width: int, height: float, summary: str) -> str:
    """Return the opening tag of a picture; ``summary`` is read to those who do not see it."""
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' role='img' "
        "class='lethe-chart tex2jax_ignore mathjax_ignore' "
        f"viewBox='0 0 {width} {n(height)}' width='100%' preserveAspectRatio='xMidYMid meet' "
        f"aria-label='{text(summary)}' fill='currentColor' "
        f"style='display:block;max-width:{round(width * 1.35)}px;overflow:visible;{FONT}'>"
    )


def marker(kind: str, x: float, y: float, r: float = 3.2) -> str:
    """Return the path of a marker centered at (x, y)."""
    a, b = n(x), n(y)
    d = n(r * 2)
    if kind in ("circle", "ring"):
        return f"M{n(x - r)} {b}a{n(r)} {n(r)} 0 1 0 {d} 0a{n(r)} {n(r)} 0 1 0 -{d} 0z"
    if kind == "square":
        return f"M{n(x - r)} {n(y - r)}h{d}v{d}h-{d}z"
    if kind == "triangle":
        return f"M{a} {n(y - r * 1.2)}l{n(r * 1.2)} {n(r * 2.1)}h-{n(r * 2.4)}z"
    if kind == "down":
        return f"M{a} {n(y + r * 1.2)}l{n(r * 1.2)} -{n(r * 2.1)}h-{n(r * 2.4)}z"
    if kind == "diamond":
        e = n(r * 1.35)
        return f"M{a} {n(y - r * 1.35)}l{e} {e}l-{e} {e}l-{e} -{e}z"
    if kind == "plus":
        return f"M{n(x - r)} {b}h{d}M{a} {n(y - r)}v{d}"
    return f"M{n(x - r)} {n(y - r)}l{d} {d}M{n(x - r)} {n(y + r)}l{d} -{d}"  # cross
