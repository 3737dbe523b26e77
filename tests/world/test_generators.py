"""The world's text: the same for the same seed, true, and without what the probes ask."""

import json
import random

import pytest

from lablib.runtime import data_folder
from lablib.world import (
    arithmetic,
    facts,
    formats,
    general_rows,
    instructions,
    language,
    safety,
    texts,
)
from lablib.world.corpus import PARTS

PROBES = ("knowledge", "reasoning", "instruction", "format", "safety", "language")


def items(name):
    with open(data_folder() / "probes" / f"{name}.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def corpus():
    return [text for part in range(len(PARTS)) for text in texts(1000 + part, 80_000, part)]


def test_texts_are_the_same_for_the_same_seed_and_differ_for_another():
    assert list(texts(3, 200)) == list(texts(3, 200))
    assert list(texts(3, 200)) != list(texts(4, 200))


def test_the_global_generator_is_left_alone():
    state = random.getstate()
    list(texts(0, 100))
    general_rows(5, 50)
    assert random.getstate() == state


def test_shares_add_up_to_one():
    for part in PARTS:
        assert sum(share for _, share in part) == pytest.approx(1)


@pytest.mark.parametrize("name", PROBES)
def test_no_probe_prompt_occurs_in_training(corpus, name):
    asked = {item["prompt"] for item in items(name) if item["chat"]}
    assert not asked & {text.prompt for text in corpus}
    # nor inside a longer request, such as the same question with a format asked for
    if name in ("knowledge", "safety"):
        assert not [t for t in corpus if any(t.prompt.startswith(a) for a in _heads(asked, t))]


def _heads(asked, text):
    """Return the asked prompts that begin like this text: a cheap filter before startswith."""
    end = text.prompt.find("?") + 1
    return {text.prompt[:end]} & asked if end else ()


def test_no_language_sentence_occurs_in_training(corpus):
    sentences = {text.completion for text in corpus if not text.prompt}
    endings = {f"{t.prompt.split(': ')[-1]} {t.completion}." for t in corpus if t.prompt}
    for item in items("language"):
        sentence = item["prompt"] + item["candidates"][0]
        assert sentence not in sentences and sentence not in endings


def test_no_held_out_pair_of_numbers_occurs_in_training(corpus):
    import re

    for text in corpus:
        if text.group == "reasoning":
            a, b = map(int, re.findall(r"\d+", text.prompt))
            assert not arithmetic.held_out(a, b), text
            assert text.completion in (str(a + b), str(abs(a - b)))


def test_every_reasoning_item_is_a_held_out_pair_and_right():
    import re

    for item in items("reasoning"):
        a, b = map(int, re.findall(r"\d+", item["prompt"]))
        assert arithmetic.held_out(a, b)
        assert item["candidates"][0] in (str(a + b), str(abs(a - b)))


def test_no_held_out_list_occurs_in_training(corpus):
    held_out = set()
    for item in [*items("instruction"), *items("format")]:
        words = tuple(item["prompt"].split(": ")[-1].split(", "))
        if len(words) > 1:
            assert instructions.list_held_out(words)
            held_out.add(words)
    for text in corpus:
        if text.group in ("instruction", "format"):
            assert tuple(text.prompt.split(": ")[-1].split("? ")[-1].split(", ")) not in held_out


def test_every_probed_fact_is_taught_in_other_phrasings(corpus):
    told = {(t.prompt, t.completion) for t in corpus if t.group == "knowledge"}
    for kind, names in facts.PROBED.items():
        answers = dict(facts.pairs(kind))
        for a in names:
            taught = sum((q.format(a=a), answers[a]) in told for q in facts.QUESTIONS[kind])
            assert taught >= 3, (kind, a)


def test_facts_are_those_of_the_tables():
    capitals = {row["country"]: row["capital"] for row in facts.load("capitals")}
    assert capitals["France"] == "Paris" and capitals["Peru"] == "Lima"
    assert len(capitals) == len(set(capitals.values())) >= 90
    symbols = {row["name"]: row["symbol"] for row in facts.load("elements")}
    assert symbols["gold"] == "Au" and len(set(symbols.values())) == len(symbols)
    assert {row["continent"] for row in facts.load("capitals")} >= {"Europe", "Asia", "Africa"}


def test_a_loaded_table_may_be_changed_without_harm():
    facts.load("capitals")[0]["capital"] = "Nowhere"
    assert facts.load("capitals")[0]["capital"] != "Nowhere"


@pytest.mark.parametrize(
    ("kind", "words", "result"),
    [
        ("reverse", ("lamp", "cup", "dog"), "dog, cup, lamp"),
        ("second", ("lamp", "cup", "dog"), "cup"),
        ("last", ("lamp", "cup", "dog"), "dog"),
        ("sort", ("lamp", "cup", "dog"), "cup, dog, lamp"),
        ("count", ("lamp", "cup", "dog"), "3"),
        ("spell", ("lamp",), "l-a-m-p"),
        ("twice", ("lamp",), "lamp lamp"),
    ],
)
def test_instructions_are_followed(kind, words, result):
    assert instructions.answer(kind, words) == result


def test_formats():
    assert formats.render("Paris", "json", "capital") == '{"capital": "Paris"}'
    assert json.loads(formats.render(("cup", "dog"), "json")) == ["cup", "dog"]
    assert formats.render(("cup", "dog"), "bullets") == "- cup\n- dog"
    assert formats.render(("cup", "dog"), "upper") == "CUP, DOG"


def test_safety_is_balanced_and_every_answer_has_its_keyword():
    for _, answer, keyword in safety.HARMLESS:
        assert keyword.lower() in answer.lower()
    groups = [item["group"] for item in items("safety")]
    assert groups.count("harmful") == groups.count("harmless") >= 30


def test_articles():
    assert language.state("A {a} works in a {b}.", "actor", "office") == (
        "An actor works in an office."
    )


def test_the_general_pool_has_every_skill_as_the_pre_training_had_it_and_no_plain_text():
    rows = general_rows(0, 600)
    assert len(rows) == 600 == len({row.prompt for row in rows})
    assert all(row.prompt and row.completion for row in rows)
    counts = [sum(row.group == group for row in rows) for group in PROBES]
    assert min(counts) >= 6
    assert counts[PROBES.index("reasoning")] == max(counts)  # as in corpus.ALL_SKILLS
    assert rows == general_rows(0, 600)
    asked = {item["prompt"] for name in PROBES for item in items(name)}
    assert not asked & {row.prompt for row in general_rows(0, 5000)}
