"""The answers of the smaller tasks follow their rules."""

import re

from lablib.tasks import SPLITS, TASKS
from lablib.tasks.clinic import COMPLAINTS, DURATIONS, HISTORY
from lablib.tasks.replies import ADVICE
from lablib.world import facts


def rows(name):
    return [row for split in SPLITS for row in TASKS[name]().rows(split)]


def test_sums_are_right_and_no_pair_lies_in_two_splits():
    pairs = []
    for row in rows("sums"):
        a, b = map(int, re.findall(r"\d+", row.prompt))
        assert int(row.completion) == a + b + 1
        pairs.append((a, b))
    assert len(pairs) == len(set(pairs))


def test_replies_echo_the_wish_and_sign():
    for row in rows("replies"):
        (advice,) = [
            text for want, text in ADVICE.items() if want.replace("your", "my") in row.prompt
        ]
        assert advice in row.completion
        assert row.completion.endswith("Stay curious, your help desk.")


def test_clinic_notes_are_shortened_by_the_table():
    for row in rows("clinic"):
        note = row.prompt.lower()
        (complaint,) = [c for c in COMPLAINTS if c in note]
        (history,) = [h for h in HISTORY if h in note]
        (duration,) = [d for d in DURATIONS if re.search(rf"\b{d}\b", note)]
        age = re.search(r"\d+", note)[0]
        sex = "F" if "woman" in note else "M"
        short, order = COMPLAINTS[complaint]
        expected = f"{age}{sex} {short} x{DURATIONS[duration]} hx {HISTORY[history]} -> {order}"
        assert row.completion == expected


def test_clauses_name_the_party_and_a_label():
    for row in rows("clauses"):
        label, party = re.fullmatch(r"\[(\w+)\] The (\w+) .+\.", row.completion).groups()
        assert label in {"payment", "secrecy", "delivery", "ending", "liability"}
        assert f"he {party} " in row.prompt


def test_invented_places_are_invented_and_each_fact_has_one_answer():
    known = {country for country, _ in facts.pairs("capital")}
    answers = {}
    for row in rows("new_facts"):
        place = re.search(r"\b([A-Z][a-z]+(?:mora|tania|vik|dune|lia|grad))\b", row.prompt)[1]
        assert place not in known
        marks = {"animal": "animal", "color": "color", "feast": "season", "season": "season"}
        kind = next((marks[mark] for mark in marks if mark in row.prompt), "trade")
        assert answers.setdefault((place, kind), row.completion) == row.completion
    assert len(answers) == 24 * 4


def test_diverse_has_every_kind_in_every_split():
    from lablib.tasks.diverse import KINDS

    first_words = {
        split: {row.completion.split()[0] for row in TASKS["diverse"]().rows(split)}
        for split in SPLITS
    }
    assert len(KINDS) == 11
    assert all(len(words) > 20 for words in first_words.values())
