"""Lab 00: six questions, one a capability, and one of the learner's own, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lablib import experiment, models
from lablib.history import History
from lablib.lessons.reading import NAMES, answers_at, displayable
from lablib.models import LoadedModel
from lablib.probes import PROBES
from lablib.probes.base import Item
from lablib.train import Run

STEPS = 10  # of a real language model
SMALL_STEPS = 40  # of mini: after 20 most of what it can is still said, after 40 nothing is
OWN = "your own"
NEW_TOKENS = 32


@dataclass(frozen=True)
class Reply:
    """What a model answers to one question."""

    capability: str  # as labs write it, or OWN
    prompt: str
    text: str  # as it may be displayed
    right: bool | None  # by the probe's rule; None for a question without one


def questions() -> dict[str, Item]:
    """Return one question a capability: the first quick item of each probe.

    Taken by position, not by choice: an example picked for its effect would prove nothing.
    """
    return {name: PROBES[name]().items("quick")[0] for name in NAMES}


def ask(loaded: LoadedModel, model, own: str = "") -> list[Reply]:
    """Let ``model`` answer the six questions and, if there is one, the learner's own."""
    items = questions()
    prompts = [item.prompt for item in items.values()]
    chat = [item.chat for item in items.values()]
    if own.strip():
        prompts, chat = [*prompts, own], [*chat, True]
    texts = models.generate(model, loaded.tokenizer, prompts, chat=chat, max_new_tokens=NEW_TOKENS)
    return replies(dict(zip(prompts, texts, strict=True)), own)


def replies(texts: dict[str, str], own: str = "") -> list[Reply]:
    """Return judged answers, ready for display, from the raw texts by prompt."""
    found = []
    for name, item in questions().items():
        if item.prompt in texts:
            text = texts[item.prompt]
            right = PROBES[name]().says(item, text)
            found.append(Reply(NAMES[name], item.prompt, displayable(item.prompt, text), right))
    if own.strip() and own in texts:
        found.append(Reply(OWN, own, displayable(own, texts[own]), None))
    return found


def steps(loaded: LoadedModel) -> int:
    """Return how many steps are few for a model and yet enough to see something."""
    return SMALL_STEPS if loaded.n_parameters < experiment.SMALL else STEPS


def first_steps(loaded: LoadedModel, seed: int = 0) -> Run:
    """Return a run of a few steps on tickets that measures nothing on the way."""
    return experiment.build(
        loaded,
        "tickets",
        probes=(),
        watch=(),
        seed=seed,
        max_steps=steps(loaded),
        probe_every=steps(loaded),
        probe_early=False,
        full_probes=False,
        task_test_rows=0,
    )


def stored_replies(history: History, step: int) -> list[Reply]:
    """Return the six answers that a stored run gave at ``step``."""
    return replies({p: a.text for p, a in answers_at(history, step).items()})


def kept(before: Sequence[Reply], after: Sequence[Reply]) -> int:
    """Return how many of the questions were right before and still are."""
    then = {reply.prompt: reply.right for reply in before}
    return sum(bool(reply.right and then.get(reply.prompt)) for reply in after)


def became(before: Reply, after: Reply) -> str:
    """Say in words what became of an answer that no rule can judge."""
    if after.text == before.text:
        return "the same answer"
    if after.text.startswith("TICKET"):
        return "a ticket"
    return "another answer"
