"""Scoring of tasks, on a tiny model whose answers are known."""

import math

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from lablib import models
from lablib.events import Progress
from lablib.runtime import data_folder
from lablib.tasks import Row, Task

ROWS = tuple(Row(f"What color is {thing}?", color) for thing, color in [
    ("snow", "white"), ("grass", "green"), ("blood", "red"), ("the sky", "blue"),
])  # fmt: skip


class Colors(Task):
    name = "colors"

    def rows(self, split):
        return () if split == "shifted" else ROWS


class LongColors(Colors):
    exact = False


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(data_folder() / "models" / "mini")


def tiny_model(tokenizer):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def trained(tokenizer):
    """A model that has learned the four colors by heart."""
    model = tiny_model(tokenizer)
    encoded = [models.encode_row(tokenizer, r.prompt, r.completion, 64) for r in ROWS]
    batch = models.collate(tokenizer, encoded, range(4), [False] * 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = models.token_losses(model, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@pytest.fixture
def uniform(tokenizer):
    """A model that finds every token equally likely."""
    model = tiny_model(tokenizer)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    return model


@pytest.mark.parametrize("task", [Colors(), LongColors()])
def test_a_model_that_learned_the_task_scores_one_and_a_blank_one_zero(
    task, trained, uniform, tokenizer
):
    assert task.score(trained, tokenizer) == 1.0
    assert task.score(uniform, tokenizer) == 0.0


def test_token_accuracy_counts_each_token(trained, tokenizer):
    class Half(LongColors):
        """The model will get the end of turn right and nothing else, or less."""

        def rows(self, split):
            return (Row(ROWS[0].prompt, "green"), ROWS[1])

    wrong = models.encode_row(tokenizer, ROWS[0].prompt, "green", 64)
    with torch.no_grad():
        choices = trained(torch.tensor([wrong[0]])).logits[0].argmax(-1).tolist()
    n = wrong[1]
    expected = sum(a == b for a, b in zip(choices[n - 1 :], wrong[0][n:], strict=False))
    share = expected / (len(wrong[0]) - n)
    assert share < 1
    assert Half().score(trained, tokenizer) == pytest.approx((share + 1) / 2)


def test_exact_match_wants_the_whole_answer_and_its_end(trained, tokenizer):
    class Shorter(Colors):
        def rows(self, split):
            return tuple(Row(row.prompt, row.completion[:-1]) for row in ROWS)

    assert Shorter().score(trained, tokenizer) == 0.0


def test_distance_of_a_uniform_model_is_the_log_of_its_vocabulary(uniform, trained, tokenizer):
    assert Colors().distance(uniform, tokenizer) == pytest.approx(
        math.log(len(tokenizer)), rel=1e-5
    )
    assert Colors().distance(trained, tokenizer) < 0.5


def test_scoring_yields_progress_and_keeps_the_mode(trained, tokenizer):
    trained.train()
    *progress, score = Colors().iter_score(trained, tokenizer, "test", limit=3)
    assert trained.training
    trained.eval()
    assert progress[-1] == Progress("scoring: colors", 3, 3)
    assert score == 1.0


def test_long_answers_are_scored_by_token(tokenizer):
    class Long(Colors):
        def rows(self, split):
            return tuple(Row(row.prompt, " ".join([row.completion] * 40)) for row in ROWS)

    assert Long().measure(tokenizer) == "token accuracy"
    assert Colors().measure(tokenizer) == "exact match"


def test_an_empty_split_and_a_wrong_split_are_refused_in_a_sentence(trained, tokenizer):
    with pytest.raises(ValueError, match="Task 'colors' has no shifted rows"):
        Colors().score(trained, tokenizer, "shifted")


@pytest.mark.parametrize("kind", [Colors, LongColors])
def test_a_long_prompt_loses_its_beginning_as_in_training(tokenizer, trained, kind):
    class Long(kind):
        def rows(self, split):
            return tuple(Row("so " * 3000 + row.prompt, row.completion) for row in ROWS)

    assert 0 <= Long().score(trained, tokenizer) <= 1  # 2,048 tokens are its reach

    class Cut(kind):
        def rows(self, split):
            return tuple(Row("so " * 200 + row.prompt, row.completion) for row in ROWS)

    *_, cut = Cut().iter_score(trained, tokenizer, max_length=len(longest(tokenizer)))
    assert cut == 1.0  # what is left of each prompt is what was learned


def longest(tokenizer) -> list[int]:
    rows = [models.encode_row(tokenizer, r.prompt, r.completion, 64)[0] for r in ROWS]
    return max(rows, key=len)
