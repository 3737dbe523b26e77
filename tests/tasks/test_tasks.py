"""The contract every task gets tested against, and the pinned rows of all splits."""

import hashlib
import random
import time

import pytest

from lablib.tasks import SPLITS, TASKS

# sha256 of all rows of all splits, first 16 digits: rows must not change unnoticed,
# for stored runs and measured figures rest on them.
CHECKSUMS = {}


def plain(prompt: str) -> str:
    return "".join(c for c in prompt.lower() if c.isalnum())


@pytest.fixture(params=sorted(TASKS))
def task(request):
    return TASKS[request.param]()


def test_key_name_and_summary_agree(task):
    assert TASKS[task.name] is type(task)
    assert 10 < len(task.summary) <= 80
    assert "A real row::" in type(task).__doc__


def test_the_row_shown_in_the_docstring_is_real(task):
    shown = [line.strip() for line in type(task).__doc__.split("A real row::")[1].splitlines()]
    prompt, completion = [line for line in shown if line][:2]
    rows = {(row.prompt, row.completion) for split in SPLITS for row in task.rows(split)}
    assert (prompt, completion) in rows


def test_splits_are_filled_and_disjoint(task):
    prompts = [plain(row.prompt) for split in SPLITS for row in task.rows(split)]
    assert len(prompts) == len(set(prompts))
    assert len(task.rows("train")) >= 300
    assert all(len(task.rows(split)) >= 60 for split in SPLITS)


def test_rows_are_whole(task):
    for split in SPLITS:
        for row in task.rows(split):
            assert row.prompt == row.prompt.strip() != ""
            assert row.completion == row.completion.strip() != ""
            assert "{" not in row.prompt and "  " not in row.prompt


def test_rows_are_the_same_at_every_call_and_leave_global_randomness_alone(task):
    random.seed(1)
    before = random.getstate()
    assert task.rows("train") == type(task)().rows("train")
    assert random.getstate() == before


def test_rows_are_pinned(task):
    digest = hashlib.sha256()
    for split in SPLITS:
        for row in task.rows(split):
            digest.update(f"{split}\n{row.prompt}\n{row.completion}\n".encode())
    assert digest.hexdigest()[:16] == CHECKSUMS[task.name]


def test_an_unknown_split_is_refused_in_a_sentence(task):
    with pytest.raises(ValueError, match="There is no split 'dev'; choose one of train"):
        task.rows("dev")


def test_rows_come_in_random_order(task):
    rows = task.rows("train")
    half = len(rows) // 2
    first = {row.completion for row in rows[:half]}
    rest = {row.completion for row in rows[half:]}
    assert first & rest or len(first | rest) == len(rows)


def test_rows_are_made_quickly():
    from lablib.tasks import generated

    generated._splits.cache_clear()
    start = time.perf_counter()
    for task in TASKS.values():
        task().rows("train")
    assert time.perf_counter() - start < 2
