"""Selective token masking: masks by brute force, and what a mask must never do."""

from __future__ import annotations

import math
import random

import pytest
import torch

from lablib import models, tasks
from lablib.events import StepDone
from lablib.methods import make
from lablib.methods.stm import STM
from lablib.models import Rows
from lablib.tasks.base import Row
from tests import tiny

QUIET = {"probes": [], "full_probes": False, "probe_early": False, "task_test_rows": 0}
TEXTS = [
    Row("Hi", "yes"),
    Row("A longer question?", "an answer of more words"),
    Row("And?", "no, never"),
    Row("What is it?", "x"),
]


def prepared(of=None, rows=TEXTS, **settings):
    """Return a method that has scored ``rows`` with the tiny model, and the rows."""
    rows = Rows(rows, tiny.tokenizer(), 64)
    method = STM(**settings)
    for _ in method.prepare(of or sharp(), tiny.tokenizer(), [rows], rows.like(()), seed=0):
        pass
    return method, rows


def sharp():
    """A tiny model with opinions: the default one finds all bytes about alike."""
    model = tiny.model()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)
    return model


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[i], two[i]) for i in one)


def go(**options):
    run = tiny.run(**QUIET, max_steps=6, **options)
    losses = [event.loss for event in run if isinstance(event, StepDone)]
    return losses, {n: p.detach().clone() for n, p in run.model.named_parameters()}


@pytest.mark.parametrize("settings", [{"share": 0.3}, {"rule": "threshold", "threshold": 200.0}])
def test_masks_are_those_of_one_token_at_a_time(settings):
    method, rows = prepared(**settings)
    model = sharp()
    brute = {}
    for i in range(len(rows)):
        ids, n_prompt = rows.encoded(i)
        for t in range(n_prompt, len(ids)):
            with torch.no_grad():  # nothing but the text before the token is read
                last = model(input_ids=torch.tensor([ids[:t]])).logits[0, -1]
            brute[i, t - n_prompt] = 1 / last.double().softmax(-1)[ids[t]].item()
    ends = {(i, rows.n_answer_tokens(i) - 1) for i in range(len(rows))}
    ranked = sorted((p for place, p in brute.items() if place not in ends), reverse=True)
    tau = settings.get("threshold") or ranked[round(settings["share"] * len(brute))]
    for i, t in random.Random(0).sample(sorted(brute), 20):
        assert method.perplexities_[0][i][t].item() == pytest.approx(brute[i, t], rel=1e-4)
        expected = (i, t) in ends or brute[i, t] <= tau * (1 + 1e-9)
        assert method.kept_[0][i][t] == expected, (i, t)
    assert 0 < method.masked_share() < 1


def test_the_share_masked_is_that_asked_for():
    for share in (0.1, 0.22, 0.5):
        method, rows = prepared(share=share)
        n = sum(rows.n_answer_tokens(i) for i in range(len(rows)))
        assert method.masked_share() * n == pytest.approx(round(share * n), abs=1e-3)


@pytest.mark.parametrize("settings", [{"share": 0.0}, {"rule": "threshold", "threshold": 1e6}])
def test_without_a_mask_it_is_plain_fine_tuning_bit_for_bit(settings):
    losses, weights = go(method="stm", settings=settings)
    plain, expected = go(method="full")
    assert losses == plain
    assert same(weights, expected)


def test_an_infinite_threshold_gives_the_plain_loss():
    method, rows = prepared(rule="threshold")
    method.threshold = math.inf  # beyond its range, and what the limit must be
    method._set_masks()
    model, batch = sharp(), rows.batch(range(4))
    assert method.loss(model, batch).item() == make("full").loss(model, batch).item()


def test_masked_tokens_get_no_gradient_and_stay_in_the_context():
    method, rows = prepared(share=0.4)
    model, batch = sharp(), rows.batch(range(4))
    outputs = models.forward(model, batch)
    plain = models.forward(model, batch).logits
    assert torch.equal(outputs.logits, plain)
    outputs.logits.retain_grad()
    method.loss(model, batch, outputs).backward()
    moved = outputs.logits.grad.abs().sum(-1) > 0  # (B, L)
    learned = (models.answer_labels(batch) != -100) & method.token_weights(batch).bool()
    assert torch.equal(moved, learned)
    assert learned.any() and not learned.all()


def test_the_loss_is_the_mean_over_the_tokens_kept():
    method, rows = prepared(share=0.4)
    model, batch = sharp(), rows.batch([1, 3])
    losses = models.token_losses(model, batch)
    kept = [losses[r, -rows.n_answer_tokens(i) :][method.kept_[0][i]] for r, i in ((0, 1), (1, 3))]
    assert method.loss(model, batch).item() == pytest.approx(torch.cat(kept).mean().item())


@pytest.mark.parametrize("numbers", [[3], [0, 3], [0, 1, 2, 3]])
def test_nothing_left_to_learn_is_no_catastrophe(numbers):
    method, rows = prepared(share=1.0, end="scored")
    model = sharp()
    loss = method.loss(model, rows.batch(numbers))
    loss.backward()
    assert loss.item() == 0
    assert all((p.grad == 0).all() for p in model.parameters())


