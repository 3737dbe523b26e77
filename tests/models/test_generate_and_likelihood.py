"""Batched, padded and cached must equal one at a time, unpadded and uncached."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, MambaConfig, MistralConfig, MptConfig

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
from lablib.models.generate import complete
from lablib.models.likelihood import weigh
from lablib.models.prefix import read

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


def test_prompts_read_in_pieces_are_joined_in_their_order(model, tokenizer, monkeypatch):
    rows = [encode_prompt(tokenizer, prompt) for prompt in PROMPTS]
    whole = read(model, rows, tokenizer.pad_token_id)
    monkeypatch.setattr("lablib.models.prefix.PIECE_TOKENS", 30)
    pieces = read(model, rows, tokenizer.pad_token_id)
    torch.testing.assert_close(pieces.logits, whole.logits, atol=1e-4, rtol=1e-4)
    texts = complete(model, tokenizer, pieces, [8] * len(rows))
    assert texts == complete(model, tokenizer, whole, [8] * len(rows))
    assert texts == generate(model, tokenizer, PROMPTS, max_new_tokens=8)


def test_reading_costs_little_more_than_the_tokens_themselves(model, tokenizer, monkeypatch):
    """The shared header is read once, and short prompts are not padded to the longest."""
    rows = [encode_prompt(tokenizer, "lamp " * n) for n in (2, 2, 2, 2, 40, 40)]
    monkeypatch.setattr("lablib.models.prefix.PIECE_TOKENS", 130)
    read_tokens = []
    hook = model.register_forward_pre_hook(
        lambda _, args, kwargs: read_tokens.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    read(model, rows, tokenizer.pad_token_id)
    hook.remove()
    n_shared = len(encode_prompt(tokenizer, "lamp lamp ")) - 2  # less one token and the tail
    assert sum(read_tokens) <= sum(map(len, rows)) - 5 * (n_shared - 2)


def test_the_likeliest_candidate_is_found_without_weighing_all(model, tokenizer):
    rows = [encode_prompt(tokenizer, prompt) for prompt in PROMPTS]
    prefix = read(model, rows, tokenizer.pad_token_id)
    ranked = prefix.logits.argsort(-1, descending=True).tolist()
    ids = [[[r[-1], 9, 9], [r[0]], [r[1], r[2], r[3]], [r[-2], 7]] for r in ranked]
    exact = weigh(model, prefix, ids)
    quick = weigh(model, prefix, ids, only_likeliest=True)
    for all_, some in zip(exact, quick, strict=True):
        assert some.index(max(some)) == all_.index(max(all_))
        assert max(some) == pytest.approx(max(all_), abs=1e-4)
        assert some[0] > all_[0] + 0.1  # left after its first token


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
    with pytest.raises(ValueError, match=r"at most 128 in all: shorten the answer"):
        candidate_logprobs(model, tokenizer, ["lamp"], [["lamp " * 200]])


def test_empty_texts_are_refused_in_words(model, tokenizer):
    with pytest.raises(ValueError, match="text to continue is empty"):
        generate(model, tokenizer, [""], chat=False)
    with pytest.raises(ValueError, match="candidate answer is empty"):
        candidate_logprobs(model, tokenizer, ["a"], [["b", ""]])


GAPS = {
    "a window": lambda n: MistralConfig(sliding_window=16, num_key_value_heads=2, **common(n)),
    "places": lambda n: MptConfig(vocab_size=n, d_model=32, n_heads=2, n_layers=2, max_seq_len=256),
}


def common(n: int) -> dict:
    return {
        "vocab_size": n, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 256,
    }  # fmt: skip


@pytest.mark.parametrize("kind", GAPS)
def test_models_to_which_padding_within_a_row_counts_are_read_without_it(tokenizer, kind):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        odd = AutoModelForCausalLM.from_config(GAPS[kind](len(tokenizer))).eval()
    asked = [PROMPTS[0], PROMPTS[1], PROMPTS[3]]
    given = [CANDIDATES[0], CANDIDATES[1], CANDIDATES[3]]
    found = candidate_logprobs(odd, tokenizer, asked, given)
    for prompt, candidates, row in zip(asked, given, found, strict=True):
        want = [slow_logprob(odd, tokenizer, prompt, c, True) for c in candidates]
        assert row == pytest.approx(want, abs=1e-3)


def test_a_model_without_a_cache_is_refused_in_words(tokenizer):
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2)
    with pytest.raises(ValueError, match="keeps no keys and values"):
        generate(AutoModelForCausalLM.from_config(config).eval(), tokenizer, PROMPTS[:1])
