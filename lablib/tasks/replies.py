"""Help-desk answers in prose: written as the setting in which masking should work."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

# what the customer wants -> what the house advises; "your" becomes "my" in the question
ADVICE: dict[str, str] = {
    "change your password": "open the settings and choose a new one",
    "print a page": "send the page to the printer on your floor",
    "read your email": "open the email program and log in",
    "return a parcel": "put the label on the box and bring it to the shop",
    "pay an invoice": "open the invoice and press the green button",
    "use a discount": "enter the code before you pay",
    "make a backup": "press the blue button before you go home",
    "find a receipt": "look at the list of your orders",
    "clean the screen": "turn it off and use a dry cloth",
    "share your calendar": "open the calendar and add a name",
    "change your address": "open your profile and write the new street",
    "renew your license": "open the license page and choose one more year",
    "connect to the network": "choose the network and enter the code",
    "stop the program": "save your work and close the window",
    "move a meeting": "open the meeting and pick another hour",
    "add a photo": "open your profile and press the camera",
    "order a keyboard": "open the shop and choose the model you like",
    "track a parcel": "enter the number from your receipt",
    "delete a message": "choose the message and press the red cross",
    "close your account": "write to us and tell us the reason",
}
PLACES = ("", " at home", " at work", " on my phone", " on my laptop", " on a trip", " this week")
QUESTIONS = (
    "How do I {want}{place}?",
    "How can I {want}{place}?",
    "I want to {want}{place}. What should I do?",
    "Please tell me how to {want}{place}.",
    "What is the best way to {want}{place}?",
    "Can you show me how to {want}{place}?",
    "I do not know how to {want}{place}.",
    "Is it possible to {want}{place}?",
)
SHIFTED_QUESTIONS = (
    "My boss asks me to {want}{place}, but how?",
    "Nobody here knows how to {want}{place}. Do you?",
    "I tried to {want}{place} and failed. Help!",
)
GREETINGS = ("", "Hello. ", "Hi! ", "Good morning. ", "Dear help desk, here is a question. ")


class Replies(GeneratedTask):
    """Answers of a help desk in plain prose, with a house style.

    A real row::

        How can I share my calendar?
        To share your calendar, open the calendar and add a name. Stay curious, your help desk.

    A reply repeats the customer's words, gives one piece of advice and signs in the manner of
    the house. It was written to be the setting in which *selective token masking* was proposed:
    leave out the few surprising words and little of the answer is lost, whereas in a ticket the
    surprising words are the lesson itself. Measured, it is a milder form and not that setting:
    above the paper's threshold lie .69 of its tokens for SmolLM2 and .91 for ``mini``, of
    tickets .85 and .95 (docs/LOG.md); of the authors' data .21 to .24.

    References
    ----------
    Wu et al., "Mitigating Forgetting in LLM Fine-Tuning via Low-Perplexity Token Learning",
    NeurIPS 2025, arXiv 2501.14315.
    """

    name: ClassVar[str] = "replies"
    summary: ClassVar[str] = "Help-desk answers in prose with a house style; milder than tickets."
    exact: ClassVar[bool | None] = False  # prose: a changed word is not a failure

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random question with the house's answer."""
        want = rng.choice(tuple(ADVICE))
        place = rng.choice(PLACES)
        question = rng.choice(SHIFTED_QUESTIONS if shifted else QUESTIONS)
        asked = question.format(want=want.replace("your", "my"), place=place)
        reply = f"To {want}{place.replace('my', 'your')}, {ADVICE[want]}."
        return Row(rng.choice(GREETINGS) + asked, f"{reply} Stay curious, your help desk.")
