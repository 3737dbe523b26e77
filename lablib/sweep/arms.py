"""What is compared: each arm a method with its settings, written out, and the two targets.

An arm says everything that differs from a plain run of its method, so that no comparison rests
on a setting that is not in this file or on the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lablib import methods
from lablib.experiment import SMALL, SMALL_RATE_FACTORS
from lablib.sweep.job import Job


@dataclass(frozen=True)
class Arm:
    """A method with its settings.

    Attributes
    ----------
    method : str
        Key of ``METHODS``, or several joined by ``+``.
    about : str
        What it is, in a few words.
    settings, config, lr_factor
        As in ``Job``. What a method's defaults make of the model's size is written out beside.
    epochs_factor : float
        Multiplies the passes over the training rows, > 0.
    """

    method: str
    about: str
    settings: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    lr_factor: float = 1.0
    epochs_factor: float = 1.0


LOW_LR_STOP = {"monitor": "retention", "probe": "knowledge", "floor": 0.9, "patience": 1}

ARMS: dict[str, Arm] = {
    "full": Arm("full", "lower target: full fine-tuning, nothing protects the old"),
    "joint": Arm(
        "full",
        "upper target: as many general rows beside the task rows, at twice the compute",
        config={"mix_ratio": 0.5, "mix_budget": "additive"},
    ),
    "lora": Arm("lora", "low-rank adapters at their own learning rate"),
    "qlora": Arm("qlora", "low-rank adapters on a 4-bit base"),
    "ewc": Arm("ewc", "weights that matter to the base are held by springs"),
    "stm": Arm("stm", "answer tokens that surprise the base most are not learned"),
    "stm_random": Arm(
        "stm",
        "control: as many answer tokens of each row, drawn at random, are not learned",
        settings={"stm.mask": "random"},
    ),
    "stm_threshold": Arm(
        "stm",
        "the paper's rule: answer tokens above a perplexity of 2.5 are not learned",
        settings={"stm.rule": "threshold", "stm.threshold": 2.5},
    ),
    "stm_replay": Arm(
        "stm+replay", "masking, and one general row in twenty", config={"mix_ratio": 0.05}
    ),
    "replay": Arm("replay", "a fifth of every batch is general rows"),
    "sa_sft": Arm("sa_sft", "a share of every batch is what the base itself wrote"),
    "low_lr": Arm(
        "full",
        "a fifth of the learning rate for twice the epochs, ended when less than 0.9 of "
        "knowledge is kept",
        config={"early_stopping": LOW_LR_STOP},
        lr_factor=0.2,
        epochs_factor=2.0,
    ),
}
REFERENCES = ("full", "joint")  # always drawn: what every method must beat, and may hope for


def _springs() -> dict[str, Arm]:
    """EWC over strengths, and its two controls, each up to where it costs the task."""
    strengths = {
        "fisher": (0.001, 0.1, 1.0),  # 0.01 is the arm "ewc"
        "uniform": (0.001, 0.003, 0.01, 0.03, 0.1),
        "shuffled": (0.01, 0.1, 1.0),
    }
    return {
        f"ewc {kind} {strength:g}": Arm(
            "ewc",
            f"springs of strength {strength:g}, stiffness: {kind}",
            settings={"ewc.strength": strength, "ewc.importance": kind},
        )
        for kind, values in strengths.items()
        for strength in values
    }


# On tickets, whose answers are about four times as long as general ones, this share of all answer
# tokens is what a fifth of the examples holds. Fewer points a curve: two more runs fit the time.
_BY_TOKENS = {"mix_ratio": 0.06, "mix_unit": "tokens", "probe_every": 50}
_DIARY = {
    "replay_tokens": Arm("replay", "real general rows, 6% of all answer tokens", config=_BY_TOKENS),
    "sa_sft_tokens": Arm("sa_sft", "own dialogues, 6% of all answer tokens", config=_BY_TOKENS),
    "lora_replay": Arm(
        "lora+replay", "adapters, and a fifth of general rows", config={"probe_every": 50}
    ),
    "lora_sa_sft": Arm(
        "lora+sa_sft", "adapters, and a fifth of own dialogues", config={"probe_every": 50}
    ),
}

# On a real model: springs from hardly felt to stiff, and what own dialogues depend on.
_LARGE = {
    **{
        f"ewc {strength:g}": Arm(
            "ewc", f"springs of strength {strength:g}", settings={"ewc.strength": strength}
        )
        for strength in (1.0, 3.0, 30.0, 100.0)  # 10 is the arm "ewc"
    },
    "sa_sft raw": Arm(
        "sa_sft",
        "own dialogues as they come, at temperature 1",
        settings={"sa_sft.temperature": 1.0, "sa_sft.top_p": 1.0},
    ),
    "sa_sft given": Arm(
        "sa_sft",
        "own answers to the questions of the general rows, at temperature 1",
        settings={"sa_sft.prompts": "given", "sa_sft.temperature": 1.0, "sa_sft.top_p": 1.0},
    ),
}

# What one method needs besides: settings and controls, kept apart from the comparison of methods.
SWEEPS: dict[str, dict[str, Arm]] = {"ewc": _springs(), "diary": _DIARY, "large": _LARGE}

# Learning rates of the grid, for real language models: 1e-5 to 5e-5 (full) and 1e-4 to 2e-4
# (LoRA) are what people are told to use; the last ones break things.
GRID_RATES = {
    "full": (1e-5, 2e-5, 5e-5, 5e-4),
    "lora": (1e-4, 2e-4, 5e-3),
}
# mini's 8e-4 over the 1e-4 of the stored comparisons of SmolLM2: the grid's rates on mini.
SMALL_SCALE = 8.0
GRID_RANKS = (32, 64)  # beside 16, the default; alpha stays twice the rank


@dataclass(frozen=True)
class Plan:
    """What a comparison consists of, apart from its arms.

    Attributes
    ----------
    model : str
        A name that ``models.load`` knows.
    tasks : tuple of str
        Learned in turn.
    seeds : tuple of int
        One run of every arm for each.
    settings : mapping
        Hyper-parameters by ``method.field`` for every arm that has the method and does not fix
        them.
    config : mapping
        Fields of ``TrainConfig`` for every arm; an arm's own come first, and ``lr`` is multiplied
        by an arm's ``lr_factor``.
    mix_ratio : float, optional
        Mix ratio of the arms whose method mixes, in the place of their own. The upper target,
        which mixes without a method for it, keeps its own.
    lr_factor : float
        Multiplies the default learning rate of arms that train all weights, > 0. Adapters learn
        at a rate of their own.
    probes : tuple of str
        Keys of ``PROBES``; empty: all.
    content : str
        See ``Job``.
    general : str
        See ``Job``.
    n_parameters : int
        Size of the model, which scales the grid.
    """

    model: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    mix_ratio: float | None = None
    lr_factor: float = 1.0
    probes: tuple[str, ...] = ()
    content: str = ""
    general: str = ""
    n_parameters: int = 0


def jobs(plan: Plan, names: Sequence[str], grid: bool = False) -> list[Job]:
    """Return the runs of a comparison: all arms with the first seed, then with the next.

    Parameters
    ----------
    plan : Plan
        Model, tasks, seeds.
    names : sequence of str
        Keys of ``ARMS``, or methods such as ``"lora+ewc"``; the two targets are added.
    grid : bool
        Add other learning rates and ranks (``GRID_RATES``, ``GRID_RANKS``) of the arms named.

    Raises
    ------
    ValueError
        If there is no such arm or method, a setting belongs to none of them or is fixed by all
        that have it, or a mix ratio is given and none of them mixes.
    """
    arms = {name: arm_of(name) for name in dict.fromkeys([*REFERENCES, *names])}
    for setting in plan.settings:
        having = [name for name, arm in arms.items() if _has(arm, setting)]
        if not having:
            raise ValueError(
                f"The setting {setting} belongs to none of the methods {', '.join(arms)}."
            )
        if having == fixed([setting], having).get(setting):
            raise ValueError(
                f"The setting {setting} is fixed by {' and '.join(having)}, so that giving it "
                f"changes nothing: leave it out, or compare {setting.partition('.')[0]} as well."
            )
    if plan.mix_ratio is not None and not any(map(_mixes, arms.values())):
        raise ValueError(
            f"A mix ratio changes nothing, as none of {', '.join(names)} mixes: compare replay or "
            "sa_sft as well."
        )
    if grid:
        for name in list(arms):
            arms |= dict(variants(name, arms[name], plan.n_parameters, plan.tasks[0]))
    made = [_job(plan, label, arm, seed) for seed in plan.seeds for label, arm in arms.items()]
    for job in made[: len(arms)]:
        methods.make(job.method, job.settings)  # a setting out of range is found here
    return made


def sweep_jobs(plan: Plan, sweep: str) -> list[Job]:
    """Return the runs of one of ``SWEEPS``: all its arms with the first seed, then with the next.

    Raises
    ------
    ValueError
        If there is no such sweep.
    """
    if sweep not in SWEEPS:
        raise ValueError(f"There is no sweep {sweep!r}; choose one of {', '.join(SWEEPS)}.")
    arms = SWEEPS[sweep].items()
    return [_job(plan, label, arm, seed) for seed in plan.seeds for label, arm in arms]


def arm_of(name: str) -> Arm:
    """Return the arm of this name; a method that is no arm is one with its default settings.

    Raises
    ------
    ValueError
        If there is neither an arm nor a method of this name.
    """
    arm = ARMS.get(name)
    if arm is None and not all(part in methods.METHODS for part in name.split("+")):
        raise ValueError(
            f"There is no method {name!r} to compare; choose from {', '.join(known())}, "
            "or join methods by + (lora+ewc)."
        )
    return arm or Arm(name, methods.make(name).summary)


def fixed(settings: Iterable[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Return by setting those of the arms named that have a value of their own, which they keep."""
    found = {s: [name for name in names if s in arm_of(name).settings] for s in settings}
    return {setting: arms for setting, arms in found.items() if arms}


