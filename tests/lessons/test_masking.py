"""Lab 06: words and shares, masks made by hand, verdicts from runs written by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lablib import experiment, models, tasks
from lablib.events import StepDone
from lablib.history import History
from lablib.lessons import masking, surprise
from lablib.methods import make
from lablib.models import Rows
from lablib.sweep import compare
from lablib.tasks.base import Row
from tests import tiny
from tests.sweep.handmade import measured


@pytest.fixture(scope="module")
def mini():
    return models.load("mini")


def exhausted(generator):
    """Return what a generator returns at its end."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def test_words_end_at_spaces_and_signs():
    texts = ["To", " s", "ha", "re", ",", " o", "pen", ":", " -", " 12", "3", ".", "\n", "Yes"]
    found = surprise.words(texts)
    assert [word for word, _ in found] == [
        "To", "share", ",", "open", ":", "-", "123", ".", "Yes",
    ]  # fmt: skip
    assert [list(places) for _, places in found][1] == [1, 2, 3]
    assert sorted(i for _, places in found for i in places) == list(range(len(texts)))
    assert surprise.words([]) == []


def test_words_of_real_answers_are_those_one_would_read(mini):
    prompt, answer = surprise.answer_words(mini, "tickets", 0)
    assert prompt and answer[:4] == ["TICKET", "-", "team", ":"]
    _, reply = surprise.answer_words(mini, "replies", 0)
    assert reply[-7:] == ["Stay", "curious", ",", "your", "help", "desk", "."]


def test_the_budget_counts_what_is_masked_in_the_run(mini):
    crossed = ("desk", "team", ":")
    for task in surprise.TASKS:
        share = surprise.vocabulary(mini, task).share(crossed)
        method = masking.method_of("hand", crossed)
        given = experiment.defaults(mini.n_parameters, method, task)
        rows = Rows(tasks.load(task).rows("train")[: given.train_rows], mini.tokenizer, 128)
        for _ in method.prepare(mini.model, mini.tokenizer, [rows], rows.like(()), 0):
            pass
        masks = torch.cat(list(method.kept_[0].values()))
        assert 1 - masks.float().mean().item() == pytest.approx(share, abs=1e-6)
        assert share > 0


def test_a_word_is_masked_in_every_row_and_the_end_never():
    rows = Rows([Row("Hi", "yes, no"), Row("A?", "no")], tiny.tokenizer(), 64)
    method = masking.method_of("hand", ["no"])
    for _ in method.prepare(None, tiny.tokenizer(), [rows], rows.like(()), 0):
        pass
    # one token a byte: y e s , and a space that begins the word with n and o; then the end
    assert method.kept_[0][0].tolist() == [True] * 4 + [False] * 3 + [True]
    assert method.kept_[0][1].tolist() == [False, False, True]
    method.begin_task(None, 0)
    batch = rows.batch([0, 1])
    batch.is_general[0] = True
    weights = method.token_weights(batch)
    assert weights[0].all() and weights[1].tolist()[-3:] == [0, 0, 1]


def test_the_end_alone_can_be_masked():
    rows = Rows([Row("Hi", "yes, no")], tiny.tokenizer(), 64)
    method = masking.ByHand(end="masked")
    for _ in method.prepare(None, tiny.tokenizer(), [rows], rows.like(()), 0):
        pass
    assert method.kept_[0][0].tolist() == [True] * 7 + [False]


def test_without_words_it_is_plain_fine_tuning_bit_for_bit():
    def losses(method):
        run = tiny.run(
            probes=[], full_probes=False, probe_early=False, task_test_rows=0, max_steps=4
        )
        run.method = method
        return [event.loss for event in run if isinstance(event, StepDone)]

    assert losses(masking.ByHand()) == losses(make("full"))
    assert losses(masking.ByHand(("#",))) != losses(make("full"))


def test_reading_gives_every_token_and_moves_with_the_threshold(mini):
    reading = exhausted(surprise.read(mini, "tickets", 8))
    assert len(reading) == 8 and reading.rows[0].prompt
    shown = reading.tokens(0)
    assert "".join(token.text for token in shown[:-1]).startswith("TICKET - team: ")
    assert all(token.perplexity >= 1 for token in shown) and not shown[-1].masked
    assert [t.masked for t in shown[:-1]] == [t.perplexity > surprise.TAU for t in shown[:-1]]
    assert reading.masked_share(1e6) < reading.masked_share()
    grid = reading.shares_below((0.0, 1 / surprise.TAU, 1.01))
    assert grid[0] == 0 and grid[2] == 1
    assert grid[1] == pytest.approx(reading.share_above(), abs=0.01)


def test_masks_of_a_reading_are_those_of_the_method(mini):
    reading = exhausted(surprise.read(mini, "replies", 8))
    rows = Rows(tasks.load("replies").rows("train")[:8], mini.tokenizer, 128)
    method = make("stm", {"rule": "threshold"})
    for _ in method.prepare(mini.model, mini.tokenizer, [rows], rows.like(()), 0):
        pass
    for i in range(8):
        masks = [token.masked for token in reading.tokens(i)]
        assert masks == (~method.kept_[0][i]).tolist()
    assert reading.masked_share() == pytest.approx(method.masked_share(), abs=1e-6)


def test_more_of_a_ticket_surprises_than_of_a_reply(mini):
    shares = {t: exhausted(surprise.read(mini, t, 32)).share_above() for t in surprise.TASKS}
    assert shares["tickets"] > shares["replies"]
    real = {task: found.share_above() for task, found in surprise.stored(surprise.REAL).items()}
    assert real["tickets"] > real["replies"]


