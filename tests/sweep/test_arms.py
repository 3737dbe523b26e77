"""Which runs a comparison consists of, and their keys."""

import copy
import shutil
from dataclasses import replace

import pytest

from lablib import models, sweep, tasks
from lablib.experiment import defaults
from lablib.methods import METHODS
from lablib.sweep import ARMS, REFERENCES, Job, Plan, arms, jobs
from lablib.sweep.job import content_of, unique

PLAN = Plan("mini", ("tickets",), seeds=(0, 1), config={"max_steps": 5}, n_parameters=1_000_000)


def test_the_two_targets_are_always_run_and_seeds_come_in_rounds():
    made = jobs(PLAN, ["low_lr"])
    assert [(job.label, job.seed) for job in made] == [
        (label, seed) for seed in (0, 1) for label in (*REFERENCES, "low_lr")
    ]
    assert len({job.key() for job in made}) == len(made)


def test_a_sweep_holds_what_the_comparison_does_not():
    made = arms.sweep_jobs(PLAN, "ewc")
    compared = {job.key() for job in jobs(PLAN, ["ewc"])}
    assert len({job.key() for job in made} | compared) == len(made) + len(compared)
    assert {job.settings["ewc.importance"] for job in made} == {"fisher", "uniform", "shuffled"}
    assert all(job.label.endswith(f" {job.settings['ewc.strength']:g}") for job in made)
    with pytest.raises(ValueError, match="no sweep 'x'; choose one of ewc"):
        arms.sweep_jobs(PLAN, "x")


def test_the_upper_target_has_as_many_general_rows_beside_the_task_rows():
    joint = jobs(PLAN, [])[1]
    assert joint.config["mix_ratio"] == 0.5 and joint.config["mix_budget"] == "additive"


def test_low_lr_is_full_at_a_fifth_of_the_rate_with_twice_the_epochs():
    low = jobs(replace(PLAN, config={"epochs": 0.5}), ["low_lr"])[2]
    assert low.method == "full" and low.lr_factor == 0.2
    assert low.config["epochs"] == 1.0 and low.config["early_stopping"]["probe"] == "knowledge"


def test_every_arm_whose_method_is_here_can_be_made():
    assert set(arms.known()) >= {"full", "joint", "low_lr", *METHODS}
    for job in jobs(PLAN, arms.known()):
        assert set(job.method.split("+")) <= set(METHODS)


def test_the_controls_of_masking_differ_in_one_thing_each():
    made = {job.label: job for job in jobs(PLAN, ["stm_random", "stm_threshold", "stm_replay"])}
    assert made["stm_random"].settings == {"stm.mask": "random"}
    assert made["stm_threshold"].settings == {"stm.rule": "threshold", "stm.threshold": 2.5}
    assert made["stm_replay"].method == "stm+replay" and not made["stm_replay"].settings
    assert 0 < made["stm_replay"].config["mix_ratio"] < METHODS["replay"].default_mix_ratio


def test_a_method_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="no method 'nonsense' to compare; choose from full"):
        jobs(PLAN, ["full", "nonsense"])
    with pytest.raises(ValueError, match=r"no method 'full\+x'"):
        jobs(PLAN, ["full+x"])


def test_a_setting_of_no_arm_is_refused():
    with pytest.raises(ValueError, match="strength belongs to none"):
        jobs(replace(PLAN, settings={"ewc9.strength": 1}), ["full"])


def test_a_setting_that_every_arm_fixes_is_refused_and_else_goes_to_the_others():
    name, both = "stm.threshold", ["stm_threshold", "stm"]
    plan = replace(PLAN, settings={name: 10.0})
    with pytest.raises(ValueError, match=r"fixed by stm_threshold, .* compare stm as well"):
        jobs(plan, ["stm_threshold"])
    made = {job.label: job.settings.get(name) for job in jobs(plan, both)}
    assert made == {"full": None, "joint": None, "stm_threshold": 2.5, "stm": 10.0}
    assert sweep.fixed(plan.settings, both) == {name: ["stm_threshold"]}


def test_the_grid_adds_rates_scaled_to_the_model():
    small = {j.label: j for j in jobs(PLAN, [], grid=True)}
    large = {j.label: j for j in jobs(replace(PLAN, n_parameters=135_000_000), [], grid=True)}
    assert large["full lr=1e-05"].config["lr"] == 1e-5
    assert small["full lr=8e-05"].config["lr"] == pytest.approx(8e-5)
    assert len(small) == len(large) == 2 + len(arms.GRID_RATES["full"])


def test_the_grid_moves_with_the_rate_that_a_task_starts_with():
    wrong = {j.label: j for j in jobs(replace(PLAN, tasks=("wrong_facts",)), ["lora"], grid=True)}
    default = defaults(1_000_000, METHODS["full"](), "wrong_facts").lr
    assert wrong["lora lr=0.0028"].config["lr"] == pytest.approx(default)
    large = replace(PLAN, tasks=("wrong_facts",), n_parameters=135_000_000)
    assert "lora lr=0.0001" in {j.label for j in jobs(large, ["lora"], grid=True)}


