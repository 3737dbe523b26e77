"""Probes by key. A new probe: one file beside this one, its items, one line in ``PROBES``."""

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


__all__ = [
    "PROBES",
    "Item",
    "Probe",
    "base_name",
    "base_scores",
    "cached_base_scores",
    "iter_score_all",
    "keep_base_scores",
    "score_all",
]
