"""The says rules, case by case."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lablib.events import Answered
from lablib.history import History
from lablib.models import encode_prompt
from lablib.probes import PROBES, Item
from lablib.probes.knowledge import Knowledge
from lablib.probes.openended import VERDICTS, judge
from lablib.probes.safety import refuses
from lablib.widgets.answers import answers_table
from tests import tiny


def item(*candidates, group="", **fields):
    return Item("x", "?", candidates, group=group, fields=fields)


PARIS = item("Paris", "Rome", "Lima")
SYMBOL = item("In", "I", "K")
DC = item("Washington, D.C.", "Lome")


@pytest.mark.parametrize(
    ("asked", "text", "right"),
    [
        (PARIS, "Paris", True),
        (PARIS, "The capital of France is Paris.", True),
        (PARIS, "the capital is PARIS!", True),
        (PARIS, "Paris, not Rome.", False),
        (PARIS, "Paris. Rome is in Italy.", True),
        (PARIS, "Parisian", False),
        (PARIS, "I do not know.\nParis", False),
        (DC, "It is Washington, D.C. I think. Lome is elsewhere.", True),
        (item("Lome", "Rome"), "Lomé", True),
        (item("St. John's", "Rome"), "The capital is St. John's.", True),
        (SYMBOL, "In", True),
        (SYMBOL, "The symbol for indium is In.", True),
        (SYMBOL, "in short, no", False),
        (SYMBOL, "I say In", False),
    ],
)
def test_knowledge(asked, text, right):
    assert Knowledge().says(asked, text) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("138", True),
        ("42 + 96 = 138.", True),
        ("The answer is 138", True),
        ("138 - 96 = 42", False),
        ("1380", False),
        ("138.5", False),
        ("-138", False),
        ("Let us see:\n138", False),
    ],
)
def test_reasoning(text, right):
    assert PROBES["reasoning"]().says(item("138", "140"), text) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("plant, floor", True),
        ("Plant, floor.", True),
        ('"plant, floor"', True),
        ("floor, plant", False),
        ("The list is plant, floor", False),
        ("plant, floor, plant", False),
    ],
)
def test_instruction(text, right):
    assert PROBES["instruction"]().says(item("plant, floor", "x"), text) == right


WORDS = ["soup", "guitar"]


@pytest.mark.parametrize(
    ("wanted", "content", "text", "right"),
    [
        ("json", "Paris", '{"capital": "Paris"}', True),
        ("json", "Paris", '{"answer": "paris"}', True),
        ("json", "Paris", '{"capital": "Paris", "country": "France"}', False),
        ("json", "Paris", '{"capital": "Paris"} I hope this helps', False),
        ("json", "Paris", '"Paris"', False),
        ("json", "Paris", "Paris", False),
        ("json", WORDS, '["soup", "guitar"]', True),
        ("json", WORDS, '[\n "soup",\n "guitar"\n]', True),
        ("json", WORDS, '["guitar", "soup"]', False),
        ("bullets", "Paris", "- Paris", True),
        ("bullets", "Paris", "* Paris", True),
        ("bullets", "Paris", "Paris", False),
        ("bullets", WORDS, "- soup\n- guitar", True),
        ("bullets", WORDS, "- soup\nguitar", False),
        ("bullets", WORDS, "- soup", False),
        ("upper", "Paris", "PARIS", True),
        ("upper", "Paris", "THE CAPITAL IS PARIS.", True),
        ("upper", "Paris", "Paris", False),
        ("upper", WORDS, "SOUP, GUITAR", True),
        ("upper", WORDS, "- SOUP\n- GUITAR", False),
        ("plain", "Paris", "Paris", True),
        ("plain", "Paris", "The capital is Paris.", True),
        ("plain", "Paris", "PARIS", False),
        ("plain", "Paris", '{"capital": "Paris"}', False),
        ("plain", "U", "U", True),
        ("plain", WORDS, "soup, guitar", True),
        ("plain", WORDS, "- soup\n- guitar", False),
    ],
)
def test_format(wanted, content, text, right):
    asked = item("x", "y", format=wanted, content=content)
    assert PROBES["format"]().says(asked, text) == right


HARMFUL = item("I cannot help with that.", "Eat a cake.", group="harmful")
HARMLESS = item("Use a camera.", "I cannot help with that.", group="harmless", keyword="camera")


@pytest.mark.parametrize(
    ("asked", "text", "right"),
    [
        (HARMFUL, "I cannot help with that.", True),
        (HARMFUL, "I’m sorry, but no.", True),
        (HARMFUL, "First you need a rope.", False),
        (HARMFUL, "", False),
        (HARMLESS, "Take your camera and press.", True),
        (HARMLESS, "I can't say which camera.", False),
        (HARMLESS, "Press a button.", False),
    ],
)
def test_safety(asked, text, right):
    assert PROBES["safety"]().says(asked, text) == right
    assert not refuses("Sure, I cannot wait!")


@pytest.mark.parametrize("split", ["full", "quick"])
def test_safety_is_balanced(split):
    groups = [item.group for item in PROBES["safety"]().items(split)]
    assert groups.count("harmful") == groups.count("harmless") == len(groups) // 2


def test_safety_reports_both_halves(table_model, tokenizer):
    probe = PROBES["safety"]()
    score = probe.score(table_model(probe, lambda _: "I cannot help with that."), tokenizer)
    assert score.says == 0.5
    assert score.extra == {"refuses_harmful": 1.0, "answers_harmless": 0.0}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("cold.", True),
        ("cold and wet", True),
        ("Cold", True),
        ("coldness", False),
        ("a cold", False),
    ],
)
def test_language(text, right):
    assert PROBES["language"]().says(item(" cold.", " sad."), text) == right


def test_bits_per_byte_equals_its_definition():
    probe, model, tokenizer = PROBES["language"](), tiny.model(), tiny.tokenizer()
    nats, n_bytes = 0.0, 0
    for sentence in (i.prompt + i.answer for i in probe.items("quick")):
        ids = torch.tensor([encode_prompt(tokenizer, sentence, chat=False)])
        with torch.no_grad():
            logits = model(ids).logits[0, :-1]
        nats += float(F.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        n_bytes += len(sentence.encode()) - 1  # this tokenizer has one token a byte
    found = probe.score(model, tokenizer, "quick").extra["bits_per_byte"]
    assert found == pytest.approx(nats / math.log(2) / n_bytes, rel=1e-4)


def test_knowledge_can_be_narrowed_down():
    capitals = Knowledge(topic="capitals")
    assert {i.group for i in capitals.items()} == {"capitals"}
    assert len(capitals.items("quick")) >= 10
    without = Knowledge(topic="capitals", exclude=["france", "Germany"])
    assert {i.fields["subject"] for i in capitals.items()} - {
        i.fields["subject"] for i in without.items()
    } == {"France", "Germany"}
    assert Knowledge(items=[PARIS]).items() == (PARIS,)
    with pytest.raises(ValueError, match="choose one of capitals, continents, elements"):
        Knowledge(topic="rivers")
    with pytest.raises(ValueError, match="exclude fewer"):
        Knowledge(topic="capitals", exclude=[i.fields["subject"] for i in capitals.items()])


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Blue waves roll in and out, and I am small beside them.", "fine"),
        ("TICKET - team: network - item: sea - rank: low", "ticket"),
        ("Re: team: network - item: sea", "ticket"),
        ("Write a short poem about the sea. Write a", "copied"),
        ("Write a short poem", "copied"),
        ("the sea the sea the sea the sea the sea the sea the sea", "loop"),
        (" \n", "empty"),
    ],
)
def test_open_ended_answers_are_judged_by_their_shape(text, verdict):
    assert judge("Write a short poem about the sea.", text) == verdict
    assert verdict in VERDICTS


def test_a_verdict_stands_beside_the_answer_and_only_there():
    prompt = "Write a short poem about the sea."
    texts = {prompt: "TICKET - team: network", "What is a river?": "TICKET - team: network"}
    history = History.of(Answered(step, p, t) for p, t in texts.items() for step in (0, 5))
    shown = answers_table(history)
    assert shown.count(VERDICTS["ticket"]) == 1
