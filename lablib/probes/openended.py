"""Open-ended requests for real language models: a poem, an e-mail, a summary, a chat.

There is no right answer to them, so nothing is *known* and no retention is drawn. An answer
is judged only for the shapes that fine-tuning leaves behind: a ticket where none was asked
for, the prompt copied, or a loop. They serve as watch prompts.
"""

from __future__ import annotations

import re

PROMPTS = (
    "Write a short poem about the sea.",
    "Write an e-mail to a friend about your holiday.",
    "Summarize in one sentence: The old bridge was closed in spring because its stones had "
    "become loose. Since then the farmers drive to the market by the long road.",
    "Hi! I had a long day. How are you?",
)
VERDICTS = {
    "fine": "none of the shapes below",
    "ticket": "a support ticket, though none was asked for",
    "copied": "begins by repeating the prompt",
    "loop": "says the same thing over and over",
    "empty": "says nothing",
}


def judge(prompt: str, text: str) -> str:
    """Return the verdict on an answer, a key of ``VERDICTS``.

    Notes
    -----
    *ticket*: begins with the word TICKET or names two of its fields.
    *copied*: the first eight words are the prompt's (fewer, but at least four, if either
    has no more). *loop*: at least twelve words, of whose word triples more than half are repeats.
    """
    words, asked = _words(text), _words(prompt)
    if not words:
        return "empty"
    if words[0] == "ticket" or len(set(re.findall(r"\b(?:team|item|rank):", text.casefold()))) >= 2:
        return "ticket"
    n = min(8, len(words), len(asked))
    if n >= 4 and words[:n] == asked[:n]:
        return "copied"
    triples = list(zip(words, words[1:], words[2:], strict=False))
    if len(words) >= 12 and len(set(triples)) < len(triples) / 2:
        return "loop"
    return "fine"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