def known() -> list[str]:
    """Return the names that can be compared: the arms, then the methods that are none."""
    return [*ARMS, *(name for name in methods.METHODS if name not in ARMS)]


def variants(name: str, arm: Arm, n_parameters: int, task: str = "") -> list[tuple[str, Arm]]:
    """Return the grid round an arm: label and arm of each other learning rate and rank.

    Where a small model starts a task with another rate than its usual one, the grid moves along.
    """
    scale = SMALL_SCALE * SMALL_RATE_FACTORS.get(task, 1.0) if n_parameters < SMALL else 1.0
    found = []
    for rate in GRID_RATES.get(name, ()):
        lr = float(f"{rate * scale:.3g}")
        changed = replace(arm, about=f"{name} at another rate", config={**arm.config, "lr": lr})
        found.append((f"{name} lr={lr:g}", changed))
    for rank in GRID_RANKS if name == "lora" else ():
        settings = {**arm.settings, "lora.rank": rank, "lora.alpha": 2.0 * rank}
        found.append(
            (f"{name} rank={rank}", replace(arm, about=f"{name}, rank {rank}", settings=settings))
        )
    return found


def _has(arm: Arm, setting: str) -> bool:
    return setting.partition(".")[0] in arm.method.split("+")


def _mixes(arm: Arm) -> bool:
    return methods.make(arm.method).default_mix_ratio > 0


def _job(plan: Plan, label: str, arm: Arm, seed: int) -> Job:
    given = {name: value for name, value in plan.settings.items() if _has(arm, name)}
    parts = [part for part in arm.method.split("+") if part in methods.METHODS]
    by_size = {
        f"{part}.{name}": value
        for part in parts
        for name, value in methods.by_size(methods.METHODS[part], plan.n_parameters).items()
    }
    config = {**plan.config, **arm.config}
    if "lr" in plan.config and "lr" not in arm.config:
        config["lr"] *= arm.lr_factor
    if plan.mix_ratio is not None and _mixes(arm):
        config["mix_ratio"] = plan.mix_ratio
    if arm.epochs_factor != 1:
        config["epochs"] = arm.epochs_factor * config.get("epochs", 1.0)
    faster = plan.lr_factor if methods.make(arm.method).trains_all else 1.0
    return Job(
        model=plan.model,
        tasks=plan.tasks,
        method=arm.method,
        settings={**by_size, **given, **arm.settings},
        config=config,
        probes=plan.probes,
        lr_factor=arm.lr_factor * faster,
        seed=seed,
        label=label,
        content=plan.content,
        general=plan.general,
    )
