"""Whole files only, whoever writes them at once."""

import json
import threading

import pytest

from lablib import atomic


def test_two_threads_never_leave_half_a_file(tmp_path):
    path = tmp_path / "deep" / "it.json"
    atomic.write_text(path, "[]")
    failures = []

    def work(mark):
        try:
            for i in range(200):
                atomic.write_text(path, json.dumps([mark] * (i % 50)))
                assert len(set(json.loads(path.read_text()))) <= 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and [p.name for p in path.parent.iterdir()] == ["it.json"]


def test_what_cannot_be_written_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "it.txt"
    atomic.write_text(path, "old")

    def full(draft):
        draft.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device.*choose a folder"):
        atomic.write(path, full)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
