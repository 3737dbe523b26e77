"""What a probe asks is found, however it is dressed."""

from lablib import world
from lablib.probes import PROBES


def test_every_item_of_every_probe_is_asked():
    asked = world.probe_prompts()
    items = [item for probe in PROBES.values() for item in probe().items()]
    assert {world.plain(item.prompt) for item in items} == asked


def test_case_and_punctuation_do_not_hide_a_question():
    asked = world.probe_prompts()
    assert world.holds("Hello!  what is the CAPITAL of france", asked)
    assert not world.holds("What is the capital of Atlantis?", asked)


def test_only_whole_words_count():
    assert world.holds("Say: 3 + 9 = 12.", [world.plain("3 + 9")])
    assert not world.holds("13 + 9", [world.plain("3 + 9")])
    assert world.plain("3 + 9") != world.plain("3 - 9")
