"""Seeds for every purpose, precision by what the hardware has, a home that can be written."""

import contextlib
import subprocess
import sys

import pytest
import torch

from lablib import runtime

CPU = torch.device("cpu")


def test_a_seed_is_derived_for_each_purpose_and_stays_the_same():
    seeds = {
        runtime.derive_seed(seed, purpose, step)
        for seed in range(3)
        for purpose in ("mix", "order")
        for step in range(50)
    }
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert runtime.derive_seed(0, "mix", 1) == 2301468274481748926
    assert runtime.derive_seed(0, "a", "b") != runtime.derive_seed(0, "ab")


def test_a_generator_repeats_itself():
    first, second = (torch.rand(5, generator=runtime.generator(1, "x")) for _ in range(2))
    assert torch.equal(first, second)


def test_seeded_decides_the_block_and_leaves_the_world_alone():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with runtime.seeded(CPU, 4):
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert torch.equal(before, torch.get_rng_state())


def test_a_block_that_fails_leaves_the_world_alone_too():
    before = torch.get_rng_state()
    with contextlib.suppress(KeyError), runtime.seeded(CPU, 4):
        torch.rand(3)
        raise KeyError
    assert torch.equal(before, torch.get_rng_state())


def test_the_cpu_computes_in_float32():
    with runtime.autocast(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_the_home_folder_is_made_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "new" / "home"))
    assert runtime.home_folder() == tmp_path / "new" / "home"
    assert runtime.home_folder().is_dir()


def test_a_home_that_cannot_be_made_is_named_with_a_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(OSError, match="LETHE_HOME"):
        runtime.home_folder()


def test_a_read_only_home_is_named_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    monkeypatch.setattr(runtime.os, "access", lambda *_: False)
    with pytest.raises(OSError, match=r"read-only.*LETHE_HOME"):
        runtime.home_folder()


def test_versions_name_what_can_change_a_result():
    versions = runtime.versions()
    assert versions["torch"] == torch.__version__.split("+")[0] or versions["torch"].startswith("2")
    assert {"python", "lablib", "transformers", "numpy"} <= set(versions)


def test_memory_is_measured_in_megabytes():
    assert 50 < runtime.memory_mb() <= runtime.peak_memory_mb() * 1.01 < 1e6


def test_the_peak_of_a_process_is_its_own_and_not_its_parents():
    inner = "from lablib import runtime; print(runtime.peak_memory_mb())"
    outer = (
        "import subprocess, sys; ballast = bytearray(b'x') * 1_200_000_000; "
        f"print(subprocess.check_output([sys.executable, '-c', {inner!r}], text=True))"
    )
    peak = float(subprocess.check_output([sys.executable, "-c", outer], text=True))
    assert 50 < peak < 1000


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is that of Linux wheels")
def test_released_threads_are_gone_and_come_back_when_needed():
    code = """
import os, torch
from lablib import runtime
def threads():
    return len(os.listdir("/proc/self/task"))
torch.set_num_threads(2)
a = torch.randn(300, 300)
first = (a @ a).exp().sum()
working = threads()
runtime.release_threads()
released = threads()
again = (a @ a).exp().sum()
print(working, released, threads(), torch.equal(first, again))
"""
    said = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    working, released, back = map(int, said[:3])
    assert released < working == back
    assert said[3] == "True"


def test_the_device_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("LETHE_DEVICE", "cpu")
    assert runtime.device() == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.device() == CPU
    monkeypatch.setenv("LETHE_DEVICE", "")
    assert runtime.device() == torch.device("cuda")


@pytest.mark.parametrize("asked", ["gpu", "cuda"])
def test_a_device_that_is_not_there_is_refused_in_words(monkeypatch, asked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LETHE_DEVICE", asked)
    with pytest.raises(ValueError, match=f"LETHE_DEVICE={asked} is not a device here: set it to"):
        runtime.device()
