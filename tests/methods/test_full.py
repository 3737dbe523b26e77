"""Full fine-tuning: the loss by its formula, and every weight moves."""

import pytest
import torch

from lablib.methods.full import Full
from lablib.models import encode_row, position_ids
from tests import tiny


def test_the_loss_is_the_mean_over_the_answer_tokens_of_the_whole_batch():
    model, tokenizer = tiny.model(), tiny.tokenizer()
    texts = [("Hi", "yes"), ("A longer question", "a longer answer")]
    batch = tiny.collate([encode_row(tokenizer, *text, 64) for text in texts])
    with torch.no_grad():
        logits = model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=position_ids(batch.attention_mask),
        ).logits
    logprobs = logits.log_softmax(-1)
    nats = [
        -logprobs[row, t - 1, batch.labels[row, t]].item()
        for row in range(2)
        for t in range(batch.labels.shape[1])
        if batch.labels[row, t] != -100
    ]
    assert len(nats) == len("yes") + len("a longer answer") + 2  # and two ends of turn
    assert Full().loss(model, batch).item() == pytest.approx(sum(nats) / len(nats), rel=1e-5)


def test_padding_more_changes_nothing():
    model, tokenizer = tiny.model(), tiny.tokenizer()
    rows = [encode_row(tokenizer, "Hi", "yes", 64)]
    long = encode_row(tokenizer, "A question of many words", "no", 64)
    alone = Full().loss(model, tiny.collate(rows)).item()
    both = tiny.collate([*rows, long])
    both.labels[1] = -100
    assert Full().loss(model, both).item() == pytest.approx(alone, rel=1e-5)


def test_every_weight_is_in_the_optimizer():
    model = tiny.model()
    groups = Full().optimizer(model, 1e-3, 0.0).param_groups
    assert sum(p.numel() for g in groups for p in g["params"]) == model.num_parameters()
