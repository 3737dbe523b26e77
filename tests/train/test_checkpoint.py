"""A run that is saved, and goes on elsewhere, ends in the very same weights."""

import json
import shutil

import pytest
import torch

from lablib.controls import Controls
from lablib.events import Finished, Snapshotted, StepDone
from lablib.train import EarlyStopping, Run, Watch, load_snapshot
from tests import tiny


def resumed(folder, of=None, tasks=None, general=tiny.GENERAL, **options):
    model = tiny.model(dropout=0.2) if of is None else of
    tasks = tasks or [tiny.Letters(), tiny.Digits()]
    return Run.resume(folder, model, tiny.tokenizer(), tasks, [tiny.Vowels()], general, **options)


def two_tasks(**options):
    return tiny.run(
        of=tiny.model(dropout=0.2),
        tasks=[tiny.Letters(), tiny.Digits()],
        epochs=0.5,
        mix_ratio=0.3,
        watch=[Watch("Vowel 1?", ("a", "e"))],
        **options,
    )


def weights(run):
    return {name: p.detach().clone() for name, p in run.model.named_parameters()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def until_step(run, step):
    for event in run:
        if isinstance(event, StepDone) and event.step == step:
            return


def plain(events):
    """Events without what a clock decides."""
    kept = []
    for event in events:
        fields = {k: v for k, v in vars(event).items() if k != "seconds"}
        kept.append((type(event).__name__, fields))
    return kept


@pytest.mark.parametrize("step", [3, 5, 8])
def test_a_resumed_run_is_bit_identical_to_one_that_was_never_interrupted(tmp_path, step):
    whole = two_tasks()
    events = list(whole)
    half = two_tasks()
    until_step(half, step)
    half.save(tmp_path)
    again = resumed(tmp_path)
    assert again.run_id == half.run_id and again.step == step
    list(again)
    assert equal(weights(whole), weights(again))
    assert plain(again.events)[1:] == plain(whole.events)[1:]
    assert isinstance(events[-1], Finished)


def test_moved_controls_are_resumed_too(tmp_path):
    def moved():
        run = two_tasks(controls=Controls())
        until_step(run, 2)
        run.controls.set("lr", 1e-3)
        run.controls.set("mix_ratio", 0.6)
        until_step(run, 3)
        return run

    whole, half = moved(), moved()
    half.save(tmp_path)
    list(whole)
    again = resumed(tmp_path)
    list(again)
    assert equal(weights(whole), weights(again))
    assert again.settings["mix_ratio"] == 0.6


def test_early_stopping_is_resumed_too(tmp_path):
    rule = EarlyStopping("validation", patience=50)
    whole, half = two_tasks(early_stopping=rule), two_tasks(early_stopping=rule)
    until_step(half, 3)
    half.save(tmp_path)
    list(whole)
    again = resumed(tmp_path)
    assert again.watcher.best_step == half.watcher.best_step
    list(again)
    assert equal(weights(whole), weights(again))


def test_the_same_place_can_be_saved_to_again_and_leaves_no_old_files(tmp_path):
    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    until_step(run, 4)
    run.save(tmp_path)
    names = sorted(path.name.partition("-0")[0] for path in tmp_path.iterdir())
    assert names == ["optimizer", "state.json", "weights"]
    assert resumed(tmp_path).step == 4


def test_the_files_of_others_are_left_alone(tmp_path):
    others = ("model-00001-of-00002.safetensors", "weights-1.safetensors", "notes.txt")
    for name in others:
        (tmp_path / name).write_text("kept")
    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    run.save(tmp_path)
    assert all((tmp_path / name).read_text() == "kept" for name in others)
    assert len(list(tmp_path.iterdir())) == 3 + len(others)


def test_a_crash_while_saving_leaves_the_previous_checkpoint_whole(tmp_path, monkeypatch):
    from lablib.train import checkpoint

    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    until_step(run, 4)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.atomic, "write_text", crash)
    with pytest.raises(KeyboardInterrupt):
        run.save(tmp_path)
    assert resumed(tmp_path).step == 2


def test_a_crash_at_the_step_of_the_previous_checkpoint_leaves_it_whole_too(tmp_path, monkeypatch):
    from lablib.train import checkpoint

    first, second = two_tasks(), two_tasks(seed=1)
    for run in (first, second):
        until_step(run, 2)
    first.save(tmp_path)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.atomic, "write_text", crash)
    with pytest.raises(KeyboardInterrupt):
        second.save(tmp_path)
    assert equal(weights(resumed(tmp_path)), weights(first))


def test_a_finished_run_has_nothing_left_to_do(tmp_path):
    run = two_tasks()
    list(run)
    run.save(tmp_path)
    assert list(resumed(tmp_path)) == []


def test_another_model_or_other_data_are_refused(tmp_path):
    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    with pytest.raises(ValueError, match="not from the model given"):
        resumed(tmp_path, of=tiny.model(seed=1))
    with pytest.raises(ValueError, match="other training rows"):
        resumed(tmp_path, tasks=[tiny.Digits(), tiny.Letters()])
    with pytest.raises(ValueError, match="other general examples"):
        resumed(tmp_path, general=tiny.GENERAL[:2])


def test_a_missing_or_damaged_checkpoint_is_reported_in_one_sentence(tmp_path):
    with pytest.raises(OSError, match="no saved run"):
        resumed(tmp_path / "nowhere")
    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy")
    (damaged,) = (tmp_path / "copy").glob("weights-*")
    damaged.write_bytes(b"no tensors here")
    with pytest.raises(OSError, match="damaged"):
        resumed(tmp_path / "copy")
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(OSError, match="damaged"):
        resumed(tmp_path)


def test_a_checkpoint_is_json_and_safetensors_only(tmp_path):
    run = two_tasks()
    until_step(run, 2)
    run.save(tmp_path)
    json.loads((tmp_path / "state.json").read_text())
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_snapshots_restore_every_probe_point(tmp_path):
    run = tiny.run(snapshots=True, snapshot_folder=tmp_path, max_steps=5)
    seen = {}
    for event in run:
        if isinstance(event, Snapshotted):
            seen[event.step] = weights(run)
    assert sorted(seen) == [0, 2, 5]
    for step, then in seen.items():
        load_snapshot(run.model, tmp_path, step)
        assert equal(then, weights(run))


def test_adapters_on_a_snapshot_are_not_saved_without_what_lies_beneath(tmp_path):
    run = tiny.run(method="lora")
    with torch.no_grad():
        next(run.model.parameters()).add_(1.0)  # as a branch from a snapshot begins
    for _ in run:
        if run.step == 2:
            break
    with pytest.raises(ValueError, match="save its model instead"):
        run.save(tmp_path)
    assert not list(tmp_path.iterdir())
