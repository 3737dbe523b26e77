"""Is the noise absorbed: flips, the sign test, the sentence; LoRA and QLoRA side by side."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from lablib import models
from lablib.events import Progress, Score
from lablib.lessons import absorbed, levels, twins
from lablib.lessons.absorbed import BETTER, NF4, OUTCOMES, Flips, sign_test
from lablib.lessons.rounding import Rounding, quantization_error
from lablib.models import LoadedModel
from lablib.sweep.analysis import Estimate
from tests import tiny
from tests.sweep.handmade import measured


def loaded():
    model = tiny.model(width=64)
    return LoadedModel("tiny", model, tiny.tokenizer(), None, "", model.num_parameters())


def test_sign_test_by_hand():
    assert sign_test(0, 0) == 1.0 and sign_test(3, 3) == 1.0
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(6, 0) == pytest.approx(2 / 64)
    assert sign_test(1, 7) == pytest.approx(2 * 9 / 256)


def test_the_outcome_follows_from_the_flips():
    assert Flips(9, 0, 0).outcome == OUTCOMES[0]
    assert Flips(9, 5, 0).outcome == OUTCOMES[1]  # five to none may still be chance
    assert Flips(9, 6, 0).outcome == OUTCOMES[2]
    assert Flips(9, 0, 6).outcome == BETTER


@pytest.mark.parametrize(
    ("lost", "gained", "said"),
    [(0, 0, "All 8 answers"), (1, 0, "comes by chance"), (8, 0, "a loss"), (0, 8, "a gain")],
)
def test_the_sentence_says_what_the_flips_say(lost, gained, said):
    before = (1,) * 8 + (0,) * 8
    after = (0,) * lost + (1,) * (8 - lost) + (1,) * gained + (0,) * (8 - gained)
    base, now = (Score(0.5, 0.5, 16, outcomes, outcomes) for outcomes in (before, after))
    found = Rounding(0.0, 0.0, {"k": base}, {"k": now})
    assert said in absorbed.sentence(found)
    assert absorbed.flips(found) == Flips(8, lost, gained)


def test_rounding_is_compared_in_several_ways_and_the_base_stays():
    base = loaded()
    before = {name: p.detach().clone() for name, p in base.model.named_parameters()}
    parts = list(absorbed.compare(base, absorbed.kinds(), [tiny.Vowels()]))
    assert any(isinstance(part, Progress) for part in parts)
    found = dict(part for part in parts if not isinstance(part, Progress))
    assert list(found) == list(absorbed.kinds())
    errors = [found[name].relative_error for name in found]
    assert errors == sorted(errors)  # NF4 first, then coarser and coarser
    assert all(torch.equal(p, before[name]) for name, p in base.model.named_parameters())
    theirs = quantization_error(base, [tiny.Vowels()], double_quant=False)
    assert found[NF4].relative_error == pytest.approx(theirs.relative_error, rel=1e-4)


def test_roundings_are_stored_as_they_were(tmp_path, monkeypatch):
    parts = absorbed.compare(loaded(), {NF4: levels.nf4()}, [tiny.Vowels()])
    found = dict(part for part in parts if not isinstance(part, Progress))
    monkeypatch.setattr(absorbed, "path_of", lambda model: tmp_path / "r.json")
    assert absorbed.stored_roundings("tiny") == {}
    (tmp_path / "r.json").write_text(json.dumps(absorbed.to_dict(found)))
    assert absorbed.stored_roundings("tiny") == found


def test_stored_roundings_are_there_for_both_models():
    for model in models.MODELS:
        found = absorbed.stored_roundings(model)
        if not found:
            pytest.skip(f"nothing is stored for {model} yet")
        assert list(found) == list(absorbed.kinds())
        errors = [one.relative_error for one in found.values()]
        assert errors == sorted(errors)


# -------------------------------------------------------------------------------- twins


def runs(qlora, lora=(0.5,) * 5, reaches=1.0):
    """Runs of both arms whose kept share falls from one to the given end."""
    found = []
    for arm, ends in (("lora", lora), ("qlora", qlora)):
        for seed, end in enumerate(ends):
            found.append(measured(arm, seed, [0.0, reaches], {"knowledge": [1.0, end]}))
    return found


@pytest.mark.parametrize(
    ("qlora", "verdict"),
    [
        ((0.3, 0.31, 0.29, 0.3, 0.3), twins.VERDICTS[0]),
        ((0.4, 0.6, 0.5, 0.45, 0.55), twins.VERDICTS[1]),
        ((0.7, 0.72, 0.71, 0.7, 0.69), twins.VERDICTS[2]),
        ((0.3, 0.3), twins.TOO_FEW),
    ],
)
def test_the_verdict_follows_from_the_runs(qlora, verdict):
    found = twins.compare(runs(qlora), "mini", "tickets")
    assert found.verdict == verdict
    assert verdict in found.sentence and "tickets" in found.sentence
    assert len(found.seeds) == len(qlora)


@pytest.mark.parametrize(
    ("low", "high", "n", "said"),
    [
        (-0.2, -0.1, 3, "an interval below zero"),
        (0.1, 0.2, 3, "an interval above zero"),
        (-0.1, 0.1, 3, "an interval that includes zero"),
        (0.1, 0.2, 2, "over too few seeds"),
    ],
)
def test_every_difference_is_said_to_be_one_or_not(low, high, n, said):
    gap = Estimate((low + high) / 2, low, high, n)
    found = dataclasses.replace(twins.compare(runs((0.3,) * 3), "mini", "tickets"), knows=gap)
    assert f"{gap} in what is still ranked first, {said}" in found.sentence


def test_without_both_there_is_nothing_to_compare():
    assert twins.compare([], "mini", "tickets") is None
    only = [run for run in runs((0.5,)) if run.job.label == "lora"]
    assert twins.compare(only, "mini", "tickets") is None


def test_the_weaker_of_the_two_sets_the_score_at_which_they_are_matched():
    strong = runs((0.5,) * 3, (0.5,) * 3)
    weak = [
        dataclasses.replace(run, task=(0.0, 0.6)) if run.job.label == "lora" else run
        for run in strong
    ]
    assert twins.compare(weak, "mini", "tickets").target == pytest.approx(0.54)
    assert twins.compare(weak, "mini", "tickets").at_score.n == 3
