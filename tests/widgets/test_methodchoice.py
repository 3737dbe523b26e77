"""Choosing a method, and a second one beside it: every field has a control of its own."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from lablib import experiment, models
from lablib.methods import METHODS, make
from lablib.methods.base import SMALL
from lablib.tasks import Row
from lablib.widgets.methodchoice import MethodChoice, about_fields, live_fields
from lablib.widgets.settings import SettingsPanel, size_of
from lablib.widgets.share import Settings, from_string, to_string
from tests import tiny


@pytest.fixture
def heard():
    return []


@pytest.fixture
def choice(heard):
    return MethodChoice(
        "full",
        tuple(METHODS),
        size=lambda: 1_000_000,
        on_kind=lambda: heard.append("kind"),
        on_field=lambda name, value: heard.append((name, value)),
    )


@pytest.fixture
def panel(heard):
    return SettingsPanel(Settings(), lambda name, value: heard.append((name, value)), heard.append)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_control_for_every_field(choice, name):
    choice.value = name
    assert choice.value == name
    assert choice.settings() == pytest.approx(make(name).settings())
    for field, made in choice.fields.items():
        assert about_fields(name)[field]["label"] in made.description


def test_a_default_follows_the_size_of_the_model_unless_it_was_moved(panel):
    panel.method.value = "sa_sft+ewc"
    panel.fields["sa_sft.top_p"].value = 0.5
    panel.model.value = "smollm2-135m"
    large = make("sa_sft+ewc", n_parameters=135_000_000).settings()
    assert panel.fields["ewc.strength"].value == pytest.approx(large["ewc.strength"])
    assert panel.fields["sa_sft.temperature"].value == large["sa_sft.temperature"]
    assert panel.fields["sa_sft.top_p"].value == 0.5
    panel.model.value = "mini"
    assert panel.fields["ewc.strength"].value == pytest.approx(make("ewc").strength)


def own_model(folder, form):
    """The tiny model as a user saves it: whole, in parts, or as an adapter on it."""
    whole = folder / "whole"
    tiny.model().save_pretrained(whole, max_shard_size="20KB" if form == "in parts" else "1GB")
    tiny.tokenizer().save_pretrained(whole)
    if form != "an adapter":
        return whole
    run = experiment.build(
        str(whole), [Row(f"{n}?", "#") for n in range(20)], "lora", probe_names=(), watch=(),
        max_steps=1,
    )  # fmt: skip
    list(run)
    experiment.save_model(run, folder / "adapter")
    return folder / "adapter"


@pytest.mark.parametrize("form", ["whole", "in parts", "an adapter"])
def test_an_own_model_starts_with_the_defaults_of_its_true_size(panel, tmp_path, form):
    folder = str(own_model(tmp_path, form))
    true = models.load(folder).n_parameters
    assert size_of(folder) == true < SMALL
    panel.model.value = folder
    for method in ("ewc", "lora"):
        panel.method.first.value = method
        assert panel.read().lr == experiment.defaults(true, make(method)).lr
    panel.method.first.value = "ewc"
    assert panel.read().fields == pytest.approx(make("ewc", n_parameters=true).settings())


def test_a_model_in_the_cache_of_the_hub_has_its_true_size(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    stored = tmp_path / "models--owner--tiny"
    tiny.model().save_pretrained(stored / "snapshots" / "abc")
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("abc")
    assert size_of("owner/tiny") == tiny.model().num_parameters()


def test_a_model_that_is_not_at_hand_or_damaged_counts_as_large(panel, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"no head")
    for name in (str(tmp_path), str(tmp_path / "none"), "owner/name", "~no one/x", "x" * 999, ""):
        assert size_of(name) == size_of("smollm2-135m") > SMALL


def test_what_is_combined_gets_the_fields_of_both(choice):
    choice.value = "lora+ewc"
    assert set(choice.settings()) == set(make("lora+ewc").settings())
    assert make(choice.value, choice.settings()).name == "lora+ewc"


def test_only_what_can_be_combined_is_offered(choice):
    for name in METHODS:
        choice.first.value = name
        for _, partner in choice.second.options[1:]:
            make(f"{name}+{partner}")  # does not raise
    choice.first.value = "full"
    assert [key for _, key in choice.second.options] == [""]
    assert choice.second.layout.display == "none"


def test_a_pair_that_cannot_be_is_refused_and_changes_nothing(choice):
    choice.value = "ewc"
    with pytest.raises(ValueError, match="cannot be combined"):
        choice.value = "lora+qlora"
    with pytest.raises(ValueError, match="no method 'magic'"):
        choice.value = "magic"
    assert choice.value == "ewc"


def test_a_moved_field_is_told_by_the_name_of_its_setting(choice, heard):
    choice.value = "lora+ewc"
    choice.fields["ewc.strength"].value *= 10
    assert heard[-1][0] == "ewc.strength"


def test_a_running_method_moves_only_what_may_be_moved(choice):
    choice.value = "lora+ewc"
    choice.lock(True)
    live = live_fields("lora+ewc")
    assert "ewc.strength" in live and "lora.rank" not in live
    for name, made in choice.fields.items():
        assert made.disabled == (name not in live)
    choice.lock(False)
    assert not any(made.disabled for made in choice.fields.values())


def test_a_method_brings_its_learning_rate_and_its_mix_ratio(panel):
    full = panel.lr.value
    panel.method.first.value = "lora"
    assert panel.lr.value != full and panel.mix_ratio.value == 0
    panel.method.first.value = "replay"
    assert panel.mix_ratio.value == METHODS["replay"].default_mix_ratio > 0
    panel.method.first.value = "full"
    assert panel.mix_ratio.value == 0
    panel.mix_ratio.value = 0.45
    panel.method.first.value = "replay"
    assert panel.mix_ratio.value == 0.45  # the learner's own stays


def test_a_combination_travels_as_a_string(panel):
    panel.method.value = "lora+ewc"
    panel.fields["ewc.strength"].value = 100.0
    shared = from_string(to_string(panel.read()))
    assert shared.method == "lora+ewc"
    assert shared.fields["ewc.strength"] == pytest.approx(100.0)
    panel.method.value = "full"
    panel.put(shared)
    assert panel.read().fields == shared.fields


def test_every_number_has_a_slider_and_every_choice_a_menu():
    for name in METHODS:
        choice = MethodChoice(name, tuple(METHODS), lambda: 1, lambda: None, lambda *_: None)
        for field, about in about_fields(name).items():
            made = choice.fields[field]
            if about["choices"]:
                assert isinstance(made, widgets.Dropdown), field
            elif about["low"] is not None:
                assert hasattr(made, "min"), field
