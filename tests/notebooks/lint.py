"""What can be read off the text of a lab by a machine: numerals, terms, limits, spoilers.

Pure functions over a notebook and what it declares (``labs/source/README.md``); each returns
the complaints as sentences, so that a planted fault can be tested as well as a real lab.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

NUMBER_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|"
    "fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen"
)
_MEASURED = rf"\b(?:{NUMBER_WORDS})s? (?:percent|per cent|points|times)\b|\b\w+fold\b(?<!unfold)"
_REFERENCE = r"\[\d+(?:\s*[,-]\s*\d+)*\](?!\()|arXiv|doi:|\b(?:19|20)\d\d\)"
_ALONE = r"(?<![\w.])(?<!\w[-–])[-+−]?(?:\d|\.\d)[\w.,%/:×^+−=-]*"
_LABS = r"\b[Ll]abs? \d\d(?:(?:,| and| to| or|–) (?:lab )?\d\d)*"
_TURN = re.compile(r"^#{2,4} (Question|Predict|Run)\b", re.MULTILINE)


def prose(text: str) -> str:
    """Return markdown without what is not prose: code, formulas, addresses, numbers of items.

    Code and formulas without a letter stay: a figure is not made true by its dress.
    """
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`([^`\n]*)`", lambda m: "" if re.search(r"[A-Za-z]", m[1]) else m[1], text)
    for formula in (r"\$\$(.+?)\$\$", r"\$([^$\n]+)\$"):
        text = re.sub(formula, lambda m: "" if _has_letter(m[1]) else m[1], text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"https?://\S+", "", text)
    text = re.sub(r"^(#+ )?\d+\. ", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^\*\*Time\*\*.*$", "", text, flags=re.MULTILINE)
    return re.sub(_LABS, "lab", text)


def _has_letter(formula: str) -> bool:
    return bool(re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z%]+", "", formula)))


def sentences(text: str) -> list[str]:
    """Return the sentences, list items and table rows of a text."""
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.) ?)", text)
    found = []
    for block in blocks:
        found += re.split(r"(?<=[.!?:;])\s+(?=[A-Z*\[`\"(])", " ".join(block.split()))
    return [sentence for sentence in found if sentence]


def without_references(text: str) -> str:
    """Return a lab's text without its list of references."""
    return re.sub(r"^## References\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)


def numerals(text: str, allowed: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Return the numerals of a lab's text that come from nowhere.

    Parameters
    ----------
    text : str
        The markdown of the lab.
    allowed : sequence of mappings
        The ``[[numeral]]`` entries of the lab: ``text``, and ``why`` it may stand there.
    """
    found, used = [], set()
    names = sorted((entry["text"] for entry in allowed), key=len, reverse=True)
    for sentence in sentences(prose(without_references(text))):
        rest = sentence
        for name in names:
            if name in rest:
                used.add(name)
                rest = rest.replace(name, " ")
        if re.search(_REFERENCE, rest):
            continue
        bare = [match.rstrip(".,:") for match in re.findall(_ALONE, rest)]
        bare += re.findall(_MEASURED, rest, re.IGNORECASE)
        found += [f"{one!r} comes from nowhere in: {sentence}" for one in bare]
    found += [f"{name!r} is allowed but not there" for name in names if name not in used]
    found += [
        f"{entry['text']!r} is allowed without a reason"
        for entry in allowed
        if len(entry.get("why", "").split()) < 3
    ]
    return found


def stored_numerals(allowed: Sequence[Mapping[str, Any]], root: Path) -> list[str]:
    """Return the numerals that differ from the stored result they say they come from."""
    found = []
    for entry in allowed:
        if "stored" not in entry:
            continue
        value = json.loads((root / entry["stored"]).read_text(encoding="utf-8"))
        for key in str(entry["at"]).split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        shown = re.search(r"-?\d+(?:\.(\d+))?", entry["text"].replace(",", ""))
        scale = 100 if "%" in entry["text"] else 1
        if round(float(value) * scale, len(shown[1] or "")) != float(shown[0]):
            found.append(f"{entry['text']!r} is {value} in {entry['stored']}")
    return found


def undefined(cells: Sequence[str], terms: Mapping[str, Sequence[str]], known: Iterable[str] = ()):
    """Return the terms that are used before they are explained.

    A term is explained where it stands in bold or is a link to the glossary. The head, headings
    and references may name what the lab is going to explain.

    Parameters
    ----------
    cells : sequence of str
        The markdown cells of a lab, in order.
    terms : mapping of str to sequence of str
        For each term of the glossary the forms in which it is written.
    known : iterable of str
        Terms that were explained before this lab.
    """
    text = prose_with_links("\n\n".join(cells[1:]))
    found = []
    for term, forms in terms.items():
        if term in set(known):
            continue
        first = re.search(rf"(?<![\w-])(?:{_any(forms)})(?![\w-])", text, re.IGNORECASE)
        if first and not any(a <= first.start() < b for a, b in _explained(text)):
            around = text[max(first.start() - 40, 0) : first.end() + 20].replace("\n", " ")
            found.append(f"{term!r} is used before it is explained: …{around}…")
    return found


def explained(cells: Sequence[str], terms: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the terms that stand in bold somewhere in these cells."""
    text = prose_with_links("\n\n".join(cells))
    bold = " | ".join(text[a:b] for a, b in _explained(text))
    return {
        term
        for term, forms in terms.items()
        if re.search(rf"(?<![\w-])(?:{_any(forms)})(?![\w-])", bold, re.IGNORECASE)
    }


def prose_with_links(text: str) -> str:
    """Return markdown without headings, references, code and formulas; links stay."""
    text = re.sub(r"^#+ .*$", "", without_references(text), flags=re.MULTILINE)
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    return re.sub(r"\$[^$]+\$", "", text)


def _explained(text: str) -> list[tuple[int, int]]:
    spans = re.finditer(r"\*\*[^*]+\*\*|\[[^\]]+\]\(glossary\.ipynb#[^)]+\)", text)
    return [span.span() for span in spans]


def _any(forms: Sequence[str]) -> str:
    """Return the forms and their plurals as one expression; the longest is tried first."""
    return "|".join(rf"{re.escape(form)}s?" for form in sorted(forms, key=len, reverse=True))


def limits(text: str) -> list[str]:
    """Return what the Limits section of a lab does not name."""
    section = re.search(r"^## Limits\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section:
        return ["there is no section Limits"]
    said, found = " ".join(section[1].split()), []
    number = rf"(?:\d+|one|a single|{NUMBER_WORDS})"
    if not re.search(rf"\b{number}\b[^.;]{{0,40}}\bseeds?\b|\bseeds?\b[^.;]{{0,20}}\b{number}\b",
                     said, re.IGNORECASE):  # fmt: skip
        found.append("Limits does not name the number of seeds")
    if not re.search(r"`?mini`?\b|SmolLM2|\bnetworks? (?:with|of)\b", said):
        found.append("Limits does not name the model")
    if not re.search(
        r"nothing here (?:shows|says|tells)|(?:does|do) not (?:show|say|tell)|(?:is|are) not shown|"
        r"not (?:been )?(?:tried|tested|measured)|only one \w+[\w ]* was (?:tried|tested|measured)",
        said, re.IGNORECASE,
    ):  # fmt: skip
        found.append("Limits does not name a thing that is not shown")
    return found


def given_away(cells: Sequence[str], places: Mapping[str, int], phrases: Mapping[str, list[str]]):
    """Return the phrases that stand above the prediction whose answer they would give away.

    Parameters
    ----------
    cells : sequence of str
        The source of every cell, prose and code.
    places : mapping of str to int
        The cell in which each prediction is made.
    phrases : mapping of str to list of str
        For each prediction what may not stand above it.
    """
    found = []
    for key, listed in phrases.items():
        above = " ".join("\n".join(cells[: places[key]]).lower().split())
        found += [f"{one!r} stands above {key}" for one in listed if one.lower() in above]
    return found


def shown_too_early(cells: Sequence[Mapping[str, Any]], allowed: Iterable[str]) -> list[str]:
    """Return the code cells that show something between a Question and its Predict."""
    part, found = "", []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            names = _TURN.findall(cell["source"])
            part = names[-1] if names else part
        elif part == "Question" and not any(piece in cell["source"] for piece in allowed):
            found.append(f"shown before the prediction: {cell['source'].splitlines()[0]}")
    return found
