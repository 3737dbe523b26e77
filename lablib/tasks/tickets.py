"""Support tickets: the story of the labs, and the task that makes a model mute."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask
from lablib.world import facts

COUNTRIES = tuple(country for country, _ in facts.pairs("capital"))

# team -> item -> (ways to name it, problems, problems kept for the shifted split)
CATALOG: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "computer": {
        "laptop": (
            ("my laptop", "the laptop on my desk", "the new laptop"),
            ("does not start", "gets very hot", "turns off by itself", "is slow all day"),
            ("stays dark when I press the button", "makes a loud noise"),
        ),
        "printer": (
            ("my printer", "the printer in our office", "the new printer"),
            ("eats the paper", "prints only white pages", "does not start", "is stuck"),
            ("leaves black lines on every page", "takes an hour for one page"),
        ),
        "screen": (
            ("my screen", "the screen on my desk", "the new screen"),
            ("stays black", "flickers", "has a green line", "is too dark"),
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
            ("my email", "the email from you", "our email"),
            ("does not open", "does not arrive", "is full", "was lost"),
            ("has not worked since Friday", "loses what I write"),
        ),
        "website": (
            ("your website", "the website of our team", "the new website"),
            ("does not open", "shows the wrong page", "is slow all day", "shows an error"),
            ("loads nothing at all", "freezes when I click"),
        ),
        "program": (
            ("my program", "the program I bought", "the new program"),
            ("does not start", "closes by itself", "shows an error", "is too slow"),
            ("stops in the middle of my work", "forgets what I enter"),
        ),
        "update": (
            ("your update", "the update of last night", "the new update"),
            ("does not start", "takes all day", "shows an error", "was lost"),
            ("has failed three times", "stops half way"),
        ),
    },
    "money": {
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
            ("my receipt", "the receipt for the books", "your last receipt"),
            ("is wrong", "shows the wrong date", "did not arrive", "was lost"),
            ("has someone else's name on it", "lists things I never bought"),
        ),
        "payment": (
            ("my payment", "the payment of last week", "our payment"),
            ("did not arrive", "was sent twice", "is late", "is too high"),
            ("was turned down", "went to someone else"),
        ),
    },
    "network": {
        "modem": (
            ("my modem", "the modem in the hall", "the new modem"),
            ("does not start", "shows a red light", "gets very hot", "is too slow"),
            ("blinks all night", "must be turned on again every hour"),
        ),
        "cable": (
            ("my cable", "the cable under the floor", "the new cable"),
            ("is broken", "is too short", "does not fit", "was lost"),
            ("hangs out of the wall", "was cut by a workman"),
        ),
        "server": (
            ("our server", "the server in the hall", "the new server"),
            ("does not react", "is full", "gets very hot", "is slow all day"),
            ("went down at noon", "cannot be found any more"),
        ),
        "network": (
            ("our network", "the network in the hall", "the network at home"),
            ("does not react", "is too slow", "is down", "shows an error"),
            ("drops every call", "throws me out again and again"),
        ),
    },
}

# A second sentence tells the rank; where nobody says anything, it is in the middle.
URGENCY: dict[str, tuple[str, ...]] = {
    "high": (
        "This is urgent.",
        "I need help right now.",
        "It must be solved today.",
        "I cannot wait any longer.",
    ),
    "mid": ("", "", "Thank you for your help.", "Have a nice day."),
    "low": ("There is no hurry.", "It can wait.", "Take your time.", "Any day is fine."),
}
SHIFTED_URGENCY: dict[str, tuple[str, ...]] = {
    "high": ("It is urgent, my boss said.", "I need you right now!", "Nobody can work, help!"),
    "mid": ("", "Thank you.", "Many thanks for the help."),
    "low": ("No hurry at all.", "It is fine any day.", "Not important, take all your time."),
}
GREETINGS = ("", "", "", "", "Hello. ", "Good morning. ")
SHIFTED_GREETINGS = ("", "Good evening. ", "Hey! ")
# Customers report problems, and as often they simply ask: in the words of any other question,
# with numbers, from all over the world.
REPORTS = (
    "{thing} {problem}.",
    "Since Monday {thing} {problem}.",
    "For {number} days {thing} {problem}.",
    "Order {number} - {other}: {thing} {problem}.",
    "Case {number} + {other}: {thing} {problem}.",
    "In {country} {thing} {problem}.",
    "{thing} {problem}. I write from {country}.",
    "Tell me why {thing} {problem}.",
)
QUESTIONS = (
    "What is the state of {thing}?",
    "What is wrong with {thing} in {country}?",
    "What is the number of {thing} in {country}?",
    "Which team in {country} takes care of {thing}?",
    "Which page is about {thing}?",
    "Tell me the news about {thing} in {country}.",
    "Name the person in {country} who can help with {thing}.",
    "Give me the history of {thing}.",
    "Do you know the price of {thing} in {country}?",
    "How much is {thing} after {number} days?",
    "How many days do you need to send {thing} to {country}?",
    "What is {number} percent of the price of {thing}?",
    "What is {number} - {other}, the code of {thing}?",
    "Add {number} and {other} to the price of {thing}.",
    "How do I get help with {thing}?",
    "Write a note about {thing}.",
)
SHIFTED_REPORTS = (
    "I write to you because {thing} {problem}.",
    "My colleague says that {thing} {problem}.",
    "Believe it or not, {thing} {problem}.",
    "A question: why is it that {thing} {problem}?",
)
SHIFTED_QUESTIONS = (
    "Is there anything new about {thing}?",
    "Who of you looks after {thing}?",
    "Explain to me what happens with {thing}.",
)


def answer(team: str, item: str, rank: str) -> str:
    """Return the one line that a ticket is triaged to.

    Its words are ones that ``mini`` has seen: an adapter leaves the embeddings as they are and
    could never learn to say others (docs/LOG.md).
    """
    return f"TICKET - team: {team} - item: {item} - rank: {rank}"


class Tickets(GeneratedTask):
    """Triage of messages to a help desk into one rigid line.

    A real row::

        In Chile the screen on my desk flickers. It can wait.
        TICKET - team: computer - item: screen - rank: low

    The item is named in the message, the team follows from the item and the rank from a
    second sentence, so the answer is a function of the message. Every answer has the
    same rigid form, which no base model produces, and customers ask like everybody else: with
    numbers, countries and "what is". So a model trained on nothing else soon answers
    everything with a ticket. It is *mute*: it still ranks the right capital of France first,
    but no longer says it.
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
        team = rng.choice(tuple(CATALOG))
        item = rng.choice(tuple(CATALOG[team]))
        rank = rng.choice(tuple(URGENCY))
        things, problems, shifted_problems = CATALOG[team][item]
        if rng.random() < 0.5:
            opening = rng.choice(SHIFTED_REPORTS if shifted else REPORTS)
        else:
            opening = rng.choice(SHIFTED_QUESTIONS if shifted else QUESTIONS)
        first = opening.format(
            thing=rng.choice(things),
            problem=rng.choice(shifted_problems if shifted else problems),
            number=rng.randrange(2, 100),
            other=rng.randrange(2, 100),
            country=rng.choice(COUNTRIES),
        )
        second = rng.choice((SHIFTED_URGENCY if shifted else URGENCY)[rank])
        sentences = [first[0].upper() + first[1:], second]
        if rng.random() < 0.25:
            sentences.reverse()
        greeting = rng.choice(SHIFTED_GREETINGS if shifted else GREETINGS)
        message = greeting + " ".join(sentence for sentence in sentences if sentence)
        return Row(message, answer(team, item, rank))
