"""What a lab says, read by a machine: nothing unproved, unexplained or given away."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import nbformat
import pytest

from lablib.report import LABS
from tests.declared import SOURCES, declared
from tests.notebooks import lint

ROOT = SOURCES.parents[1]
GLOSSARY = tomllib.loads((SOURCES / "glossary.toml").read_text(encoding="utf-8"))
TERMS = {
    term["name"]: term.get("forms", [term["name"]])
    for term in GLOSSARY["term"]
    if not term.get("ordinary")
}
FIRST = ("00_start_here", "primer")  # what everybody has read


def cells_of(path: Path, kind: str = "") -> list:
    """The cells of a notebook, of one kind or all."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if kind in ("", cell.cell_type)]


def markdown(path: Path) -> list[str]:
    """The prose of a notebook, a text a cell."""
    return [cell.source for cell in cells_of(path, "markdown")]


def place_of(key: str, sources: list[str]) -> int:
    """The cell in which a prediction is made: it names the key, or a widget that does."""
    for place, source in enumerate(sources):
        if f'"{key}"' in source:
            return place
    for file in sorted((ROOT / "lablib" / "widgets").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        if f'"{key}"' not in text:
            continue
        classes = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
        for place, source in enumerate(sources):
            if any(re.search(rf"\blethe\.{name}\(", source) for name in classes):
                return place
    raise AssertionError(f"no cell makes the prediction {key}")


def test_every_numeral_comes_from_somewhere(lab):
    allowed = declared(lab.stem).numeral
    found = lint.numerals("\n\n".join(markdown(lab)), allowed)
    found += lint.stored_numerals(allowed, ROOT)
    assert not found, "\n".join(found)


def test_no_term_before_it_is_explained(lab):
    known: set[str] = set()
    if lab.stem not in FIRST:
        for name in FIRST:
            known |= lint.explained(markdown(lab.with_name(f"{name}.ipynb")), TERMS)
    found = lint.undefined(markdown(lab), TERMS, known)
    assert not found, "\n".join(found)


def test_limits_name_seeds_model_and_what_is_not_shown(lab):
    assert not lint.limits("\n\n".join(markdown(lab)))


def test_three_predictions_and_none_is_given_away(lab):
    keys = [expected.key for expected in LABS[lab.stem[:2]].predictions]
    assert len(keys) >= 3, keys
    phrases = declared(lab.stem).gives_away
    assert set(phrases) == set(keys), "labs/source/README.md: [gives_away], one entry a prediction"
    assert all(phrases.values())
    sources = [cell.source for cell in cells_of(lab)]
    found = lint.given_away(sources, {key: place_of(key, sources) for key in keys}, phrases)
    assert not found, "\n".join(found)


def test_nothing_is_shown_between_a_question_and_its_prediction(lab):
    allowed = [entry["cell"] for entry in declared(lab.stem).figure if entry["why"]]
    found = lint.shown_too_early(cells_of(lab), allowed)
    assert not found, "\n".join(found)


def test_the_glossary_is_whole(root):
    names = [term["name"] for term in GLOSSARY["term"]]
    assert len(set(names)) == len(names)
    for term in GLOSSARY["term"]:
        assert term["group"] in GLOSSARY["groups"], term["name"]
        assert len(term["means"]) > 40 and term["means"].endswith((".", ")")), term["name"]
        for link in re.findall(r"\[\[(?:[^]|]+\|)?([^]]+)\]\]", term["means"]):
            assert link in names, f"{term['name']} links to {link}"
    year = {"text": "1989", "why": "the year of the paper that lab 01 rebuilds"}
    assert not lint.numerals(" ".join(term["means"] for term in GLOSSARY["term"]), [year])


def test_links_to_the_glossary_lead_to_a_term():
    anchors = {term["name"].replace(" ", "-") for term in GLOSSARY["term"]}
    for source in SOURCES.glob("*.md"):
        used = re.findall(r"glossary\.ipynb#([^)\s]+)", source.read_text(encoding="utf-8"))
        if source.name != "README.md":
            assert set(used) <= anchors, f"{source.name}: {set(used) - anchors}"


def test_every_lab_leads_to_glossary_and_primer(lab):
    assert "](glossary.ipynb)" in markdown(lab)[0]
    assert "](primer.ipynb)" in markdown(lab)[0]


def test_the_primer_keeps_to_the_same_rules():
    texts = markdown(SOURCES.parent / "primer.ipynb")
    found = lint.numerals("\n\n".join(texts), declared("primer").numeral)
    found += lint.limits("\n\n".join(texts))
    known = lint.explained(markdown(SOURCES.parent / "00_start_here.ipynb"), TERMS)
    found += lint.undefined(texts, TERMS, known)
    assert not found, "\n".join(found)
    assert {"likelihood", "perplexity", "gradient", "Adam", "KL divergence"} <= lint.explained(
        texts, TERMS
    )


# ---------------------------------------------------------------- the lint itself is tested


@pytest.mark.parametrize(
    "planted",
    [
        "Retention falls to 42%.",
        "Retention falls to `42%`.",
        "Retention falls to $42\\%$.",
        "It was 0.93 after ten steps.",
        "- about 3x as much",
        "| full | .41 |",
        "## Only 12 of them are left",
        "It keeps ninety percent.",
        "It is five times as large.",
        "A tenfold rate.",
        "The paper says so [1]. But 7 of them did not.",
        "See [the page](x.ipynb): 12 are left.",
    ],
)
def test_a_planted_numeral_is_found(planted):
    assert lint.numerals(f"## Look\n\nFirst this.\n\n{planted}\n")


@pytest.mark.parametrize(
    "fine",
    [
        "The network has 28 input units [1].",
        "Ten steps, five seeds, fifty capitals.",
        "## 1. What goes first?",
        "SmolLM2-135M-Instruct and GPT-2 in lab 02 and labs 03 to 08.",
        "**Time**: 45 to 60 minutes. **You need**: lab 00.",
        "The rate is $r = 0.25$, in code `rate=0.25`.",
        "Press [Start](02_x.ipynb).",
        "## References\n\n1. Somebody, 1989, pp. 109-165.\n\n## Next\n\nLab 03.",
        "Somebody (1959) found 83.",
    ],
)
def test_what_is_no_bare_numeral_passes(fine):
    assert not lint.numerals(fine)


def test_the_allow_list_needs_a_reason_and_a_use():
    assert not lint.numerals("It is 5+1.", [{"text": "5+1", "why": "a fact of its world"}])
    assert lint.numerals("It is 5+1.", [{"text": "5+1", "why": ""}])
    assert lint.numerals("It is so.", [{"text": "5+1", "why": "a fact of its world"}])


def test_a_numeral_is_held_against_its_stored_result(tmp_path):
    (tmp_path / "a.json").write_text('{"nf4": [{"mb": 165.84}], "share": 0.036}')
    right = {"text": "166 MB", "stored": "a.json", "at": "nf4.0.mb"}
    assert not lint.stored_numerals([right], tmp_path)
    assert lint.stored_numerals([right | {"text": "167 MB"}], tmp_path)
    share = {"text": "3.6%", "stored": "a.json", "at": "share"}
    assert not lint.stored_numerals([share], tmp_path)


def test_a_term_needs_to_be_explained_first():
    terms = {"mix ratio": ["mix ratio"], "mute": ["mute"]}
    head = "# Mute or erased?\n\nThe mix ratio."
    assert not lint.undefined([head, "The **mix ratio** is a share. A **mute** model."], terms)
    assert not lint.undefined([head, "[Mute](glossary.ipynb#mute) models."], terms)
    assert not lint.undefined([head, "## Mute?\n\nCommuted, muted."], terms)
    assert not lint.undefined([head, "The mute one."], terms, known={"mute"})
    assert lint.undefined([head, "It is mute.\n\nA **mute** model is …"], terms)


def test_limits_need_all_three():
    whole = "## Limits\n\nFive seeds of `mini`; nothing here shows that a larger model does so.\n"
    assert not lint.limits(whole)
    for piece in ("Five seeds", "`mini`", "nothing here shows"):
        assert lint.limits(whole.replace(piece, "something"))
    assert lint.limits("## Key points\n\nOne seed of mini is not shown.")


def test_a_spoiler_is_found():
    cells = ["Half of the\nones are lost.", 'Number(record, "k")', "Half of the ones."]
    assert lint.given_away(cells, {"k": 1}, {"k": ["half of the ones"]})
    assert not lint.given_away(cells[1:], {"k": 0}, {"k": ["half of the ones"]})


def test_a_figure_before_the_prediction_is_found():
    def cell(kind, source):
        return {"cell_type": kind, "source": source}

    cells = [cell("markdown", "### Question\n\nWhat?"), cell("code", "show()"),
             cell("markdown", "### Predict"), cell("code", "Number()"),
             cell("markdown", "### Run"), cell("code", "start()")]  # fmt: skip
    assert len(lint.shown_too_early(cells, [])) == 1
    assert not lint.shown_too_early(cells, ["show"])
