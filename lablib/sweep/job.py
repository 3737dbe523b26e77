"""One run of a sweep as plain data: what it is, and the key under which its result is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lablib import probes
from lablib.models import MODELS, LoadedModel
from lablib.tasks import SPLITS, TASKS, Row, Task
from lablib.train.data import fingerprint

FORMAT = 1  # of a result; raised when the same job would be measured in another way


@dataclass(frozen=True)
class Job:
    """One model, one or more tasks in turn, one method, one seed.

    Attributes
    ----------
    model : str
        A name that ``models.load`` knows.
    tasks : tuple of str
        Names that ``tasks.load`` knows.
    method : str
        Key of ``METHODS``, or several joined by ``+``.
    settings : dict
        Hyper-parameters by ``method.field``.
    config : dict
        Fields of ``TrainConfig`` that differ from ``experiment.defaults``, JSON-ready.
    probes : tuple of str
        Keys of ``PROBES``; empty: all.
    lr_factor : float
        Multiplies the default learning rate where ``config`` gives none, > 0.
    seed : int
        Seed of the run.
    label : str
        What the run is called; not part of its key.
    content : str
        Checksum of the model and the rows; see ``content_of``.
    general : str
        The pool of the mix ratio by a name of ``inputs.general_rows``; empty: the default.
    """

    model: str
    tasks: tuple[str, ...]
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    lr_factor: float = 1.0
    seed: int = 0
    label: str = ""
    content: str = ""
    general: str = ""

    def key(self) -> str:
        """Return 16 hexadecimal digits that name this job, the same on every machine.

        The first 64 bits of a SHA-256 over all fields but the label. The default pool is left
        out: a job had that name before others could be given.
        """
        what = {name: value for name, value in asdict(self).items() if name != "label"}
        if not self.general:
            del what["general"]
        text = json.dumps({"format": FORMAT, **what}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the job as JSON-ready values."""
        return {**asdict(self), "tasks": list(self.tasks), "probes": list(self.probes)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Job:
        """Return the job that ``to_dict`` gave, also after a way through JSON."""
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        tuples = {name: tuple(data.get(name, ())) for name in ("tasks", "probes")}
        return cls(**{**known, **tuples})


def content_of(loaded: LoadedModel, tasks: Sequence[Task], general: Sequence[Row] = ()) -> str:
    """Return a checksum of what the names of a job stand for: model, tasks and a pool of its own.

    Of a model of your own also its config, tokenizer and chat template, which may be edited in
    its folder; of a task of your own also its validation rows. Ours change with their weights
    and with their training rows only.
    """
    own = loaded.name not in MODELS
    parts = [
        probes.base_name(loaded.digest, loaded.model, loaded.tokenizer) if own else loaded.digest
    ]
    for task in tasks:
        splits = ("train", "test") if task.name in TASKS else SPLITS
        parts += [fingerprint(task.rows(split)) for split in splits]
    if general:
        parts.append(fingerprint(general))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def result_path(folder: Path, job: Job) -> Path:
    """Return the file that holds the result of a job once it is finished."""
    return Path(folder) / f"{job.key()}.json"


def unique(jobs: Sequence[Job]) -> Iterator[Job]:
    """Yield the jobs without those that another job's result answers."""
    seen: dict[str, Job] = {}
    for job in jobs:
        seen.setdefault(job.key(), job)
    yield from seen.values()
