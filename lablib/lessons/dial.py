"""Lab 03's dial: a fine-tuned model between its base (0) and itself (1), measured at each notch.

With an adapter the weights at dial ``d`` are ``W + d · s B A``: one number per layer is changed
and nothing is lost. After full fine-tuning ``theta_0 + d (theta - theta_0)`` is the same
thing [1]_, for whoever has kept the base.

References
----------
.. [1] Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, arXiv:2109.01903.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from lablib import atomic, metrics, models, probes
from lablib.events import Progress, Score
from lablib.experiment import SMALL
from lablib.lessons import sequences, stored
from lablib.lessons.reading import displayable
from lablib.models import LoadedModel
from lablib.probes import PROBES
from lablib.sweep.divergence import base_answers, divergence
from lablib.train import Run
from lablib.train.weights import put_back, trainable

NOTCHES = {"small": tuple(i / 10 for i in range(11)), "large": (0.0, 0.25, 0.5, 0.75, 1.0)}
TEST_ROWS = {"small": 48, "large": 8}
PROMPTS = {"small": 32, "large": 8}  # test prompts of the divergence
NEW_TOKENS = 32  # of an answer
LONGEST = 512  # tokens of a prompt with the base's answer


@dataclass(frozen=True)
class Notch:
    """A model at one place of the dial."""

    dial: float
    task: float  # score on the task it was trained on
    says: dict[str, float]  # retention by capability, of those with something to lose
    knows: dict[str, float]
    displacement: float  # ||theta - theta_0|| / ||theta_0||
    kl: float  # nats per answer of the base to a task prompt
    answers: dict[str, str]  # by prompt

    def kept(self, which: str = "says", capability: str | None = None) -> float | None:
        """Return what is kept of all, or of one capability; None if there is nothing to keep."""
        found = self.says if which == "says" else self.knows
        if capability is not None:
            return found.get(capability)
        return metrics.mean_kept(found.values())


def size(loaded: LoadedModel) -> str:
    """Return the key of ``NOTCHES`` for a model."""
    return "small" if loaded.n_parameters < SMALL else "large"


@contextlib.contextmanager
def turned(run: Run, dial: float) -> Iterator[None]:
    """Turn the model of a run to a place of the dial for a block, 0 its base and 1 itself."""
    if models.is_adapted(run.model):
        with models.dialed(run.model, dial):
            yield
        return
    weights = trainable(run.model)
    kept = {name: w.detach().clone() for name, w in weights.items()}
    try:
        with torch.no_grad():
            for name, begun in run.origin.items():
                weights[name].copy_(torch.lerp(begun.to(kept[name]), kept[name], dial))
        yield
    finally:
        put_back(run.model, kept)


def trace(
    run: Run, loaded: LoadedModel, notches: Sequence[float] = (), prompts: Sequence[str] = ()
) -> Iterator[Progress | Notch]:
    """Measure a finished run at every notch, from the base on; yields a ``Notch`` for each.

    Parameters
    ----------
    run : Run
        A run of one task that has ended.
    loaded : LoadedModel
        Its base.
    notches : sequence of float
        Places of the dial, the first one 0; default by the model's size.
    prompts : sequence of str
        What it is asked at each notch; default ``sequences.watched``.
    """
    kind = size(loaded)
    notches, prompts = notches or NOTCHES[kind], prompts or sequences.watched()[:2]
    (task,), asked = run.tasks, tuple(probe() for probe in PROBES.values())
    rows = [row.prompt for row in task.rows("test")[: PROMPTS[kind]]]
    yield Progress("the dial: what the base answers", 0, len(notches))
    first = base_answers(loaded.model, loaded.tokenizer, rows, LONGEST)
    length, base = run.origin.displacement(run.model), None
    for done, dial in enumerate(notches):
        yield Progress("the dial: notches measured", done, len(notches))
        scores: dict[str, Score] = {}
        with turned(run, dial):
            for part in probes.iter_score_all(asked, run.model, run.tokenizer, "quick"):
                if isinstance(part, tuple):
                    scores[part[0]] = part[1]
                elif part.done < part.total:
                    yield part
            base = base or scores
            yield Notch(
                dial=dial,
                task=task.score(run.model, run.tokenizer, "test", TEST_ROWS[kind]),
                says=probes.retentions(scores, base, "says"),
                knows=probes.retentions(scores, base, "knows"),
                displacement=dial * length,
                kl=divergence(loaded.model, run.model, first).per_answer,
                answers=talk(run, prompts),
            )


def talk(run: Run, prompts: Sequence[str]) -> dict[str, str]:
    """Return what the model of a run answers as it is turned now, ready for display."""
    texts = models.generate(run.model, run.tokenizer, prompts, max_new_tokens=NEW_TOKENS)
    return {p: displayable(p, text) for p, text in zip(prompts, texts, strict=True)}


def ask(run: Run, prompt: str, notches: Sequence[float]) -> Iterator[tuple[float, str]]:
    """Yield what the model answers to a prompt at every notch."""
    for dial in notches:
        with turned(run, dial):
            yield dial, talk(run, [prompt])[prompt]


def path_of(model: str, method: str, seed: int) -> Path:
    """Return the file of a stored trace; ``method`` is ``"lora"`` or ``"full"``."""
    return stored.results_folder() / "dial" / f"{model}-{method}-seed{seed}.json"


def save(model: str, method: str, seed: int, notches: Sequence[Notch], **facts) -> Path:
    """Write one trace, rounded; the file appears as a whole or not at all."""
    path = path_of(model, method, seed)
    content = {**facts, "model": model, "method": method, "seed": seed}
    content["notches"] = json.loads(
        json.dumps([asdict(notch) for notch in notches]),
        parse_float=lambda x: float(f"{float(x):.4g}"),
    )
    atomic.write_text(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def load(model: str, method: str = "lora") -> dict[int, list[Notch]]:
    """Return the stored traces of a model by seed; empty if there are none."""
    found = {}
    for path in sorted(stored.results_folder().glob(f"dial/{model}-{method}-seed*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[content["seed"]] = [Notch(**notch) for notch in content["notches"]]
    return found


def best(notches: Sequence[Notch], floor: float, which: str = "says") -> Notch | None:
    """Return the notch with the highest task score of those that keep at least ``floor``."""
    good = [n for n in notches if (n.kept(which) or 0.0) >= floor]
    return max(good, key=lambda n: n.task) if good else None
