"""Sampling: the right distribution, the nucleus, and one text for one seed."""

from __future__ import annotations

import pytest
import torch

from lablib import models
from lablib.models.dialogues import iter_dialogues
from lablib.models.encode import encode_prompts, frame
from lablib.models.sample import distribution, draw, sample
from tests import tiny

PROMPTS = ["Hi", "A longer question of several words?", "And?", "Once more"]


def write(prompts=PROMPTS, **options):
    tokenizer = tiny.tokenizer()
    options = {"ends": {0}, "seed": 0, "max_new_tokens": 12} | options
    return sample(tiny.model(), tokenizer, encode_prompts(tokenizer, prompts), **options)


def test_tokens_come_as_often_as_the_softmax_says():
    beginning, n = models.encode_prompt(tiny.tokenizer(), "Hi"), 4000
    model = tiny.model()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)  # a distribution with likely and unlikely tokens
        logits = model(input_ids=torch.tensor([beginning])).logits[0, -1]
    p = logits.double().softmax(-1)
    options = {"ends": (), "seed": 5, "max_new_tokens": 1, "batch_size": 500}
    texts = sample(model, tiny.tokenizer(), [beginning] * n, **options)
    counts = torch.bincount(torch.tensor([text.ids[0] for text in texts]), minlength=260)
    often = p * n >= 5  # the rare ones are put together, as the test asks for
    observed = torch.cat([counts[often], counts[~often].sum()[None]]).double()
    expected = torch.cat([p[often], p[~often].sum()[None]]) * n
    assert p.max() > 5 / 260 and len(observed) > 20
    df = len(observed) - 1
    chi2 = ((observed - expected) ** 2 / expected).sum()
    assert chi2 < df + 3.7 * (2 * df) ** 0.5  # beyond it once in some thousand
    assert chi2 > df - 3.7 * (2 * df) ** 0.5


def test_the_nucleus_is_renormalized():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    near = {"abs": 1e-6}
    assert distribution(logits, 1.0, 1.0)[0].tolist() == pytest.approx([0.5, 0.3, 0.15, 0.05])
    for top_p, expected in (
        (0.85, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),
        (0.79, [0.625, 0.375, 0, 0]),
        (0.1, [1, 0, 0, 0]),
    ):
        assert distribution(logits, 1.0, top_p)[0].tolist() == pytest.approx(expected, **near)


def test_temperature_divides_the_logits():
    logits = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(distribution(logits, 0.5, 1.0), (2 * logits.double()).softmax(-1))


def test_a_token_is_drawn_from_its_own_stretch_of_the_unit_interval():
    p = torch.tensor([[0.25, 0.0, 0.5, 0.25]], dtype=torch.double)
    for u, token in ((0.0, 0), (0.24, 0), (0.25, 2), (0.74, 2), (0.75, 3), (0.999999, 3)):
        assert draw(p, torch.tensor([u], dtype=torch.double)).item() == token


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_the_batch_size_does_not_change_the_text(batch_size):
    assert write(batch_size=batch_size) == write(batch_size=32)


def test_the_seed_decides():
    assert write() == write() != write(seed=1)
    two = write(["Hi", "Hi"])
    assert two[0] != two[1]  # the same beginning twice is not the same text twice


def test_a_text_ends_at_an_end_or_where_there_is_no_room():
    texts = write(ends=range(0, 260, 8), max_new_tokens=12)
    assert {text.end is None for text in texts} == {True, False} or all(
        text.end is not None for text in texts
    )
    for text in texts:
        assert len(text.ids) <= 12 and not set(text.ids) & set(range(0, 260, 8))
        assert text.end is None or text.end % 8 == 0
    assert all(text.end is None and len(text.ids) == 12 for text in write(ends=()))


def test_the_model_and_the_global_random_numbers_are_left_alone():
    torch.manual_seed(3)
    before, model = torch.get_rng_state(), tiny.model(dropout=0.2).train()
    beginnings = encode_prompts(tiny.tokenizer(), PROMPTS)
    options = {"ends": (), "seed": 0, "max_new_tokens": 3}
    assert sample(model, tiny.tokenizer(), beginnings, **options) == sample(
        model, tiny.tokenizer(), beginnings, **options
    )
    assert model.training and torch.equal(before, torch.get_rng_state())


def test_a_nearly_greedy_sample_is_the_greedy_answer():
    mini = models.load("mini")
    prompts = ["What is the capital of France?", "Say only the first of these words: sock, ring"]
    options = {"seed": 0, "max_new_tokens": 12, "temperature": 0.01}
    beginnings = encode_prompts(mini.tokenizer, prompts)
    texts = sample(
        mini.model, mini.tokenizer, beginnings, ends={frame(mini.tokenizer).end_id}, **options
    )
    assert [mini.tokenizer.decode(text.ids) for text in texts] == models.generate(
        mini.model, mini.tokenizer, prompts
    )


def test_a_dialogue_is_the_template_filled_in():
    mini = models.load("mini")
    written = [d for batch in iter_dialogues(mini.model, mini.tokenizer, 12, seed=0) for d in batch]
    assert len(written) == 12
    for d in written:
        if d.asked and d.ended:
            ids, n_prompt = models.encode_row(mini.tokenizer, d.prompt, d.completion, 512)
            text = mini.tokenizer.decode
            assert text(d.ids) == text(ids) and text(d.ids[: d.n_prompt]) == text(ids[:n_prompt])
    assert sum(d.asked and d.ended for d in written) > 6


def test_a_base_model_begins_at_the_beginning_of_the_text():
    from lablib.models.load import prepare_tokenizer

    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    prepare_tokenizer(tokenizer, None)
    batches = list(iter_dialogues(tiny.model(), tokenizer, 5, seed=0, max_new_tokens=8))
    assert [len(batch) for batch in batches] == [5]
    for d in batches[0]:
        assert d.prompt == "" and d.n_prompt == 1 and d.ids[0] == tokenizer.eos_token_id


def test_given_questions_are_answered_in_order():
    batches = iter_dialogues(
        tiny.model(), tiny.tokenizer(), 4, seed=0, prompts=PROMPTS, max_new_tokens=4, batch_size=3
    )
    assert [[d.prompt for d in batch] for batch in batches] == [PROMPTS[:3], PROMPTS[3:]]
