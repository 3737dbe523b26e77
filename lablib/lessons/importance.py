"""Which weights matter: the Fisher of a base by part, for single questions, and put to the test.

The test is brutal: one weight in a hundred gets a random kick, all kicks of the same average
size, and only the choice of the weights differs. If the Fisher says what it claims, the answers
move by ``KL = kick^2 / 2 * sum of the Fisher of the kicked weights`` per answer token.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lablib import experiment, inputs, metrics, models, probes, runtime
from lablib.controls import Batch
from lablib.events import Progress, Score
from lablib.lessons.reading import NAMES
from lablib.methods import fisher
from lablib.models import LoadedModel, Rows
from lablib.models.prefix import evaluating
from lablib.tasks.base import Row

SHARE = 0.01  # of all weights
MAX_LENGTH = 256  # tokens of a row
N_ROWS = 64  # general rows that the Fisher is estimated on
N_DRAWS = 64  # of random signs, for the Fisher of a single question
KICK = 1.0  # size of a kick, in root mean squares of the model's weights
# Highest and lowest are by the Fisher; largest by the size of the weight itself.
PICKS = {
    "highest": "the highest Fisher",
    "largest": "the largest weights",
    "random": "any weights, at random",
    "lowest": "the lowest Fisher",
}
# Single questions: two capitals, so that kin can be told from strangers, a symbol and a sum.
QUESTIONS = (
    "What is the capital of France?",
    "What is the capital of Japan?",
    "What is the chemical symbol of iron?",
    "What is 7 plus 5?",
)

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Cell:
    """The Fisher of one part of the model."""

    layer: int | None  # None: outside the layers
    part: str  # "q_proj", "embed_tokens", …
    relative: float  # its mean over that of all weights
    share: float  # of the Fisher of the whole model
    n: int  # weights


@dataclass
class Weighed:
    """The Fisher of a base, and the rows that it was not estimated on."""

    values: Weights  # raw, per answer token
    others: list[Batch]  # rows to measure the answers' movement on
    seed: int

    def held_by(self, share: float = SHARE) -> float:
        """Return how much of the whole Fisher the ``share`` of weights with the highest has."""
        flat = torch.cat([value.flatten() for value in self.values.values()])
        n = max(1, round(share * len(flat)))
        return float(flat.topk(n).values.sum(dtype=torch.float64) / flat.sum(dtype=torch.float64))


def rows_of(loaded: LoadedModel) -> Rows:
    """Return the general rows of a model, ready to be read."""
    return Rows(inputs.general_pool(loaded), loaded.tokenizer, MAX_LENGTH)


def iter_weigh(loaded: LoadedModel, seed: int = 0) -> Generator[Progress, None, Weighed]:
    """Estimate the Fisher of a base on general rows: ``Progress``, then the result."""
    rows, n_others = rows_of(loaded), 8 if loaded.n_parameters >= experiment.SMALL else 32
    numbers = fisher.some_rows(rows, N_ROWS + n_others, seed)
    values = yield from fisher.iter_diagonal(
        loaded.model, rows, numbers[:N_ROWS], kind="signed", seed=seed
    )
    others = numbers[N_ROWS:] or numbers
    batches = [rows.batch(others[i : i + 8]) for i in range(0, len(others), 8)]
    return Weighed(values, batches, seed)


def weigh(loaded: LoadedModel, seed: int = 0) -> Weighed:
    """Return the Fisher of a base on general rows; everything as in ``iter_weigh``."""
    steps = iter_weigh(loaded, seed)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def cells(values: Mapping[str, torch.Tensor]) -> list[Cell]:
    """Return the Fisher by layer and part, in the order of the model."""
    whole = sum(float(v.sum(dtype=torch.float64)) for v in values.values())
    average = whole / sum(v.numel() for v in values.values())
    found = []
    for name, value in values.items():
        layer, part = _place(name)
        total = float(value.sum(dtype=torch.float64))
        mean = total / value.numel()
        found.append(Cell(layer, part, mean / average, total / whole, value.numel()))
    return found


def _place(name: str) -> tuple[int | None, str]:
    """Return layer and part of a parameter: ``model.layers.2.mlp.up_proj.weight`` is 2, up_proj."""
    words = name.removesuffix(".weight").split(".")
    layer = next((int(word) for word in words if word.isdigit()), None)
    part = " ".join(words[-2:]) if words[-1] == "bias" else words[-1]
    twice = words[-1] == "c_proj" or words[-2:] == ["c_proj", "bias"]  # GPT-2 has two of them
    return layer, f"{'mlp' if 'mlp' in words else 'attn'} {part}" if twice else part


# ---------------------------------------------------------------------------- scrambling


@dataclass(frozen=True)
class Scrambled:
    """What one kick did to a base.

    Attributes
    ----------
    pick, seed
        Which weights were kicked, a key of ``PICKS``, and the seed of the kick.
    kl, predicted : float
        KL(base ‖ kicked), nats per answer token: measured, and half the kick squared times
        the Fisher of the kicked weights.
    base, now : dict of str to Score
        By probe, on the quick items.
    """

    pick: str
    seed: int
    kl: float
    predicted: float
    base: dict[str, Score]
    now: dict[str, Score]

    def kept(self, which: str = "says", capability: str | None = None) -> float | None:
        """Return retention of one capability, or the mean over all that have something to lose."""
        found = probes.retentions(self.now, self.base, which)
        return found.get(capability) if capability else metrics.mean_kept(found.values())


def root_mean_square(weights: Mapping[str, torch.Tensor]) -> float:
    """Return the size of a typical weight."""
    total = sum(float(w.detach().square().sum(dtype=torch.float64)) for w in weights.values())
    return math.sqrt(total / sum(w.numel() for w in weights.values()))


def chosen(weighed: Weighed, model: nn.Module, pick: str, seed: int) -> Weights:
    """Return the masks of the weights to kick: ``SHARE`` of all, chosen by ``pick``."""
    if pick == "largest":
        sizes = {name: w.detach().abs() for name, w in fisher.held_weights(model).items()}
        return fisher.pick(sizes, SHARE, "highest", seed)
    return fisher.pick(weighed.values, SHARE, pick, seed)


@contextlib.contextmanager
def kicked(model: nn.Module, masks: Weights, size: float, seed: int) -> Iterator[None]:
    """Move the chosen weights by normal noise of standard deviation ``size`` for a block."""
    draw = runtime.generator(seed, "kicks")
    weights = fisher.held_weights(model)
    kept = {name: w.detach().clone() for name, w in weights.items()}
    try:
        with torch.no_grad():
            for name, w in weights.items():
                noise = torch.randn(int(masks[name].sum()), generator=draw)
                w[masks[name].to(w.device)] += size * noise.to(w)
        yield
    finally:
        with torch.no_grad():
            for name, w in weights.items():
                w.copy_(kept[name])


def logprobs(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the log-probabilities of all words where an answer token is due, (N, V)."""
    with torch.no_grad(), evaluating(model):
        found = models.forward(model, batch).logits
    return found[models.answer_labels(batch) != -100].float().log_softmax(-1)


