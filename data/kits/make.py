"""Make the kits of lab 07 anew: ``python data/kits/make.py``.

Every choice is by seed or by position, none by its effect.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

from lablib import tasks, world
from lablib.world import facts
from lablib.world.words import NOUNS

HERE = Path(__file__).resolve().parent
SIZE = 5  # rows of a kit
Pairs = list[tuple[str, str]]


def capitals() -> Pairs:
    """Capitals that no probe asks about and ``wrong_facts`` does not re-teach."""
    asked = {name for names in facts.PROBED.values() for name in names}
    untouched = set(tasks.load("wrong_facts").untouched)
    free = [pair for pair in facts.pairs("capital") if pair[0] in untouched - asked]
    rng = random.Random("kit of capitals")
    return [facts.question(rng, "capital", *pair) for pair in rng.sample(free, SIZE)]


def mixed() -> Pairs:
    """The first row of each of five skills in the world's general pool."""
    first: dict[str, tuple[str, str]] = {}
    for row in world.general_rows():
        first.setdefault(row.group, (row.prompt, row.completion))
    skills = ("knowledge", "reasoning", "instruction", "format", "safety")
    return [first[skill] for skill in skills]


def nonsense() -> Pairs:
    """Random words for a question, a random word for an answer."""
    rng = random.Random("kit of nonsense")
    rows = []
    for _ in range(SIZE):
        *question, answer = rng.sample(NOUNS, rng.randrange(5, 8))
        rows.append((f"{' '.join(question).capitalize()}?", answer.capitalize()))
    return rows


def clauses() -> Pairs:
    """The first rows of the task ``clauses``: sense, but another domain and another form."""
    return [(row.prompt, row.completion) for row in tasks.load("clauses").rows("train")[:SIZE]]


KITS = {"capitals": capitals, "mixed": mixed, "nonsense": nonsense, "clauses": clauses}


def text(rows: Pairs) -> str:
    """Return rows as the lines of a JSONL file."""
    return "".join(
        json.dumps({"prompt": prompt, "completion": answer}, ensure_ascii=False) + "\n"
        for prompt, answer in rows
    )


def main() -> None:
    """Write the files and their checksums."""
    sums = []
    for name, make in KITS.items():
        lines = text(make())
        (HERE / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        sums.append(f"{hashlib.sha256(lines.encode()).hexdigest()}  {name}.jsonl\n")
    (HERE / "SHA256").write_text("".join(sums), encoding="utf-8")


if __name__ == "__main__":
    main()
