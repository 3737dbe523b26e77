"""Support tickets: the story of the labs, and the task that makes a model mute."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

# category -> item -> (ways to name it, problems, problems kept for the shifted split)
CATALOG: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "hardware": {
        "laptop": (
            ("my laptop", "the laptop on my desk", "the laptop I got from you"),
            ("does not start", "gets very hot", "turns off by itself", "is slow all day"),
            ("stays dark when I press the button", "makes a loud noise"),
        ),
        "printer": (
            ("my printer", "the printer in our office", "the new printer"),
            ("eats the paper", "prints only white pages", "says it is out of ink", "is stuck"),
            ("leaves black lines on every page", "takes an hour for one page"),
        ),
        "screen": (
            ("my screen", "the screen on my desk", "the big screen"),
            ("stays black", "flickers", "has a green line", "shows no picture"),
            ("goes dark after a minute", "has the wrong colors"),
        ),
        "keyboard": (
            ("my keyboard", "the keyboard I use", "the new keyboard"),
            ("types the wrong letters", "has a broken key", "does not react", "is stuck"),
            ("writes every letter twice", "fell on the floor"),
        ),
    },
    "software": {
        "email": (
            ("my email", "the email program", "our email"),
            ("does not open", "sends nothing", "shows no new messages", "crashes all the time"),
            ("has not worked since the update", "loses what I write"),
        ),
        "calendar": (
            ("my calendar", "the team calendar", "the calendar on my phone"),
            ("is empty", "shows the wrong day", "does not save my meetings", "crashes"),
            ("mixes up the hours", "forgets what I enter"),
        ),
        "backup": (
            ("my backup", "the backup of last night", "our weekly backup"),
            ("did not run", "stops in the middle", "is empty", "shows an error"),
            ("has failed three times", "cannot be opened"),
        ),
        "browser": (
            ("my browser", "the web browser", "the new browser"),
            ("does not open", "closes by itself", "shows an error", "is slow all day"),
            ("loads no page at all", "freezes when I click"),
        ),
    },
    "account": {
        "password": (
            ("my password", "the password of my team", "the new password"),
            ("is not accepted", "is too old", "does not work", "must be changed"),
            ("is refused at every try", "was seen by a stranger"),
        ),
        "login": (
            ("my login", "the login page", "the login of a new colleague"),
            ("does not work", "is blocked", "shows an error", "sends me back to the start"),
            ("asks for a code I never got", "turns me away"),
        ),
        "profile": (
            ("my profile", "the profile on your page", "our company profile"),
            ("shows the wrong name", "has an old photo", "is empty", "cannot be changed"),
            ("belongs to someone else", "still has my old job"),
        ),
        "license": (
            ("my license", "the license for our team", "the license I bought"),
            ("has ended", "is not accepted", "is for the wrong year", "does not work"),
            ("ran out last night", "is missing one seat"),
        ),
    },
    "billing": {
        "invoice": (
            ("my invoice", "the invoice for March", "your last invoice"),
            ("is wrong", "is too high", "did not arrive", "was sent twice"),
            ("has the old price on it", "names the wrong company"),
        ),
        "refund": (
            ("my refund", "the refund you promised", "our refund"),
            ("did not arrive", "is too small", "is late", "went to the wrong bank"),
            ("has been open for weeks", "was never paid"),
        ),
        "receipt": (
            ("my receipt", "the receipt for my order", "your last receipt"),
            ("is missing", "shows the wrong date", "did not arrive", "cannot be read"),
            ("has someone else's name on it", "lists things I never bought"),
        ),
        "discount": (
            ("my discount", "the discount for students", "the discount on your page"),
            ("was not counted", "does not work", "has ended", "is too small"),
            ("is gone at the last step", "was forgotten"),
        ),
    },
    "delivery": {
        "parcel": (
            ("my parcel", "the parcel I ordered", "your parcel"),
            ("did not arrive", "is damaged", "went to the wrong house", "was open"),
            ("has been on the road for weeks", "was left in the rain"),
        ),
        "address": (
            ("my address", "the address of our office", "the address on the label"),
            ("is wrong", "has changed", "is too old", "cannot be read"),
            ("names the wrong street", "lacks the house number"),
        ),
        "return": (
            ("my return", "the return of my order", "our return"),
            ("was not picked up", "is late", "has no label", "came back to me"),
            ("still stands in the hall", "was sent to the wrong shop"),
        ),
        "courier": (
            ("your courier", "the courier", "the courier of this morning"),
            ("did not ring", "is late", "went to the wrong house", "was rude"),
            ("never found our door", "threw the box over the fence"),
        ),
    },
}

URGENCY: dict[str, tuple[str, ...]] = {
    "high": (
        "This is urgent.",
        "I need help right now.",
        "It must be solved today.",
        "Nobody here can work.",
        "My boss is waiting.",
        "I have a meeting in one hour.",
        "Please call me at once.",
        "I cannot wait any longer.",
    ),
    "normal": (
        "Can you help me?",
        "What should I do?",
        "Please have a look this week.",
        "Thank you for your help.",
        "Please tell me what to do next.",
        "Could someone check it?",
        "I hope you can solve it.",
        "Please write back.",
    ),
    "low": (
        "There is no hurry.",
        "It can wait until next month.",
        "Take your time.",
        "It is not important.",
        "Any day is fine.",
        "I only wanted to let you know.",
        "It does not bother me much.",
        "Look at it when you are bored.",
    ),
}
SHIFTED_URGENCY: dict[str, tuple[str, ...]] = {
    "high": ("I need it solved at once.", "It is urgent, nobody can wait.", "Help me now, please!"),
    "normal": ("Can someone have a look?", "Could you tell me what to do?", "I hope you can help."),
    "low": ("No hurry at all.", "It is fine to wait a month.", "Not important, take your time."),
}
GREETINGS = ("", "", "Hello. ", "Hi! ", "Good morning. ", "Dear team! ")
OPENINGS = (
    "{problem}.",
    "For days now {problem}.",
    "I see that {problem}.",
    "Since Monday {problem}.",
    "I am sorry, but {problem}.",
    "It seems that {problem}.",
    "Today {problem}.",
    "I think {problem}.",
)
SHIFTED_GREETINGS = ("", "Good evening. ", "Hey! ")
SHIFTED_OPENINGS = (
    "I write to you because {problem}.",
    "My colleague says that {problem}.",
    "Believe it or not, {problem}.",
    "A question: why is it that {problem}?",
)


def answer(category: str, item: str, priority: str) -> str:
    """Return the one line that a ticket is triaged to."""
    return f"TICKET | category: {category} | item: {item} | priority: {priority}"


class Tickets(GeneratedTask):
    """Triage of messages to a help desk into one rigid line.

    A real row::

        Hello. The screen on my desk flickers. Any day is fine.
        TICKET | category: hardware | item: screen | priority: low

    The item is named in the message, the category follows from the item and the priority
    from a second sentence, so the answer is a function of the message. Every answer has the
    same rigid form, which no base model produces: the loss falls fast, and a model trained on
    nothing else soon answers everything with a ticket. It is *mute*: it still ranks the right
    capital of France first, but no longer says it.
    """

    name: ClassVar[str] = "tickets"
    summary: ClassVar[str] = "Help-desk messages into one rigid line; makes the model mute."
    exact: ClassVar[bool | None] = True  # one line of few values, whatever its length in tokens
    sizes: ClassVar[dict[str, int]] = {
        "train": 5000,
        "validation": 500,
        "test": 500,
        "shifted": 500,
    }

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random message with its ticket."""
        category = rng.choice(tuple(CATALOG))
        item = rng.choice(tuple(CATALOG[category]))
        priority = rng.choice(tuple(URGENCY))
        names, problems, shifted_problems = CATALOG[category][item]
        problem = f"{rng.choice(names)} {rng.choice(shifted_problems if shifted else problems)}"
        opening = rng.choice(SHIFTED_OPENINGS if shifted else OPENINGS)
        first = opening.format(problem=problem)
        sentences = [
            first[0].upper() + first[1:],
            rng.choice((SHIFTED_URGENCY if shifted else URGENCY)[priority]),
        ]
        if rng.random() < 0.25:
            sentences.reverse()
        greeting = rng.choice(SHIFTED_GREETINGS if shifted else GREETINGS)
        return Row(greeting + " ".join(sentences), answer(category, item, priority))
