"""Replay: a uniform buffer, what is in the pool, and a ratio of 0 that changes nothing."""

from __future__ import annotations

import pytest
import torch

from lablib import experiment, models, runtime
from lablib.events import StepDone
from lablib.history import History
from lablib.methods.replay import Replay, reservoir
from lablib.models import Rows
from lablib.tasks.base import Row
from tests import tiny

QUIET = {"probes": [], "full_probes": False, "probe_early": False, "task_test_rows": 0}
CHI2_19_999 = 43.82  # 99.9% point of chi-squared with 19 degrees of freedom


def rows(texts):
    return Rows([Row(text, text) for text in texts], tiny.tokenizer(), 64)


def go(method, **options):
    run = tiny.run(method=method, **QUIET, **options)
    steps = [event for event in run if isinstance(event, StepDone)]
    return run, steps


def test_every_item_of_a_stream_is_kept_as_often():
    n, size, times = 20, 5, 2000
    counts = torch.zeros(n)
    for seed in range(times):
        kept = reservoir(range(n), size, runtime.generator(seed, "test"))
        assert len(kept) == len(set(kept)) == size
        counts[kept] += 1
    expected, p = times * size / n, size / n
    # a count has variance times * p * (1 - p), and counts of one draw sum up to its size
    chi2 = ((counts - expected) ** 2).sum() / (expected * (1 - p)) * (n - 1) / n
    assert chi2 < CHI2_19_999
    sigma = (times * p * (1 - p)) ** 0.5
    assert abs(counts[0] - expected) < 4 * sigma and abs(counts[-1] - expected) < 4 * sigma


@pytest.mark.parametrize("n", [0, 1, 4, 5, 6, 100])
def test_the_buffer_never_holds_more_than_its_size(n):
    kept = reservoir(iter(range(n)), 5, runtime.generator(0, "test"))
    assert len(kept) == min(n, 5) and len(set(kept)) == len(kept)
    assert n > 5 or kept == list(range(n))


def test_a_buffer_of_the_whole_stream_is_the_one_carried_on():
    def after(n):
        return set(reservoir(range(n), 5, runtime.generator(3, "test")))

    for n in range(6, 40):  # one more item changes one place at most
        assert after(n + 1) - after(n) <= {n}


def test_the_past_is_what_earlier_tasks_were_trained_on():
    method, general = Replay(source="past", buffer=6), rows("gh")
    first, second = rows("abcde"), rows("ABCDE")
    first.used = [0, 2]
    list(method.prepare(None, None, [first, second], general, seed=1))
    assert len(method.pool(general, [])) == 0
    assert [row.prompt for row in method.pool(general, [first]).rows] == ["a", "c"]
    both = [row.prompt for row in method.pool(general, [first, second]).rows]
    assert len(both) == 6 and set(both) <= set("acABCDE")


def test_both_sources_get_half_of_the_places():
    method, general = Replay(source="both", buffer=2), rows("ghijk")
    list(method.prepare(None, None, [rows("ab")], general, seed=1))
    assert [row.prompt for row in method.pool(general, []).rows] == list("ghijk")
    prompts = [row.prompt for row in method.pool(general, [rows("abcd")]).rows]
    assert sorted(prompts[5:]) == list("ghijk") and len(prompts) == 10
    assert {prompts[:5].count(p) for p in set(prompts[:5])} == {2, 3}


def test_general_rows_are_handed_on():
    general = rows("gh")
    assert Replay().pool(general, [rows("ab")]) is general


@pytest.mark.parametrize(
    ("settings", "general", "says"),
    [({}, (), "no general examples"), ({"source": "past"}, tiny.GENERAL, "needs an earlier task")],
)
def test_a_source_that_never_gives_a_row_is_refused(settings, general, says):
    with pytest.raises(ValueError, match=says):
        go("replay", settings=settings, general=general, max_steps=1)


@pytest.mark.parametrize("budget", ["substitutive", "additive"])
def test_ratio_0_is_plain_fine_tuning_bit_for_bit(budget):
    replay, steps = go("replay", mix_ratio=0.0, mix_budget=budget, max_steps=5)
    plain, expected = go("full", max_steps=5)
    assert [step.loss for step in steps] == [step.loss for step in expected]
    theirs = dict(plain.model.named_parameters())
    assert all(torch.equal(p, theirs[name]) for name, p in replay.model.named_parameters())


def test_ratio_1_never_sees_the_task():
    _, steps = go("replay", mix_ratio=1.0, max_steps=3)
    assert all(step.n_general == step.n_rows for step in steps)


def test_a_model_that_only_rehearses_its_own_past_stays_what_it_is():
    loaded = models.load("mini")
    run = experiment.build(
        loaded, "tickets", "replay", mix_ratio=1.0, max_steps=20, seed=0, watch=(),
        probe_names=["knowledge", "instruction"], probe_every=100, task_test_rows=0,
    )  # fmt: skip
    history = History.of(run)
    for name in ("knowledge", "instruction"):
        assert history.final_retention(name, "says") > 0.95


def test_the_second_task_rehearses_the_first():
    run, steps = go(
        "replay", settings={"source": "past", "buffer": 8}, mix_ratio=0.5,
        tasks=[tiny.Letters(), tiny.Digits()], max_steps=6, general=(),
    )  # fmt: skip
    by_task = {name: sum(s.n_general for s in steps if s.task == name) for name in
               ("letters", "digits")}  # fmt: skip
    assert by_task["letters"] == 0 and by_task["digits"] > 0
    trained = {tiny.Letters().rows("train")[i] for i in run.rows[0].used}
    assert len(run.pool) == 8 and set(run.pool.rows) <= trained


def test_a_resumed_run_has_the_same_buffer(tmp_path):
    options = {
        "method": "replay", "settings": {"source": "past", "buffer": 4}, "mix_ratio": 0.5,
        "tasks": [tiny.Letters(), tiny.Digits()], "max_steps": 3, "general": (),
    }  # fmt: skip
    run = tiny.run(**QUIET, **options)
    for event in run:
        if isinstance(event, StepDone) and event.step == 4:
            break
    run.save(tmp_path)
    again = type(run).resume(
        tmp_path, tiny.model(), tiny.tokenizer(), options["tasks"], [], ()
    )  # fmt: skip
    assert list(again.pool.rows) == list(run.pool.rows) and len(run.pool) == 4


@pytest.mark.parametrize("name", ["stm+replay", "lora+replay", "replay+ewc"])
def test_replay_goes_with_other_methods(name):
    run, steps = go(name, max_steps=3, mix_ratio=0.5)
    assert sum(step.n_general for step in steps) > 0
    assert all(step.loss > 0 for step in steps) and run.method.default_mix_ratio == 0.2


def test_masks_spare_what_is_replayed():
    run, _ = go("stm+replay", settings={"stm.share": 1.0}, max_steps=1)
    batch = run.rows[0].batch([run.rows[0].used[0]] * 2)
    batch.is_general[1] = True
    weights = run.method.token_weights(batch)
    assert weights[0].sum() == 1 and weights[1].all()  # the end of turn, and everything
