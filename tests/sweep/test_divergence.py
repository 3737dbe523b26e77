"""The divergence of the output: direction, mask and units, against a plain recomputation."""

import math

import pytest
import torch

from lablib.models import encode_row
from lablib.sweep.divergence import base_answers, divergence
from tests import tiny

PROMPTS = ["Item 1?", "Which number follows 12?", "A"]


def test_a_model_does_not_diverge_from_itself():
    batches = base_answers(tiny.model(), tiny.tokenizer(), PROMPTS, 128)
    found = divergence(tiny.model(), tiny.model(), batches)
    assert found.per_answer == pytest.approx(0, abs=1e-6)


def test_it_is_the_forward_divergence_summed_over_each_answer():
    base, other, tokenizer = tiny.model(0), tiny.model(1), tiny.tokenizer()
    for p in other.parameters():
        p.data *= 20  # far enough that the two directions differ
    answers = ["one two", "", "a much longer answer"]
    rows = [encode_row(tokenizer, *pair, 128) for pair in zip(PROMPTS, answers, strict=True)]
    batches = [tiny.collate(rows[:2]), tiny.collate(rows[2:])]
    totals, n_tokens = [], 0
    for batch in batches:
        for ids, mask, labels in zip(
            batch.input_ids, batch.attention_mask, batch.labels, strict=True
        ):
            row, asked = ids[mask.bool()][None], labels[mask.bool()] != -100
            with torch.no_grad():  # row by row, without padding; position t predicts t + 1
                p, q = (m(row).logits[0].log_softmax(-1)[:-1][asked[1:]] for m in (base, other))
            totals.append(float((p.exp() * (p - q)).sum()))
            n_tokens += int(asked.sum())
    found = divergence(base, other, batches)
    assert found.per_answer == pytest.approx(sum(totals) / len(PROMPTS), rel=1e-4)
    assert found.per_token == pytest.approx(sum(totals) / n_tokens, rel=1e-4)
    back = divergence(other, base, batches)
    assert not math.isclose(found.per_answer, back.per_answer, rel_tol=0.01)


def test_the_answers_are_the_bases_own():
    base, tokenizer = tiny.model(), tiny.tokenizer()
    (batch,) = base_answers(base, tokenizer, PROMPTS[:1], 128)
    n_prompt = encode_row(tokenizer, PROMPTS[0], "", 128)[1]
    ids = batch.input_ids[0][batch.attention_mask[0].bool()]
    with torch.no_grad():
        first = base(ids[None, :n_prompt]).logits[0, -1].argmax()
    text = tokenizer.decode(ids[n_prompt:-1])
    assert text == "" or tokenizer.decode([first]) == text[0]
