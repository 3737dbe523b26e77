"""Row order and mixing: what a seed decides, and what the mix ratio must leave alone."""

import pytest
import torch

from lablib.models import Rows
from lablib.train.data import Mixer, Order, fingerprint
from tests import tiny


def make_mixer(seed=0, batch_size=4, general=tiny.GENERAL, tokenizer=None, **mix):
    tokenizer = tokenizer or tiny.tokenizer()
    task = Rows(tiny.Letters().rows("train"), tokenizer, 64)
    config = tiny.config(seed=seed, batch_size=batch_size, **mix)
    return Mixer(task, Rows(general, tokenizer, 64), tokenizer, config, "task 0")


def test_every_pass_holds_every_row_once_in_a_new_order():
    order = Order(40, seed=3, purpose="test")
    first, second = ([order[p * 40 + i] for i in range(40)] for p in (0, 1))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert first != list(range(40))


def test_order_depends_on_seed_and_purpose_only():
    order = [Order(40, 3, "a")[i] for i in range(40)]
    assert order == [Order(40, 3, "a")[i] for i in range(40)]
    assert order != [Order(40, 4, "a")[i] for i in range(40)]
    assert order != [Order(40, 3, "b")[i] for i in range(40)]


def test_ratio_0_is_the_plain_task_order():
    mixer, without = make_mixer(), make_mixer(general=())
    for step in range(1, 15):
        mixed, plain = mixer.batch(step, 0.0), without.batch(step, 0.0)
        assert mixed.example_ids.tolist() == plain.example_ids.tolist()
        assert mixed.input_ids.equal(plain.input_ids)
        assert not mixed.is_general.any()


def test_general_rows_take_the_place_of_task_rows_and_move_no_other():
    mixer = make_mixer()
    for step in range(1, 15):
        plain, mixed = mixer.batch(step, 0.0), mixer.batch(step, 0.3)
        kept = ~mixed.is_general
        assert mixed.example_ids[kept].tolist() == plain.example_ids[kept].tolist()
        assert len(mixed.example_ids) == 4


def test_slots_that_are_general_at_a_low_ratio_are_general_at_a_high_one():
    mixer = make_mixer(batch_size=64)
    low, high = mixer.batch(1, 0.1).is_general, mixer.batch(1, 0.4).is_general
    assert low.any()
    assert (high & low).equal(low)


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.5])
def test_realised_mix_lies_within_three_sigma(ratio):
    mixer = make_mixer(batch_size=32)
    n = 32 * 200
    count = sum(int(mixer.batch(step, ratio).is_general.sum()) for step in range(1, 201))
    assert abs(count - n * ratio) < 3 * (n * ratio * (1 - ratio)) ** 0.5


@pytest.mark.parametrize("budget", ["substitutive", "additive"])
@pytest.mark.parametrize("unit", ["examples", "tokens"])
@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.6])
def test_realised_share_of_its_unit_lies_within_three_sigma(ratio, unit, budget):
    mixer = make_mixer(batch_size=32, mix_unit=unit, mix_budget=budget)
    excess = []  # of general over what the ratio asks for, batch by batch: mean 0
    for step in range(1, 201):
        batch = mixer.batch(step, ratio)
        counts = (batch.labels != -100).sum(1).double()
        counts = counts if unit == "tokens" else torch.ones_like(counts)
        excess.append(float(counts[batch.is_general].sum() - ratio * counts.sum()))
    sigma = torch.tensor(excess).std() * len(excess) ** 0.5
    assert abs(sum(excess)) < 3 * sigma


def test_shares_by_examples_and_by_tokens_are_two_things():
    by_tokens = make_mixer(batch_size=64, mix_unit="tokens").batch(1, 0.5)
    by_examples = make_mixer(batch_size=64).batch(1, 0.5)
    # the general rows' answers are longer, so that fewer of them make half of the tokens
    assert by_tokens.is_general.sum() < by_examples.is_general.sum()


def test_an_additive_budget_skips_no_task_row():
    mixer, plain = make_mixer(mix_budget="additive"), make_mixer()
    sizes = []
    for step in range(1, 200):
        mixed, alone = mixer.batch(step, 0.2), plain.batch(step, 0.0)
        task = ~mixed.is_general
        assert mixed.example_ids[task].tolist() == alone.example_ids.tolist()
        for i, row in enumerate(mixed.labels[task]):
            assert row[row != -100].tolist() == alone.labels[i][alone.labels[i] != -100].tolist()
        sizes.append(len(mixed.example_ids))
    n, q = 4 * 199, 0.2 / 0.8  # each slot brings a general row with chance q
    assert min(sizes) >= 4 and abs(sum(sizes) - n * (1 + q)) < 3 * (n * q * (1 - q)) ** 0.5


def test_additive_ratios_above_a_half_bring_several_rows_a_slot():
    sizes = [len(make_mixer(mix_budget="additive").batch(s, 0.75).is_general) for s in (1, 2)]
    assert sizes == [16, 16]  # three general rows beside each task row


def test_an_additive_budget_cannot_be_general_only():
    with pytest.raises(ValueError, match="below 1"):
        make_mixer(mix_budget="additive").batch(1, 1.0)


@pytest.mark.parametrize("unit", ["examples", "tokens"])
@pytest.mark.parametrize("budget", ["substitutive", "additive"])
def test_ratio_0_is_the_plain_order_whatever_is_counted(unit, budget):
    mixer, plain = make_mixer(mix_unit=unit, mix_budget=budget), make_mixer(general=())
    for step in range(1, 15):
        assert mixer.batch(step, 0.0).input_ids.equal(plain.batch(step, 0.0).input_ids)


def test_ratio_1_has_general_rows_only():
    assert make_mixer().batch(1, 1.0).is_general.all()
    assert make_mixer(mix_unit="tokens").batch(1, 1.0).is_general.all()


def test_mixing_without_general_rows_says_what_to_do():
    with pytest.raises(ValueError, match="no general examples"):
        make_mixer(general=()).batch(1, 0.2)


def test_labels_cover_the_answer_and_its_end_only():
    tokenizer = tiny.tokenizer()
    batch = make_mixer(tokenizer=tokenizer).batch(1, 0.0)
    row = tiny.Letters().rows("train")[int(batch.example_ids[0])]
    learned = batch.labels[0][batch.labels[0] != -100]
    assert tokenizer.decode(learned) == row.completion + "<|end|>"


def test_a_row_that_does_not_fit_is_named():
    rows = Rows([tiny.Row("Hi", "ok"), tiny.Row("Hi", "long " * 50)], tiny.tokenizer(), 32)
    with pytest.raises(ValueError, match="Row 2"):
        list(rows.prepare("own"))


def test_fingerprint_sees_every_change():
    rows = [tiny.Row("a", "b"), tiny.Row("c", "d")]
    assert fingerprint(rows) == fingerprint(list(rows))
    assert fingerprint(rows) != fingerprint(rows[::-1])
    assert fingerprint([tiny.Row("ab", "c")]) != fingerprint([tiny.Row("a", "bc")])
