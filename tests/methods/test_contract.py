"""What every method gets tested for free, whatever it does; see CONTRIBUTING."""

import dataclasses

import pytest
import torch

from lablib import models
from lablib.events import StepDone
from lablib.methods import METHODS, Method
from lablib.train import Run
from tests import tiny

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}

every_method = pytest.mark.parametrize("key", METHODS)


def go(key, **options):
    """Run a method on the tiny model; return the run and its losses."""
    options = {"probes": [], "max_steps": 4, "lr": 3e-3} | QUIET | options
    run = tiny.run(of=tiny.model(dropout=0.2), method=key, **options)
    return run, [event.loss for event in run if isinstance(event, StepDone)]


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@every_method
@pytest.mark.gpu
def test_it_runs_on_a_gpu_as_on_the_cpu(key, monkeypatch):
    first = []
    for where in ("cuda", "cpu"):
        monkeypatch.setenv("LETHE_DEVICE", where)
        run = tiny.run(method=key, probes=[], max_steps=2, lr=3e-3, **QUIET)
        first.append(next(event.loss for event in run if isinstance(event, StepDone)))
        assert run.model.device.type == where
    assert first[0] == pytest.approx(first[1], rel=0.02)  # bfloat16


@every_method
def test_key_name_class_and_summary_agree(key):
    method = METHODS[key]
    assert method.name == key
    assert method.__module__ == f"lablib.methods.{key}"
    assert method.__name__.lower() == key.replace("_", "")
    assert method.summary and method.__doc__ and "\n\n" in method.__doc__
    assert issubclass(method, Method) and method.__bases__ == (Method,)


@every_method
def test_every_hyperparameter_has_a_default_a_unit_a_range_and_a_source(key):
    assert dataclasses.is_dataclass(METHODS[key])
    METHODS[key]()
    for field in dataclasses.fields(METHODS[key]):
        if field.init:
            assert {"unit", "low", "high", "source"} <= set(field.metadata), field.name


@every_method
def test_settings_make_the_same_method_again(key):
    method = METHODS[key]()
    assert METHODS[key](**method.settings()) == method


@every_method
@pytest.mark.parametrize("n_parameters", [1_000_000, 135_000_000, 7_000_000_000])
def test_every_model_size_has_a_learning_rate_of_its_own(key, n_parameters):
    assert 0 < METHODS[key]().default_lr(n_parameters) <= 1


@every_method
def test_the_loss_is_a_finite_scalar_with_a_gradient(key):
    run, _ = go(key, max_steps=1)
    run.model.train()
    loss = run.method.loss(run.model, run.rows[0].batch(range(4)))
    assert loss.shape == () and loss.isfinite() and loss.requires_grad


@every_method
def test_training_lowers_the_loss_and_moves_trainable_weights_only(key):
    run = tiny.run(method=key, probes=[], **QUIET, epochs=3.0)
    before, losses = {}, []
    for event in run:
        if isinstance(event, StepDone):
            losses.append(event.loss)
            before = before or weights(run.model)
    assert losses[-1] < losses[0]
    after = weights(run.model)
    for name, p in run.model.named_parameters():
        assert torch.equal(before[name], after[name]) != p.requires_grad, name


@every_method
def test_same_seed_same_trajectory_and_another_seed_another(key):
    (one, first), (two, second), (_, third) = go(key), go(key), go(key, seed=1)
    assert first == second and first != third
    after = weights(two.model)
    assert all(torch.equal(w, after[name]) for name, w in weights(one.model).items())


@every_method
def test_global_random_numbers_are_left_alone(key):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    go(key)
    assert torch.equal(before, torch.get_rng_state())


@every_method
def test_the_method_given_is_left_as_it_was(key):
    method = METHODS[key]()
    before = dataclasses.asdict(method)
    run = Run(
        tiny.model(), tiny.tokenizer(), [tiny.Letters()], method,
        tiny.config(max_steps=2, **QUIET), [], tiny.GENERAL,
    )  # fmt: skip
    list(run)
    assert dataclasses.asdict(method) == before


@every_method
def test_the_base_comes_back_and_what_was_learned_again(key):
    batch = tiny.collate([tiny.run().rows[0].encoded(i) for i in range(4)])
    run = tiny.run(method=key, probes=[], **QUIET, max_steps=2)
    list(run)

    def answers():
        with torch.no_grad():
            return models.forward(run.model, batch).logits

    learned, trained = (
        answers(),
        [name for name, p in run.model.named_parameters() if p.requires_grad],
    )
    with run.base():
        base = answers()
    with torch.no_grad():
        untouched = models.forward(tiny.model(), batch).logits
    near = 0.2 if key == "qlora" else 0.0  # four bits a weight are not quite the base
    assert (base - untouched).abs().max() <= near * untouched.abs().max()
    assert torch.equal(learned, answers()) and not torch.equal(learned, base)
    assert trained == [name for name, p in run.model.named_parameters() if p.requires_grad]


@every_method
def test_a_resumed_run_is_bit_identical(key, tmp_path):
    whole, _ = go(key)
    half = tiny.run(
        of=tiny.model(dropout=0.2), method=key, probes=[], max_steps=4, lr=3e-3, **QUIET
    )
    for event in half:
        if isinstance(event, StepDone) and event.step == 2:
            break
    half.save(tmp_path)
    again = Run.resume(
        tmp_path, tiny.model(dropout=0.2), tiny.tokenizer(), [tiny.Letters()], [], tiny.GENERAL
    )
    list(again)
    found = weights(again.model)
    assert all(torch.equal(w, found[name]) for name, w in weights(whole.model).items())
