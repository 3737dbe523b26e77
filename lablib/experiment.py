"""From a few names to a ready ``Run``: model, task, method, general pool, probes, watch prompts.

The one place that knows which defaults go together. The command line, the dashboard and the
labs all start their runs here, so that "tickets, full, mini" means the same in each.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lablib import inputs, methods, models
from lablib.controls import Controls
from lablib.methods import Method
from lablib.methods.base import SMALL
from lablib.models import LoadedModel, Rows
from lablib.models.files import quietly
from lablib.probes import PROBES, Probe, openended
from lablib.tasks import Row, Task
from lablib.train import EarlyStopping, Run, TrainConfig, Watch
from lablib.train.probing import FULL_TEST_ROWS

# Tasks that a small model starts with another rate than the method's own, as a factor of it: at
# mini's usual rate wrong capitals are learned beside the true ones. Where all weights are trained:
# adapters learn the task at their own rate and break at a higher one (docs/LOG.md).
SMALL_RATE_FACTORS = {"wrong_facts": 3.5}
FULL = ("knowledge",)  # all items of all probes take a real model three quarters of a minute


@dataclass(frozen=True)
class Defaults:
    """What a run of a model of some size starts with; every field may be overridden."""

    lr: float  # step size of the optimizer
    batch_size: int  # rows a step
    train_rows: int  # rows of the train split used in one epoch
    probe_every: int  # steps between two probe points
    task_test_rows: int  # test rows scored at each probe point
    max_length: int  # tokens of a row, prompt and answer together
    full_probes: bool | tuple[str, ...] = True  # probes of which all items are scored at the ends
    mix_ratio: float = 0.0  # share of general rows


def defaults(n_parameters: int, method: Method, task: str = "tickets") -> Defaults:
    """Return the settings that a run of ``method`` starts with on a model of this size.

    Small models do up to 200 steps of 16 rows (seconds); real language models 40 steps of 4 rows
    (two minutes on two cores): they forget within the first ten, and a fifth of general rows needs
    the other thirty to win back what it can (docs/LOG.md). Both are measured after steps 2, 5 and
    10 as well (``TrainConfig.probe_early``), so that a first point stands within a second on
    ``mini``.
    """
    lr = method.default_lr(n_parameters)
    if n_parameters < SMALL:
        lr *= SMALL_RATE_FACTORS.get(task, 1.0) if method.trains_all else 1.0
        given = Defaults(lr, 16, 3200, 25, task_test_rows=24, max_length=128)
    else:
        given = Defaults(lr, 4, 160, 20, task_test_rows=8, max_length=256, full_probes=FULL)
    return replace(given, mix_ratio=method.default_mix_ratio)


def watch_prompts(loaded: LoadedModel) -> tuple[Watch, ...]:
    """Return the fixed prompts of "what it answers now", the capital of France first.

    One a capability, by position and not by choice: the first quick item of its probe, with
    its candidates. Real language models are asked the open-ended set as well.
    """
    items = [probe().items("quick")[0] for probe in PROBES.values()]
    watch = [Watch(item.prompt, item.candidates) for item in items]
    if loaded.n_parameters >= SMALL:
        watch += [Watch(prompt) for prompt in openended.PROMPTS]
    return tuple(watch)


def make_probes(names: str | Sequence[str] | None = None) -> tuple[Probe, ...]:
    """Return the probes of these names (or of this one), all of them by default.

    Raises
    ------
    ValueError
        If a name is not a key of ``PROBES``.
    """
    names = tuple(PROBES) if names is None else [names] if isinstance(names, str) else names
    for name in names:
        if name not in PROBES:
            raise ValueError(f"There is no probe {name!r}; choose from {', '.join(PROBES)}.")
    return tuple(PROBES[name]() for name in names)


def build(
    model: str | Path | LoadedModel = "mini",
    task: str | Path | Task | Sequence[str | Path | Task] | Sequence[Row] = "tickets",
    method: str | Method = "full",
    *,
    settings: Mapping[str, Any] | None = None,
    controls: Controls | None = None,
    watch: Sequence[Watch | str] | None = None,
    probe_names: str | Sequence[str] | None = None,
    probes: Sequence[Probe] | None = None,
    general: str | Path | Sequence[Row] = "default",
    drop_bad_rows: bool = False,
    name: str = "",
    snapshot_folder: Path | None = None,
    **config: Any,
) -> Run:
    """Return a ``Run`` that is ready to be iterated.

    Parameters
    ----------
    model : str, Path or LoadedModel
        A name that ``models.load`` knows, or a model already loaded. A loaded model is
        copied, so that it stays as it is; a name is loaded anew.
    task : str, Path, Task or a list of them, or a list of rows
        Built-in key, file or hub id (see ``tasks.load``); several are learned in turn. Files of
        one name are told apart by their folders (``jan/rows.jsonl``). Rows, ``Row`` or the dicts
        of a JSONL file, are one task.
    method : str or Method
        A key of ``METHODS``, with ``settings`` for its fields, or a method.
    settings : mapping, optional
        Hyper-parameters of the method by field name.
    controls : Controls, optional
        Shared with the dashboard; made from the config if not given.
    watch : sequence of Watch or str, optional
        Prompts answered at every probe point; default ``watch_prompts``.
    probe_names : str or sequence of str, optional
        Keys of ``PROBES``; default all.
    probes : sequence of Probe, optional
        Probes themselves, instead of ``probe_names``.
    general : str, Path or list of rows
        The pool of the mix ratio: a name of ``inputs.general_rows``, or rows as for ``task``.
    drop_bad_rows : bool
        Leaves malformed rows of own data out, where it is given by name; see ``tasks.load``.
    name : str
        A name for the run, shown in lists.
    snapshot_folder : Path, optional
        Where Rewind snapshots go; needed for ``snapshots=True``.
    **config
        Fields of ``TrainConfig`` (``lr``, ``epochs``, ``mix_ratio``, ``seed``, …); those not
        given come from ``defaults``.

    Raises
    ------
    ValueError, OSError, TypeError
        With one sentence that says what is wrong and what to do.
    """
    if not isinstance(model, str | Path | LoadedModel):
        raise TypeError(
            "model is a name, a folder or what models.load returned, not a "
            f"{type(model).__name__}: save your own with save_pretrained and give the folder."
        )
    early = config.get("early_stopping")
    if not isinstance(early, EarlyStopping | None):
        raise TypeError(
            f"early_stopping is a lablib.train.EarlyStopping, not a {type(early).__name__}: write "
            "EarlyStopping(floor=0.9)."
        )
    if isinstance(method, str):
        methods.make(method, settings)  # what is wrong with it is said before a model is loaded
    elif settings:
        raise ValueError("Settings go with the name of a method; a method has its own already.")
    the_probes = make_probes(probe_names) if probes is None else tuple(probes)
    the_tasks = inputs.several_tasks(task, drop_bad_rows)
    if isinstance(model, LoadedModel):
        loaded, trained = model, copy.deepcopy(model.model)
    else:
        loaded = models.load(str(model))
        trained = loaded.model
    the_method = method
    if isinstance(method, str):
        the_method = methods.make(method, settings, loaded.n_parameters)
    given = defaults(loaded.n_parameters, the_method, the_tasks[0].name)
    given = replace(given, max_length=min(given.max_length, models.reach(loaded.model)))
    settled = {f.name: getattr(given, f.name) for f in fields(Defaults)} | config
    unknown = sorted(settled.keys() - {f.name for f in fields(TrainConfig)})
    if unknown:
        raise ValueError(f"A run has no setting {unknown[0]!r}; see TrainConfig for those it has.")
    general = inputs.pool(general, loaded, drop_bad_rows)
    if watch is None:
        watch = watch_prompts(loaded)
    run = Run(
        trained,
        loaded.tokenizer,
        the_tasks,
        the_method,
        TrainConfig(**settled),
        the_probes,
        inputs.check_unasked(general, the_probes),
        controls,
        name=name,
        model_name=loaded.name,
        digest=loaded.digest,
        watch=[Watch(w) if isinstance(w, str) else w for w in watch],
        snapshot_folder=snapshot_folder,
    )
    _check_answers(run)
    return run


def save_model(run: Run, folder: Path, *, merged: bool = False) -> None:
    """Write the fine-tuned model and its tokenizer to ``folder``, for ``models.load``.

    Safetensors, as any program for Hugging Face models reads them. To go on with the run
    itself later, use ``run.save``.

    Parameters
    ----------
    run : Run
        What was trained.
    folder : Path
        Where it goes.
    merged : bool
        Of a model with adapters only these are written, in the format of PEFT, and the name of
        the base; True writes the whole model with the adapters merged in. So does False where
        the base has no name: a branch of an earlier run, or a model changed before the run.
        Adapters of QLoRA belong on the base as it was rounded: ``models.load`` rounds it again
        (``quantization.json``), other programs do not and need the merged model.

    Raises
    ------
    OSError
        If the folder holds something already: adapters beside whole weights are neither model.
    """
    model, folder = run.model, Path(folder)
    check_folder(folder)
    with quietly():
        if not models.is_adapted(model):
            model.save_pretrained(folder)
        elif merged or not run.origin.base_as_loaded:
            models.plain_model(model).save_pretrained(folder)
        else:
            models.save_adapter(model, folder, run.model_name)
        run.tokenizer.save_pretrained(folder)


def check_folder(folder: Path) -> None:
    """Raise ``OSError`` in words if a model cannot be saved in ``folder``."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OSError(
            f"The model cannot be saved in {folder}: it exists and is not empty; name a new folder."
        )
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "read-only" if there.is_dir() else "a file"
        raise OSError(f"The model cannot be saved in {folder}: {there} is {why}.")


def _check_answers(run: Run) -> None:
    """Refuse a line of own data that cannot be read before minutes go into measuring the base."""
    parts = [("general examples", run.general.rows)]
    for task, train in zip(run.tasks, run.rows, strict=True):
        parts += [(f"{task.name} (train)", train.rows)]
        for split in ("validation", "test"):
            parts += [(f"{task.name} ({split})", task.rows(split)[:FULL_TEST_ROWS])]
    for name, rows in parts:
        own = [row for row in rows if getattr(row, "line", 0)]
        Rows(own, run.tokenizer, run.config.max_length).check_answers(name)
