"""Sweeps end to end on a tiny model: resumed, killed, interrupted, partly failing, measured."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
import torch

from lablib import sweep
from lablib.sweep import Measured, result_path, worker

SWEEP = """
import json, sys
from pathlib import Path
from lablib import sweep
if __name__ == "__main__":
    jobs = [sweep.Job.from_dict(job) for job in json.loads(sys.argv[1])]
    for outcome in sweep.run(jobs, Path(sys.argv[2]), workers=1):
        print(outcome.error or "ok", flush=True)
"""


class Here(Executor):
    """Does every job at once, in this thread; remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def submit(self, fn, /, *args, **kwargs):
        self.asked.append(args[0]["seed"])
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_worker_loads_a_model_anew_whose_files_have_changed(small, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(small.model, folder)
    before = worker._loaded(str(folder), "before")
    assert worker._loaded(str(folder), "before") is before
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert worker._loaded(str(folder), "after").tokenizer.chat_template.startswith("{{ messages")


def test_a_sweep_keeps_one_whole_file_a_job(five, tmp_path):
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(sweep.run([*five[:2], replace(five[0], label="again")], tmp_path, threads))
    assert sorted(o.job.seed for o in outcomes) == [0, 1]
    assert not any(o.error or o.stored for o in outcomes)
    assert sorted(tmp_path.iterdir()) == sorted(result_path(tmp_path, job) for job in five[:2])
    first = next(o.measured for o in outcomes if o.job.seed == 0)
    assert first.ended == "done" and first.steps == 2 and first.step == (0, 2)
    assert first.task_score is not None and first.gain == pytest.approx(0)
    assert first.displacement[0] == 0 < first.displacement[-1]
    assert 0 < first.kl_per_token <= first.kl
    assert first.cost.trained_bytes == sum(
        p.nbytes for p in worker._loaded(five[0].model, "").model.parameters()
    )
    assert first.facts["machine"]["threads"] == 1 and first.facts["lr"] == 1e-3


def test_what_is_done_is_not_done_again(five, tmp_path):
    here = Here()
    list(sweep.run(five[:2], tmp_path, here))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    result_path(tmp_path, five[2]).write_text("{")  # of another program
    outcomes = list(sweep.run(five[:3], tmp_path, here))
    assert here.asked == [0, 1, 2]
    assert [o.stored for o in outcomes] == [True, True, False]
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())


def test_the_same_job_gives_the_same_scores_whatever_the_threads_of_its_caller(small, tmp_path):
    before = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            answer = worker.do(small.to_dict(), str(tmp_path / "absent"))
            found.append(replace(Measured.from_json(answer["result"]), cost=None))
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
    assert not (tmp_path / "absent").exists()


def test_a_result_from_a_machine_without_the_folder_is_written_here(small, tmp_path):
    class Far(Here):
        def submit(self, fn, job, folder, threads):
            return super().submit(fn, job, "/nowhere", threads)

    list(sweep.run([small], tmp_path, Far()))
    assert result_path(tmp_path, small).exists()


def test_one_failing_job_does_not_lose_the_others(five, tmp_path):
    broken = replace(five[1], tasks=("/no/such/file.jsonl",))
    outcomes = list(sweep.run([five[0], broken, five[2]], tmp_path, Here()))
    assert [bool(o.error) for o in outcomes] == [False, True, False]
    assert "/no/such/file.jsonl" in outcomes[1].error and "\n" not in outcomes[1].error
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_that_diverges_is_a_result(small, tmp_path):
    config = {**small.config, "lr": 1.0, "max_steps": 20, "clip": 1e30, "epochs": 9.0}
    hot = replace(small, config=config)
    (outcome,) = sweep.run([hot], tmp_path, Here())
    assert (outcome.error == "" and outcome.measured.task_score is not None) or (
        outcome.measured.ended == "diverged" and outcome.measured.gain is None
    )


