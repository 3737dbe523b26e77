"""Scores of base models, kept on disk: a base is the same in every run.

Kept as JSON under ``cache`` in the home folder, by the model, the items and the code that
scores them. A damaged or outdated file is the same as none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path

from lablib.events import Progress, Score
from lablib.models.files import read_json_dict, write_json
from lablib.probes.base import Probe
from lablib.probes.scoring import iter_score_all
from lablib.runtime import home_folder


def base_name(digest: str, model, tokenizer) -> str:
    """Return the name that a base's scores are kept under; empty if ``digest`` is.

    A checksum over all that decides what it answers: weights, config, tokenizer, template.
    """
    if not digest:
        return ""
    template, vocabulary = tokenizer.chat_template or "", tokenizer.backend_tokenizer.to_str()
    parts = (digest, model.config.to_json_string(), template, vocabulary)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def base_scores(
    digest: str, probes: Sequence[Probe], model, tokenizer, split: str = "full"
) -> dict[str, Score]:
    """Return the scores of a base model, from the cache if it knows them all.

    Parameters
    ----------
    digest
        ``LoadedModel.digest`` of the base; empty if unknown, and then nothing is kept.
    probes
        The probes to score.
    model, tokenizer
        The base itself, used if the cache does not know it.
    split
        ``"full"`` or ``"quick"``.
    """
    name = base_name(digest, model, tokenizer)
    known = cached_base_scores(name, probes, split)
    if known is not None:
        return known
    found = dict(
        part
        for part in iter_score_all(probes, model, tokenizer, split)
        if not isinstance(part, Progress)
    )
    keep_base_scores(name, probes, found, split)
    return found


def cached_base_scores(
    name: str, probes: Sequence[Probe], split: str = "full"
) -> dict[str, Score] | None:
    """Return what the cache knows of a base (``base_name``), or None unless of every probe."""
    scores = {}
    for probe in probes:
        kept = read_json_dict(f"{_key(name, probe, split)}.json") if name else {}
        try:
            for outcomes in ("says_outcomes", "knows_outcomes"):
                kept[outcomes] = tuple(kept[outcomes])
            scores[probe.name] = Score(**kept)
        except (KeyError, TypeError):
            return None
    return scores


def keep_base_scores(
    name: str, probes: Sequence[Probe], scores: Mapping[str, Score], split: str = "full"
) -> None:
    """Remember the scores of a base (``base_name``); without a home nothing is remembered."""
    if not name:
        return
    for probe in probes:
        if probe.name in scores:
            with suppress(OSError):
                file = home_folder() / "cache" / f"{_key(name, probe, split)}.json"
                write_json(file, asdict(scores[probe.name]))


def _key(name: str, probe: Probe, split: str) -> str:
    items = json.dumps([asdict(item) for item in probe.items(split)], sort_keys=True)
    whole = "\n".join([name, probe.name, split, _code(), items])
    return f"base-{probe.name}-{hashlib.sha256(whole.encode()).hexdigest()[:24]}"


@cache
def _code() -> str:
    """Checksum of everything that decides a score: when it changes, old scores are void."""
    library = Path(__file__).resolve().parent.parent
    files = sorted([*library.glob("probes/*.py"), *library.glob("models/*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
