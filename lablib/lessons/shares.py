"""Lab 07: what a mix ratio really mixes, counted in rows and in tokens; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator

from lablib import experiment, inputs, tasks
from lablib.events import Progress
from lablib.methods import METHODS
from lablib.models import LoadedModel, Rows
from lablib.train import TrainConfig
from lablib.train.data import Mixer

BATCHES = 40  # enough for the share to settle, and drawn in a second
Batches = list[list[tuple[bool, int]]]  # rows of each batch: is it general, its answer tokens


def draw(
    loaded: LoadedModel, task: str, ratio: float, unit: str, seed: int = 0, n: int = BATCHES
) -> Iterator[Progress | Batches]:
    """Draw the first batches of a run as its loop would; the last value are the batches.

    Parameters
    ----------
    loaded : LoadedModel
        Whose tokenizer counts, and whose general pool is mixed in.
    task : str
        A name that ``tasks.load`` knows.
    ratio : float
        The mix ratio.
    unit : str
        What it counts: ``"examples"`` or ``"tokens"``.
    seed : int
        Of the run.
    n : int
        Batches.
    """
    given = experiment.defaults(loaded.n_parameters, METHODS["full"](), task)
    config = TrainConfig(
        lr=given.lr, batch_size=given.batch_size, max_length=given.max_length,
        mix_ratio=ratio, mix_unit=unit, seed=seed,
    )  # fmt: skip
    taught, general = (
        Rows(rows, loaded.tokenizer, given.max_length)
        for rows in (
            tasks.load(task).rows("train")[: given.train_rows],
            inputs.general_pool(loaded),
        )
    )
    for rows, name in ((taught, task), (general, "general rows")):
        yield from rows.prepare(name)
    mixer = Mixer(taught, general, loaded.tokenizer, config, "task 0")
    found: Batches = []
    for step in range(1, n + 1):
        batch = mixer.batch(step, ratio)
        tokens = (batch.labels != -100).sum(1).tolist()
        found.append(list(zip(batch.is_general.tolist(), tokens, strict=True)))
    yield found


def by_rows(batches: Batches) -> float:
    """Return the share of general rows."""
    rows = [general for batch in batches for general, _ in batch]
    return sum(rows) / len(rows) if rows else 0.0


def by_tokens(batches: Batches) -> float:
    """Return the share of general answer tokens."""
    rows = [row for batch in batches for row in batch]
    total = sum(tokens for _, tokens in rows)
    return sum(tokens for general, tokens in rows if general) / total if total else 0.0
