"""``compare`` from the command line: its figures, its files, its refusals."""

from __future__ import annotations

import json

import pytest

from lablib.cli import compare as command
from lablib.cli.main import main
from lablib.methods import METHODS
from lablib.sweep import ARMS, Job
from lablib.sweep import run as run_here
from tests.sweep.test_execute import Here


@pytest.fixture
def arguments(small, tmp_path, monkeypatch):
    """Two seeds of a few steps on the tiny model, in this process."""

    def here(jobs, folder, executor, workers, threads):
        return run_here(jobs, folder, Here(), workers, threads)

    monkeypatch.setattr(command.sweep, "run", here)
    return ["compare", "--model", small.model, "--task", small.tasks[0], "--methods", "low_lr",
            "--seeds", "2", "--max-steps", "2", "--batch-size", "2", "--max-length", "256",
            "--test-rows", "2", "--probe", "knowledge", "--quick",
            "--folder", str(tmp_path / "runs")]  # fmt: skip


def test_it_prints_writes_and_resumes(arguments, tmp_path, capsys):
    files = {"--json": tmp_path / "out.json", "--html": tmp_path / "out.html"}
    arguments += [str(part) for pair in files.items() for part in pair]
    status = main(arguments)
    out = capsys.readouterr().out
    found = json.loads(files["--json"].read_text())
    assert status == (1 if found["failed"] else 0)
    assert "full" in out and "joint" in out and "the same command goes on" in out
    assert {"full", "joint"} <= set(found["arms"])
    assert found["arms"]["full"]["seeds"] == [0, 1] and found["arms"]["full"]["gain"]["n"] == 2
    assert found["command"].startswith("python -m lablib compare") and found["versions"]["torch"]
    assert len(found["runs"]) >= 4 and "answers" not in found["runs"][0]
    assert "<svg" in files["--html"].read_text()
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "runs").glob("*.json")}
    main([*arguments, "--quiet"])
    assert kept == {p.name: p.stat().st_mtime_ns for p in (tmp_path / "runs").glob("*.json")}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--methods", "full,nonsense"], "There is no method 'nonsense' to compare; choose from"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--match", "2"], "--match is a task score above 0 up to 1"),
        (["--set", "full"], "--set takes METHOD.FIELD=VALUE"),
        (["--set", "ewc9.strength=1"], "belongs to none of the methods"),
        (["--methods", "stm_threshold", "--set", "stm.threshold=9"], "is fixed by stm_threshold"),
        (["--max-steps", "0"], "max_steps must be a whole number from 1 up"),
        (["--epochs", "-1"], "epochs"),
        (["--lr", "2"], "above 0 and at most 1"),
        (["--mix", "2"], "mix ratio"),
        (["--mix", "0.1"], "none of low_lr mixes"),
        (["--general", "nonsense"], "There is no task 'nonsense'"),
        (["--probe", "nonsense"], "There is no probe 'nonsense'"),
        (["--task", "nonsense"], "A comparison is of one task, not of "),
        (["--model", "./nonsense"], "nonsense"),
        (["--json", "/no/such/folder/out.json"], "does not exist"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_runs(arguments, extra, said, tmp_path, capsys):
    assert main([*arguments, *extra]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_task_that_is_not_there_is_one_sentence(capsys):
    assert main(["compare", "--task", "nonsense"]) == 2
    assert "There is no task 'nonsense'" in capsys.readouterr().err


def test_rows_of_ones_own_are_mixed_in_and_are_part_of_the_key(arguments, tmp_path, capsys):
    file, out = tmp_path / "chats.jsonl", tmp_path / "out.json"
    arguments += ["--methods", "replay", "--seeds", "1", "--mix", "0.5", "--lr", "1e-4", "--quiet"]
    arguments += ["--general", str(file), "--json", str(out)]
    keys = []
    for answer in ("yes", "no"):
        file.write_text(json.dumps({"prompt": "Is it so?", "completion": answer}))
        assert main(arguments) == 0
        found = json.loads(out.read_text())
        (run,) = [run for run in found["runs"] if run["job"]["label"] == "replay"]
        assert run["job"]["general"] == str(file) and run["job"]["config"]["mix_ratio"] == 0.5
        assert run["facts"]["lr"] == 1e-4
        keys.append(Job.from_dict(run["job"]).key())
    assert keys[0] != keys[1]
    file.write_text(json.dumps({"prompt": "What is the capital of France?", "completion": "No."}))
    assert main(arguments) == 2
    assert "ask what a probe asks" in capsys.readouterr().err


def test_it_says_which_arm_keeps_a_setting_that_is_given(arguments, monkeypatch, capsys):
    monkeypatch.setattr(command.sweep, "run", lambda *_: (outcome for outcome in ()))
    main([*arguments, "--methods", "stm,stm_threshold", "--set", "stm.threshold=9", "--quiet"])
    said = "stm_threshold: stm.threshold stays as the arm has it; the value given is for the others"
    assert said in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_one_sentence(arguments, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(command, "PATIENCE", 0.5)
    assert main([*arguments, "--quiet", "--cluster", "tcp://127.0.0.1:9"]) == 2
    err = capsys.readouterr().err
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in err.splitlines()[-1]


def test_help_says_what_the_arms_are(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    out = capsys.readouterr().out
    assert all(word in out for word in ("matched task score", "--cluster"))
    assert all(f"  {name}" in out or f", {name}\n" in out for name in set(ARMS) - set(METHODS))
