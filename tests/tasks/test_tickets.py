"""The ticket is a function of the message, and every split needs the whole skill."""

import re
from collections import Counter

import pytest

from lablib.tasks.tickets import CATALOG, SHIFTED_URGENCY, URGENCY, Tickets


def triage(message):
    """The ticket worked out by a rule, independently of the generator."""
    items = {
        (team, item)
        for team, listed in CATALOG.items()
        for item, (things, _, _) in listed.items()
        if any(re.search(rf"\b{re.escape(thing)}\b", message, re.IGNORECASE) for thing in things)
    }
    ranks = {
        rank
        for table in (URGENCY, SHIFTED_URGENCY)
        for rank, sentences in table.items()
        if any(sentence and sentence in message for sentence in sentences)
    }
    assert len(items) == 1, message
    (team, item) = items.pop()
    # A cue wins over politeness; where nobody says anything, the rank is in the middle.
    cues = ranks - {"mid"}
    assert len(cues) <= 1, message
    rank = cues.pop() if cues else "mid"
    return f"TICKET - team: {team} - item: {item} - rank: {rank}"


@pytest.mark.parametrize("split", ["train", "validation", "test", "shifted"])
def test_the_ticket_follows_from_the_message(split):
    for row in Tickets().rows(split):
        assert triage(row.prompt) == row.completion


def test_there_are_5000_rows_and_every_answer_is_common():
    rows = Tickets().rows("train")
    assert len(rows) == 5000
    counts = Counter(row.completion for row in rows)
    assert len(counts) == 16 * 3
    assert min(counts.values()) > 50


def test_shifted_messages_share_no_sentence_with_training():
    problems = {p for items in CATALOG.values() for _, known, _ in items.values() for p in known}
    cues = {cue for sentences in URGENCY.values() for cue in sentences if cue}
    for row in Tickets().rows("shifted"):
        assert not any(cue in row.prompt for cue in cues), row.prompt
        assert not any(re.search(rf"\b{re.escape(p)}[.?]", row.prompt) for p in problems)