def iter_scramble(
    loaded: LoadedModel,
    weighed: Weighed,
    picks: Sequence[str] = tuple(PICKS),
    draws: int = 3,
    names: Sequence[str] = tuple(NAMES),
    size: float = KICK,
) -> Iterator[Progress | Scrambled]:
    """Kick the chosen weights, measure, put them back; ``Progress`` and one result a kick.

    Parameters
    ----------
    loaded, weighed
        The base and its Fisher.
    picks : sequence of str
        Keys of ``PICKS``.
    draws : int
        Kicks of each choice, with the seed of the Fisher and the next ones.
    names : sequence of str
        Keys of ``PROBES``; none: only the movement of the answers is measured.
    size : float
        Of a kick, in root mean squares of all weights.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    asked = experiment.make_probes(names)
    before = [logprobs(model, batch) for batch in weighed.others]
    base = probes.score_all(asked, model, tokenizer, "quick") if asked else {}
    sd = size * root_mean_square(fisher.held_weights(model))
    total = len(picks) * draws
    seeds = range(weighed.seed, weighed.seed + draws)
    for done, (seed, pick) in enumerate((s, p) for s in seeds for p in picks):
        yield Progress("scrambling", done, total)
        masks = chosen(weighed, model, pick, seed)
        touched = sum(float(v[masks[k]].sum()) for k, v in weighed.values.items())
        with kicked(model, masks, sd, seed):
            kl = _divergence(model, weighed.others, before)
            now = probes.score_all(asked, model, tokenizer, "quick") if asked else {}
        yield Scrambled(pick, seed, kl, 0.5 * sd**2 * touched, base, now)
    yield Progress("scrambling", total, total)


def _divergence(model: nn.Module, batches: list[Batch], before: list[torch.Tensor]) -> float:
    total = n = 0
    for batch, then in zip(batches, before, strict=True):
        total += float((then.exp() * (then - logprobs(model, batch))).sum(dtype=torch.float64))
        n += len(then)
    return total / n


def order_of_harm(found: Sequence[Scrambled]) -> list[str]:
    """Return the picks by how far they moved the answers, the worst first (mean KL)."""
    by_pick = {pick: [one.kl for one in found if one.pick == pick] for pick in PICKS}
    known = {pick: statistics.fmean(values) for pick, values in by_pick.items() if values}
    return sorted(known, key=known.__getitem__, reverse=True)


# ---------------------------------------------------------------------- single questions


@dataclass(frozen=True)
class Shared:
    """How much the weights that carry single questions have in common.

    Attributes
    ----------
    questions : tuple of str
        What was asked, each with the base's own answer.
    answers : tuple of str
        Those answers.
    overlap : tuple of tuples of float
        Share of the top weights of a question (row) that are top weights of another (column);
        on the diagonal two halves of the draws of one question: no overlap can be higher.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    overlap: tuple[tuple[float, ...], ...]


