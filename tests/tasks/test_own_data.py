"""Own data: every good form is read, every bad one refused in one sentence."""

import codecs
import gzip
import json
import re

import pytest

from lablib import tasks
from lablib.tasks import DataError, readers


def pairs(n=20):
    return [{"prompt": f"Question {i}?", "completion": f"Answer {i}."} for i in range(n)]


def jsonl(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def load(content, name="mine.jsonl", **options):
    return tasks.load(content, filename=name, **options)


def prompts(task):
    return [row.prompt for split in tasks.SPLITS for row in task.rows(split)]


def refused(content, name="mine.jsonl", **options):
    """The message of the error, which must be one sentence without a traceback's noise."""
    with pytest.raises((ValueError, OSError)) as caught:
        load(content, name, **options)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 700
    return message


def test_prompt_and_completion_from_a_file(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(jsonl(pairs()))
    task = tasks.load(path)
    assert task.name == "mine.jsonl"
    assert sorted(prompts(task)) == sorted(record["prompt"] for record in pairs())
    assert [len(task.rows(split)) for split in tasks.SPLITS] == [16, 2, 2, 0]
    assert task.summary == "Your own data: 16 train, 2 validation, 2 test, 0 shifted rows."
    assert tasks.load(str(path)).rows("test") == task.rows("test")


def test_the_seed_draws_the_split():
    content = jsonl(pairs(50))
    assert load(content, seed=1).rows("test") == load(content, seed=1).rows("test")
    assert load(content, seed=1).rows("test") != load(content, seed=2).rows("test")


def test_rows_with_the_same_prompt_stay_together_and_copies_go():
    records = pairs(30) + pairs(30) + [{"prompt": "question 3", "completion": "Another."}]
    task = load(jsonl(records))
    keys = {
        split: {re.sub(r"\W", "", row.prompt.lower()) for row in task.rows(split)}
        for split in tasks.SPLITS
    }
    assert not keys["train"] & keys["test"] and not keys["train"] & keys["validation"]
    assert len(prompts(task)) == 31


@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Be brief."}]])
def test_messages(system):
    records = [
        {"messages": [*system, {"role": "user", "content": f"Q{i}"},
                      {"role": "assistant", "content": f"A{i}"}]}
        for i in range(12)
    ]  # fmt: skip
    row = load(jsonl(records)).rows("test")[0]
    assert row.prompt == ("Be brief.\n\n" if system else "") + "Q" + row.completion[1:]


def test_conversational_prompt_and_completion():
    records = [
        {"prompt": [{"role": "user", "content": f"Q{i}"}],
         "completion": [{"role": "assistant", "content": f"A{i}"}]}
        for i in range(12)
    ]  # fmt: skip
    assert load(jsonl(records)).rows("train")[0].prompt.startswith("Q")


@pytest.mark.parametrize(
    ("record", "prompt"),
    [
        ({"instruction": "Q", "input": "with this", "output": "A"}, "Q\n\nwith this"),
        ({"instruction": "Q", "input": "", "output": "A"}, "Q"),
        ({"prompt": "Q", "answer": "A"}, "Q"),
        ({"prompt": "Q", "response": "A"}, "Q"),
        ({"question": "Q", "answer": "A"}, "Q"),
        ({"Prompt": "Q", " Completion": "A"}, "Q"),
        ({"system": "Be brief.", "prompt": "Q", "completion": "A"}, "Be brief.\n\nQ"),
        ({"system": None, "prompt": "Q", "completion": "A"}, "Q"),
        ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "Q"),
    ],
)
def test_common_shapes(record, prompt):
    rows = tasks.read_rows(jsonl([record]), filename="mine.jsonl")
    assert rows == (tasks.Row(prompt, "A"),)


def test_a_longer_talk_is_refused_with_the_remedy():
    talk = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    message = refused(jsonl([{"messages": talk}] * 12))
    assert "(found: user, assistant, user, assistant); make a row of each exchange" in message


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("    return 40\n", "    return 40"),
        ("\n  \n\treturn 40", "\treturn 40"),
        (" Paris", "Paris"),
        ("  two\nlines ", "  two\nlines"),
    ],
)
def test_answers_keep_their_indentation(answer, kept):
    rows = tasks.read_rows(jsonl([{"prompt": " Q ", "completion": answer}]), filename="m.jsonl")
    assert rows[0].completion == kept and rows[0].prompt == "Q"


def test_columns_that_are_not_used_are_named():
    records = [{**record, "id": i, "source": ""} for i, record in enumerate(pairs())]
    records += [{"question": "Q", "answer": "A", "Topic": "x", "system": "S"}]
    assert load(jsonl(records)).notices == ("Columns of mine.jsonl that are not used: id, topic.",)
    assert load(jsonl(pairs())).notices == ()


