"""Tokens of an answer, shaded by how much they surprise the base, as HTML that scales and wraps.

A token's perplexity stands below it, so that nothing is told by shade alone; what is masked is
struck through and framed. All text comes from data or models and is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

from lablib.methods.stm import ScoredToken
from lablib.plots.chart import Chart, Expected, Line
from lablib.plots.live import rows_table
from lablib.plots.strokes import text

END = "end of turn"
# Probabilities that part the shades: what the paper's threshold keeps has none.
STEPS = (0.4, 0.1, 0.01)
CSS = """
.lethe .lethe-tokens{display:flex;flex-wrap:wrap;gap:4px 0;margin:6px 0;padding:0;
align-items:flex-start;line-height:1.25}
.lethe .lethe-token{display:inline-flex;flex-direction:column;align-items:center;font-size:14px;
padding:1px 2px;border:1px solid transparent;border-radius:3px;margin:0;min-width:1.5em}
.lethe .lethe-token.lethe-gap{margin-left:5px}
.lethe .lethe-token small{font-size:9.5px;opacity:.8;font-variant-numeric:tabular-nums}
.lethe .lethe-token.lethe-s1{background:rgba(201,106,0,.16)}
.lethe .lethe-token.lethe-s2{background:rgba(201,106,0,.34)}
.lethe .lethe-token.lethe-s3{background:rgba(201,106,0,.56)}
.lethe .lethe-token.lethe-masked{border:1px dashed currentColor}
.lethe .lethe-token.lethe-masked span{text-decoration:line-through;text-decoration-thickness:2px}
.lethe .lethe-token.lethe-end span{font-style:italic;font-size:12px}
"""


def shade(probability: float) -> int:
    """Return how surprising a probability is, from 0 (the paper's rule keeps it) to 3."""
    return sum(probability < step for step in STEPS)


def short(perplexity: float) -> str:
    """Return a perplexity in few characters."""
    if perplexity < 9.95:
        return f"{perplexity:.1f}"
    if perplexity < 9999.5:
        return f"{perplexity:.0f}"
    return f"{perplexity:.0e}".replace("e+0", "e").replace("e+", "e")


def strip(tokens: Sequence[ScoredToken]) -> str:
    """Return the tokens of an answer in reading order; the last one is the end of turn."""
    shown = []
    for i, token in enumerate(tokens):
        end = i == len(tokens) - 1
        probability = 1 / token.perplexity
        kinds = ["lethe-token", f"lethe-s{shade(probability)}"]
        kinds += ["lethe-gap"] * (end or token.text[:1].isspace())
        kinds += ["lethe-masked"] * token.masked + ["lethe-end"] * end
        word = END if end else token.text.replace("\n", "⏎").strip() or "␣"
        said = f"{word}: the base gave it {probability:.3g}, perplexity {token.perplexity:.3g}" + (
            "; masked" if token.masked else ""
        )
        shown.append(
            f"<span class='{' '.join(kinds)}' title='{text(said)}'><span>{text(word)}</span>"
            f"<small>{short(token.perplexity)}</small></span>"
        )
    return f"<div class='lethe-tokens tex2jax_ignore mathjax_ignore'>{''.join(shown)}</div>"


def table(tokens: Sequence[ScoredToken], caption: str) -> str:
    """Return the same as numbers."""
    rows = [
        (
            END if i == len(tokens) - 1 else token.text.strip() or "␣",
            f"{1 / token.perplexity:.3f}",
            f"{token.perplexity:.4g}",
            "masked" if token.masked else "learned",
        )
        for i, token in enumerate(tokens)
    ]
    return rows_table(caption, ("token", "the base gave it", "perplexity", "in training"), rows)


def shares(
    at: Sequence[float],
    curves: dict[str, Sequence[float]],
    cursor: float,
    guesses: dict[str, float | None],
) -> Chart:
    """Return which share of the tokens the base gave less than each probability.

    Parameters
    ----------
    at : sequence of float
        Probabilities, in [0, 1].
    curves : dict of str to sequence of float
        By task, the share of its tokens that the base gave less; a name that ends in "real" is
        another model's reading, and dashed.
    cursor : float
        The probability that the paper's threshold stands for.
    guesses : dict of str to float or None
        By task, the share at the cursor that the learner expected.
    """
    lines = tuple(
        Line(
            name, tuple(at), tuple(values), style, name.endswith("real"), markers=False, label=name
        )
        for style, (name, values) in enumerate(curves.items())
    )
    expected = tuple(
        Expected(name, guesses[name], style)
        for style, name in enumerate(curves)
        if guesses.get(name) is not None
    )
    note = "The upright line is the paper's threshold"
    note += "; your predictions lie across." if expected else "."
    return Chart(
        "Tokens that the base did not expect",
        "probability that the base gave",
        "share of the answer tokens that got less",
        lines,
        expected=expected,
        cursor=cursor,
        y_range=(0.0, 1.0),
        x_range=(0.0, 1.0),
        notes=(note,),
    )
