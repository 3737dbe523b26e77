"""Probes by key. A new probe: one file beside this one, its items, one line in ``PROBES``."""

from collections.abc import Mapping

from lablib import metrics
from lablib.events import Score
from lablib.probes.base import Item, Probe
from lablib.probes.baseline import (
    base_name,
    base_scores,
    cached_base_scores,
    keep_base_scores,
)
from lablib.probes.format import Format
from lablib.probes.instruction import Instruction
from lablib.probes.knowledge import Knowledge
from lablib.probes.language import Language
from lablib.probes.reasoning import Reasoning
from lablib.probes.safety import Safety
from lablib.probes.scoring import iter_score_all

PROBES: dict[str, type[Probe]] = {
    "knowledge": Knowledge,
    "reasoning": Reasoning,
    "instruction": Instruction,
    "format": Format,
    "safety": Safety,
    "language": Language,
}


def score_all(probes, model, tokenizer, split: str = "full"):
    """Return ``{name: Score}`` of all probes, scored together; see ``iter_score_all``."""
    parts = iter_score_all(probes, model, tokenizer, split)
    return dict(part for part in parts if isinstance(part, tuple))


def retentions(
    now: Mapping[str, Score], base: Mapping[str, Score], which: str = "says"
) -> dict[str, float]:
    """Return the retention of every capability in which the base has something to lose.

    Parameters
    ----------
    now, base : mapping of str to Score
        Scores by probe, on the same items.
    which : str
        ``"says"`` or ``"knows"``.
    """
    found = {}
    for name, score in now.items():
        begun, chance = getattr(base[name], which), getattr(PROBES[name](), f"chance_{which}")
        if not metrics.nothing_to_lose(begun * base[name].n, base[name].n, chance):
            found[name] = metrics.retention(getattr(score, which), begun, chance)
    return found


__all__ = [
    "PROBES",
    "Item",
    "Probe",
    "base_name",
    "base_scores",
    "cached_base_scores",
    "iter_score_all",
    "keep_base_scores",
    "retentions",
    "score_all",
]
