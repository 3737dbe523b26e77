"""Every single fact as a small card: what the network answers now, and whether it is sure."""

from __future__ import annotations

from lablib.classic.addition import ONES, RIGHT, SCORED_ONES, TWOS, Pass
from lablib.classic.codes import FACTS, written
from lablib.widgets import theme

# Told by sign, border and words, never by color alone.
CSS = """
.lethe .lethe-facts{display:grid;gap:5px;margin:4px 0 8px 0;padding:0;list-style:none;
grid-template-columns:repeat(auto-fill,minmax(80px,1fr))}
.lethe .lethe-facts li{border:1px solid var(--lethe-edge);border-radius:6px;padding:2px 5px;
margin:0;line-height:1.25;min-width:0}
.lethe .lethe-facts b{font-size:16px;font-variant-numeric:tabular-nums}
.lethe .lethe-facts small{display:block;white-space:nowrap;font-size:11px;color:var(--lethe-soft)}
.lethe .lethe-facts .lethe-says{border-color:#2878b5;border-width:2px;padding:1px 4px}
.lethe .lethe-facts .lethe-turned{border:2px dashed #c96a00;padding:1px 4px}
"""


def strip(one: Pass) -> str:
    """Return the cards of all 32 facts after one pass, as HTML."""
    twos_only = [i for i in TWOS if i not in ONES]
    shared = [i for i in TWOS if i in ONES]
    return theme.plain(
        _row("The fifteen ones facts", SCORED_ONES, one)
        + _row("The twos facts", twos_only, one)
        + _row("In both sets, counted as twos", shared, one)
        + "<div class='lethe-soft'>✓ says it: every unit within .1 of its target · ≈ still ranks "
        "it first: this sum is the closest one · ✗ another sum is closer</div>",
    )


def _row(title: str, which, one: Pass) -> str:
    right = sum(one.answers[i] == RIGHT[i] for i in which)
    cards = "".join(_card(i, one) for i in which)
    head = theme.heading(f"{title}: {right} of {len(which)} right")
    return f"{head}<ul class='lethe-facts'>{cards}</ul>"


def _card(i: int, one: Pass) -> str:
    answer, right = one.answers[i], RIGHT[i]
    if one.within[i]:
        kind, said = "lethe-says", "✓ says it"
    elif answer == right:
        kind, said = "lethe-ranks", "≈ closest"
    else:
        kind, said = "lethe-turned", f"✗ not {right}"
    return f"<li class='{kind}'>{written(FACTS[i])} <b>{answer}</b><small>{said}</small></li>"
