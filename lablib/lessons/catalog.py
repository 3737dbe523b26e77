"""The settings that the labs show, by name, so that scripts, labs and tests mean the same run."""

from __future__ import annotations

from typing import Any

from lablib import experiment
from lablib.controls import Controls
from lablib.lessons import illnesses, mixing, sequences, taskstream
from lablib.methods import METHODS
from lablib.models import LoadedModel, sieve
from lablib.runtime import data_folder
from lablib.train import Run

# Measured at the ends only: no curve and no answer of these is shown.
ENDS_ONLY = {"probe_every": 10_000, "probe_early": False, "watch": ()}
DIARY = {"method": "sa_sft", **ENDS_ONLY}

# setting -> (task, what differs from the default of the model); "lr" is a factor of its rate,
# "general" a file below the repository, "settings" what the method is given
SETTINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tickets-mix0": ("tickets", {}),
    "tickets-mix20": ("tickets", {"mix_ratio": 0.2}),
    "wrong_facts-mix0": ("wrong_facts", {}),
    "wrong_facts-mix20": ("wrong_facts", {"mix_ratio": 0.2}),
    "tickets-lr01": ("tickets", {"lr": 0.1}),
    "tickets-lr03": ("tickets", {"lr": 0.3}),
    "tickets-epochs2": ("tickets", {"epochs": 2.0}),
    "tickets-mix20-lr03": ("tickets", {"mix_ratio": 0.2, "lr": 0.3}),
    "tickets-mix20-epochs2": ("tickets", {"mix_ratio": 0.2, "epochs": 2.0}),
    **{f"split-{side}": (side, {}) for side in illnesses.SIDES},
    "split-tickets-same-rate": ("tickets", {}),
    **mixing.SETTINGS,
    **taskstream.SETTINGS,
    "lora-tickets": ("tickets", {}),
    **{sequences.SETTING.format(way): ("+".join(sequences.ORDER), {}) for way in sequences.WAYS},
    "diary-whole": ("tickets", DIARY),
    **{
        f"diary-no-{subject}": ("tickets", {**DIARY, "settings": {"leave_out": subject}})
        for subject in sieve.SUBJECTS
    },
}
DIARIES = tuple(name for name in SETTINGS if name.startswith("diary-"))
# Those whose effect is a claim of a lab, and therefore made with every seed.
CLAIMED = (
    "tickets-mix0",
    "tickets-mix20",
    *(f"split-{side}" for side in illnesses.SIDES),
    "split-tickets-same-rate",
    "wrong_facts-mix0",
    "lora-tickets",
    "ratio-tickets-10",
    "kit-nonsense-wrong_facts",
    "diary-whole",
    "sequence-carried",
    "sequence-per-task",
)
# Those that are shown over a few seeds without a claim of their own.
SHOWN = (
    *mixing.SETTINGS,
    *taskstream.SETTINGS,
    "wrong_facts-mix20",
    "tickets-mix20-epochs2",
    *(sequences.SETTING.format(way) for way in sequences.WAYS),
    *DIARIES,
)
# Those that are made for a large model, where each run takes minutes; most wanted first.
LARGE = (
    "tickets-mix0",
    *(f"split-{side}" for side in illnesses.SIDES),
    "tickets-mix20",
    "tickets-lr01",
    "wrong_facts-mix0",
    "wrong_facts-mix20",
)


def options(loaded: LoadedModel, setting: str) -> tuple[Any, dict[str, Any]]:
    """Return the task (or tasks) of a setting and its config fields for this model."""
    if setting not in SETTINGS:
        raise ValueError(f"There is no setting {setting!r}; choose one of {', '.join(SETTINGS)}.")
    task, changed = SETTINGS[setting]
    given = dict(changed)
    if "lr" in given:
        given["lr"] *= METHODS["full"]().default_lr(loaded.n_parameters)
    if "general" in given:
        given["general"] = data_folder().parent / given["general"]
    return task, given


def build(
    loaded: LoadedModel, setting: str, seed: int = 0, controls: Controls | None = None
) -> Run:
    """Return the run of a setting."""
    task, given = options(loaded, setting)
    if setting.startswith("split-"):
        return illnesses.build(loaded, task, seed, controls, setting.endswith("same-rate"))
    if setting == "lora-tickets":
        return sequences.single(loaded, seed, controls)
    if setting.startswith("sequence-"):
        return sequences.build(loaded, setting.removeprefix("sequence-"), seed, controls)
    return experiment.build(loaded, task, seed=seed, controls=controls, **given)


def command(loaded: LoadedModel, setting: str, seed: int) -> str:
    """Return the call that makes a run of a setting again."""
    task, given = options(loaded, setting)
    if setting.startswith("split-"):
        same = ", same_rate=True" if setting.endswith("same-rate") else ""
        return f"illnesses.build(models.load({loaded.name!r}), {task!r}, {seed}{same})"
    if setting in taskstream.SETTINGS:
        return f"catalog.build(models.load({loaded.name!r}), {setting!r}, {seed})"
    if setting.startswith("sequence-"):
        way = setting.removeprefix("sequence-")
        return f"sequences.build(models.load({loaded.name!r}), {way!r}, {seed})"
    if setting == "lora-tickets":
        return (
            f"python -m lablib run --model {loaded.name} --task {task} --method lora --seed {seed}"
        )
    if "general" in given:
        given["general"] = SETTINGS[setting][1]["general"]
    chosen = given.pop("settings", {})
    flags = "".join(
        f" --{key.replace('_ratio', '').replace('_', '-')} "
        + (value if isinstance(value, str) else f"{value:g}")
        for key, value in given.items()
        if key not in ("watch", "probe_early")
    )
    flags += "" if given.get("probe_early", True) else " --no-probe-early"
    flags += "".join(f" --set {given['method']}.{key}={value}" for key, value in chosen.items())
    return f"python -m lablib run --model {loaded.name} --task {task} --seed {seed}{flags}"
