"""The first weights, how far a run has moved from them, and copies on disk."""

import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from lablib import models
from lablib.train import load_snapshot, snapshot_steps
from lablib.train import weights as weights_module
from lablib.train.weights import (
    Origin,
    copy_of,
    put_back,
    read_tensors,
    trainable,
    write_snapshot,
    write_tensors,
)
from tests import tiny


def nudge(model, by=0.5):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(by)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_displacement_is_the_relative_distance():
    model = tiny.model()
    origin = Origin(model)
    assert origin.displacement(model) == 0.0
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.25)
    assert origin.displacement(model) == pytest.approx(0.25, rel=1e-5)


def test_swapping_in_the_base_gives_back_the_trained_weights_bit_by_bit():
    model = tiny.model()
    before = copy_of(trainable(model))
    origin = Origin(model)
    nudge(model)
    trained = copy_of(trainable(model))
    with origin.swapped_in(model):
        assert same(before, trainable(model))
        assert model.lm_head.weight is model.model.embed_tokens.weight  # still tied
    assert same(trained, trainable(model))


def test_an_error_inside_the_base_context_does_not_leave_the_base_in_place():
    model = tiny.model()
    origin = Origin(model)
    nudge(model)
    trained = copy_of(trainable(model))
    with pytest.raises(RuntimeError), origin.swapped_in(model):
        raise RuntimeError("a prompt went wrong")
    assert same(trained, trainable(model))


@pytest.fixture
def large(monkeypatch):
    """Treat every model as a large one."""
    monkeypatch.setattr(weights_module, "SMALL", 0)


def test_a_large_model_is_read_from_its_folder(large, tmp_path):
    model = tiny.model()
    model.save_pretrained(tmp_path)
    model.name_or_path = str(tmp_path)
    before = copy_of(trainable(model))
    origin = Origin(model)
    assert not origin._copy
    nudge(model)
    with origin.swapped_in(model):
        assert same(before, trainable(model))
    assert origin.displacement(model) > 0


def test_a_folder_with_other_weights_is_not_believed(large, tmp_path):
    model = tiny.model()
    tiny.model(seed=1).save_pretrained(tmp_path)
    model.name_or_path = str(tmp_path)
    before = copy_of(trainable(model))
    origin = Origin(model)
    nudge(model)
    with origin.swapped_in(model):
        assert same(before, trainable(model))


def test_snapshots_bring_a_step_back(tmp_path):
    model = tiny.model()
    write_snapshot(model, tmp_path, 0)
    before = copy_of(trainable(model))
    nudge(model)
    write_snapshot(model, tmp_path, 10)
    assert snapshot_steps(tmp_path) == [0, 10]
    load_snapshot(model, tmp_path, 0)
    assert same(before, trainable(model))


def test_a_missing_snapshot_is_named_with_those_there_are(tmp_path):
    write_snapshot(tiny.model(), tmp_path, 3)
    with pytest.raises(ValueError, match=r"step 4 .* there are: 3"):
        load_snapshot(tiny.model(), tmp_path, 4)


def test_weights_of_another_model_are_refused_before_anything_is_copied():
    model = tiny.model()
    before = copy_of(trainable(model))
    other = {name: torch.zeros(1) for name in before}
    with pytest.raises(ValueError, match="another model"):
        put_back(model, other)
    assert same(before, trainable(model))


def test_a_damaged_file_is_reported_in_one_sentence(tmp_path):
    path = tmp_path / "step_000001.safetensors"
    path.write_bytes(b"\x00" * 50)
    with pytest.raises(OSError, match="damaged"):
        read_tensors(path)


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"a": torch.ones(2)})

    def full_disk(tensors, part):
        save_file(tensors, part)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights_module, "save_file", full_disk)
    with pytest.raises(OSError, match=r"No space left on device.*enough free space"):
        write_tensors(path, {"a": torch.zeros(2)})
    assert read_tensors(path)["a"].tolist() == [1, 1]
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_a_folder_that_cannot_be_made_is_reported_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="choose a folder"):
        write_tensors(tmp_path / "file" / "w.safetensors", {"a": torch.ones(1)})


def test_a_file_without_the_prefix_of_the_inner_model_is_recognized(large, tmp_path):
    """As the hub has GPT-2: loaded all the same, so it is the model in the folder."""
    folder = tiny.gpt2(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    bare = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    save_file(bare, folder / "model.safetensors", metadata={"format": "pt"})
    model = models.load(str(folder)).model
    origin = Origin(model)
    assert origin.as_loaded and not origin._copy
    assert {name for name, _ in origin.items()} == set(trainable(model))
    nudge(model)
    assert origin.displacement(model) > 0
