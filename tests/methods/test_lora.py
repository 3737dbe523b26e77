"""LoRA: equal to one written by hand and to peft; several tasks with one adapter or with many."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lablib import experiment, models
from lablib.events import StepDone
from lablib.history import History
from lablib.methods import METHODS, make
from lablib.methods.lora import LoRA
from lablib.models.adapters import adapted_layers
from lablib.train import Run
from tests import tiny
from tests.methods.test_make import Anchored

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}


class ByHand(nn.Module):
    """A linear layer with LoRA, as the paper has it."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(rank, linear.in_features))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scale = alpha / rank

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.A.T) @ self.B.T


def by_hand(model, rank, alpha):
    model.requires_grad_(False)
    for block in model.model.layers:
        for part in (block.self_attn, block.mlp):
            for name, linear in list(part.named_children()):
                if isinstance(linear, nn.Linear):
                    setattr(part, name, ByHand(linear, rank, alpha))
    return model


def three_steps(model):
    """Train with AdamW on fixed rows; return the losses and the last answers."""
    batch = tiny.collate([tiny.run().rows[0].encoded(i) for i in range(4)])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(3):
        loss = LoRA().loss(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        return losses, models.forward(model, batch).logits


def test_it_trains_as_fifteen_lines_by_hand_do():
    ours = LoRA(rank=4, alpha=8.0).wrap(tiny.model())
    hand = by_hand(tiny.model(), 4, 8.0)
    with torch.no_grad():
        for (name, mine), theirs in zip(
            ours.named_parameters(), by_hand_order(ours, hand), strict=True
        ):
            theirs.copy_(mine) if ".lora_" in name else None
    first, answers = three_steps(ours)
    second, theirs = three_steps(hand)
    assert first == pytest.approx(second, rel=1e-5) and first[2] < first[0]
    torch.testing.assert_close(answers, theirs, rtol=1e-4, atol=1e-5)


def by_hand_order(ours, hand):
    """The parameters of the model by hand in the order of peft's."""
    own = dict(hand.named_parameters())
    for name, _ in ours.named_parameters():
        plain = models.adapters.base_name(name).replace(".default.weight", "")
        plain = plain.replace("lora_A", "A").replace("lora_B", "B")
        if ".lora_" not in name and plain not in own:
            plain = plain.replace(".weight", ".linear.weight")
        yield own[plain]


def test_it_is_what_peft_makes_of_the_same_settings():
    from peft import LoraConfig, get_peft_model

    def seeded(wrap):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return wrap(tiny.model())

    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    theirs = dict(seeded(lambda model: get_peft_model(model, config)).named_parameters())
    ours = dict(seeded(LoRA(rank=4, alpha=8.0).wrap).named_parameters())
    assert ours.keys() == theirs.keys()
    for name, p in ours.items():
        assert torch.equal(p, theirs[name]) and p.requires_grad == theirs[name].requires_grad


@pytest.mark.parametrize("settings", [{}, {"rslora": True}, {"dora": True}])
def test_the_first_answers_are_those_of_the_base(settings):
    run = tiny.run(method="lora", settings=settings, probes=[], **QUIET)
    list(run.make_ready())
    batch = run.rows[0].batch(range(4))
    with torch.no_grad():
        first = models.forward(run.model, batch).logits
        base = models.forward(tiny.model(), batch).logits
    torch.testing.assert_close(first, base, rtol=1e-5, atol=1e-6)
    assert run.origin.displacement(run.model) < 1e-6


def test_displacement_is_the_length_of_what_was_added():
    run = tiny.run(method="lora", probes=[], max_steps=3, **QUIET)
    list(run)
    before, after = dict(tiny.model().named_parameters()), models.effective_weights(run.model)
    moved = sum(float((after[n] - w.detach()).square().sum()) for n, w in before.items())
    length = sum(float(w.detach().square().sum()) for w in before.values())
    assert run.origin.displacement(run.model) == pytest.approx((moved / length) ** 0.5, rel=1e-4)


# Several tasks


def several(per_task, **options):
    tasks = [tiny.Letters(), tiny.Digits(), tiny.Letters()]
    options = {"max_steps": 3, "probes": []} | QUIET | options
    return tiny.run(
        tasks=tasks, method="lora", settings={"rank": 4, "per_task": per_task}, **options
    )


def adapters(model):
    return {n: p.detach().clone() for n, p in model.named_parameters() if ".lora_" in n}


def test_one_adapter_is_carried_on_through_the_tasks():
    run = several(per_task=False)
    list(run)
    assert list(run.model.peft_config) == ["default"]


def test_with_one_adapter_a_task_the_earlier_ones_stay_and_are_frozen():
    run = several(per_task=True)
    learned = {}
    for event in run:
        if type(event).__name__ == "TaskDone":
            learned |= adapters(run.model)
    assert list(run.model.peft_config) == ["default", "task_1", "task_2"]
    now = adapters(run.model)
    assert learned.keys() == now.keys()
    earlier = [name for name in now if ".task_2." not in name]
    assert len(earlier) == 2 * 2 * 14
    first = {}  # each as it was when its own task was done
    again = several(per_task=True)
    for event in again:
        if type(event).__name__ == "TaskDone":
            first = adapters(again.model) | first
    assert all(torch.equal(first[name], now[name]) for name in now)
    assert all(now[name].abs().max() > 0 for name in now if "lora_B" in name)


def test_a_new_adapter_begins_where_the_earlier_ones_ended():
    run = several(per_task=True)
    batch = run.rows[0].batch(range(4))
    next(event for event in run if type(event).__name__ == "TaskDone")
    with torch.no_grad():
        ended = models.forward(run.model, batch).logits
        list(run.make_ready())
        begun = models.forward(run.model, batch).logits
    assert list(run.model.peft_config) == ["default", "task_1"]
    assert torch.equal(ended, begun)


@pytest.mark.parametrize("settings", [
    {"dropout": 0.3}, {"dora": True, "dropout": 0.3}, {"per_task": True, "dropout": 0.3},
    {"rslora": True, "embeddings": True}, {"per_task": True, "embeddings": True},
])  # fmt: skip
@pytest.mark.parametrize("stop_at", [2, 3, 5])
def test_a_resumed_run_of_several_tasks_is_bit_identical(settings, stop_at, tmp_path):
    tasks = [tiny.Letters(), tiny.Digits()]
    options = {"tasks": tasks, "method": "lora", "settings": settings, "max_steps": 3, "probes": []}
    whole = tiny.run(**options, **QUIET)
    list(whole)
    half = tiny.run(**options, **QUIET)
    for event in half:
        if isinstance(event, StepDone) and event.step == stop_at:
            break
    half.save(tmp_path)
    again = Run.resume(tmp_path, tiny.model(), tiny.tokenizer(), tasks, [], tiny.GENERAL)
    list(again)
    expected, found = (dict(run.model.named_parameters()) for run in (whole, again))
    assert expected.keys() == found.keys()
    assert all(torch.equal(p, found[name]) for name, p in expected.items())


@pytest.mark.parametrize("key", ["lora", "qlora"])
def test_embeddings_are_trained_where_they_shall_be_and_the_base_comes_back(key):
    before = tiny.model().model.embed_tokens.weight
    for embeddings in (False, True):
        run = tiny.run(
            tasks=[tiny.Letters(), tiny.Digits()], method=key, probes=[], max_steps=2,
            settings={"embeddings": embeddings, "per_task": True}, **QUIET,
        )  # fmt: skip
        list(run)
        now = run.model.get_input_embeddings().weight
        assert torch.equal(now, before) != embeddings and now.requires_grad == embeddings
        assert run.model.get_output_embeddings().weight is now
        assert 0 < run.origin.displacement(run.model) < 1
        with run.base():
            assert torch.equal(run.model.get_input_embeddings().weight, before)
        assert torch.equal(run.model.get_input_embeddings().weight, now)


def test_untied_embeddings_are_both_trained():
    model = tiny.model()
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    adapted = LoRA(embeddings=True).wrap(model)
    tables = (adapted.get_input_embeddings().weight, adapted.get_output_embeddings().weight)
    assert tables[0] is not tables[1] and all(table.requires_grad for table in tables)


def test_springs_refuse_weights_that_are_trained_beside_the_adapters():
    run = tiny.run(method="lora+ewc", settings={"lora.embeddings": True}, probes=[], **QUIET)
    with pytest.raises(ValueError, match=r"set lora\.embeddings to false"):
        list(run)


def test_the_gradients_of_the_springs_reach_both_factors():
    """``d penalty / dB = strength s (F * dW) A^T`` and ``dA = strength s B^T (F * dW)``."""
    run = tiny.run(method="lora+ewc", settings={"ewc.strength": 3.0}, probes=[], max_steps=2,
                   **QUIET)  # fmt: skip
    list(run)
    _, ewc = run.method.parts
    run.model.zero_grad()
    ewc.penalty(run.model, None, None).backward()
    checked = 0
    for name, layer in adapted_layers(run.model):
        a, b = (getattr(layer, f"lora_{which}")["default"].weight for which in "AB")
        scale, held = layer.scaling["default"], ewc.fisher_[name]
        pull = 3.0 * scale * held * (scale * b @ a).detach()
        assert torch.allclose(b.grad, pull @ a.detach().T, rtol=1e-4, atol=1e-9)
        assert torch.allclose(a.grad, b.detach().T @ pull, rtol=1e-4, atol=1e-9)
        checked += 1
    assert checked > 4


def test_dropout_acts_in_training_only():
    run = tiny.run(method="lora", settings={"dropout": 0.5}, probes=[], max_steps=3, **QUIET)
    list(run)
    batch = run.rows[0].batch(range(4))
    with torch.no_grad():
        one, two = (models.forward(run.model, batch).logits for _ in range(2))
        run.model.train()
        three, four = (models.forward(run.model, batch).logits for _ in range(2))
    assert torch.equal(one, two) and not torch.equal(three, four)


def test_three_tasks_on_mini_give_a_matrix():
    run = experiment.build(
        "mini", ["tickets", "clinic", "clauses"], "lora", settings={"per_task": True},
        max_steps=1, train_rows=4, task_test_rows=1, probes=[], watch=(), probe_every=100,
        probe_early=False, full_probes=True, batch_size=2,
    )  # fmt: skip
    history = History.of(run)
    matrix = history.matrix()
    assert [len(row) for row in matrix] == [3, 3, 3, 3]  # the base, and after each task
    assert len(run.model.peft_config) == 3


# Settings


def test_the_rate_is_higher_than_that_of_full_fine_tuning():
    for n in (1_000_000, 135_000_000):
        assert make("lora").default_lr(n) > make("full").default_lr(n)
    assert make("lora").default_lr(7_000_000_000) == 2e-4  # QLoRA's for 7B


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("lora", {"dora": True, "per_task": True}, "either dora or per_task"),
        ("qlora", {"dora": True, "per_task": True}, "either dora or per_task"),
        ("lora", {"dora": 1}, "must be true or false"),
        ("lora", {"rank": 0}, "between 1 and 256"),
        ("lora", {"rank": 2.5}, "a whole number"),
        ("lora", {"targets": "head"}, "one of all-linear, attention, qv, mlp"),
        ("lora+qlora", {}, "both decide which weights are trained"),
        ("full+lora", {}, "both decide which weights are trained"),
    ],
)
def test_what_is_wrong_is_said(name, settings, says):
    with pytest.raises(ValueError, match=says):
        make(name, settings)


def test_it_is_combined_with_a_penalty(monkeypatch):
    monkeypatch.setitem(METHODS, "anchored", Anchored)
    run = tiny.run(method="anchored+lora", settings={"lora.rank": 2}, probes=[], max_steps=2,
                   **QUIET)  # fmt: skip
    steps = [event for event in run if isinstance(event, StepDone)]
    assert [step.penalty for step in steps] == [1.0, 1.0]
    assert run.model.peft_config["default"].r == 2
    assert run.method.default_lr(1_000_000) == LoRA().default_lr(1_000_000)
