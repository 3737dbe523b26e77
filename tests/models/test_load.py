"""Loading: a local folder of each family, and one clear sentence for everything that fails."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lablib import models
from lablib.models import smollm2
from lablib.models.load import find


@pytest.fixture
def folder(tmp_path, model, tokenizer):
    """A saved tiny model without a chat template or a pad token, as base models come."""
    model.save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "chat_template.jinja").unlink()
    config = tmp_path / "tiny" / "tokenizer_config.json"
    settings = json.loads(config.read_text())
    settings.pop("pad_token")
    config.write_text(json.dumps(settings))
    return tmp_path / "tiny"


def test_a_local_folder_becomes_a_model_ready_for_a_run(folder, model):
    loaded = models.load(str(folder))
    assert loaded.name == str(folder) and loaded.folder == folder
    assert loaded.n_parameters == model.num_parameters()
    assert not loaded.model.training
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id
    ids, n_prompt = models.encode_row(loaded.tokenizer, "Lamp?", "a lamp", 64)
    assert loaded.tokenizer.decode(ids) == "User: Lamp?\nAssistant: a lamp<|end|>"
    assert len(models.generate(loaded.model, loaded.tokenizer, ["Lamp?"], max_new_tokens=3)) == 1
    batch = models.collate(loaded.tokenizer, [(ids, n_prompt)], [0], [False])
    assert torch.isfinite(models.token_losses(loaded.model, batch)).all()


def test_half_precision_weights_are_read_as_float32(folder, model):
    import copy

    copy.deepcopy(model).half().save_pretrained(folder)
    assert next(models.load(str(folder)).model.parameters()).dtype == torch.float32


def test_the_digest_names_the_weights(folder):
    first = models.load(str(folder))
    assert models.load(str(folder)).digest == first.digest
    with torch.no_grad():
        next(first.model.parameters()).add_(1)
    first.model.save_pretrained(folder)
    assert models.load(str(folder)).digest != first.digest


def test_unknown_names_are_refused_in_words():
    with pytest.raises(ValueError, match="There is no model 'nonsense': choose mini, smollm2-135m"):
        models.load("nonsense")
    with pytest.raises(ValueError, match="There is no model ''"):
        models.load("")
    with pytest.raises(OSError, match="neither a folder here nor in the local cache of the hub"):
        models.load("nobody/nothing")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "there is no config.json"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pickled weights"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x08" + bytes(40)), "are damaged"),
        (lambda f: cut(f / "model.safetensors"), "are damaged"),
        (lambda f: (f / "config.json").write_text("{not json"), "cannot be loaded: .*JSON"),
        (lambda f: (f / "config.json").write_text('{"model_type": "zzz"}'), "cannot be loaded"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "cannot be loaded"),
        (lambda f: own_code(f / "config.json"), "cannot be loaded"),
        (
            lambda f: without(f / "model.safetensors", "mlp"),
            "incomplete: its safetensors lack .*mlp",
        ),
        (lambda f: narrow(f), "the model embeddings of 100: call model.resize_token_embeddings"),
        (
            lambda f: (f / "chat_template.jinja").write_text("{{ raise_exception('no users') }}"),
            "chat template .* cannot be used .no users",
        ),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(folder, damage, words):
    damage(folder)
    with pytest.raises(OSError, match=words) as caught:
        models.load(str(folder))
    assert "\n" not in str(caught.value)


def cut(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def without(file, part):
    """Leave out the weights of a part of the first block."""
    kept = {k: t for k, t in load_file(file).items() if not (part in k and ".0." in k)}
    save_file(kept, file, metadata={"format": "pt"})


def narrow(folder):
    """Save a model of fewer tokens than the tokenizer has."""
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    loaded.resize_token_embeddings(100)
    loaded.save_pretrained(folder)


def own_code(file):
    settings = json.loads(file.read_text())
    settings["model_type"] = "theirs"
    settings["auto_map"] = {"AutoConfig": "theirs.Config", "AutoModelForCausalLM": "theirs.Model"}
    file.write_text(json.dumps(settings))


def test_a_tokenizer_without_an_end_is_refused_in_words(folder):
    config = folder / "tokenizer_config.json"
    settings = json.loads(config.read_text())
    settings.pop("eos_token")
    config.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="no end-of-text token"):
        models.load(str(folder))


def test_a_missing_or_damaged_mini_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r"mini is incomplete: .*SHA256 is missing"):
        find("mini")
    folder = tmp_path / "models" / "mini"
    folder.mkdir(parents=True)
    (folder / "SHA256").write_text("0" * 64 + "  model.safetensors\n")
    with pytest.raises(OSError, match=r"mini is incomplete"):
        find("mini")
    (folder / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(OSError, match=r"mini is damaged: .*git checkout"):
        find("mini")


def test_mini_loads():
    loaded = models.load("mini")
    assert loaded.n_parameters < 3_000_000
    assert loaded.model.config.model_type == "llama"
    assert loaded.tokenizer.eos_token == "<|end|>" and loaded.tokenizer.pad_token == "<|pad|>"


def test_every_model_has_a_line():
    assert set(models.MODELS) == {"mini", smollm2.NAME}
    assert all("\n" not in line for line in models.MODELS.values())


def test_a_pad_token_that_the_model_has_no_row_for_is_not_used(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<{i}>" for i in range(200)])
    tokenizer.add_special_tokens({"pad_token": "<only here>"})
    tokenizer.save_pretrained(folder)
    loaded = models.load(str(folder))
    assert loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id