def test_readings_are_stored_and_read_again(mini, monkeypatch, tmp_path):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))
    assert surprise.stored("mini") == {}
    found = {task: exhausted(surprise.read(mini, task, 2)) for task in surprise.TASKS}
    surprise.save("mini", found, "command", "digest")
    again = surprise.stored("mini")
    assert again["tickets"].rows[0].texts == found["tickets"].rows[0].texts
    one, two = (r["replies"].perplexities() for r in (again, found))
    assert one == pytest.approx(two, rel=1e-3)


def runs(label, curves, task=(0.0, 0.5, 1.0)):
    return [
        measured(label, seed, list(task), {"knowledge": [1.0, 0.9, value + 0.01 * seed]})
        for seed, value in enumerate(curves)
    ]


def test_the_outcome_is_read_at_the_same_score_and_over_seeds():
    full, low, high = [0.2] * 3, [0.2, 0.21, 0.18], [0.6, 0.62, 0.58]
    found = compare(runs("full", full) + runs("stm", high), target=1.0)
    assert masking.outcome(found) == masking.KEEPS
    found = compare(runs("full", full) + runs("stm", low), target=1.0)
    assert masking.outcome(found) == masking.LEARNS
    found = compare(runs("full", full) + runs("stm", high, (0.0, 0.2, 0.4)), target=1.0)
    assert masking.outcome(found) == masking.FAILS
    assert masking.outcome(found, "stm_random") is None


def test_against_dice_the_sentence_follows_the_interval():
    def said(stm, dice):
        parts = runs("full", [0.2] * 3) + runs("stm", stm) + runs("stm_random", dice)
        return masking.against_random(compare(parts, target=1.0))

    assert "keeps more than" in said([0.6] * 3, [0.3] * 3)
    assert "keeps less than" in said([0.3] * 3, [0.6] * 3)
    assert "cannot be told apart" in said([0.3, 0.5, 0.4], [0.5, 0.3, 0.4])
    assert "too few seeds" in said([0.6] * 2, [0.3] * 2)
    assert "cannot be compared yet" in said([0.6] * 3, [])


def test_stm_and_dice_may_be_a_tie_and_two_seeds_are_none():
    def judged(stm, dice):
        parts = runs("full", [0.2] * 3) + runs("stm", stm) + runs("stm_random", dice)
        found = masking.winner(compare(parts, target=1.0))
        return found and found[0]

    assert judged([0.6] * 3, [0.3] * 3) == masking.WINNERS[0]
    assert judged([0.3] * 3, [0.6] * 3) == masking.WINNERS[1]
    assert judged([0.3, 0.5, 0.4], [0.5, 0.3, 0.4]) == masking.TIE
    assert judged([0.6] * 2, [0.3] * 2) is None


def test_the_steps_of_a_lower_rate_are_told():
    found = compare(runs("full", [0.2] * 3) + runs("low_lr", [0.5] * 3, (0.0, 0.5, 0.7)))
    assert masking.price_of_low_rate(found) == (
        "low_lr ran 20 steps where full ran 20; 0 of 3 seeds were stopped early, when knowledge "
        "had fallen."
    )
    assert masking.price_of_low_rate(compare(runs("full", [0.2] * 3))) == ""


def test_plain_fine_tuning_is_the_recipe_unless_one_beats_it():
    def best(**kept):
        arms = dict.fromkeys(masking.RECIPES, [0.2] * 3) | kept
        return masking.best_recipe(
            compare([r for label, values in arms.items() for r in runs(label, values)], target=1.0)
        )

    assert best() == "full"
    assert best(low_lr=[0.5] * 3) == "low_lr"
    assert best(low_lr=[0.5] * 3, stm_replay=[0.7] * 3) == "stm_replay"
    assert masking.best_recipe(compare(runs("full", [0.2] * 3), target=1.0)) is None
    some = compare(runs("full", [0.2] * 3) + runs("low_lr", [0.5] * 3), target=1.0)
    assert masking.best_recipe(some) == "low_lr"
    assert masking.missing_recipes(some) == [masking.RECIPES[n] for n in ("stm", "stm_replay")]


def test_a_run_is_built_as_the_stored_ones_were(mini, monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")
    method = masking.method_of("random", share=0.1)
    assert (method.mask, method.share) == ("random", 0.1)
    history = History.of(masking.build(mini, "replies", method, probes=()))
    assert len(history.steps) == masking.FAST_STEPS
    line = masking.own_line("random", 0.1, masking.as_measured(history, "x"), None)
    assert line.mask == "dice" and line.task_score is not None and line.at_score is None
    monkeypatch.setenv("LETHE_FAST", "0")
    run = masking.build(mini, "replies", method)
    assert run.config.task_test_rows == 48 and run.config.max_steps is None


def test_a_comparison_that_is_not_stored_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))
    assert masking.stored("mini", "replies") is None


def test_a_stored_arm_is_a_line_with_intervals():
    found = compare(runs("full", [0.2] * 3) + runs("stm", [0.5] * 3), target=1.0)
    line = masking.stored_line("high", 0.22, found)
    assert (
        line.mask == "STM's choice, 3 seeds"
        and str(line.says).startswith("0.5")
        and line.at_score.n == 3
    )
    assert masking.stored_line("none", 0.22, found).masked == 0
    assert masking.stored_line("random", 0.22, found) is None
    assert replace(line, mask="x").masked == 0.22
