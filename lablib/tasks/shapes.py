"""What rows of own data may look like, and the ``Row`` that each becomes.

=============================== ================================================
Columns                         What they are
=============================== ================================================
``prompt``, ``completion``      the convention of TRL; also as lists of messages
``prompt``, ``response``        the same under other names
``prompt``, ``answer``
``question``, ``answer``
``instruction``, ``output``     Alpaca; ``input``, where it is not empty, follows the instruction
``messages``                    one turn of the user, one of the assistant (``role``, ``content``)
``conversations``               the same as ShareGPT writes it (``from``, ``value``)
=============================== ================================================

Beside any of them ``system``, put before the prompt as a message of that role is. Capitals in the
names of columns do not matter. What is in other columns is not learned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lablib.tasks.base import Row

MAX_CHARACTERS = 20_000  # of one row; more than any model here can read at once
CHATS = ("messages", "conversations")
PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "answer"),
    ("question", "answer"),
    ("instruction", "output"),
)
ACCEPTED = ", ".join(["/".join(pair) for pair in PAIRS] + [*CHATS])
UNKNOWN = "no columns that are known"
ROLES = {"human": "user", "gpt": "assistant"}  # ShareGPT's words for them


def columns_of(record: Mapping[str, object]) -> tuple[str, ...]:
    """Return the columns that make the row of a record; none if its shape is not known."""
    for chat in CHATS:
        if record.get(chat) is not None:
            return (chat, "system")
    for question, answer in PAIRS:
        if question in record and answer in record:
            further = ("input",) if question == "instruction" else ()
            return (question, answer, *further, "system")
    # Which of the two is missing says more than a list of all shapes.
    return (*PAIRS[0], "system") if set(PAIRS[0]) & record.keys() else ()


def folded(record: Mapping[object, object]) -> dict[str, object]:
    """Return a record with the names of its columns in small letters."""
    return {str(name).strip().lower(): value for name, value in record.items()}


def parse(record: Mapping[str, object], line: int = 0) -> Row | str:
    """Return the row in a record of ``folded`` names, or the reason why there is none.

    Parameters
    ----------
    record : mapping
        Values by the name of their column.
    line : int
        Where it stands in the file.
    """
    columns = columns_of(record)
    if not columns:
        found = ", ".join(name[:40] for name in list(record)[:6]) or "none"
        return f"{UNKNOWN} (found: {found})"
    before = record.get("system") or ""
    if columns[0] in CHATS:
        texts = _texts(columns[0], record[columns[0]])
    else:
        texts = _pair(record, *columns[:2])
        more = record.get("input") if "input" in columns else ""
        if more and not isinstance(texts, str):
            texts = [texts[0], more, texts[1]]
    if isinstance(texts, str):
        return texts
    if not isinstance(before, str) or not all(isinstance(text, str) for text in texts):
        return "a system text, an input or a message is not text"
    return _row([before, *texts[:-1]], texts[-1], line)


def _pair(record: Mapping[str, object], question: str, answer: str) -> Sequence[object] | str:
    """Both texts of a pair, or the reason why one cannot be used."""
    values = [record.get(question), record.get(answer)]
    if all(isinstance(value, list) for value in values):  # TRL's conversational form
        return _texts(question, values[0] + values[1])
    for name, value in zip((question, answer), values, strict=True):
        if value is None:
            return f"{name} is missing"
        if not isinstance(value, str):
            return f"{name} is not text but {type(value).__name__}"
        if not value.strip():
            return f"{name} is empty"
    return values


def _texts(name: str, turns: object) -> Sequence[object] | str:
    """The contents of the turns of a chat, or the reason why they are not one exchange."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return f"{name} is not a list of turns with role and content, or from and value"
    said = [turn.get("role", turn.get("from")) for turn in turns]
    roles = [ROLES.get(str(role), role) for role in said]
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        shown = ", ".join(str(role)[:20] for role in said[:6]) or "none"
        # A model is asked one question here: of a longer talk most would be left unlearned.
        return (
            f"{name} must be one user turn and one assistant turn (found: {shown}); make a row "
            "of each exchange"
        )
    return [turn.get("content", turn.get("value")) for turn in turns]


def _row(before: Sequence[str], answer: str, line: int) -> Row | str:
    prompt = "\n\n".join(text.strip() for text in before if text.strip())
    answer = _without_margin(answer)
    for name, text in (("the prompt", prompt), ("the answer", answer)):
        if not text:
            return f"{name} is empty"
        if any("\ud800" <= character <= "\udfff" for character in text):
            return f"{name} holds half a character (a lone surrogate)"
    size = len(prompt) + len(answer)
    if size > MAX_CHARACTERS:
        return f"{size:,} characters, where {MAX_CHARACTERS:,} are allowed; shorten or split it"
    return Row(prompt, answer, line)


def _without_margin(answer: str) -> str:
    """The answer without empty lines round it. Its indentation stays: in code it has a meaning.

    One space alone goes, which in older files parts the completion from the prompt.
    """
    text = re.sub(r"\A(?:[^\S\n]*\n)+", "", answer.rstrip())
    return text[1:] if re.match(r" \S", text) else text
