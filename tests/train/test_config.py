"""A wrong setting is refused before anything is loaded, in one sentence that names it."""

import json
import math

import pytest

from lablib.train import EarlyStopping, TrainConfig


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"lr": 0.0}, "learning rate"),
        ({"lr": -1e-3}, "learning rate"),
        ({"lr": math.nan}, "lr"),
        ({"lr": math.inf}, "lr"),
        ({"lr": 1e6}, "learning rate"),
        ({"lr": "fast"}, "lr"),
        ({"lr": None}, "lr"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": math.nan}, "epochs"),
        ({"mix_ratio": 1.5}, "mix ratio"),
        ({"mix_ratio": -0.1}, "mix ratio"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"clip": 0.0}, "clip"),
        ({"clip": math.nan}, "clip"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"max_steps": 0}, "max_steps"),
        ({"train_rows": 0}, "train_rows"),
        ({"probe_every": 0}, "probe_every"),
        ({"max_seconds": 0.0}, "max_seconds"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_sentence(settings, word):
    with pytest.raises(ValueError) as caught:
        TrainConfig(**({"lr": 1e-3} | settings))
    message = str(caught.value)
    assert word in message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize(
    "settings", [{"monitor": "luck"}, {"floor": 0.0}, {"patience": 0}, {"min_change": math.nan}]
)
def test_early_stopping_refuses_what_makes_no_sense(settings):
    with pytest.raises(ValueError):
        EarlyStopping(**settings)


def test_a_config_survives_json():
    config = TrainConfig(lr=1e-4, max_steps=7, early_stopping=EarlyStopping("validation"))
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_names_that_a_config_does_not_have_are_left_out():
    assert TrainConfig.from_dict({"lr": 1e-4, "device": "cpu"}) == TrainConfig(lr=1e-4)


def test_numbers_that_come_as_text_become_numbers():
    assert TrainConfig(lr="1e-3", epochs="2").lr == 1e-3


def test_a_single_name_is_not_taken_for_a_list_of_letters():
    with pytest.raises(ValueError, match=r"full_probes is True, False or a list of names"):
        TrainConfig(lr=1e-3, full_probes="knowledge")
