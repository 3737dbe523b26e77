"""The Fisher is what the divergence of the answers says it is; what only looks like it is not."""

import copy
import itertools

import pytest
import torch
from transformers import LlamaForCausalLM

from lablib import models
from lablib.methods import fisher
from lablib.models import Rows
from tests import tiny

DRAWS = 40  # independent estimates; fixed before the first comparison was made
ROWS = [0, 9, 17, 39] * 8  # eight times the same four, so that all labels of four suffice


def rows_of(task=tiny.Digits, split="train"):
    return Rows(task().rows(split), tiny.tokenizer(), 64)


@pytest.fixture(scope="module")
def exact():
    """What all labels give."""
    return statistics(fisher.diagonal(tiny.model(), rows_of(), ROWS[:4], kind="exact"))


def statistics(values):
    """What estimates are compared by: all entries, the embedding, and the last layer's MLP.

    Chosen beforehand, as was the number of draws.
    """
    parts = {
        "all": values.values(),
        "embedding": [values["model.embed_tokens.weight"]],
        "mlp": [v for name, v in values.items() if "layers.1.mlp" in name],
    }
    return torch.tensor([sum(float(v.sum()) for v in part) for part in parts.values()])


@pytest.fixture(scope="module")
def estimates():
    """Mean and standard error of each statistic, by kind and batch size."""
    model, rows, found = tiny.model(), rows_of(), {}
    for kind in ("sampled", "signed"):
        for size, numbers in ((1, ROWS[:4]), (32, ROWS)):
            options = {"kind": kind, "batch_size": size}
            drawn = torch.stack([
                statistics(fisher.diagonal(model, rows, numbers, seed=seed, **options))
                for seed in range(DRAWS)
            ])  # fmt: skip
            found[kind, size] = drawn.mean(0), drawn.std(0) / DRAWS**0.5
    return found


def test_half_the_exact_fisher_is_the_divergence_of_a_small_step():
    rows, numbers = rows_of(), range(3)
    model = tiny.model().double()
    values = fisher.diagonal(model, rows, numbers, kind="exact")
    average = fisher.mean(values)

    def logprobs():
        found = []
        for i in numbers:
            batch = rows.batch([i])
            with torch.no_grad():
                logits = models.forward(model, batch).logits[0]
            found.append(logits[models.answer_labels(batch)[0] != -100].log_softmax(-1))
        return torch.cat(found)  # (N, V)

    weights, base, step, checked = dict(model.named_parameters()), logprobs(), 1e-4, 0
    for name, value in values.items():
        flat, order = weights[name].data.view(-1), value.flatten().argsort(descending=True)
        for place in (order[0].item(), order[20].item()):
            predicted = 0.5 * float(value.view(-1)[place]) * step**2
            if value.view(-1)[place] < average:
                continue
            flat[place] += step
            divergence = (base.exp() * (base - logprobs())).sum(-1).mean().item()
            flat[place] -= step
            assert divergence == pytest.approx(predicted, rel=0.01), (name, place)
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("kind", ["sampled", "signed"])
@pytest.mark.parametrize("size", [1, 32])
def test_what_is_drawn_agrees_with_all_labels_at_any_batch_size(exact, estimates, kind, size):
    mean, error = estimates[kind, size]
    off = (mean - exact) / error
    assert (off.abs() < 3).all(), off


@pytest.mark.parametrize("kind", ["empirical", "batch_squared"])
@pytest.mark.parametrize("size", [1, 32])
def test_what_is_often_used_instead_fails_the_same_check(exact, estimates, kind, size):
    biased = fisher.diagonal(tiny.model(), rows_of(), ROWS, kind=kind, batch_size=size)
    _, error = estimates["sampled", size]
    off = (statistics(biased) - exact) / error
    assert (off.abs() > 3).any(), off


def test_squared_batches_shrink_as_batches_grow_and_drawn_labels_do_not(exact, estimates):
    def total(size):
        kind = "batch_squared"
        found = fisher.diagonal(tiny.model(), rows_of(), ROWS, kind=kind, batch_size=size)
        return statistics(found)[0]

    whole = exact[0]
    assert total(32) < 0.5 * total(1) < 0.5 * whole
    assert estimates["sampled", 32][0][0] == pytest.approx(float(whole), rel=0.2)


def squared_by_hand(model, rows, batches, mean):
    """Squares of each batch's gradient, true labels, every row alone and thus unpadded."""
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    n_all = 0
    for numbers in batches:
        n = sum(rows.n_answer_tokens(i) for i in numbers)
        loss = sum(models.token_losses(model, rows.batch([i])).sum() for i in numbers)
        found = torch.autograd.grad(loss / (n if mean else 1), list(model.parameters()))
        for square, gradient in zip(total.values(), found, strict=True):
            square += gradient**2
        n_all += n
    return {name: v / (len(batches) if mean else n_all) for name, v in total.items()}


@pytest.mark.parametrize(
    ("kind", "batches"), [("empirical", [[0], [9], [4]]), ("batch_squared", [[0, 9], [4]])]
)
def test_the_variants_are_what_they_are_said_to_be_whatever_the_padding(kind, batches):
    model, rows = tiny.model(), Rows(tiny.GENERAL * 2, tiny.tokenizer(), 64)
    found = fisher.diagonal(model, rows, [0, 9, 4], kind=kind, batch_size=2)
    expected = squared_by_hand(model, rows, batches, mean=kind == "batch_squared")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("kind", fisher.KINDS)