def test_a_key_depends_on_everything_but_the_label():
    job = Job("mini", ("tickets",), "full", config={"lr": 1e-3})
    assert len(job.key()) == 16
    assert replace(job, label="another").key() == job.key()
    assert job.key() == "4c85c9396edb601c"  # as before a job had a pool: results are kept under it
    others = [
        replace(job, model="x"), replace(job, tasks=("clinic",)), replace(job, method="y"),
        replace(job, config={"lr": 2e-3}), replace(job, settings={"a.b": 1}), replace(job, seed=1),
        replace(job, lr_factor=0.5), replace(job, probes=("format",)), replace(job, content="z"),
        replace(job, general="y"),
    ]  # fmt: skip
    assert len({other.key() for other in [job, *others]}) == len(others) + 1
    assert Job.from_dict(job.to_dict()) == job
    assert [j.label for j in unique([replace(job, label="a"), replace(job, label="b")])] == ["a"]


def test_a_key_changes_with_what_the_names_stand_for(small):
    loaded, task = models.load(small.model), tasks.load(small.tasks[0])
    content = content_of(loaded, [task])
    assert content == content_of(models.load(small.model), [task])
    assert content != content_of(replace(loaded, digest="0"), [task])
    assert content != content_of(loaded, [tasks.load("tickets")])
    assert content != content_of(loaded, [task], task.rows("test"))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("chat_template.jinja", "<|end|>", "<|end|> "),
        ("config.json", '"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'),
        ("tokenizer.json", '"~"', '"~~"'),
    ],
)
def test_a_key_changes_with_every_file_of_an_own_model(small, tmp_path, file, old, new):
    folder, task = tmp_path / "model", tasks.load(small.tasks[0])
    shutil.copytree(small.model, folder)
    before = content_of(models.load(str(folder)), [task])
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    assert content_of(models.load(str(folder)), [task]) != before


def test_a_key_changes_with_the_validation_rows_of_an_own_task(small):
    loaded, task = models.load(small.model), tasks.load(small.tasks[0])
    other = copy.copy(task)
    other._splits = {**task._splits, "validation": task.rows("validation")[1:]}
    assert content_of(loaded, [other]) != content_of(loaded, [task])


def test_a_rate_is_that_of_all_arms_and_a_fifth_for_low_lr():
    plan = replace(PLAN, config={"lr": 1e-3})
    made = {job.label: job.config["lr"] for job in jobs(plan, ["low_lr", "lora"], grid=True)}
    assert made["full"] == made["joint"] == made["lora"] == 1e-3
    assert made["low_lr"] == pytest.approx(2e-4) and made["full lr=8e-05"] == pytest.approx(8e-5)


def test_a_mix_ratio_is_for_the_arms_that_mix():
    plan = replace(PLAN, mix_ratio=0.1)
    made = jobs(plan, ["replay", "stm_replay", "lora+sa_sft", "stm"])
    ratios = {job.label: job.config.get("mix_ratio") for job in made}
    assert ratios == {
        "full": None, "joint": 0.5, "replay": 0.1, "stm_replay": 0.1, "lora+sa_sft": 0.1,
        "stm": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="none of stm, low_lr mixes"):
        jobs(plan, ["stm", "low_lr"])


def test_arms_say_what_they_are():
    assert all(arm.about for arm in ARMS.values())


def test_the_strength_of_ewc_depends_on_the_size_and_gives_way_to_the_caller():
    def strength(plan):
        return jobs(plan, ["ewc"])[2].settings["ewc.strength"]

    assert strength(PLAN) == 0.01 and strength(replace(PLAN, n_parameters=135_000_000)) == 10
    assert strength(replace(PLAN, settings={"ewc.strength": 3.0})) == 3


def test_the_grid_raises_ranks_with_alpha():
    made = {job.label: job for job in jobs(PLAN, ["lora"], grid=True)}
    own = made["lora"].settings
    assert "lora.rank" not in own
    assert made["lora rank=64"].settings == {**own, "lora.rank": 64, "lora.alpha": 128.0}


def test_combined_methods_have_the_settings_of_their_parts():
    made = jobs(PLAN, ["lora+ewc"])[2]
    assert made.settings == {"ewc.strength": 0.01}


def test_own_dialogues_and_real_rows_are_compared_at_equal_tokens():
    made = {job.label: job for job in arms.sweep_jobs(PLAN, "diary")}
    real, own = made["replay_tokens"], made["sa_sft_tokens"]
    assert real.config == own.config and own.config["mix_unit"] == "tokens"
    assert (real.method, own.method) == ("replay", "sa_sft")
    assert own.settings == {"sa_sft.temperature": 1.0, "sa_sft.top_p": 1.0}


def test_a_faster_plan_leaves_adapters_at_their_own_rate():
    faster = {
        job.label: job.lr_factor for job in jobs(replace(PLAN, lr_factor=2.0), ["lora", "low_lr"])
    }
    assert faster == {"full": 2.0, "joint": 2.0, "lora": 1.0, "low_lr": pytest.approx(0.4)}
