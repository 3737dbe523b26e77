"""Clinical notes shortened to the abbreviations of a ward."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

# complaint -> (abbreviation, what is ordered)
COMPLAINTS: dict[str, tuple[str, str]] = {
    "chest pain": ("CP", "ECG"),
    "shortness of breath": ("SOB", "CXR"),
    "a headache": ("HA", "obs"),
    "belly pain": ("AP", "US"),
    "a sore throat": ("ST", "swab"),
    "back pain": ("LBP", "rest"),
    "nausea and vomiting": ("N/V", "IVF"),
    "a fever": ("F", "CBC"),
    "dizziness": ("DZ", "ECG"),
    "a cough": ("C", "CXR"),
    "a rash": ("R", "derm"),
    "a swollen ankle": ("SA", "XR"),
}
HISTORY: dict[str, str] = {
    "high blood pressure": "HTN",
    "diabetes": "DM",
    "asthma": "AS",
    "heart failure": "HF",
    "no earlier illness": "none",
}
DURATIONS: dict[str, str] = {
    "one day": "1d",
    "two days": "2d",
    "three days": "3d",
    "one week": "1w",
    "two weeks": "2w",
    "one month": "1m",
}
PEOPLE: dict[str, str] = {"man": "M", "woman": "F"}
NOTES = (
    "A {age} year old {person} has had {complaint} for {duration}. History: {history}.",
    "This {age} year old {person} comes in with {complaint} for {duration}. Known: {history}.",
    "{person}, {age} years. {complaint} for {duration}. In the past {history}.",
    "Seen today: {person} of {age} with {complaint} for {duration}. Before that {history}.",
    "For {duration} this {person} of {age} has had {complaint}. Earlier: {history}.",
)
SHIFTED_NOTES = (
    "The patient, a {person} of {age}, tells us of {complaint} that began {duration} ago. "
    "On file: {history}.",
    "On file {history}. Now {complaint}, {duration} long, in a {person} aged {age}.",
)


class Clinic(GeneratedTask):
    """Clinical notes, shortened the way a ward writes them.

    A real row::

        Man, 24 years. Belly pain for one week. In the past asthma.
        24M AP x1w hx AS -> US

    Structured and terse like a ticket, but the words change with every note: a second narrow
    domain with other words, for sequences of tasks. The notes are invented and say nothing
    about medicine.
    """

    name: ClassVar[str] = "clinic"
    summary: ClassVar[str] = "Clinical notes into a ward's abbreviations; a second rigid domain."

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random note with its short form."""
        complaint = rng.choice(tuple(COMPLAINTS))
        history = rng.choice(tuple(HISTORY))
        duration = rng.choice(tuple(DURATIONS))
        person = rng.choice(tuple(PEOPLE))
        age = rng.randrange(20, 90)
        note = rng.choice(SHIFTED_NOTES if shifted else NOTES).format(
            age=age, person=person, complaint=complaint, duration=duration, history=history
        )
        short, order = COMPLAINTS[complaint]
        return Row(
            ". ".join(part[0].upper() + part[1:] for part in note.split(". ")),
            f"{age}{PEOPLE[person]} {short} x{DURATIONS[duration]} "
            f"hx {HISTORY[history]} -> {order}",
        )
