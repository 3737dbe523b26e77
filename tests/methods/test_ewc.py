"""EWC is the quadratic it says it is, in the weights or in what adapters add to them."""

import pytest
import torch
from torch import nn

from lablib import models, world
from lablib.events import Finished, Progress, StepDone
from lablib.methods import fisher, make
from lablib.methods.ewc import EWC
from lablib.probes import PROBES
from lablib.train import Run
from tests import tiny
from tests.methods.test_contract import QUIET, weights

TWO = [tiny.Letters(), tiny.Digits()]


def ready(model, base=None, tasks=1, **settings):
    """An EWC that was prepared on the tiny base and begun on ``model``."""
    method, rows = EWC(**settings), tiny.run().rows * tasks
    general = rows[0].like(tiny.GENERAL)
    list(method.prepare(base or tiny.model(), tiny.tokenizer(), rows, general, seed=0))
    method.begin_task(model, 0)
    return method


def disturbed(model, seed=1, size=0.01):
    """Move every weight a little."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p += size * torch.randn(p.shape, generator=draw)
    return model


def lora(base, alpha=8, rank=4):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["q_proj", "down_proj"])
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return get_peft_model(base, config)


def penalty(method, model):
    return method.penalty(model, None, None)


def test_where_it_began_there_is_no_penalty_and_no_pull():
    model = tiny.model()
    found = penalty(ready(model), model)
    found.backward()
    assert found.item() == 0 and found.dtype == torch.float32
    assert all(not p.grad.any() for p in model.parameters())


def test_penalty_and_pull_are_those_of_the_formula():
    model, base = tiny.model(), dict(tiny.model().named_parameters())
    method = ready(model, strength=7.0)
    penalty(method, disturbed(model)).backward()
    value = 0.0
    for name, p in model.named_parameters():
        moved = p.detach() - base[name].detach()
        torch.testing.assert_close(p.grad, 7.0 * method.fisher_[name] * moved)
        value += (method.fisher_[name] * moved.square()).sum().item()
    assert penalty(method, model).item() == pytest.approx(7.0 / 2 * value, rel=1e-5)


def test_the_fisher_has_mean_one_and_the_scale_gives_lambda_back():
    model = tiny.model()
    method = ready(model, strength=3.0)
    general = tiny.run().general
    raw = fisher.diagonal(
        tiny.model(), general, fisher.some_rows(general, 64, 0), kind="signed", seed=0
    )
    assert fisher.mean(method.fisher_) == pytest.approx(1.0)
    assert method.scale_ == pytest.approx(fisher.mean(raw))
    as_in_the_paper = 3.0 / method.scale_
    for name, value in raw.items():
        torch.testing.assert_close(method.fisher_[name] * 3.0, value * as_in_the_paper)


def test_two_quadratic_tasks_settle_between_their_minima():
    draw = torch.Generator().manual_seed(0)
    model = nn.Linear(4, 1, bias=False)
    start, new = torch.randn(4, generator=draw), torch.randn(4, generator=draw)
    stiff = torch.rand(4, generator=draw)
    root = torch.randn(4, 4, generator=draw)
    curved = root @ root.T + torch.eye(4)  # the Hessian of the new task
    method = EWC(strength=2.5)
    method.fisher_, method.anchor_ = {"weight": stiff[None]}, {"weight": start[None]}
    held = 2.5 * torch.diag(stiff)
    best = torch.linalg.solve(curved + held, curved @ new + held @ start)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=200, tolerance_grad=1e-9)

    def closure():
        optimizer.zero_grad()
        away = model.weight[0] - new
        loss = 0.5 * away @ curved @ away + penalty(method, model)
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(model.weight[0].detach(), best, rtol=1e-3, atol=1e-4)


def test_with_adapters_it_is_the_penalty_of_the_merged_weights():
    adapted = lora(tiny.model())
    method = ready(adapted, strength=5.0)
    assert len(method.fisher_) == 4 and not method.anchor_
    assert fisher.mean(method.fisher_) == pytest.approx(1.0)  # over the adapted entries
    assert penalty(method, adapted).item() == 0
    found = penalty(method, disturbed(adapted, size=0.1)).item()

    whole = EWC(strength=5.0)
    base = dict(tiny.model().named_parameters())
    whole.fisher_ = method.fisher_
    whole.anchor_ = {name: base[name].detach() for name in method.fisher_}
    merged = adapted.merge_and_unload()
    merged.requires_grad_(True)
    assert found > 0
    assert penalty(whole, merged).item() == pytest.approx(found, rel=1e-4)


def test_at_the_start_of_adapters_there_is_no_pull():
    adapted = lora(tiny.model())
    penalty(ready(adapted), adapted).backward()
    assert all(not p.grad.any() for p in adapted.parameters() if p.requires_grad)


def test_it_is_the_product_of_the_adapters_that_counts():
    adapted = disturbed(lora(tiny.model()), size=0.1)
    method = ready(adapted)
    before = penalty(method, adapted).item()
    turn = torch.randn(4, 4, generator=torch.Generator().manual_seed(2)) + 3 * torch.eye(4)
    with torch.no_grad():
        for _, layer in models.adapters.adapted_layers(adapted):
            layer.lora_A["default"].weight.copy_(
                torch.linalg.inv(turn) @ layer.lora_A["default"].weight
            )
            layer.lora_B["default"].weight.copy_(layer.lora_B["default"].weight @ turn)
    assert penalty(method, adapted).item() == pytest.approx(before, rel=1e-3)


def test_uniform_is_the_squared_length_and_twice_alpha_four_times_as_much():
    def found(alpha):
        adapted = disturbed(lora(tiny.model(), alpha), size=0.1)
        method = ready(adapted, importance="uniform", strength=2.0)
        length = sum(d.square().sum() for _, d in models.weight_deltas(adapted))
        return penalty(method, adapted).item(), length.item()

    (one, length), (two, _) = found(8), found(16)
    assert one == pytest.approx(length, rel=1e-5)  # strength / 2 is 1
    assert two == pytest.approx(4 * one, rel=1e-5)


def test_uniform_on_all_weights_is_l2_to_the_start_and_asks_for_no_examples():
    model = tiny.model()
    method, rows = EWC(importance="uniform", strength=2.0), tiny.run().rows
    assert not list(method.prepare(model, None, rows, rows[0].like([]), 0))
    method.begin_task(model, 0)
    start = weights(model)
    moved = weights(disturbed(model))
    length = sum((w - start[name]).square().sum().item() for name, w in moved.items())
    assert penalty(method, model).item() == pytest.approx(length, rel=1e-5)


def test_shuffled_is_the_same_fisher_on_other_weights():
    right, wrong = ready(tiny.model()), ready(tiny.model(), importance="shuffled")
    flat = [torch.cat([v.flatten() for v in m.fisher_.values()]) for m in (right, wrong)]
    assert torch.equal(flat[0].sort().values, flat[1].sort().values)
    assert not torch.equal(*flat)
    assert torch.corrcoef(torch.stack(flat))[0, 1].abs() < 0.05


@pytest.mark.parametrize("adapt", [lambda model: model, lora])
def test_after_a_task_its_fisher_is_added_and_the_anchor_moves(adapt):
    model = adapt(tiny.model())
    method, rows = ready(model, tasks=2, gamma=0.5), tiny.run().rows[0]
    before = {name: v.clone() for name, v in method.fisher_.items()}
    disturbed(model, size=0.05)
    assert penalty(method, model).item() > 1e-3
    list(method.after_task(model, tiny.tokenizer(), rows, 0, seed=9))
    new = fisher.with_mean_one(
        fisher.diagonal(model, rows, fisher.some_rows(rows, 64, seed=9), kind="signed", seed=9)
    )
    for name, old in before.items():
        torch.testing.assert_close(method.fisher_[name], 0.5 * old + new[name])
    now = models.effective_weights(model)
    assert all(torch.equal(w, now[name]) for name, w in method.anchor_.items())
    assert penalty(method, model).item() == pytest.approx(0, abs=1e-8)
    merged = {name: w.clone() for name, w in now.items()}
    disturbed(model, seed=3, size=0.05)
    expected = sum(
        float((method.fisher_[name] * (w - merged[name]).square()).sum())
        for name, w in models.effective_weights(model).items()
        if name in method.fisher_
    )
    assert penalty(method, model).item() == pytest.approx(method.strength / 2 * expected, rel=1e-4)


def test_after_the_last_task_nothing_is_weighed():
    model = tiny.model()
    method = ready(model, tasks=2)
    assert not list(method.after_task(model, tiny.tokenizer(), tiny.run().rows[0], 1, seed=0))
    assert method.state(model) == {}


def test_weights_without_a_fisher_are_not_passed_over():
    method = EWC()
    with pytest.raises(ValueError, match="EWC has no Fisher of the weights"):
        method.begin_task(tiny.model(), 0)
    method = ready(tiny.model())
    with pytest.raises(AssertionError, match="every held weight"):
        penalty(method, lora(tiny.model()))


@pytest.mark.parametrize("method", ["ewc", "full+ewc", "replay+ewc"])
def test_weight_decay_is_refused_alone_and_in_company(method):
    with pytest.raises(ValueError, match="weight decay to 0"):
        list(tiny.run(method=method, weight_decay=0.1, probes=[], max_steps=1, **QUIET))


def test_adapters_may_decay_to_where_they_began():
    list(tiny.run(method="lora+ewc", weight_decay=0.1, probes=[], max_steps=1, **QUIET))


def test_the_stronger_the_springs_the_less_it_moves_and_learns():
    def end(strength):
        run = tiny.run(
            method="ewc", settings={"strength": strength}, probes=[], epochs=3.0, **QUIET
        )
        losses = [event.loss for event in run if isinstance(event, StepDone)]
        return run.origin.displacement(run.model), losses[-1]

    (far, low), (near, high) = end(1e-4), end(1e5)
    assert near < 0.5 * far and high > low


def test_strength_can_be_changed_during_the_run():
    run = tiny.run(method="ewc", probes=[], max_steps=4, **QUIET)
    steps = []
    for event in run:
        if isinstance(event, StepDone):
            steps.append(event)
            if event.step == 2:
                run.controls.set("strength", 1e6)
    assert steps[0].penalty == 0 < steps[1].penalty
    assert steps[2].penalty > 1000 * steps[1].penalty
    assert run.method.strength == 1e6


def test_stop_ends_the_preparation_after_one_batch():
    run, seen = tiny.run(method="ewc", general=tiny.GENERAL * 8, probes=[], **QUIET), []
    for event in run:
        seen.append(event)
        if isinstance(event, Progress) and event.what == "preparing: Fisher":
            run.controls.stop()
    assert [e.done for e in seen if getattr(e, "what", "") == "preparing: Fisher"] == [8]
    assert isinstance(seen[-1], Finished) and run.step == 0


def test_only_some_general_rows_are_read_and_none_is_an_item_of_a_probe():
    run = tiny.run(method="ewc", settings={"n_rows": 16}, general=world.general_rows(n=300))
    read, batch = [], run.general.batch
    run.general.batch = lambda numbers: read.extend(numbers) or batch(numbers)
    for _ in run.make_ready():
        pass
    assert len(read) == len(set(read)) == 16 and set(read) <= set(run.general.used)
    asked = {item.prompt for probe in PROBES.values() for item in probe().items("full")}
    assert not asked & {run.general.rows[i].prompt for i in read}


def resumed_at_step_5(half, whole, folder):
    """Break ``half`` off in its second task, resume it, and compare its end with ``whole``."""
    for event in half:
        if isinstance(event, StepDone) and event.step == 5:
            break
    half.save(folder)
    again = Run.resume(folder, tiny.model(), tiny.tokenizer(), TWO, [], tiny.GENERAL)
    list(again)
    found = weights(again.model)
    assert all(torch.equal(w, found[name]) for name, w in weights(whole.model).items())
    return again


@pytest.mark.parametrize("importance", ["fisher", "uniform", "shuffled"])
def test_two_tasks_are_resumed_bit_for_bit(importance, tmp_path):
    def two():
        return tiny.run(
            method="ewc", settings={"importance": importance}, tasks=TWO, probes=[], max_steps=3,
            **QUIET,
        )  # fmt: skip

    whole, half = two(), two()
    list(whole)
    again = resumed_at_step_5(half, whole, tmp_path)
    assert all(torch.equal(w, again.method.fisher_[n]) for n, w in whole.method.fisher_.items())


@pytest.mark.parametrize("per_task", [False, True])
def test_two_tasks_with_adapters_are_resumed_bit_for_bit(per_task, tmp_path):
    whole, half = (
        tiny.run(
            method="lora+ewc", settings={"lora.rank": 2, "lora.per_task": per_task}, tasks=TWO,
            probes=[], max_steps=3, **QUIET,
        )
        for _ in range(2)
    )  # fmt: skip
    steps = [event for event in whole if isinstance(event, StepDone)]
    assert steps[3].penalty == pytest.approx(0, abs=1e-9) and steps[5].penalty > 1e-6
    resumed_at_step_5(half, whole, tmp_path)


@pytest.mark.parametrize("method", ["lora+ewc", "qlora+ewc"])
def test_weights_that_cannot_be_weighed_after_a_task_are_refused_before_it(method):
    settings = {"lora.dora": True} if method == "lora+ewc" else {}
    options = {"method": method, "settings": settings, "probes": [], "max_steps": 2} | QUIET
    with pytest.raises(ValueError, match="4-bit or DoRA weights after a task"):
        list(tiny.run(tasks=TWO, **options))
    steps = [event for event in tiny.run(**options) if isinstance(event, StepDone)]
    assert steps[0].penalty == pytest.approx(0, abs=1e-9) and steps[1].penalty > 0


def test_it_combines_with_what_it_does_not_decide():
    assert make("full+ewc", {"ewc.strength": 3.0}).parts[1].strength == 3.0
