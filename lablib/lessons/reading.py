"""What the labs read off one run: who falls first, the five symptoms, answers at a step."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lablib.events import Answered
from lablib.history import History
from lablib.lessons import illnesses
from lablib.probes import PROBES
from lablib.probes.base import Item
from lablib.sweep.analysis import estimate

# Capability names as the labs write them, by probe.
NAMES = {
    "knowledge": "knowledge",
    "reasoning": "reasoning",
    "instruction": "instruction following",
    "format": "format flexibility",
    "safety": "safety",
    "language": "language",
}
FALLEN = 0.5  # retention below which a capability counts as fallen

# The five symptoms that people report of fine-tuned models, by the probe that shows them.
SYMPTOMS = {
    "instruction": "instructions ignored",
    "format": "format rigidity",
    "knowledge": "knowledge lost",
    "reasoning": "reasoning worse",
    "safety": "safety weakened",
}


@dataclass(frozen=True)
class Fall:
    """When a capability's says retention first fell below one half."""

    capability: str
    step: float | None  # interpolated between two probe points; None: it never fell
    last: float  # retention at the last point


def order_of_fall(history: History) -> list[Fall]:
    """Return the capabilities in the order in which they fell, those that stayed at the end.

    The step is interpolated between two probe points. Capabilities that never fell are
    ordered by what is left of them at the end; those with nothing to lose are left out.
    """
    falls = []
    for capability in history.capabilities():
        if history.nothing_to_lose(capability):
            continue
        steps, values = history.retention(capability, "says")
        if len(values):
            falls.append(Fall(capability, _crossing(steps, values), float(values[-1])))
    return sorted(falls, key=lambda f: (f.step is None, f.step or 0.0, f.last))


def over_seeds(histories: Sequence[History]) -> str:
    """Say in one sentence how often the first and the last place came out over several runs."""
    orders = [[fall.capability for fall in order_of_fall(history)] for history in histories]
    orders = [order for order in orders if order]
    if not orders:
        return ""
    ends = []
    for place in (0, -1):
        name, count = Counter(order[place] for order in orders).most_common(1)[0]
        ends.append(f"{NAMES[name]} ({count} of {len(orders)})")
    return (
        f"Over {len(orders)} stored seeds the first place went most often to {ends[0]}, "
        f"the last one to {ends[1]}."
    )


def _crossing(steps: Sequence[int], values: Sequence[float]) -> float | None:
    points = list(zip(steps, values, strict=True))
    for (step, value), (next_step, next_value) in itertools.pairwise(points):
        if value >= FALLEN > next_value:
            return step + (value - FALLEN) / (value - next_value) * (next_step - step)
    return None


@functools.cache
def probe_of(prompt: str) -> tuple[str, Item] | None:
    """Return the probe and the item that ask ``prompt``, if any does."""
    for name, probe in PROBES.items():
        for item in probe().items("full"):
            if item.prompt == prompt:
                return name, item
    return None


def displayable(prompt: str, text: str) -> str:
    """Return an answer as it may be shown: one that gives in to a harmful request is not."""
    found = probe_of(prompt)
    if found and found[1].group == "harmful":
        probe = PROBES["safety"]()
        if not (probe.says(found[1], text) or text.startswith("TICKET")):
            return "(an answer instead of a refusal; it is scored but not displayed)"
    return text


def answers_at(history: History, step: int) -> dict[str, Answered]:
    """Return the last answer to every prompt up to and including ``step``."""
    return {a.prompt: a for a in history.answers if a.step <= step}


def answered_steps(history: History) -> list[int]:
    """Return the steps at which the watched prompts were answered."""
    return sorted({a.step for a in history.answers})


@dataclass(frozen=True)
class Symptom:
    """One symptom, seen in an output."""

    name: str
    prompt: str
    before: str
    after: str
    changed: bool
    right: bool  # before, by the probe's rule: only then is there something to lose


def symptoms(history: History) -> list[Symptom]:
    """Return the five symptoms, each as an answer before and after the run.

    Of the watched prompts of a probe the first is taken, good or not and whatever became of it:
    an example chosen for its effect would prove nothing.
    """
    steps = answered_steps(history)
    if not steps:
        return []
    before, after = answers_at(history, steps[0]), answers_at(history, steps[-1])
    found: dict[str, Symptom] = {}
    for prompt, answer in before.items():
        match = probe_of(prompt)
        if not match or match[0] not in SYMPTOMS or match[0] in found:
            continue
        first, last = (displayable(prompt, a.text) for a in (answer, after[prompt]))
        right = PROBES[match[0]]().says(match[1], answer.text)
        found[match[0]] = Symptom(SYMPTOMS[match[0]], prompt, first, last, first != last, right)
    return [found[name] for name in SYMPTOMS if name in found]


# What a diagnosis of tickets means for a model, in the words of lab 02.
_TICKETS = {
    "mute": "tickets make it mute",
    "erased": "tickets do not only silence it, they also take right answers from first place",
    "healthy": "after tickets it still says at least half of what it said",
}


def tickets_verdict(name: str, histories: Sequence[History]) -> str:
    """Say in one sentence what stored split runs on tickets show of a model.

    Parameters
    ----------
    name : str
        Of the model, as a reader knows it.
    histories : sequence of History
        Runs of ``illnesses.build(loaded, "tickets")``, one a seed.
    """
    found = [illnesses.diagnosis(history) for history in histories]
    found = [one for one in found if one[0] != "unknown"]
    if not found:
        return f"No split run of {name} on tickets is stored."
    words = Counter(word for word, *_ in found)
    says, knows = (estimate([one[place] for one in found]) for place in (1, 2))
    firsts = [max(rows, key=lambda row: row[2])[0] for h in histories if (rows := _at_end(h))]
    paris = sum(first == illnesses.PARIS for first in firsts)
    meant = _TICKETS[next(iter(words))] if len(words) == 1 else "the seeds do not agree"
    counted = ", ".join(f"{word} in {n} of {len(found)}" for word, n in words.most_common())
    seeds = f"{len(found)} stored seed{'s' * (len(found) != 1)}"
    return (
        f"{name} ({seeds}): {meant} ({counted}). Retention of what it says {says}, of what it "
        f"still ranks first {knows}; Paris is still first for France in {paris} of {len(firsts)}."
    )


def _at_end(history: History) -> list[tuple[str, float, float]]:
    steps = answered_steps(history)
    return illnesses.likeliest(history, steps[-1]) if steps else []
