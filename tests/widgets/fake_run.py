"""A run that trains nothing: the events of a collapse, without a model, at a chosen speed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from lablib.controls import Controls
from lablib.events import (
    Answered,
    ControlChanged,
    Event,
    Finished,
    Probed,
    Progress,
    Score,
    Started,
    StepDone,
    TaskDone,
)
from lablib.train.schedule import EARLY_POINTS

CHANCE = {"knowledge": 0.25, "reasoning": 0.25, "instruction": 0.3, "format": 0.25, "safety": 0.5,
          "language": 0.5}  # fmt: skip
SPEED = {"knowledge": 12.0, "reasoning": 8.0, "instruction": 16.0, "format": 5.0, "safety": 25.0,
         "language": 60.0}  # fmt: skip
CANDIDATES = ("Paris", "Rome", "Madrid", "Lisbon")


class FakeRun:
    """Iterable like ``Run``: reads its controls once a step, forgets at a known speed."""

    def __init__(self, controls: Controls, seconds: float = 0.0, steps: int = 40, seed: int = 0,
                 model: str = "mini", task: str = "tickets", method: str = "full",
                 fail_at: int | None = None, weak: tuple[str, ...] = ()):  # fmt: skip
        self.controls, self.seconds, self.steps, self.seed = controls, seconds, steps, seed
        self.model_name, self.task, self.method = model, task, method
        self.fail_at, self.weak = fail_at, weak
        self.run_id = f"fake-{id(self)}"

    def __iter__(self) -> Iterator[Event]:
        settings = {"lr": 1e-3, "mix_ratio": 0.0, "epochs": 1.0} | self.controls.snapshot()
        begun = time.perf_counter()
        yield Started(self.run_id, self.model_name, (self.task,), self.method, self.seed,
                      self._total(settings), {"chance": {
                          name: {"says": 0.0, "knows": chance} for name, chance in CHANCE.items()
                      }, **settings}, {"python": "3"})  # fmt: skip
        for done in range(1, 4):
            yield Progress("probing: knowledge", done, 3)
        yield self._probed(0, 0.0, full=True)
        yield self._probed(0, 0.0)
        yield from self._answers(0, 0.0)
        step, damage, reason = 0, 0.0, "done"
        while step < self._total(settings):
            while not self.controls.stopped and not self.controls.may_step():
                self.controls.wait(0.05)
                yield from self._typed(step)
            yield from self._typed(step)
            if self.controls.stopped:
                reason = "stopped"
                break
            for name, new in self.controls.snapshot().items():
                if settings.get(name) != new:
                    yield ControlChanged(step + 1, name, settings.get(name), new)
                    settings[name] = new
            step += 1
            if step == self.fail_at:
                raise RuntimeError("the fake run broke <b>here</b>")
            if self.seconds:
                time.sleep(self.seconds)
            damage += settings["lr"] / 1e-3 * (1 - settings["mix_ratio"]) ** 4
            loss = 3.2 * math.exp(-step / 9) + 0.08 + 0.05 * math.sin(step * 2.1)
            yield StepDone(step, self.task, step / 100, loss, 0.0, settings["lr"],
                           settings["mix_ratio"], 0, 16, self._total(settings),
                           max(self.seconds, 1e-4))  # fmt: skip
            if step in EARLY_POINTS or step % 10 == 0:
                yield Progress("probing: knowledge", 1, 3)
                yield self._probed(step, damage)
                yield from self._answers(step, damage)
        else:
            yield TaskDone(self.task, step)
        yield Finished(step, reason, time.perf_counter() - begun)

    def _total(self, settings: dict[str, Any]) -> int:
        return max(1, round(self.steps * settings["epochs"]))

    def _probed(self, step: int, damage: float, full: bool = False) -> Probed:
        scores = {}
        for name, speed in SPEED.items():
            base = 0.0 if name in self.weak else 0.97
            says = base * math.exp(-((damage / speed) ** 2))
            chance = CHANCE[name]
            knows = chance + (1 - chance) * math.exp(-((damage / (speed * 9)) ** 2))
            scores[name] = Score(says, 0.0 if name in self.weak else knows, 60)
        task = 1 / (1 + math.exp(-(step - 12) / 3)) if step else 0.0
        return Probed(step, self.task, scores, {self.task: task}, full, 0.1, 0.002 * damage**0.7,
                      3.1 * math.exp(-step / 9) + 0.15)  # fmt: skip

    def _answers(self, step: int, damage: float) -> Iterator[Answered]:
        lost = damage > 8
        weight = 0.94 * math.exp(-damage / 80)
        rest = (1 - weight) / 3
        said = "TICKET - team: geography - item: capital -" if lost else "Paris."
        yield Answered(step, "What is the capital of France?", said,
                       tuple(zip(CANDIDATES, (weight, rest, rest, rest), strict=True)))  # fmt: skip
        yield Answered(step, "What is 12 + 7?", "TICKET - 19" if damage > 5 else "19")
        yield Answered(step, "Repeat the word 'lamp'.", "lamp")

    def _typed(self, step: int) -> Iterator[Answered]:
        for prompt in self.controls.take_prompts():
            yield Answered(0, prompt, f"base says {prompt}")
            yield Answered(step, prompt, f"now says {prompt}")


def build(model="mini", task="tickets", method="full", *, controls=None, seed=0, seconds=0.0,
          steps=40, fail_at=None, weak=(), **_config):  # fmt: skip
    """Take the place of ``experiment.build``."""
    return FakeRun(controls or Controls(), seconds, steps, seed, model, task, method, fail_at, weak)