def iter_shared(
    loaded: LoadedModel, questions: Sequence[str] = QUESTIONS, draws: int = N_DRAWS, seed: int = 0
) -> Generator[Progress, None, Shared]:
    """Estimate the Fisher of single questions and compare their top weights."""
    answers = models.generate(loaded.model, loaded.tokenizer, list(questions), max_new_tokens=24)
    rows = rows_of(loaded).like(
        [Row(asked, said) for asked, said in zip(questions, answers, strict=True)]
    )
    halves: list[tuple[torch.Tensor, torch.Tensor]] = []
    for i in range(len(questions)):
        sums: list[torch.Tensor | None] = [None, None]
        for k in range(draws):
            found = fisher.diagonal(loaded.model, rows, [i], kind="signed", seed=seed + k)
            flat = torch.cat([value.flatten() for value in found.values()])
            half = k % 2
            sums[half] = flat if sums[half] is None else sums[half] + flat
            yield Progress("weighing single questions", i * draws + k + 1, len(questions) * draws)
        halves.append((sums[0], sums[1]))
    tops = [_top(one + other) for one, other in halves]
    within = [_in_common(_top(one), _top(other)) for one, other in halves]
    overlap = tuple(
        tuple(within[i] if i == j else _in_common(a, b) for j, b in enumerate(tops))
        for i, a in enumerate(tops)
    )
    return Shared(tuple(questions), tuple(answers), overlap)


def _top(values: torch.Tensor) -> torch.Tensor:
    """A mask of the weights with the highest values."""
    chosen = torch.zeros(len(values), dtype=torch.bool)
    chosen[values.topk(max(1, round(SHARE * len(values)))).indices] = True
    return chosen


def _in_common(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one & other).sum()) / float(one.sum())
