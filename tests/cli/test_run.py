"""Whole runs from the command line, on ``mini``."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from lablib import experiment, models
from lablib.cli.main import MISTAKE, main
from lablib.cli.run import INTERRUPTED, signals_stop
from lablib.controls import Controls
from lablib.methods import Full
from lablib.train import checkpoint

SHORT = ["run", "--max-steps", "2", "--batch-size", "4", "--quick", "--probe", "knowledge"]


def test_a_run_writes_everything_it_measured(tmp_path, capsys):
    file, folder = tmp_path / "out.json", tmp_path / "tuned"
    arguments = [*SHORT, "--mix", "0.5", "--seed", "3", "--json", str(file), "--save", str(folder)]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "knowledge" in out and "done after 2 steps" in out and str(file) in out
    assert "2/2" in err and "loss" in err and "kept" in err  # the progress bar
    found = json.loads(file.read_text())
    assert found["finished"] == "done" and found["steps"] == 2 and found["seed"] == 3
    assert found["model"] == "mini" and found["tasks"] == ["tickets"]
    assert set(found["base"]["knowledge"]) >= {"says", "knows", "n"}
    assert set(found["final"]) == {"knowledge"}
    assert isinstance(found["task"]["base"], float) and isinstance(found["task"]["final"], float)
    assert [point["step"] for point in found["curve"]][-1] == 2
    assert found["config"]["mix_ratio"] == 0.5 and found["config"]["batch_size"] == 4
    assert found["steps_per_s"] > 0 and 0 < found["probe_share"] < 1
    assert found["first_point_s"] > 0 and found["peak_rss_mb"] > 100
    assert found["versions"]["torch"] and found["changes"] == []
    saved, base = models.load(str(folder)), models.load("mini")
    assert saved.n_parameters == base.n_parameters and saved.digest != base.digest


def test_what_of_own_rows_is_not_used_is_said_and_kept(tmp_path, capsys):
    source, file = tmp_path / "mine.jsonl", tmp_path / "out.json"
    rows = [{"prompt": f"{i} is {'very ' * 200 * (i % 2)}what?", "completion": "so", "id": i}
            for i in range(40)]  # fmt: skip
    source.write_text("".join(json.dumps(row) + "\n" for row in rows) + "nonsense\n")
    arguments = [*SHORT, "--quiet", "--task", str(source), "--train-rows", "12"]
    assert main(arguments) == 2
    assert "with --drop-bad-rows" in capsys.readouterr().err
    assert main([*arguments, "--drop-bad-rows", "--json", str(file)]) == 0
    out, err = capsys.readouterr()
    found = json.loads(file.read_text())["rows"]["mine.jsonl"]
    assert (found["used"], found["there"]) == (12, 32) and 0 < found["cut"] < 12
    assert "Columns of mine.jsonl that are not used: id." in out
    assert "Rows of mine.jsonl left out: 1, the first line 41: not valid JSON" in out
    assert "mine.jsonl: 12 of 32 training rows are used; --train-rows raises it." in out
    cut = f"mine.jsonl: {found['cut']} of 12 training prompts were cut at their beginning to fit"
    assert f"{cut} 128 tokens (--max-length)." in out
    assert "sequence length" not in err  # of transformers, which knows nothing of the cut


def test_nothing_is_said_of_a_task_of_the_course(capsys):
    assert main([*SHORT, "--quiet"]) == 0
    assert "training" not in capsys.readouterr().out


def test_the_mixture_is_chosen_by_options(tmp_path, capsys):
    file = tmp_path / "out.json"
    arguments = ["--method", "replay", "--general", "diverse", "--mix-unit", "tokens"]
    rest = ["--mix-budget", "additive", "--quiet", "--json", str(file)]
    assert main([*SHORT, *arguments, *rest]) == 0
    config = json.loads(file.read_text())["config"]
    assert config["mix_unit"] == "tokens" and config["mix_budget"] == "additive"
    assert config["mix_ratio"] == 0.2  # what replay starts with


def test_the_same_seed_gives_the_same_losses(tmp_path, capsys):
    losses = []
    for seed in (1, 1, 2):
        file = tmp_path / "out.json"
        assert main([*SHORT, "--quiet", "--seed", str(seed), "--json", str(file)]) == 0
        losses.append(json.loads(file.read_text())["losses"])
    assert losses[0] == losses[1] != losses[2]


def test_a_run_that_fails_keeps_what_was_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        Full, "loss", lambda self, model, batch, outputs: model.lm_head.weight.sum() / 0
    )
    file = tmp_path / "out.json"
    assert main([*SHORT, "--quiet", "--json", str(file)]) == 1
    err = capsys.readouterr().err
    assert "the run failed" in err and "Traceback" not in err
    found = json.loads(file.read_text())
    assert found["finished"].startswith("failed") and found["base"]["knowledge"]["n"] > 0


def failing(monkeypatch, after, what):
    """Let the loss call ``what()`` in every step after the first ``after``."""
    plain, calls = Full.loss, []

    def loss(self, model, batch, outputs):
        calls.append(1)
        return plain(self, model, batch, outputs) * (what() if len(calls) > after else 1)

    monkeypatch.setattr(Full, "loss", loss)


def test_a_run_that_diverges_saves_the_weights_it_says_it_keeps(tmp_path, capsys, monkeypatch):
    failing(monkeypatch, 1, lambda: math.nan)
    assert main([*SHORT, "--quiet", "--save", str(tmp_path / "tuned")]) == 1
    out, err = capsys.readouterr()
    assert "the weights of step 1 are kept" in err and "after step 1 is in" in out
    assert models.load(str(tmp_path / "tuned")).digest != models.load("mini").digest


def test_a_first_step_without_a_number_is_not_put_down_to_the_rate(capsys, monkeypatch):
    failing(monkeypatch, 0, lambda: math.nan)
    assert main([*SHORT, "--quiet"]) == 1
    assert "no learning rate does that" in capsys.readouterr().err


def test_the_same_command_goes_on_from_its_checkpoint(tmp_path, capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    line = ["run", "--quiet", "--max-steps", "5", "--quick", "--probe", "knowledge"]
    assert main([*line, "--save", str(whole)]) == 0
    kept = ["--checkpoint", str(tmp_path / "kept"), "--json", str(tmp_path / "out.json")]
    with monkeypatch.context() as patch:
        failing(patch, 4, interrupt)  # after the point at step 2 and the save that follows it
        assert main([*line, *kept]) == INTERRUPTED
    capsys.readouterr()
    assert main([*line, *kept, "--save", str(parts)]) == 0
    assert "Going on after step 3" in capsys.readouterr().err
    assert models.load(str(parts)).digest == models.load(str(whole)).digest
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["steps"] == 5 and [point["step"] for point in found["curve"]] == [0, 2, 5]
    assert main([*line, *kept, "--max-seconds", "9"]) == MISTAKE
    assert "begun with another max_seconds" in capsys.readouterr().err


def test_a_model_that_cannot_be_saved_leaves_the_scores(tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(experiment, "save_model", full)
    assert main([*SHORT, "--quiet", "--save", str(tmp_path / "tuned")]) == 1
    out, err = capsys.readouterr()
    assert "done after 2 steps" in out and "could not be saved" in err and "no space left" in err


def test_a_checkpoint_that_cannot_be_written_loses_no_model(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save", full)
    kept = ["--checkpoint", str(tmp_path / "kept"), "--save", str(tmp_path / "tuned")]
    assert main([*SHORT, "--quiet", *kept]) == 1
    assert "no space left" in capsys.readouterr().err
    assert (tmp_path / "tuned/model.safetensors").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no terminals to outlive")
def test_what_is_ignored_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_stop(Controls()):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_adapters_can_be_saved_merged(tmp_path):
    line = [*SHORT, "--quiet", "--method", "lora", "--merge", "--save", str(tmp_path / "tuned")]
    assert main(line) == 0
    assert (tmp_path / "tuned/config.json").exists()
    assert not (tmp_path / "tuned/adapter_config.json").exists()


def test_examples_that_are_not_mixed_in_are_told(capsys):
    assert main([*SHORT, "--quiet", "--general", "world"]) == 0
    assert "Nothing of world is mixed in" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="no signals for other processes on Windows")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_measured(tmp_path, sent):
    file, folder = tmp_path / "out.json", tmp_path / "tuned"
    process = subprocess.Popen(
        [sys.executable, "-m", "lablib", "run", "--quick", "--probe", "knowledge",
         "--epochs", "1000", "--json", str(file), "--save", str(folder)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    try:
        seen = ""
        while "training" not in seen:
            part = process.stderr.read(64)
            assert part, seen
            seen += part
        pressed = time.monotonic()
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Traceback" not in err and "interrupted after" in out
    found = json.loads(file.read_text())
    assert found["finished"] == "interrupted" and found["steps"] >= 1
    assert (folder / "model.safetensors").exists()
    assert time.monotonic() - pressed < 45
