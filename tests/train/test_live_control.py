"""What a learner may do while a run is under way: change, pause, step, ask, stop."""

import threading
import time

import pytest

from lablib.controls import Controls
from lablib.events import Answered, ControlChanged, Finished, Probed, Progress, StepDone, TaskDone
from lablib.methods import METHODS, Method
from lablib.methods.base import setting
from lablib.train import Watch
from tests import tiny

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}


def started(**options):
    """A run with its controls, and its events from the first step on."""
    controls = Controls()
    run = tiny.run(controls=controls, **({"probes": []} | QUIET | options))
    return run, controls, iter(run)


def next_step(events, skipped=None):
    for event in events:
        if isinstance(event, StepDone):
            return event
        if skipped is not None:
            skipped.append(event)
    raise AssertionError("no further step")


@pytest.mark.parametrize(("name", "value"), [("lr", 1e-4), ("mix_ratio", 1.0), ("epochs", 2.0)])
def test_a_change_shows_in_the_events_at_the_next_step(name, value):
    _, controls, events = started()
    assert next_step(events).step == 1
    controls.set(name, value)
    between = []
    step = next_step(events, between)
    (change,) = [e for e in between if isinstance(e, ControlChanged)]
    assert (change.step, change.name, change.new) == (2, name, value)
    assert step.step == 2
    after = {"lr": step.lr, "mix_ratio": step.mix_ratio, "epochs": step.total_steps / 10}
    assert after[name] == value
    assert next_step(events, between).step == 3
    assert len([e for e in between if isinstance(e, ControlChanged)]) == 1


def test_a_changed_learning_rate_changes_the_step_itself():
    def weight_after(lr):
        run, controls, events = started()
        next_step(events)
        controls.set("lr", lr)
        before = run.model.model.norm.weight.detach().clone()
        next_step(events)
        return (run.model.model.norm.weight - before).abs().mean().item()

    assert weight_after(1e-2) > 5 * weight_after(1e-3)


def test_fewer_epochs_end_the_task_at_once_and_are_measured():
    run, controls, events = started(task_test_rows=2)
    for _ in range(4):
        next_step(events)
    controls.set("epochs", 0.2)
    rest = list(events)
    assert not [e for e in rest if isinstance(e, StepDone)]
    assert [e.step for e in rest if isinstance(e, Probed)] == [4]
    assert isinstance(rest[-2], TaskDone) and rest[-1].reason == "done"
    assert run.step == 4


def test_controls_that_differ_from_the_config_are_taken_and_reported():
    run = tiny.run(controls=Controls(lr=1e-4), probes=[], **QUIET, max_steps=1)
    events = list(run)
    assert [e for e in events if isinstance(e, ControlChanged)] == [
        ControlChanged(1, "lr", 3e-3, 1e-4)
    ]
    assert next(e for e in events if isinstance(e, StepDone)).lr == 1e-4


def test_a_live_field_of_the_method_reaches_the_method(monkeypatch):
    from dataclasses import dataclass

    @dataclass
    class Strong(METHODS["full"]):
        strength: float = setting(1.0, label="Strength", source="", low=0.0, high=10.0, live=True)

    monkeypatch.setitem(METHODS, "strong", Strong)
    mine = Strong()
    run = tiny.run(method="strong", probes=[], **QUIET)
    events = iter(run)
    next_step(events)
    run.controls.set("strength", 7.0)
    between = []
    next_step(events, between)
    assert between == [ControlChanged(2, "strength", 1.0, 7.0)]
    assert run.method.strength == 7.0
    assert mine.strength == 1.0
    assert isinstance(run.method, Method)


@pytest.mark.parametrize(("name", "value"), [("ewc.strength", -1.0), ("soul", 1.0)])
def test_a_setting_that_is_refused_is_not_taken_for_applied(name, value):
    run = tiny.run(method="stm+ewc", probes=[])
    controls = run.controls
    events = iter(run)
    next(e for e in events if isinstance(e, StepDone))
    before = dict(run.settings)
    controls.set(name, value)
    with pytest.raises(ValueError, match=name):
        list(events)
    assert run.settings == before and run.method.settings().items() <= before.items()