def test_no_entry_is_negative_and_what_cannot_matter_has_zero(kind):
    config = copy.deepcopy(tiny.model().config)
    config.tie_word_embeddings = False
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).eval()
    rows = rows_of()
    values = fisher.diagonal(model, rows, [0, 1], kind=kind)
    assert all((v >= 0).all() and v.dtype == torch.float32 for v in values.values())
    read = {token for i in (0, 1) for token in rows.encoded(i)[0][:-1]}  # the last is only said
    by_token = values["model.embed_tokens.weight"].sum(1)
    assert set(by_token.nonzero().flatten().tolist()) == read


@pytest.mark.parametrize("kind", fisher.KINDS)
def test_the_model_is_left_as_it_was_and_dropout_is_off(kind):
    model = tiny.model(dropout=0.5).train()
    frozen = model.model.layers[0].mlp.up_proj.weight.requires_grad_(False)
    model.lm_head.eval()
    modes = [module.training for module in model.modules()]
    torch.manual_seed(5)
    random = torch.get_rng_state()
    values = fisher.diagonal(model, rows_of(), [0, 1], kind=kind)
    assert torch.equal(random, torch.get_rng_state())
    assert modes == [module.training for module in model.modules()]
    assert not frozen.requires_grad and model.lm_head.weight.requires_grad
    assert all(p.grad is None for p in model.parameters())
    assert "model.layers.0.mlp.up_proj.weight" not in values
    plain = fisher.diagonal(tiny.model(), rows_of(), [0, 1], kind=kind)
    assert all(torch.equal(value, plain[name]) for name, value in values.items())


def test_labels_are_drawn_by_the_seed():
    def total(seed):
        return statistics(fisher.diagonal(tiny.model(), rows_of(), range(4), seed=seed))

    assert torch.equal(total(1), total(1)) and not torch.equal(total(1), total(2))


def test_tied_weights_are_counted_once():
    values = fisher.diagonal(tiny.model(), rows_of(), [0])
    assert sum(v.numel() for v in values.values()) == tiny.model().num_parameters()


def test_progress_comes_once_a_batch():
    rows = rows_of()
    steps = fisher.iter_diagonal(tiny.model(), rows, range(20), batch_size=8)
    assert [(p.done, p.total) for p in steps] == [(8, 20), (16, 20), (20, 20)]
    steps = fisher.iter_diagonal(tiny.model(), rows, range(3), kind="exact")
    assert [p.done for p in itertools.islice(steps, 2)] == [1, 2]


def test_of_an_adapted_model_it_is_that_of_the_merged_weights():
    adapted = tiny_lora()
    found = fisher.diagonal(adapted, rows_of(), range(4))
    assert not any(p.requires_grad for p in fisher.held_weights(adapted).values())
    merged = adapted.merge_and_unload()
    merged.requires_grad_(True)
    whole = fisher.diagonal(merged, rows_of(), range(4))
    assert len(found) == 4
    for name, value in found.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-3, atol=1e-9)


def tiny_lora():
    """The tiny model with adapters that have learned something."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = get_peft_model(tiny.model(), config)
        for name, p in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(p, std=0.1)
    return model


@pytest.mark.parametrize(
    ("kind", "says"), [("guessed", "no Fisher of kind 'guessed'"), ("exact", "choose 'sampled'")]
)
def test_what_cannot_be_had_is_said(kind, says, monkeypatch):
    monkeypatch.setattr(fisher, "MAX_EXACT", 1000)
    with pytest.raises(ValueError, match=says):
        fisher.diagonal(tiny.model(), rows_of(), [0], kind=kind)


def test_rows_are_drawn_from_those_that_may_be_used():
    rows = rows_of()
    rows.used = [3, 5, 8, 13, 21]
    assert sorted(fisher.some_rows(rows, 99, seed=0)) == rows.used
    some = fisher.some_rows(rows, 3, seed=0)
    assert len(set(some)) == 3 and set(some) < set(rows.used)
    assert some == fisher.some_rows(rows, 3, seed=0)
    with pytest.raises(ValueError, match="no general examples"):
        fisher.some_rows(rows.like([]), 3, seed=0)


VALUES = {"a.layers.1.q_proj.weight": torch.tensor([[1.0, 2.0], [3.0, 6.0]]),
          "norm.weight": torch.tensor([0.5, 9.0])}  # fmt: skip


def test_shuffling_keeps_the_entries_and_scaling_gives_them_mean_one():
    mixed = fisher.shuffled(VALUES, seed=0)
    flat = torch.cat([v.flatten() for v in mixed.values()])
    assert sorted(flat.tolist()) == [0.5, 1.0, 2.0, 3.0, 6.0, 9.0]
    assert [v.shape for v in mixed.values()] == [v.shape for v in VALUES.values()]
    assert any(not torch.equal(v, VALUES[name]) for name, v in mixed.items())
    assert fisher.mean(fisher.with_mean_one(VALUES)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"mean of these Fisher values is 0\.0"):
        fisher.with_mean_one({"a": torch.zeros(3)})


@pytest.mark.parametrize(
    ("how", "expected"), [("highest", [6.0, 9.0]), ("lowest", [0.5, 1.0]), ("random", None)]
)
def test_weights_are_picked_by_rank(how, expected):
    chosen = fisher.pick(VALUES, 1 / 3, how)
    found = sorted(x for name, mask in chosen.items() for x in VALUES[name][mask].tolist())
    assert len(found) == 2 and found == (expected or found)
    with pytest.raises(ValueError, match="highest, lowest or random"):
        fisher.pick(VALUES, 0.5, "best")
