"""Lab 08: does text of the model's own pull it anywhere? The mean gradient at the base, measured.

For ``y`` drawn from the base ``p0`` itself, ``E[-log p(y)] = KL(p0 || p) + H(p0)``. At ``p = p0``
the divergence has its minimum, so that the expected gradient of the loss is zero, and the mean over
``n`` samples shrinks like ``1 / sqrt(n)``. For other text it comes to rest at a length above zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lablib import experiment, inputs, models, runtime, tasks
from lablib.events import Progress
from lablib.models import LoadedModel
from lablib.models.dialogues import iter_dialogues

COLD = 0.3
KINDS = {
    "own": "its own answers, temperature 1, nothing sifted",
    "cold": f"its own answers, temperature {COLD:g}",
    "general": "real general rows",
    "tickets": "tickets",
}
FACTOR = 4  # between two sizes
MOST_TOKENS = 96  # of a question, and of an answer
PATIENCE = 3  # dialogues written for each one wanted, before it is enough
MOST_PARAMETERS = 5_000_000  # of a large model only its last layers are looked at

Encoded = tuple[list[int], int]


@dataclass(frozen=True)
class Sizes:
    """How many samples are averaged: ``chunk``, then ``FACTOR`` times as many, ``levels`` times."""

    chunk: int
    levels: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The sizes, smallest first."""
        return tuple(self.chunk * FACTOR**level for level in range(self.levels))


@dataclass(frozen=True)
class Curve:
    """Length of the mean gradient for each number of samples.

    ``largest`` is the share of all squared length that the longest of the smallest groups holds:
    near one, a single rare surprise is nearly all that there is.
    """

    kind: str
    numbers: tuple[int, ...]
    lengths: tuple[float, ...]
    largest: float = 0.0

    @property
    def ratio(self) -> float:
        """What the length is multiplied by each time there are four times as many samples."""
        return (self.lengths[-1] / self.lengths[0]) ** (1 / (len(self.lengths) - 1))


def sizes(loaded: LoadedModel) -> Sizes:
    """Return how many samples a model of this size can afford here."""
    if runtime.fast_mode():
        return Sizes(2, 2)
    return Sizes(8, 4) if loaded.n_parameters < experiment.SMALL else Sizes(2, 3)


def measure(
    loaded: LoadedModel, seed: int = 0, wanted: Sizes | None = None
) -> Iterator[Progress | Curve]:
    """Yield progress, and the curve of every kind of text as it is done."""
    wanted = wanted or sizes(loaded)
    n = wanted.numbers[-1]
    for kind in KINDS:
        found: list[Encoded] = []
        for part in _texts(loaded, kind, n, seed):
            found += part
            yield Progress(f"gathering: {KINDS[kind]}", min(len(found), n), n)
            if len(found) >= n:
                break
        yield from _lengths(loaded, kind, found[:n], wanted)


def _texts(loaded: LoadedModel, kind: str, n: int, seed: int) -> Iterator[list[Encoded]]:
    """The samples of a kind as tokens, batch by batch."""
    if kind in ("own", "cold"):
        for batch in iter_dialogues(
            loaded.model,
            loaded.tokenizer,
            PATIENCE * n,
            seed=runtime.derive_seed(seed, kind),
            temperature=1.0 if kind == "own" else COLD,
            max_new_tokens=MOST_TOKENS,
            batch_size=128 if loaded.n_parameters < experiment.SMALL else 16,
        ):
            # An answer that was cut off is a sample too; a question that never ended has none.
            yield [(list(d.ids), d.n_prompt) for d in batch if len(d.ids) > d.n_prompt]
        return
    rows = inputs.general_pool(loaded) if kind == "general" else tasks.load(kind).rows("train")
    order = torch.randperm(len(rows), generator=runtime.generator(seed, kind)).tolist()
    yield [
        models.encode_row(loaded.tokenizer, rows[i].prompt, rows[i].completion, 512)
        for i in order[:n]
    ]


def _lengths(
    loaded: LoadedModel, kind: str, rows: Sequence[Encoded], wanted: Sizes
) -> Iterator[Progress | Curve]:
    """Root mean square length of the mean gradient over separate groups of each size."""
    parameters = watched(loaded.model)
    sums: list[torch.Tensor | None] = [None] * wanted.levels
    squares: list[list[float]] = [[] for _ in range(wanted.levels)]
    chunks = len(rows) // wanted.chunk
    for number in range(chunks):
        chunk = rows[number * wanted.chunk : (number + 1) * wanted.chunk]
        gradient = _gradient(loaded, chunk, parameters)
        for level in range(wanted.levels):
            size = FACTOR**level  # in chunks
            sums[level] = gradient if sums[level] is None else sums[level] + gradient
            if (number + 1) % size == 0:
                mean = sums[level] / (size * wanted.chunk)
                squares[level].append(float(mean.double().pow(2).sum()))
                sums[level] = None
        yield Progress(f"measuring: {KINDS[kind]}", number + 1, chunks)
    lengths = tuple(math.sqrt(sum(each) / len(each)) for each in squares if each)
    if len(lengths) > 1:  # else the model ended too few of its texts
        largest = max(squares[0]) / (sum(squares[0]) or 1.0)
        yield Curve(kind, wanted.numbers[: len(lengths)], lengths, largest)


def _gradient(
    loaded: LoadedModel, rows: Sequence[Encoded], parameters: Sequence[torch.nn.Parameter]
) -> torch.Tensor:
    """Gradient of the summed loss of whole answers: the sum is what the identity speaks of."""
    batch = models.collate(loaded.tokenizer, rows, range(len(rows)), [False] * len(rows))
    device = next(loaded.model.parameters()).device
    with torch.enable_grad():
        loss = models.token_losses(loaded.model, batch.to(device)).sum()
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([g.reshape(-1) for g in found if g is not None])


def watched(model) -> list[torch.nn.Parameter]:
    """Return the weights whose gradient is measured: all, or the last ones of a large model.

    What holds for the whole gradient holds for every part of it.
    """
    chosen, count = [], 0
    for parameter in reversed([p for p in model.parameters() if p.requires_grad]):
        if count + parameter.numel() > MOST_PARAMETERS:
            continue
        chosen.append(parameter)
        count += parameter.numel()
    return chosen


def verdict(curve: Curve) -> str:
    """Return in one or two sentences what four times as many samples do, from what was measured."""
    said = f"{KINDS[curve.kind]}: {curve.ratio:.2f} times as long with every four times as many: "
    if curve.ratio < 0.6:
        said += "near one half, no common pull can be seen."
    elif curve.ratio > 0.85:
        said += "it hardly averages away, all samples pull one way."
    else:
        said += "partly noise, partly a common pull."
    if curve.largest > 0.5:
        said += (
            f" One group holds {curve.largest:.0%} of all squared length: a rare surprise, beside "
            "which the other samples push hardly at all."
        )
    return said


GUESSES = (
    "it stays as long as it is",
    "it becomes about half as long",
    "a quarter as long",
    "zero",
)


def measured_guess(curve: Curve) -> str:
    """Return the option of ``GUESSES`` that lies nearest to a measured ratio."""
    return min(
        zip((1.0, 0.5, 0.25, 0.0), GUESSES, strict=True), key=lambda p: abs(p[0] - curve.ratio)
    )[1]