def table(between, header="Prompt,Completion"):
    lines = [header, *(f'"Is it {i}, or more, or less?",A{i}' for i in range(12))]
    return "\n".join(lines).replace('",', f'"{between}').replace("t,C", f"t{between}C")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (table(";").encode(), "mine.csv"),
        (table("\t").encode(), "mine.csv"),
        (table("\t").encode(), "mine.tsv"),
        (gzip.compress(table(",").encode()), "mine.csv.gz"),
        (table(";").encode("utf-16"), "mine.csv"),
        (codecs.BOM_UTF16_BE + table(",").encode("utf-16-be"), "mine.csv"),
    ],
)
def test_tables_of_every_kind(content, name):
    task = load(content, name)
    assert sorted(prompts(task)) == sorted(f"Is it {i}, or more, or less?" for i in range(12))


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_and_json_lines_under_its_name(indent):
    records = pairs()
    array = json.dumps(records, indent=indent).encode()
    assert len(prompts(load(array, "mine.json"))) == 20
    assert len(prompts(load(gzip.compress(array), "mine.json.gz"))) == 20
    assert len(prompts(load(jsonl(records), "mine.json"))) == 20
    records[2] = {"prompt": "Q"}
    line = 1 if indent is None else 10
    assert f"(line {line}: completion is missing)" in refused(
        json.dumps(records, indent=indent).encode(), "mine.json"
    )


def test_rows_without_any_text_are_no_rows():
    lines = ["prompt,completion", ",", *(f"Q{i},A{i}" for i in range(12)), " , ", ","]
    task = load("\n".join(lines).encode(), "mine.csv")
    assert len(prompts(task)) == 12 and not task.dropped


def test_prompts_that_differ_in_a_sign_are_different_prompts():
    signs = [{"prompt": f"{i} {sign} 1?", "completion": "x"} for i in range(4) for sign in "+-*"]
    task = load(jsonl(signs))
    assert [len(task.rows(split)) for split in tasks.SPLITS] == [10, 1, 1, 0]
    alike = [{"prompt": f"{'so ' * 3}{mark}", "completion": str(i)} for i in range(4)
             for mark in ("?", "!", "")]  # fmt: skip
    assert "1 usable rows with different prompts (case, spaces" in refused(jsonl(alike))


def test_csv_with_quotes_line_breaks_and_byte_order_mark():
    lines = ["prompt,completion,note", '"Hello, ""you""",first,x', '"two\nlines",second,x']
    lines += [f"Q{i},A{i},x" for i in range(10)]
    task = load("\ufeff".encode() + "\r\n".join(lines).encode(), "mine.csv")
    assert {'Hello, "you"', "two\nlines"} <= set(prompts(task))


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "mine.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(pairs()), path)
    assert len(prompts(tasks.load(path))) == 20
    assert "not a readable Parquet file" in refused(b"PAR1 and rubbish", "bad.parquet")


def test_every_malformed_row_is_reported_with_its_line():
    good = [json.dumps(record) for record in pairs()]
    bad = [
        '{"prompt": "p", "completion": }',
        '{"prompt": "p", "completion": "  "}',
        '{"prompt": 7, "completion": "c"}',
        '{"prompt": "p"}',
        '["p", "c"]',
        '{"ask": "p", "reply": "c"}',
        '{"messages": [{"role": "user", "content": "p"}]}',
        '{"messages": "p"}',
        '{"prompt": "\\ud800", "completion": "c"}',
        json.dumps({"prompt": "p" * 20_001, "completion": "c"}),
        "[" * 100_000,
    ]
    content = "\n".join(good[:3] + bad + ["", *good[3:]]).encode()
    with pytest.raises(DataError) as caught:
        load(content)
    problems = caught.value.problems
    assert [problem.line for problem in problems] == list(range(4, 15))
    reasons = " | ".join(problem.reason for problem in problems)
    for words in (
        "not valid JSON",
        "completion is empty",
        "prompt is not text but int",
        "completion is missing",
        "not an object with named columns",
        "no columns that are known (found: ask, reply)",
        "one user turn and one assistant turn (found: user)",
        "messages is not a list of turns",
        "lone surrogate",
        "20,002 characters, where 20,000 are allowed",
    ):
        assert words in reasons
    message = refused(content)
    assert message.startswith("11 of 31 rows of mine.jsonl cannot be used (line 4: not valid JSON")
    assert "and 8 more" in message and "drop_bad_rows=True" in message


def test_bad_rows_are_dropped_only_on_request():
    content = jsonl(pairs()) + b"nonsense\n"
    assert "line 21" in refused(content)
    task = load(content, drop_bad_rows=True)
    assert len(prompts(task)) == 20
    assert [problem.line for problem in task.dropped] == [21]
    assert task.notices[0].startswith("Rows of mine.jsonl left out: 1, the first line 21: not")


