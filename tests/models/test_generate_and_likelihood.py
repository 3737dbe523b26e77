"""Batched, padded and cached must equal one at a time, unpadded and uncached."""

from __future__ import annotations

import pytest
import torch

from lablib.models import (
    answer_labels,
    candidate_logprobs,
    collate,
    encode_prompt,
    encode_row,
    generate,
    token_losses,
)
from lablib.models.encode import encode_completions, stop_ids

PROMPTS = [
    "What is the capital of France?",
    "Add 12 and 30.",
    "Lamp?",
    "Give me a list of capitals, please: Rome, Berlin, Madrid, Lisbon and one more.",
    "Repeat the word lamp.",
]
CANDIDATES = [
    ["Paris", "Rome", "Lisbon, Madrid"],
    ["42", "7"],
    ["lamp"],
    ["Rome.", "no", "yes"],
    [],
]
CHAT = [True, True, False, True, False]


def slow_generate(model, tokenizer, prompt, chat, n):
    ids = encode_prompt(tokenizer, prompt, chat)
    written = []
    for _ in range(n):
        with torch.no_grad():
            token = int(model(torch.tensor([ids + written])).logits[0, -1].argmax())
        if token in stop_ids(model, tokenizer):
            break
        written.append(token)
    return tokenizer.decode(written, skip_special_tokens=True).strip()


def slow_logprob(model, tokenizer, prompt, candidate, chat):
    ids = encode_prompt(tokenizer, prompt, chat)
    answer = encode_completions(tokenizer, [candidate], chat)[0]
    with torch.no_grad():
        logprobs = model(torch.tensor([ids + answer])).logits[0].double().log_softmax(-1)
    return sum(float(logprobs[len(ids) - 1 + i, token]) for i, token in enumerate(answer))


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_generation_equals_one_at_a_time(model, tokenizer, batch_size):
    expected = [
        slow_generate(model, tokenizer, p, c, 12) for p, c in zip(PROMPTS, CHAT, strict=True)
    ]
    got = generate(model, tokenizer, PROMPTS, chat=CHAT, max_new_tokens=12, batch_size=batch_size)
    assert got == expected
    assert len(set(got)) > 2  # or the comparison would say little


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_candidates_equal_one_at_a_time(model, tokenizer, batch_size):
    got = candidate_logprobs(
        model, tokenizer, PROMPTS, CANDIDATES, chat=CHAT, batch_size=batch_size
    )
    for prompt, listed, chat, logprobs in zip(PROMPTS, CANDIDATES, CHAT, got, strict=True):
        expected = [slow_logprob(model, tokenizer, prompt, c, chat) for c in listed]
        assert logprobs == pytest.approx(expected, abs=2e-4)


def test_generation_stops_at_the_end_of_turn(model, tokenizer):
    """With the end of turn made the likeliest token everywhere nothing is written."""
    head = model.get_output_embeddings()
    bias = torch.nn.Linear(head.in_features, head.out_features)
    bias.weight.data = head.weight.data
    bias.bias.data = torch.zeros(head.out_features)
    bias.bias.data[tokenizer.eos_token_id] = 1e4
    model.set_output_embeddings(bias)
    try:
        assert generate(model, tokenizer, PROMPTS[:2]) == ["", ""]
    finally:
        model.set_output_embeddings(head)


def rows_and_batch(tokenizer, which=slice(None)):
    pairs = [("What is the capital of France?", "Paris"), ("Lamp?", "yes, a lamp"), ("12", "4")]
    rows = [encode_row(tokenizer, p, c, 64) for p, c in pairs[which]]
    return rows, collate(tokenizer, rows, range(len(rows)), [False] * len(rows))


def test_token_losses_equal_one_at_a_time(model, tokenizer):
    rows, batch = rows_and_batch(tokenizer)
    losses, labels = token_losses(model, batch), answer_labels(batch)
    for row, (ids, n_prompt) in enumerate(rows):
        logprobs = model(torch.tensor([ids])).logits[0].detach().log_softmax(-1)
        expected = [-float(logprobs[i - 1, ids[i]]) for i in range(n_prompt, len(ids))]
        learned = labels[row] != -100
        assert labels[row][learned].tolist() == ids[n_prompt:]
        assert losses[row][learned].tolist() == pytest.approx(expected, abs=2e-4)
        assert not losses[row][~learned].any()


def test_token_losses_give_the_gradient_of_the_models_own_loss(model, tokenizer):
    _, batch = rows_and_batch(tokenizer, slice(0, 1))
    model.zero_grad()
    losses = token_losses(model, batch)
    (losses.sum() / (answer_labels(batch) != -100).sum()).backward()
    ours = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(input_ids=batch.input_ids, labels=batch.labels).loss.backward()
    for mine, p in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(mine, p.grad, atol=1e-4, rtol=1e-3)
    model.zero_grad()


def test_mode_and_random_state_are_left_as_found(model, tokenizer):
    model.train()
    frozen = next(m for m in model.modules() if isinstance(m, torch.nn.Linear | torch.nn.Embedding))
    frozen.eval()
    state = torch.get_rng_state()
    first = generate(model, tokenizer, PROMPTS, max_new_tokens=4)
    weights = candidate_logprobs(model, tokenizer, PROMPTS, CANDIDATES)
    assert generate(model, tokenizer, PROMPTS, max_new_tokens=4) == first
    assert candidate_logprobs(model, tokenizer, PROMPTS, CANDIDATES) == weights
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not frozen.training
    assert torch.is_grad_enabled()
    model.eval()


def test_too_long_a_prompt_is_refused_in_words(model, tokenizer):
    with pytest.raises(ValueError, match=r"at most 128 in all: shorten the prompt"):
        generate(model, tokenizer, ["lamp " * 10_000])


def test_empty_texts_are_refused_in_words(model, tokenizer):
    with pytest.raises(ValueError, match="text to continue is empty"):
        generate(model, tokenizer, [""], chat=False)
    with pytest.raises(ValueError, match="candidate answer is empty"):
        candidate_logprobs(model, tokenizer, ["a"], [["b", ""]])
