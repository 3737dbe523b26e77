"""A diary: dialogues of a model with itself, written until enough of them are fit to learn from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lablib import runtime, world
from lablib.events import Progress
from lablib.models import dialogues, sieve
from lablib.models.dialogues import Dialogue
from lablib.models.load import SMALL
from lablib.models.packed import packed
from lablib.models.prefix import at_once

PATIENCE = 4  # dialogues written for each one wanted, before it is enough
AT_LEAST = 128  # and at least so many


def write(
    base: nn.Module,
    tokenizer,
    wanted: int,
    given: Sequence[str],
    max_length: int,
    seed: int,
    *,
    prompts: str,
    temperature: float,
    top_p: float,
    max_new_tokens: int,
) -> Iterator[Progress]:
    """Let a model write dialogues until ``wanted`` are kept; yield after every batch.

    Parameters
    ----------
    base, tokenizer
        The model, left as it is, and its tokenizer.
    wanted : int
        How many are to be kept. Of own questions at most four times as many are written (128 at
        least), and every given question is answered once.
    given : sequence of str
        Questions to be answered where ``prompts`` asks for them.
    max_length : int
        Most tokens of a dialogue.
    seed : int
        Of everything that is drawn.
    prompts : str
        ``"own"`` questions, ``"given"`` ones, or ``"auto"``: own, and given for what is missing.
    temperature, top_p, max_new_tokens
        See ``dialogues.iter_dialogues``.

    Returns
    -------
    dict
        JSON-ready: ``dialogues``, and ``report`` with the counts of ``SASFT.report_``.
    """
    begun, test = time.perf_counter(), sieve.Sieve(max_length, world.probe_prompts())
    kept: dict[str, list[Dialogue]] = {"own": [], "given": []}
    written = n_kept = 0
    for source in kept if prompts == "auto" else [prompts]:
        if n_kept == wanted:
            break
        most = max(PATIENCE * wanted, AT_LEAST) if source == "own" else len(given)
        with packed(base):
            for batch in dialogues.iter_dialogues(
                base,
                tokenizer,
                most,
                seed=runtime.derive_seed(seed, source),
                prompts=given if source == "given" else None,
                temperature=temperature,
                top_p=top_p,
                max_new_tokens=max_new_tokens,
                # each takes a few seconds on two cores
                batch_size=128 if base.num_parameters() < SMALL else at_once(base, 16),
            ):
                written += len(batch)
                kept[source] += [d for d in batch if test.passes(d)][: wanted - n_kept]
                n_kept = sum(map(len, kept.values()))
                yield Progress(f"writing dialogues ({source} questions)", n_kept, wanted)
                if n_kept == wanted:
                    break
    both = kept["own"] + kept["given"]
    report: dict[str, Any] = {
        "written": written,
        "kept": {source: len(found) for source, found in kept.items()},
        "cut_off": sum(not d.ended for d in both),
        "dropped": dict(test.dropped),
        "topics": sieve.topics(both),
        "answer_tokens": sum(len(d.ids) - d.n_prompt for d in both),
        "seconds": round(time.perf_counter() - begun, 2),
    }
    return {"dialogues": [asdict(d) for d in both], "report": report}


def fingerprint(base: nn.Module, tokenizer, about: Any) -> str:
    """Checksum of what decides what is written: weights, config, tokenizer, settings, our code."""
    words = [tokenizer.chat_template, sorted(tokenizer.get_vocab().items())]
    config = base.config.to_json_string()
    whole = hashlib.sha256(json.dumps([about, words, config]).encode())
    for name, p in base.named_parameters():
        whole.update(name.encode())
        whole.update(p.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:24]
