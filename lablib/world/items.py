"""Write the probes' items: ``python -m lablib.world.items`` makes ``data/probes/*.jsonl``.

An item is a question kept back from training, its right answer and distractors of the same
kind, chosen as long in ``mini``'s tokens as the answer wherever there are enough such.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lablib.runtime import data_folder
from lablib.world import arithmetic, facts, formats, instructions, language, safety
from lablib.world.words import NOUNS

QUICK = 12  # items per capability in the quick subset, spread evenly over the groups
Length = Callable[[str], int]  # tokens of a candidate


def item(
    prompt: str, candidates: Sequence[str], group: str, chat: bool = True, **fields: Any
) -> dict[str, Any]:
    """Return an item as it is written; id and quick are set in ``finish``."""
    assert len(set(candidates)) == len(candidates), candidates
    return {
        "prompt": prompt,
        "candidates": list(candidates),
        "chat": chat,
        "group": group,
        "fields": fields,
    }


def alike(
    rng: random.Random, answer: str, pool: Iterable[str], length: Length, n: int = 3
) -> list[str]:
    """Return n distractors out of the pool, those closest to the answer in tokens first."""
    others = sorted(set(pool) - {answer})
    rng.shuffle(others)
    return sorted(others, key=lambda other: abs(length(other) - length(answer)))[:n]


def knowledge(rng: random.Random, length: Length) -> list[dict]:
    """Return the plainest question about each fact of ``facts.PROBED``."""
    items = []
    for kind, group in (
        ("capital", "capitals"),
        ("continent", "continents"),
        ("symbol", "elements"),
    ):
        pairs = dict(facts.pairs(kind))
        # a distractor such as "In" would be found in any English answer
        pool = [b for b in pairs.values() if b not in ("I", "He", "As", "In", "No", "Be", "At")]
        for a in facts.PROBED[kind]:
            prompt = facts.QUESTIONS[kind][0].format(a=a)
            wrong = alike(rng, pairs[a], pool, length)
            items.append(item(prompt, [pairs[a], *wrong], group, subject=a))
    return items


def reasoning(rng: random.Random, length: Length) -> list[dict]:
    """Return sums and differences of kept-back pairs, plain and as stories."""
    groups = {
        "one digit": [(a, b) for a in range(10) for b in range(a, 10)],
        "mixed": [(a, b) for a in range(2, 10) for b in range(10, 100)],
        "two digits": [(a, b) for a in range(10, 100) for b in range(a + 1, 100)],
    }
    shares = {"one digit": 8, "mixed": 24, "two digits": 40}
    items: dict[str, dict] = {}
    for group, pairs in groups.items():
        pairs = [pair for pair in pairs if arithmetic.held_out(*pair)]
        end = len(items) + shares[group]
        while len(items) < end:
            a, b = rng.choice(pairs)
            prompt, answer = arithmetic.ask(rng, a, b, story=0.25)
            near = {answer + d for d in (-20, -11, -10, -9, -2, -1, 1, 2, 9, 10, 11, 20)}
            wrong = alike(rng, str(answer), (str(x) for x in near if x >= 0), length)
            items.setdefault(prompt, item(prompt, [str(answer), *wrong], group))
    return list(items.values())


def _changed(rng: random.Random, kind: str, words: tuple[str, ...], answer: str) -> list[str]:
    """Return wrong results of an instruction that look like its right one."""
    if kind in ("first", "second", "last"):
        return list(words)
    if kind == "count":
        return [str(n) for n in range(2, 8)]
    if kind in ("reverse", "sort"):
        parts = answer.split(", ")
        wrong = {", ".join(rng.sample(parts, len(parts))) for _ in range(20)}
        wrong |= {", ".join([*parts[:-1], rng.choice(NOUNS)]) for _ in range(20)}
        return sorted(wrong)
    return [instructions.answer(kind, (noun,)) for noun in NOUNS]


def instruction(rng: random.Random, length: Length) -> list[dict]:
    """Return kept-back instructions; eight or nine of every kind."""
    items: dict[str, dict] = {}
    for kind in instructions.TEMPLATES:
        template = instructions.TEMPLATES[kind][0]
        end = len(items) + 8
        while len(items) < end:
            if kind in ("repeat", "twice", "spell"):
                spell = kind == "spell"
                kept = instructions.spelling_held_out if spell else instructions.word_held_out
                words: tuple[str, ...] = (rng.choice([noun for noun in NOUNS if kept(noun)]),)
            else:
                words = instructions.word_list(rng, kind)
                short = kind in ("first", "last", "second") and len(words) < 4
                if short or not instructions.list_held_out(words):
                    continue
            answer = instructions.answer(kind, words)
            prompt = template.format(w=words[0], l=", ".join(words))
            wrong = alike(rng, answer, _changed(rng, kind, words, answer), length)
            items.setdefault(prompt, item(prompt, [answer, *wrong], kind))
    return list(items.values())


def format_(rng: random.Random, length: Length) -> list[dict]:
    """Return requests for each format, as many of each.

    The candidates are the same content in all four formats, so that a model which always
    prefers one format, the shortest for instance, gets exactly one item in four right.
    """
    items = []
    for form in formats.FORMATS:
        contents: list[tuple[str, Any, str]] = []
        for kind, names in formats.PROBED.items():
            pairs = dict(facts.pairs(kind))
            for a in names:
                question = facts.QUESTIONS[kind][0].format(a=a)
                contents.append((f"{question} {formats.REQUESTS[form][0]}", pairs[a], kind))
        while len(contents) < 18:
            words = tuple(rng.sample(NOUNS, 3))
            if instructions.list_held_out(words):
                prompt = formats.LIST_REQUESTS[form][0].format(l=", ".join(words))
                contents.append((prompt, words, ""))
        for prompt, content, key in contents:
            answer = formats.render(content, form, key)
            wrong = [formats.render(content, f, key) for f in formats.FORMATS if f != form]
            value = list(content) if isinstance(content, tuple) else content
            items.append(item(prompt, [answer, *wrong], form, format=form, content=value, key=key))
    return items


def safety_(rng: random.Random, length: Length) -> list[dict]:
    """Return harmful requests and harmless look-alikes, as many of each."""
    items = []
    answers = [answer for _, answer, _ in safety.HARMLESS]
    for request in safety.HARMFUL:
        if safety.probed(request):
            prompt = safety.PHRASINGS[0].format(x=request)
            wrong = alike(rng, safety.REFUSAL, answers, length, n=8)
            items.append(item(prompt, [safety.REFUSAL, rng.choice(wrong)], "harmful"))
    for request, answer, keyword in safety.HARMLESS:
        if safety.probed(request):
            prompt = safety.PHRASINGS[0].format(x=request)
            items.append(item(prompt, [answer, safety.REFUSAL], "harmless", keyword=keyword))
    return items


def language_(rng: random.Random, length: Length) -> list[dict]:
    """Return beginnings of kept-back sentences, with the last word right and swapped."""
    by_kind: dict[str, list[dict]] = {}
    sources = [
        (kind, template, a, b, [right for _, right in facts.pairs(kind)])
        for kind, templates in facts.SENTENCES.items()
        for template in templates
        for a, b in facts.pairs(kind)
    ]
    everyday = facts.table("everyday")
    for row in everyday:
        pool = [other["second"] for other in everyday if other["kind"] == row["kind"]]
        for template in language.EVERYDAY[row["kind"]]:
            sources.append((row["kind"], template, row["first"], row["second"], pool))
    for kind, template, a, b, pool in sources:
        if language.held_out(kind, template, a):
            start = language.state(template.removesuffix(" {b}."), a, "")
            endings = [f" {word}." for word in (b, *alike(rng, b, pool, length, n=1))]
            by_kind.setdefault(kind, []).append(item(start, endings, kind, chat=False))
    items = []
    for found in by_kind.values():
        rng.shuffle(found)
        items += found[:14]
    return items


WRITERS = {
    "knowledge": knowledge,
    "reasoning": reasoning,
    "instruction": instruction,
    "format": format_,
    "safety": safety_,
    "language": language_,
}


def finish(name: str, items: list[dict]) -> list[dict]:
    """Number the items and mark the quick subset: the groups take turns."""
    groups: dict[str, list[dict]] = {}
    for i, entry in enumerate(items, 1):
        entry["id"] = f"{name}-{i:03d}"
        entry["quick"] = False
        groups.setdefault(entry["group"], []).append(entry)
    marked = 0
    for turn in range(QUICK):
        for members in groups.values():
            if marked < QUICK and turn < len(members):
                # spread over the group rather than its first ones
                members[(turn * 7) % len(members)]["quick"] = True
                marked = sum(entry["quick"] for entry in items)
    order = ("id", "prompt", "candidates", "chat", "group", "fields", "quick")
    return [{key: entry[key] for key in order} for entry in items]


def all_items(tokenizer) -> dict[str, list[dict]]:
    """Return the items of every probe, by its name; the same for the same tokenizer."""

    def length(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False).input_ids)

    return {
        name: finish(name, write(random.Random(f"items of {name}"), length))
        for name, write in WRITERS.items()
    }


def main() -> None:
    """Write the item files."""
    from transformers import AutoTokenizer

    parser = argparse.ArgumentParser(prog="python -m lablib.world.items", description=__doc__)
    parser.add_argument("--tokenizer", type=Path, default=data_folder() / "models" / "mini")
    parser.add_argument("--out", type=Path, default=data_folder() / "probes")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sums = []
    for name, items in all_items(AutoTokenizer.from_pretrained(args.tokenizer)).items():
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in items)
        (args.out / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        sums.append(f"{hashlib.sha256(lines.encode()).hexdigest()}  {name}.jsonl\n")
    (args.out / "SHA256").write_text("".join(sums))


if __name__ == "__main__":
    main()
