"""Base scores are computed once, and a damaged cache is the same as none."""

from __future__ import annotations

import pytest

from lablib import probes
from lablib.probes import base, baseline
from tests import tiny


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    return tmp_path


NAME = probes.base_name("abc", tiny.model(), tiny.tokenizer())


def score(digest="abc", probe=None):
    probe = probe or tiny.Vowels()
    return probes.base_scores(digest, [probe], tiny.model(), tiny.tokenizer())


def test_the_second_time_the_model_is_not_asked(home, monkeypatch):
    first = score()
    monkeypatch.setattr(baseline, "iter_score_all", lambda *_: pytest.fail("scored again"))
    assert score() == first
    assert probes.cached_base_scores(NAME, [tiny.Vowels()]) == first


def test_other_weights_items_or_splits_are_other_scores(home):
    score()
    assert probes.cached_base_scores("other", [tiny.Vowels()]) is None
    assert probes.cached_base_scores(NAME, [tiny.Vowels()], "quick") is None

    class Fewer(tiny.Vowels):
        def items(self, split="full"):
            return super().items(split)[1:]

    assert probes.cached_base_scores(NAME, [Fewer()]) is None
    assert probes.cached_base_scores(NAME, [tiny.Vowels(), probes.PROBES["safety"]()]) is None


def test_other_rules_are_other_scores(home, monkeypatch):
    score()
    monkeypatch.setattr(baseline, "_code", lambda: "changed")
    assert probes.cached_base_scores(NAME, [tiny.Vowels()]) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"says": 1}', b"\xff"])
def test_a_damaged_cache_is_ignored(home, damage):
    first = score()
    for file in (home / "cache").iterdir():
        file.write_bytes(damage)
    assert probes.cached_base_scores(NAME, [tiny.Vowels()]) is None
    assert score() == first


def test_an_unknown_model_is_not_remembered(home):
    score(digest="")
    assert not (home / "cache").exists()


def test_without_a_home_scores_are_computed(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "file" / "home"))
    assert score()["vowels"].n == 6


def test_a_damaged_item_file_is_refused_in_words(tmp_path):
    file = tmp_path / "items.jsonl"
    file.write_text('{"id": "1", "prompt": "?", "candidates": ["a", "b"]}\n{"id": "2"}\n')
    with pytest.raises(ValueError, match=r"items.jsonl, line 2, is not a probe item"):
        base.read_items(file)
    with pytest.raises(OSError, match="items are missing"):
        base.read_items(tmp_path / "none.jsonl")


def test_the_same_weights_read_in_another_way_are_another_base():
    """Only the weights are in the digest: config, template and tokenizer decide answers too."""
    config, template = tiny.model(), tiny.tokenizer()
    config.config.rope_parameters = {"rope_theta": 7.0, "rope_type": "default"}
    template.chat_template += " "
    names = {
        NAME,
        probes.base_name("other", tiny.model(), tiny.tokenizer()),
        probes.base_name("abc", config, tiny.tokenizer()),
        probes.base_name("abc", tiny.model(), template),
    }
    assert len(names) == 4 and probes.base_name("", config, template) == ""
