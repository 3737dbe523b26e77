"""The same sweep on a real Dask cluster of two processes on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib import sweep
from lablib.cli.main import main

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two worker processes, one of them with two threads."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
    ) as made:
        yield made


@pytest.mark.slow
def test_a_cluster_gives_the_same_scores_as_processes_here(cluster, five, tmp_path):
    dropout = [replace(job, config={**job.config, "mix_ratio": 0.5}) for job in five[:4]]
    with distributed.Client(cluster) as client:
        far = list(sweep.run(dropout, tmp_path / "far", client.get_executor(pure=False)))
    near = list(sweep.run(dropout, tmp_path / "near", workers=2))
    found = [
        {o.job.seed: replace(o.measured, cost=None) for o in outcomes} for outcomes in (far, near)
    ]
    assert not any(o.error or o.stored for o in (*far, *near))
    assert found[0] == found[1] and len(found[0]) == 4


@pytest.mark.slow
def test_the_command_line_uses_the_cluster_it_is_given(cluster, small, tmp_path, capsys):
    model, (task,) = small.model, small.tasks
    arguments = ["compare", "--model", model, "--task", task, "--seeds", "1", "--max-steps", "1",
                 "--max-length", "256", "--probe", "format", "--quick", "--quiet", "--folder",
                 str(tmp_path), "--cluster", cluster.scheduler_address]  # fmt: skip
    assert main(arguments) == 0
    assert "2 of 2 runs" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.json"))) == 2