def test_points_that_early_stopping_threw_away_are_left_out(small, tmp_path):
    rule = {"monitor": "validation", "patience": 1, "min_change": 100.0}
    config = {**small.config, "probe_every": 1, "max_steps": 5, "early_stopping": rule}
    (outcome,) = sweep.run([replace(small, config=config)], tmp_path, Here())
    run = outcome.measured
    assert run.ended == "early stopping" and run.steps == 1
    assert run.step == (0,) and run.displacement == (0.0,)  # only the base was good enough
    assert run.kl == pytest.approx(0, abs=1e-6)  # its weights are those that are measured


def test_the_last_point_counts_where_early_stopping_was_content(small, tmp_path):
    rule = {"monitor": "validation", "patience": 9, "min_change": 0.0}
    config = {**small.config, "max_steps": 4, "probe_every": 9, "early_stopping": rule}
    (outcome,) = sweep.run([replace(small, config=config)], tmp_path, Here())
    assert outcome.measured.ended == "done" and outcome.measured.step == (0, 4)


def test_preparing_is_priced(small, tmp_path):
    ewc = replace(small, method="ewc", settings={"ewc.n_rows": 4})
    stm = replace(small, method="stm")
    costs = [o.measured.cost for o in sweep.run([small, ewc, stm], tmp_path, Here())]
    assert [cost.extra_forwards > 0 for cost in costs] == [False, True, True]
    assert all(cost.extra_tokens > cost.extra_forwards for cost in costs[1:])
    assert 0 <= costs[0].model_bytes - costs[0].trained_bytes < 1000  # buffers


def test_an_interrupt_cancels_what_has_not_begun(five, tmp_path):
    class Interrupted(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, fn, /, *args, **kwargs):
            self.futures.append(Future())
            if len(self.futures) == 1:
                self.futures[0].set_result(fn(*args, **kwargs))
            return self.futures[-1]

    executor = Interrupted()
    outcomes = sweep.run(five[:3], tmp_path, executor)
    assert next(outcomes).job.seed == 0
    with pytest.raises(KeyboardInterrupt):
        outcomes.throw(KeyboardInterrupt)
    assert [f.cancelled() for f in executor.futures] == [False, True, True]


def test_a_folder_that_cannot_be_made_is_one_sentence(five, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="choose another folder"):
        list(sweep.run(five, tmp_path / "file" / "below"))


def test_killed_half_way_and_started_again_it_loses_and_repeats_nothing(five, tmp_path, root):
    jobs = [replace(job, config={**job.config, "max_steps": 15}) for job in five]
    folder = tmp_path / "runs"
    text = json.dumps([job.to_dict() for job in jobs])
    script = tmp_path / "sweep.py"
    script.write_text(SWEEP)
    begun = subprocess.Popen(
        [sys.executable, script, text, folder], env={**os.environ, "PYTHONPATH": str(root)}
    )
    deadline = time.monotonic() + 120
    while len(list(folder.glob("[!.]*.json")) if folder.exists() else []) < 2:
        assert begun.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    helpers = psutil.Process(begun.pid).children(recursive=True)
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    _, alive = psutil.wait_procs(helpers, timeout=20)
    assert not alive  # no worker goes on by itself
    done = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.glob("[!.]*.json")}
    assert 2 <= len(done) < 5
    for path in done:
        Measured.from_json(path.read_text())  # whole
    here = Here()
    outcomes = list(sweep.run(jobs, folder, here))
    assert len(outcomes) == 5 and not any(o.error for o in outcomes)
    assert len(here.asked) == 5 - len(done)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in done} == done


def test_a_worker_that_dies_is_said_of_every_job(five, tmp_path, monkeypatch):
    class Broken(Executor):
        def submit(self, fn, /, *args, **kwargs):
            raise BrokenExecutor("a process ended abruptly")

    outcomes = list(sweep.run(five[:3], tmp_path, Broken()))
    assert len(outcomes) == 3 and all("ended abruptly" in o.error for o in outcomes)