def test_pause_holds_step_once_lets_one_through_and_resume_all():
    _, controls, events = started()
    seen = []
    controls.pause()
    thread = threading.Thread(target=lambda: seen.extend(events), daemon=True)
    thread.start()

    def steps():
        return len([e for e in seen if isinstance(e, StepDone)])

    time.sleep(0.5)
    assert steps() == 0
    controls.step_once()
    wait_until(lambda: steps() == 1)
    time.sleep(0.3)
    assert steps() == 1
    controls.resume()
    thread.join(timeout=30)
    assert steps() == 10 and isinstance(seen[-1], Finished)


def wait_until(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_time_spent_paused_is_not_counted():
    _, controls, events = started(max_seconds=60.0, max_steps=2)
    next_step(events)
    controls.pause()
    threading.Timer(1.0, controls.resume).start()
    begun = time.perf_counter()
    rest = list(events)
    wall = time.perf_counter() - begun
    assert wall > 0.9
    assert rest[-1].seconds < wall - 0.5 + 5 * rest[0].seconds


def test_a_typed_prompt_is_answered_by_base_and_current_while_paused():
    run, controls, events = started()
    next_step(events)
    trained = {n: p.detach().clone() for n, p in run.model.named_parameters()}
    controls.pause()
    controls.ask("Item 3?")
    base, now = next(events), next(events)
    assert isinstance(base, Answered) and (base.step, base.prompt) == (0, "Item 3?")
    assert isinstance(now, Answered) and (now.step, now.prompt) == (1, "Item 3?")
    assert all((p == trained[n]).all() for n, p in run.model.named_parameters())
    controls.resume()
    assert next_step(events).step == 2


def test_a_typed_prompt_is_answered_again_at_the_next_probe_point():
    _, controls, events = started(probe_every=2, watch=[Watch("Vowel 1?", ("a", "e"))])
    next_step(events)
    controls.ask("Item 3?")
    answers = [(e.step, e.prompt) for e in events if isinstance(e, Answered)]
    assert answers[:2] == [(0, "Item 3?"), (1, "Item 3?")]
    assert sorted(answers[2:4]) == [(2, "Item 3?"), (2, "Vowel 1?")]


def test_an_endless_prompt_gets_a_sentence_and_the_run_goes_on():
    _, controls, events = started()
    next_step(events)
    controls.ask("why " * 2500)
    answer = next(events)
    assert isinstance(answer, Answered) and "shorten the prompt" in answer.text
    assert next_step(events).step == 2


def test_watched_candidates_get_shares_that_sum_to_one():
    run = tiny.run(watch=[Watch("Vowel 1?", ("a", "e", "i"))], max_steps=1)
    answers = [e for e in run if isinstance(e, Answered)]
    assert [e.step for e in answers] == [0, 1]
    for answer in answers:
        assert [c for c, _ in answer.candidates] == ["a", "e", "i"]
        assert sum(share for _, share in answer.candidates) == pytest.approx(1)


def test_stop_ends_within_one_step():
    _, controls, events = started()
    next_step(events)
    controls.stop()
    rest = list(events)
    assert not [e for e in rest if isinstance(e, StepDone)]
    assert rest[-1] == Finished(1, "stopped", rest[-1].seconds)


def test_stop_ends_a_pause():
    _, controls, events = started()
    next_step(events)
    controls.pause()
    controls.stop()
    assert [e.reason for e in events] == ["stopped"]


@pytest.mark.parametrize("what", ["probing", "preparing"])
def test_stop_acts_within_one_batch_of_probing_or_preparing(what):
    class Long(tiny.Letters):
        def rows(self, split):
            return super().rows(split) * (20 if split == "train" else 1)

    run, controls, events = started(tasks=[Long()], probes=[tiny.Vowels()], task_test_rows=4)
    for event in events:
        if isinstance(event, Progress) and event.what.startswith(what):
            break
    controls.stop()
    rest = list(events)
    assert len(rest) <= 2 and rest[-1].reason == "stopped"
    assert not [e for e in rest if isinstance(e, Probed | StepDone)]
    assert run.step == 0


@pytest.mark.slow
def test_twenty_starts_and_stops_leave_no_memory_and_no_thread():
    import gc

    from lablib import runtime

    model, threads = tiny.model(), threading.active_count()

    def once():
        _, controls, events = started(of=model, watch=[Watch("Item 1?")], epochs=50.0)
        for _ in range(10):
            next_step(events)
        controls.stop()
        list(events)

    for _ in range(3):
        once()
    gc.collect()
    before = runtime.memory_mb()
    for _ in range(20):
        once()
    gc.collect()
    assert runtime.memory_mb() - before < 50
    assert threading.active_count() == threads
