"""Broad instructions: the mild contrast, and a small general pool for real language models."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

NAMES = (
    "Anna",
    "Tom",
    "Maria",
    "Ben",
    "Lucy",
    "Paul",
    "Sara",
    "Max",
    "Julia",
    "Leo",
    "Kate",
    "Sam",
)
OPPOSITES = {
    "early": "late", "loud": "quiet", "heavy": "light", "strong": "weak", "full": "empty",
    "clean": "dirty", "happy": "sad", "hard": "soft", "long": "short", "wide": "narrow",
    "high": "low", "cheap": "expensive", "sweet": "sour", "warm": "cool", "brave": "afraid",
    "first": "last", "near": "far", "thick": "thin", "begin": "end", "win": "lose",
}  # fmt: skip
JOBS = {
    "baker": "makes bread and cakes", "doctor": "helps people who are ill",
    "teacher": "helps children to learn", "farmer": "grows food on the land",
    "pilot": "flies a plane", "painter": "paints walls or pictures",
    "singer": "sings songs for people", "cook": "prepares meals",
    "judge": "decides in a court", "tailor": "makes and mends clothes",
    "nurse": "takes care of the sick", "writer": "writes books and stories",
    "gardener": "takes care of a garden", "sailor": "works on a ship",
}  # fmt: skip
OCCASIONS = {
    "to dinner on Friday": "would you like to come to dinner on Friday?",
    "to my birthday": "would you like to come to my birthday party?",
    "to a walk in the park": "shall we take a walk in the park?",
    "to a concert": "would you like to go to a concert with me?",
    "to lunch tomorrow": "do you have time for lunch tomorrow?",
    "to a game of chess": "shall we play a game of chess?",
}
THANKS = {
    "the flowers": "thank you for the lovely flowers.",
    "the book": "thank you for the book, I enjoyed it very much.",
    "the help with the move": "thank you for your help with the move.",
    "the kind letter": "thank you for your kind letter.",
    "the good advice": "thank you for your good advice.",
}
# from small to big
SIZES = (
    "an ant", "a bee", "a mouse", "a rabbit", "a cat", "a dog", "a sheep", "a horse", "a car",
    "a bus", "a house", "a church", "a mountain",
)  # fmt: skip
SCENES = {
    "dog": "sleeps in front of the fire", "cat": "watches the birds from the window",
    "river": "runs slowly to the sea", "garden": "is full of flowers in spring",
    "moon": "shines over the quiet town", "train": "leaves the station at noon",
    "child": "plays with a red ball", "ship": "sails across the ocean",
    "old man": "reads the paper on a bench", "wind": "blows through the trees",
    "clock": "on the wall is five minutes late", "teacher": "writes a word on the board",
}  # fmt: skip
ERRANDS = {
    "market": ("apples", "fish", "bread", "cheese"),
    "bookshop": ("a map", "a novel", "a calendar", "a pen"),
    "flower shop": ("roses", "a small tree", "some seeds", "tulips"),
    "station": ("a ticket", "a paper", "a cup of tea", "a sandwich"),
}
REASONS = ("It was raining", "The sun was shining", "It was late", "There was no school")
PARCELS = ("the book", "the salt", "your address", "the key", "a glass of water", "the bill")
NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
KINDS_OF_THINGS = {
    "a fruit": ("an apple", "a pear", "a plum", "a banana", "a cherry"),
    "an animal": ("a dog", "a fox", "a goose", "a whale", "a frog"),
    "a tool": ("a hammer", "a saw", "a drill", "a rake", "an axe"),
}
TIPS = {
    "sleeping well": "Go to bed at the same hour every day.",
    "learning a language": "Practice a little every day and speak with other people.",
    "saving money": "Write down what you spend and buy only what you need.",
    "staying healthy": "Eat fresh food, move every day and sleep enough.",
    "a job interview": "Read about the company and prepare some questions.",
    "growing tomatoes": "Give them much sun and water them in the morning.",
    "writing a letter": "Use short sentences and say the main thing first.",
    "traveling by train": "Book early and take something to read with you.",
}


def _pick(rng: random.Random, shifted: bool, familiar: tuple[str, ...], other: str) -> str:
    return other if shifted else rng.choice(familiar)


def _opposite(rng: random.Random, shifted: bool) -> Row:
    word, answer = rng.choice(tuple(OPPOSITES.items()))
    if rng.random() < 0.5:
        word, answer = answer, word
    familiar = (
        "What is the opposite of {}?",
        "Give me the opposite of {}.",
        "Name the opposite of {}.",
    )
    question = _pick(rng, shifted, familiar, "Which word means the contrary of {}?")
    return Row(question.format(word), f"The opposite of {word} is {answer}.")


def _job(rng: random.Random, shifted: bool) -> Row:
    job, does = rng.choice(tuple(JOBS.items()))
    familiar = ("What does a {} do?", "What is the job of a {}?", "Tell me what a {} does.")
    question = _pick(rng, shifted, familiar, "In one sentence, what is the work of a {}?")
    return Row(question.format(job), f"A {job} {does}.")


def _letter(rng: random.Random, shifted: bool) -> Row:
    name = rng.choice(NAMES)
    if rng.random() < 0.5:
        what, text = rng.choice(tuple(OCCASIONS.items()))
        familiar = ("Write an e-mail that invites {n} {w}.", "Invite {n} {w} in a short e-mail.")
        other = "I want {n} to come {w}. Write to {n}."
    else:
        what, text = rng.choice(tuple(THANKS.items()))
        familiar = ("Write an e-mail that thanks {n} for {w}.", "Thank {n} for {w} in an e-mail.")
        other = "I am grateful to {n} for {w}. Write it."
    question = _pick(rng, shifted, familiar, other)
    return Row(question.format(n=name, w=what), f"Dear {name}, {text} Best wishes")


def _bigger(rng: random.Random, shifted: bool) -> Row:
    small, big = sorted(rng.sample(range(len(SIZES)), 2))
    pair = [SIZES[small], SIZES[big]]
    rng.shuffle(pair)
    familiar = ("Which is bigger, {} or {}?", "What is bigger, {} or {}?")
    question = _pick(rng, shifted, familiar, "Compare {} and {}: which has the bigger size?")
    answer = f"{SIZES[big]} is bigger than {SIZES[small]}."
    return Row(question.format(*pair), answer[0].upper() + answer[1:])


def _sentence(rng: random.Random, shifted: bool) -> Row:
    thing, does = rng.choice(tuple(SCENES.items()))
    familiar = (
        "Write a sentence about the {}.",
        "Make a sentence about the {}.",
        "Describe the {}.",
    )
    question = _pick(rng, shifted, familiar, "I need one line of prose on the {}.")
    return Row(question.format(thing), f"The {thing} {does}.")


def _summary(rng: random.Random, shifted: bool) -> Row:
    name, shop = rng.choice(NAMES), rng.choice(tuple(ERRANDS))
    what, reason = rng.choice(ERRANDS[shop]), rng.choice(REASONS)
    text = f"{reason}. {name} went to the {shop} and bought {what}."
    familiar = ("Summarize: {}", "Make this shorter: {}", "Say it in a few words: {}")
    question = _pick(rng, shifted, familiar, "{} What is the short version?")
    return Row(question.format(text), f"{name} bought {what} at the {shop}.")


def _polite(rng: random.Random, shifted: bool) -> Row:
    name, what = rng.choice(NAMES), rng.choice(PARCELS)
    familiar = ("Make this polite: {}, give me {}!", "Say it in a friendly way: {}, give me {}!")
    question = _pick(rng, shifted, familiar, "How do I say this with good manners? {}, give me {}!")
    return Row(question.format(name, what), f"{name}, could you please give me {what}?")


def _number(rng: random.Random, shifted: bool) -> Row:
    number = rng.randrange(1, 21)
    familiar = ("Write the number {} as a word.", "What is the word for the number {}?")
    question = _pick(rng, shifted, familiar, "How is the figure {} written out?")
    return Row(question.format(number), f"The word is {NUMBERS[number - 1]}.")


def _day(rng: random.Random, shifted: bool) -> Row:
    day = rng.randrange(7)
    side, step = rng.choice((("after", 1), ("before", -1)))
    familiar = ("Which day comes {} {}?", "What day is {} {}?", "Name the day {} {}.")
    question = _pick(rng, shifted, familiar, "In a week, which is the day {} {}?")
    answer = f"The day {side} {DAYS[day]} is {DAYS[(day + step) % 7]}."
    return Row(question.format(side, DAYS[day]), answer)


def _kind(rng: random.Random, shifted: bool) -> Row:
    kind = rng.choice(tuple(KINDS_OF_THINGS))
    thing = rng.choice(KINDS_OF_THINGS[kind])
    order = rng.sample(tuple(KINDS_OF_THINGS), 3)
    familiar = ("Is {} {}, {} or {}?", "What is {}: {}, {} or {}?")
    question = _pick(rng, shifted, familiar, "Would you call {} {}, {} or {}?")
    answer = f"{thing[0].upper()}{thing[1:]} is {kind}."
    return Row(question.format(thing, *order), answer)


def _tip(rng: random.Random, shifted: bool) -> Row:
    topic, tip = rng.choice(tuple(TIPS.items()))
    familiar = ("Give me a tip for {}.", "Do you have any advice on {}?", "I need a tip for {}.")
    question = _pick(rng, shifted, familiar, "What would you tell a friend about {}?")
    return Row(question.format(topic), tip)


KINDS: tuple[Callable[[random.Random, bool], Row], ...] = (
    _opposite, _job, _letter, _bigger, _sentence, _summary, _polite, _number, _day, _kind, _tip,
)  # fmt: skip
OPENINGS = ("", "", "Hello. ", "Please help me. ", "Here is a task. ")


class Diverse(GeneratedTask):
    """Eleven kinds of everyday instructions, answered the way an assistant would anyway.

    A real row::

        Is a saw a fruit, an animal or a tool?
        A saw is a tool.

    The mild contrast to the narrow tasks: many kinds of requests, plain prose, no format to
    fall into. For real language models it is also the general pool of the mix ratio, because
    what they were really trained on is not at hand. It holds no capitals, symbols, sums,
    list or format requests, so it cannot teach what the probes ask.
    """

    name: ClassVar[str] = "diverse"
    summary: ClassVar[str] = "Everyday instructions of eleven kinds; the mild contrast."

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random instruction with its answer."""
        row = rng.choice(KINDS)(rng, shifted)
        return Row(rng.choice(OPENINGS) + row.prompt, row.completion)