def test_rows_to_rehearse_are_all_there_is_however_few():
    content = jsonl([*pairs(2), *pairs(1)])
    rows = tasks.read_rows(content, filename="mine.jsonl")
    assert [row.prompt for row in rows] == ["Question 0?", "Question 1?", "Question 0?"]
    assert tasks.read_rows("clauses") == tuple(tasks.load("clauses").rows("train"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "mine.jsonl is empty"), (jsonl([*pairs(3), {"prompt": "x"}]), "completion is missing")],
)
def test_rows_to_rehearse_are_refused_like_those_of_a_task(content, words):
    with pytest.raises(tasks.DataError, match=words):
        tasks.read_rows(content, filename="mine.jsonl")
    with pytest.raises(ValueError, match="no task 'claims'"):
        tasks.read_rows("claims")
    only_bad = jsonl([{"prompt": "x"}])
    with pytest.raises(tasks.DataError, match="no usable row"):
        tasks.read_rows(only_bad, filename="mine.jsonl", drop_bad_rows=True)


def test_wrong_columns_are_said_once():
    message = refused(jsonl([{"input": "a", "output": "b"}] * 30))
    assert message == (
        "mine.jsonl cannot be used: no columns that are known (found: input, output); known are "
        "prompt/completion, prompt/response, prompt/answer, question/answer, instruction/output, "
        "messages, conversations."
    )


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "mine.jsonl", "mine.jsonl is empty"),
        (b"\n\n", "mine.jsonl", "mine.jsonl is empty"),
        (b"prompt,completion\n", "mine.csv", "mine.csv is empty"),
        (jsonl(pairs(3)), "mine.jsonl", "3 usable rows"),
        ("prompt,completion\nfür,ä".encode("latin-1"), "mine.csv", "not UTF-8 text (line 2)"),
        (gzip.compress(jsonl(pairs()))[:-20], "mine.jsonl.gz", "not a readable gzip file"),
        (b"prompt,completion", "mine.csv.gz", "not a readable gzip file"),
        (b'[{"prompt": "p"},\n\n{"prompt": ]', "mine.json", "begins on line 3"),
        (b'[{"prompt": "p"}', "mine.json", "mine.json is not valid JSON"),
        (jsonl(pairs()), "mine.xlsx", "ending .xlsx"),
        (jsonl(pairs()), "", "ending (none)"),
        (b'prompt,completion\na,b,c\n"x,y\n', "mine.csv", "line 2: 3 cells where the header has 2"),
        (b'prompt,completion\na,b\n"x,y\n', "mine.csv", "line 3: not valid CSV"),
        (b"prompt,completion\n" + b"x" * 200_000 + b",y\n", "mine.csv", "field larger"),
    ],
)
def test_what_is_refused(content, name, words):
    assert words in refused(content, name)


def test_a_file_that_is_too_large_is_refused_before_reading(monkeypatch, tmp_path):
    monkeypatch.setattr(readers, "MAX_BYTES", 100)
    path = tmp_path / "mine.jsonl"
    path.write_bytes(jsonl(pairs()))
    with pytest.raises(ValueError, match="are allowed: train on a part of it"):
        tasks.load(path)
    assert "are allowed" in refused(jsonl(pairs()))


def test_missing_files_folders_and_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="There is no task 'ticket': choose one of tickets"):
        tasks.load("ticket")
    with pytest.raises(OSError, match=r"There is no file 'no/such\.csv'"):
        tasks.load("no/such.csv")
    with pytest.raises(ValueError, match="is a folder"):
        tasks.load(tmp_path)
    assert tasks.load("tickets").name == "tickets"


def test_a_hub_data_set_keeps_its_own_splits(monkeypatch):
    datasets = pytest.importorskip("datasets")
    parts = {"train": pairs(40), "test": [{"prompt": "Extra?", "completion": "Yes."}]}
    monkeypatch.setattr(datasets, "load_dataset", lambda name: parts)
    task = tasks.load("owner/name")
    assert [row.prompt for row in task.rows("test")] == ["Extra?"]
    assert len(task.rows("validation")) == 4
    assert task.name == "owner/name"
    parts["test"] = [{**record, "prompt": record["prompt"].upper()} for record in pairs(40)]
    with pytest.raises(DataError, match="nothing to train on: each of its 40 different prompts"):
        tasks.load("owner/name")


def test_the_hub_out_of_reach_is_one_sentence():
    pytest.importorskip("datasets")
    with pytest.raises(OSError, match=r"'owner/no-such-set' could not be loaded from the hub"):
        tasks.load("owner/no-such-set")
