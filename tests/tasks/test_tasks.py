"""The contract every task gets tested against, and the pinned rows of all splits."""

import hashlib
import json
import random
import sys
import time

import pytest

from lablib.runtime import data_folder
from lablib.tasks import SPLITS, TASKS, generated

# sha256 of all rows of all splits, first 16 digits: rows must not change unnoticed,
# for stored runs and measured figures rest on them.
CHECKSUMS = {
    "tickets": "5f1c8d6a0d567c8c",
    "wrong_facts": "34baad358e322130",
    "replies": "d773253a951f00ad",
    "clinic": "bf32b06f7f7759df",
    "clauses": "7f2718a0b2a14393",
    "new_facts": "65309ef9fb1679cd",
    "sums": "26cd3d78c844523b",
    "diverse": "b2769908de9d25e1",
}


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
    assert all(len(task.rows(split)) >= 50 for split in SPLITS)


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


def test_rows_are_made_quickly(task):
    module = sys.modules[type(task).__module__]
    getattr(module, "_splits", generated._splits).cache_clear()
    start = time.process_time()
    task.rows("train")
    assert time.process_time() - start < 1


def test_no_row_asks_what_a_probe_asks(task):
    probed = {
        plain(json.loads(line)["prompt"])
        for file in (data_folder() / "probes").glob("*.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    assert len(probed) > 300
    assert not probed & {plain(row.prompt) for split in SPLITS for row in task.rows(split)}