def test_masks_do_not_depend_on_batch_or_padding():
    rows = Rows(TEXTS, tiny.tokenizer(), 64)
    together, alone = {}, {}
    for found, size in ((together, 10_000), (alone, 1)):
        for part in models.answer_perplexities(sharp(), rows, range(4), size):
            found |= part
    assert all(torch.allclose(together[i], alone[i], rtol=1e-4) for i in range(4))
    method, rows = prepared(share=0.4)
    one, both = rows.batch([3]), rows.batch([3, 1])
    width = rows.n_answer_tokens(3)
    assert torch.equal(method.token_weights(one)[0], method.token_weights(both)[0, -width:])


@pytest.mark.parametrize("method", ["stm", "lora+stm"])  # of an adapted model: adapters off
def test_the_base_judges_also_after_training(method):
    run = tiny.run(method=method, max_steps=4, **QUIET)
    masks = []
    for event in run:
        if isinstance(event, StepDone):
            stm = getattr(run.method, "parts", [run.method])[-1]
            masks.append({i: kept.clone() for i, kept in stm.kept_[0].items()})
    again = STM()
    with run.base():
        for _ in again.prepare(run.model, tiny.tokenizer(), run.rows, run.general, seed=0):
            pass
    assert len(masks) == 4 and all(same(mask, again.kept_[0]) for mask in masks)


@pytest.mark.parametrize("mask", ["random", "low"])
def test_the_controls_mask_as_many_in_each_row_and_others(mask):
    high, rows = prepared(share=0.3)
    control, _ = prepared(share=0.3, mask=mask)
    for i in range(len(rows)):
        one, two = high.kept_[0][i], control.kept_[0][i]
        assert len(one) == len(two) == rows.n_answer_tokens(i)
        assert one.sum() == two.sum() and two[-1]
    assert not same(high.kept_[0], control.kept_[0])
    assert same(control.kept_[0], prepared(share=0.3, mask=mask)[0].kept_[0])


def test_low_masks_the_least_surprising():
    method, rows = prepared(share=0.3, mask="low")
    for i in range(len(rows)):
        scored, kept = method.perplexities_[0][i][:-1], method.kept_[0][i][:-1]
        n = int((~kept).sum())
        assert torch.equal(scored[~kept].sort()[0], scored.sort()[0][:n])


def test_the_end_of_turn_is_kept_unless_asked():
    kept, rows = prepared(share=1.0)
    scored, _ = prepared(share=1.0, end="scored")
    for i in range(len(rows)):
        assert kept.kept_[0][i].tolist() == [False] * (rows.n_answer_tokens(i) - 1) + [True]
        assert not scored.kept_[0][i].any()


def test_general_rows_are_learned_whole_and_each_task_has_its_masks():
    run = tiny.run(
        method="stm", settings={"share": 1.0}, tasks=[tiny.Letters(), tiny.Digits()], **QUIET
    )
    run.task = 1
    for _ in run.make_ready():
        pass
    method, batch = run.method, run.rows[1].batch([5, 6])
    batch.is_general[0] = True
    weights = method.token_weights(batch)
    assert weights[0].all() and not weights[1].all()
    assert torch.equal(weights[1, -len(method.kept_[1][6]) :].bool(), method.kept_[1][6])
    method.begin_task(run.model, 0)
    assert len(method.kept_[0][6]) != len(method.kept_[1][6])


def test_only_rows_within_reach_are_scored():
    run = tiny.run(method="stm", max_steps=2, **QUIET)
    for _ in run.make_ready():
        pass
    assert (
        list(run.method.perplexities_[0]) == list(run.rows[0].used) and len(run.rows[0].used) == 8
    )


def test_a_share_moved_during_the_run_masks_anew():
    method, _ = prepared(share=0.1)
    few = method.masked_share()
    method.change("share", 0.5)
    assert method.masked_share() > 2 * few
    method.change("share", 0.1)
    assert method.masked_share() == few


def test_tokens_can_be_shown():
    method, rows = prepared(share=0.4)
    shown = method.scored_tokens(tiny.tokenizer(), rows, 0)
    assert [token.text for token in shown] == ["y", "e", "s", "<|end|>"]
    assert all(token.perplexity >= 1 for token in shown)
    assert [token.masked for token in shown] == (~method.kept_[0][0]).tolist()


def test_what_the_model_itself_wrote_is_masked_less():
    mini = models.load("mini")
    rows = tasks.load("replies").rows("train")[:8]
    prompts = [row.prompt for row in rows]
    answers = models.generate(mini.model, mini.tokenizer, prompts, max_new_tokens=24)
    own = [Row(p, a) for p, a in zip(prompts, answers, strict=True) if a]
    shares = []
    for written in (own, rows):
        method, of = STM(rule="threshold"), Rows(written, mini.tokenizer, 64)
        for _ in method.prepare(mini.model, mini.tokenizer, [of], of.like(()), seed=0):
            pass
        shares.append(method.masked_share())
    assert shares[0] < 0.5 * shares[1]
