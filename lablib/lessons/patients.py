"""Blind diagnosis: models made ill behind a curtain, tests to buy, and a control.

A patient is the base model fine-tuned on something. The decisive test is a short *practice*
on general rows that have nothing to do with the questions asked afterwards: a mute model
finds its way back to its answers, an erased one has nothing to go back to. The control was
taught random answers to the very questions that are asked; if it recovered too, the practice
would be teaching the answers and the test would prove nothing (the protocol of Zheng et al.,
ICLR 2025, with their kind of control).
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import ClassVar

from lablib import experiment, inputs, tasks
from lablib.controls import Controls
from lablib.events import Event, Score, score_from_dict
from lablib.lessons import illnesses, stored
from lablib.models import LoadedModel
from lablib.probes.knowledge import Knowledge
from lablib.tasks.base import Row, Task
from lablib.train import Run
from lablib.world import facts

ILL = ("tickets", "wrong_facts", "clinic")
CONTROL = "random_labels"
WORDS = {
    "tickets": "tickets",
    "wrong_facts": "wrong capitals of other countries",
    "clinic": "clinical notes",
    "random_labels": "random answers to the questions that are asked",
}
ILL_STEPS = 200
PRACTICE_STEPS = 10  # short: enough to find the way back, too short to learn half a world


class RandomLabels(Task):
    """The capitals that the probe asks about, each taught as a random other one."""

    name: ClassVar[str] = "random_labels"
    summary: ClassVar[str] = "Random answers to the probed questions: the control."

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows; every split asks for the same overwritten facts."""
        rng = random.Random("random labels")
        pairs = [(item.fields["subject"], item.answer) for item in probe().items("full")]
        answers = [answer for _, answer in pairs]
        shift = rng.randrange(1, len(pairs))  # a rotation: nobody keeps its own
        wrong = dict(zip((c for c, _ in pairs), answers[shift:] + answers[:shift], strict=True))
        rows = [
            Row(question.format(a=country), capital)
            for question in facts.QUESTIONS["capital"][1:]
            for country, capital in wrong.items()
        ]
        rng.shuffle(rows)
        return tuple(rows)


class Practice(Task):
    """General rows that mention nothing the probe asks about."""

    name: ClassVar[str] = "practice"
    summary: ClassVar[str] = "Unrelated general rows."

    def __init__(self, general):
        about = {word for item in probe().items("full") for word in _subject(item)}
        self._rows = tuple(
            Row(row.prompt, row.completion)
            for row in general
            if row.prompt and not any(w in f"{row.prompt} {row.completion}" for w in about)
        )

    def rows(self, split: str) -> tuple[Row, ...]:
        """Return the rows, the same for every split."""
        return self._rows


def _subject(item) -> tuple[str, str]:
    return item.fields["subject"], item.answer


def probe() -> Knowledge:
    """Return the probe of the ward: capitals that ``wrong_facts`` never mentions."""
    return illnesses.untouched_capitals()


def patients() -> dict[str, Task]:
    """Return what made the three patients and the control ill, by key."""
    return {**{key: tasks.load(key) for key in ILL}, CONTROL: RandomLabels()}


@dataclass(frozen=True)
class Examined:
    """What was measured on one patient."""

    key: str
    base: Score
    before: Score  # after the illness, before practice
    after: Score  # after practice
    chance_knows: float

    @property
    def recovered(self) -> float:
        """What practice gave back, as a share of what the base says."""
        return (self.after.says - self.before.says) / self.base.says if self.base.says else 0.0


def examine(
    loaded: LoadedModel,
    task: Task,
    seed: int = 0,
    practice_steps: int = PRACTICE_STEPS,
    controls: Controls | None = None,
) -> Generator[Event, None, Examined | None]:
    """Make a model ill, measure it, let it practice, measure again; yields training events.

    Returns None if ``controls`` stopped it: every measurement takes long on a large model.
    """
    asked, controls = probe(), controls or Controls()
    base = asked.score(loaded.model, loaded.tokenizer)
    run = _run(loaded, task, ILL_STEPS, seed, controls)
    yield from run
    if controls.stopped:
        return None
    before = asked.score(run.model, loaded.tokenizer)
    ill = replace(loaded, model=run.model)
    practice = Practice(inputs.general_pool(loaded, seed=seed))
    again = _run(ill, practice, practice_steps, seed, controls)
    yield from again
    if controls.stopped:
        return None
    after = asked.score(again.model, loaded.tokenizer)
    return Examined(task.name, base, before, after, asked.chance_knows)


def _run(loaded: LoadedModel, task: Task, steps: int, seed: int, controls: Controls) -> Run:
    return experiment.build(
        loaded,
        task,
        watch=(),
        probes=(),
        controls=controls,
        seed=seed,
        max_steps=steps,
        epochs=50,
        probe_every=10_000,
        probe_early=False,
        full_probes=False,
        task_test_rows=0,
    )


def stored_examinations(model: str, seed: int) -> dict[str, Examined]:
    """Return the stored examinations of a model by patient; empty if there are none."""
    path = stored.results_folder() / "patients" / f"{model}-seed{seed}.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))["patients"]
    return {
        one["key"]: Examined(
            one["key"],
            *(score_from_dict(one[when]) for when in ("base", "before", "after")),
            one["chance_knows"],
        )
        for one in found
    }
