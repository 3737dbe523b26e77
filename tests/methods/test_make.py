"""Methods by name: settings are checked, several are combined, impossible pairs refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from lablib.methods import METHODS, Compose, Method, make
from lablib.methods.base import setting
from tests import tiny


@dataclass
class Anchored(Method):
    """A method with settings of every kind.

    Its penalty is its strength.
    """

    name: ClassVar[str] = "anchored"
    summary: ClassVar[str] = "with a penalty"
    strength: float = setting(1.0, label="Strength", source="test", low=0.0, high=10.0, live=True)
    rows: int = setting(8, label="Rows", unit="rows", source="test", low=1, high=64)
    kind: str = setting("near", label="Kind", source="test", choices=("near", "far"))

    def penalty(self, model, batch, outputs):
        """The strength itself."""
        return torch.tensor(self.strength)


@dataclass
class Half(Method):
    """Weighs every token by a half.

    And mixes by default.
    """

    name: ClassVar[str] = "half"
    summary: ClassVar[str] = "half weights"
    decides: ClassVar[str] = "pool"
    default_mix_ratio: ClassVar[float] = 0.2

    def token_weights(self, batch):
        """A half everywhere."""
        return torch.full((2, 3), 0.5)


@pytest.fixture(autouse=True)
def more_methods(monkeypatch):
    monkeypatch.setitem(METHODS, "anchored", Anchored)
    monkeypatch.setitem(METHODS, "half", Half)
    monkeypatch.setitem(METHODS, "other_pool", Half)


def test_a_method_gets_its_settings():
    assert make("anchored").strength == 1.0
    assert make("anchored", {"strength": 3}).strength == 3
    assert make("anchored", {"anchored.strength": 3}).strength == 3


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("magic", {}, "no method 'magic'; choose one of full"),
        ("full+magic", {}, "no method 'magic'"),
        ("full", {"strength": 1}, "has no setting 'strength'; it has no settings"),
        ("anchored", {"depth": 1}, "its settings are strength, rows, kind"),
        ("anchored", {"strength": 11}, "between 0.0 and 10.0"),
        ("anchored", {"strength": float("nan")}, "between 0.0 and 10.0"),
        ("anchored", {"strength": "much"}, "between 0.0 and 10.0"),
        ("anchored", {"strength": True}, "between 0.0 and 10.0"),
        ("anchored", {"rows": 1.5}, "a whole number"),
        ("anchored", {"kind": "there"}, "one of near, far"),
        ("anchored+half", {"strength": 1.0}, "call it anchored.strength"),
        ("anchored", {"half.strength": 1.0}, "belongs to no method of anchored"),
        ("full+full", {}, "both decide which weights are trained"),
        ("half+other_pool", {}, "both decide what is mixed in"),
        ("anchored+anchored", {}, "twice"),
    ],
)
def test_what_is_wrong_is_said(name, settings, says):
    with pytest.raises(ValueError, match=says):
        make(name, settings)


def test_a_method_made_directly_checks_its_settings_too():
    with pytest.raises(ValueError, match=r"between 0\.0 and 10\.0"):
        Anchored(strength=-1.0)


def test_methods_combined_keep_their_settings_and_make_the_same_again():
    both = make("anchored+half", {"anchored.strength": 3.0})
    assert both.settings() == {
        "anchored.strength": 3.0,
        "anchored.rows": 8,
        "anchored.kind": "near",
    }
    assert make(both.name, both.settings()) == both
    both.change("anchored.strength", 4.0)
    assert both.settings()["anchored.strength"] == 4.0
    assert both.owns_pool and both.default_mix_ratio == 0.2


def test_penalties_are_added_and_weights_multiplied():
    parts = [Anchored(strength=2.0), Half()]
    both = Compose(parts)
    assert both.penalty(None, None, None).item() == 2.0
    assert torch.equal(both.token_weights(None), torch.full((2, 3), 0.5))
    assert Compose([Anchored(), METHODS["full"]()]).token_weights(None) is None
    assert Compose([Half(), METHODS["full"]()]).penalty(None, None, None) is None


def test_some_defaults_depend_on_the_size_of_the_model():
    small, large = (make("lora+ewc", n_parameters=n) for n in (9_999_999, 10_000_000))
    assert small == make("lora+ewc") and small.parts[0] == large.parts[0]
    assert large.parts[1].strength > 100 * small.parts[1].strength
    given = make("ewc", {"strength": 0.5}, n_parameters=10**9)
    assert given.strength == 0.5


def test_a_penalty_is_reported_apart_from_the_loss_and_moves_live():
    run = tiny.run(method="anchored", probes=[], max_steps=2, full_probes=False)
    run.controls.set("strength", 5.0)
    steps = [event for event in run if type(event).__name__ == "StepDone"]
    plain = [e for e in tiny.run(probes=[], max_steps=2, full_probes=False)
             if type(e).__name__ == "StepDone"]  # fmt: skip
    assert [step.penalty for step in steps] == [5.0, 5.0]
    assert [step.loss for step in steps] == [step.loss for step in plain]
