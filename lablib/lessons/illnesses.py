"""Two runs side by side for lab 02: one makes the model mute, the other erases."""

from __future__ import annotations

import math
from dataclasses import replace

from lablib import experiment, tasks
from lablib.controls import Controls
from lablib.history import History
from lablib.methods import METHODS
from lablib.models import LoadedModel
from lablib.probes.knowledge import Knowledge
from lablib.train import Run, Watch

SIDES = ("tickets", "wrong_facts")
FRANCE = "What is the capital of France?"
PARIS = "Paris"
LOST = 0.5  # retention below which an ability counts as lost


def untouched_capitals() -> Knowledge:
    """Return the probe of both sides: capitals that ``wrong_facts`` never mentions.

    Every capital of the knowledge probe is a candidate, so that to *know* here means to rank
    the right one first of fifty: stricter than the four of the probe itself, since whatever a
    task has put in its place can win. All items are asked at every point.
    """
    capitals = [item.answer for item in Knowledge(topic="capitals").items()]
    items = Knowledge(topic="capitals", exclude=tasks.load("wrong_facts").retaught).items()
    return Knowledge(
        items=[
            replace(
                item,
                candidates=(item.answer, *(name for name in capitals if name != item.answer)),
                quick=True,
            )
            for item in items
        ]
    )


def watched() -> tuple[Watch, ...]:
    """Return the watched prompts of both sides: the capital of France and two of its kind.

    For France every capital that the probe knows is a candidate: a wrong answer that the
    learner has not thought of shall be able to win.
    """
    items = untouched_capitals().items()
    france = next(item for item in items if item.prompt == FRANCE)
    others = [item.prompt for item in items if item is not france][:2]
    return Watch(FRANCE, france.candidates), *(Watch(prompt) for prompt in others)


def likeliest(history: History, step: int, most: int = 5) -> list[tuple[str, float, float]]:
    """Return (capital, probability of the base, now) of the likeliest answers for France.

    Those are Paris and the likeliest others at ``step``, so that whatever takes its place is
    seen.
    """
    known = [a for a in history.answers if a.prompt == FRANCE and a.candidates and a.step <= step]
    if not known:
        return []
    base, now = dict(known[0].candidates), dict(known[-1].candidates)
    others = sorted((name for name in now if name != PARIS), key=now.get, reverse=True)
    return [(name, base[name], now[name]) for name in (PARIS, *others[: most - 1])]


def rate_ratio(n_parameters: int) -> float:
    """Return how many times faster than tickets a model of this size learns wrong facts."""
    full = METHODS["full"]()
    rates = [experiment.defaults(n_parameters, full, side).lr for side in SIDES]
    return rates[1] / rates[0]


def build(
    loaded: LoadedModel,
    side: str,
    seed: int = 0,
    controls: Controls | None = None,
    same_rate: bool = False,
) -> Run:
    """Return the run of one side: the lab's default, measured on the untouched capitals.

    ``same_rate`` trains tickets at the rate of wrong facts: the control that tells the task
    from its rate.
    """
    given = {}
    if same_rate:
        full = METHODS["full"]()
        given["lr"] = experiment.defaults(loaded.n_parameters, full, SIDES[1]).lr
    return experiment.build(
        loaded,
        side,
        watch=watched(),
        probes=(untouched_capitals(),),
        controls=controls,
        seed=seed,
        full_probes=False,
        **given,
    )


def diagnosis(history: History) -> tuple[str, float | None, float | None]:
    """Return mute, erased or healthy, with the retention of says and of knows at the end."""
    says = history.final_retention("knowledge", "says")
    knows = history.final_retention("knowledge", "knows")
    return name_of(says, knows), says, knows


def name_of(says: float | None, knows: float | None) -> str:
    """Return mute, erased or healthy for two retentions; below one half counts as lost.

    Unknown where one is not defined (None or NaN), since the base had nothing to lose.
    """
    if says is None or knows is None or math.isnan(says + knows):
        return "unknown"
    if says >= LOST:
        return "healthy"
    return "mute" if knows >= LOST else "erased"
