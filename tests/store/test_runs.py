"""The run store: what goes in comes out, and a crash costs one probe interval at most."""

import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from lablib.events import Finished, Probed, Progress, Score, Started, StepDone
from lablib.history import History
from lablib.store import RunStore, runs


def started(run_id="r1", seed=0):
    config = {"name": "first try", "lr": 1e-3}
    return Started(run_id, "mini", ("tickets",), "full", seed, 100, config, {"torch": "2.13"})


def step(number):
    return StepDone(number, "tickets", 0.1, 2.5, 0.0, 1e-3, 0.0, 0, 16, 100, 0.05)


def probed(number):
    score = Score(0.5, 0.75, 4, (1, 1, 0, 0), (1, 1, 1, 0), {"bits": 1.5})
    return Probed(number, "tickets", {"knowledge": score}, {"tickets": 0.5}, False, 0.1, 0.0, None)


def fill(store, run_id="r1", steps=10):
    events = [started(run_id), probed(0), *(step(i) for i in range(1, steps + 1)), probed(steps)]
    events.append(Finished(steps, "done", 1.0))
    for event in events:
        store.record(run_id, event)
    return events


@pytest.fixture
def store(tmp_path):
    with RunStore(tmp_path / "runs.sqlite") as opened:
        yield opened


def test_events_come_back_as_they_went_in(store):
    events = fill(store)
    assert store.events("r1") == events
    assert store.history("r1") == History.of(events)


def test_progress_is_not_kept(store):
    store.record("r1", started())
    store.record("r1", Progress("probing", 1, 2))
    assert store.events("r1") == [started()]


def test_runs_are_listed_newest_first_with_what_tells_them_apart(store):
    fill(store, "r1")
    store.record("r2", started("r2", seed=7))
    newest, oldest = store.runs()
    assert (newest.run_id, newest.seed, newest.reason) == ("r2", 7, None)
    assert (oldest.run_id, oldest.name, oldest.model) == ("r1", "first try", "mini")
    assert (oldest.tasks, oldest.method, oldest.reason) == (("tickets",), "full", "done")
    assert oldest.config["lr"] == 1e-3 and oldest.versions["torch"] == "2.13"


def test_a_run_that_is_not_there_is_named(store):
    with pytest.raises(ValueError, match="no run 'r9'"):
        store.events("r9")


def test_a_deleted_run_is_gone_with_its_events(store):
    fill(store, "r1"), fill(store, "r2")
    store.delete("r1")
    assert [run.run_id for run in store.runs()] == ["r2"]
    count = sqlite3.connect(store.path).execute("SELECT count(DISTINCT run_id) FROM events")
    assert count.fetchone() == (1,)


def test_what_was_written_is_there_after_reopening(tmp_path):
    with RunStore(tmp_path / "runs.sqlite") as store:
        events = fill(store)
    with RunStore(tmp_path / "runs.sqlite") as store:
        assert store.events("r1") == events


def test_a_resumed_run_goes_on_where_it_ended(tmp_path):
    with RunStore(tmp_path / "runs.sqlite") as store:
        events = fill(store)
    with RunStore(tmp_path / "runs.sqlite") as store:
        store.record("r1", probed(20))
        assert store.events("r1") == [*events, probed(20)]


def test_one_thread_writes_while_others_read(store):
    store.record("r1", started())
    failures = []

    def read():
        try:
            for _ in range(30):
                found = store.events("r1")
                steps = [e.step for e in found if isinstance(e, StepDone)]
                assert steps == list(range(1, len(steps) + 1))
                store.runs()
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for i in range(1, 301):
        store.record("r1", step(i))
        if i % 10 == 0:
            store.record("r1", probed(i))
    for thread in readers:
        thread.join(timeout=60)
    assert not failures
    assert len(store.events("r1")) == 331


def test_two_stores_on_one_file_write_side_by_side(tmp_path):
    one, two = (RunStore(tmp_path / "runs.sqlite") for _ in range(2))
    threads = [
        threading.Thread(target=fill, args=(store, run_id))
        for store, run_id in ((one, "r1"), (two, "r2"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(one.events("r1")) == len(one.events("r2")) == 14
    one.close(), two.close()


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from lablib.events import StepDone
from lablib.store import RunStore
from tests import tiny
run = tiny.run(epochs=10.0, probe_early=False, probe_every=10)
store = RunStore({path!r})
for event in run:
    store.record("r1", event)
    if isinstance(event, StepDone) and event.step == 37:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kernel_killed_in_the_middle_of_a_run_loses_at_most_the_last_probe_interval(
    tmp_path, root
):
    path = tmp_path / "runs.sqlite"
    code = KILLED.format(path=str(path), root=str(root))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, timeout=300)
    assert done.returncode == -signal.SIGKILL
    with RunStore(path) as store:
        history = store.history("r1")
        assert store.notice == ""
        assert store.runs()[0].reason is None
    assert [s.step for s in history.steps] == list(range(1, 31))
    assert [p.step for p in history.points()] == [0, 10, 20, 30]
    assert history.finished is None


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, None])
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path, content):
    path = tmp_path / "runs.sqlite"
    if content is None:  # a real one with its middle overwritten
        with RunStore(path) as store:
            for i in range(20):
                fill(store, f"r{i}", steps=50)
        data = bytearray(path.read_bytes())
        data[4096 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4096)
        content = bytes(data)
    path.write_bytes(content)
    with RunStore(path) as store:
        assert "damaged" in store.notice and store.notice.endswith(".")
        assert store.runs() == []
        fill(store)
    (aside,) = tmp_path.glob("runs-damaged-*.sqlite")
    assert aside.read_bytes() == content
    assert aside.name in store.notice


def test_a_folder_that_cannot_be_written_is_named_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="LETHE_HOME"):
        RunStore(tmp_path / "file" / "runs.sqlite")


def test_a_read_only_file_is_reported_in_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "runs.sqlite"
    RunStore(path).close()

    def read_only(_store):  # chmod would not do: the tests may run as root
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)

    monkeypatch.setattr(RunStore, "_connect", read_only)
    with pytest.raises(OSError, match=r"readonly.*LETHE_HOME"):
        RunStore(path).record("r1", started())


def test_a_full_disk_is_reported_in_one_sentence(store):
    store.record("r1", started())
    store._connection.execute("PRAGMA max_page_count = 8")
    with pytest.raises(OSError, match=r"full.*Free some space"):
        for i in range(5000):
            store.record("r1", probed(i))
    store._connection.execute("PRAGMA max_page_count = 100000")  # there is room again
    assert [e.step for e in store.events("r1")[1:]] == list(range(i + 1))


def test_many_steps_without_a_probe_do_not_pile_up(store):
    store.record("r1", started())
    for i in range(1, 3 * runs.MAX_UNWRITTEN):
        store.record("r1", step(i))
        assert len(store._unwritten["r1"]) < runs.MAX_UNWRITTEN


def test_the_default_place_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "home"))
    with RunStore() as store:
        assert store.path == tmp_path / "home" / "runs.sqlite"
