"""What every probe promises; a new probe is tested by being in ``PROBES``."""

from __future__ import annotations

import random

import pytest
import torch

from lablib import probes
from lablib.events import Progress
from lablib.probes import PROBES
from lablib.probes.scoring import ranks_first
from tests import tiny

NAMES = sorted(PROBES)
TICKET = "TICKET - team: computer - item: screen - rank: low"


@pytest.fixture(params=NAMES)
def probe(request):
    return PROBES[request.param]()


def test_the_key_is_the_name(probe):
    assert PROBES[probe.name] is type(probe)
    assert probe.summary and "\n" not in probe.summary


def test_enough_items_and_a_quick_subset(probe):
    full, quick = probe.items("full"), probe.items("quick")
    assert len(full) >= 60 and len(quick) >= 10
    assert len({item.id for item in full}) == len(full)
    assert len({item.prompt for item in full}) == len(full)
    assert set(item.id for item in quick) < set(item.id for item in full)
    assert {item.group for item in quick} == {item.group for item in full}
    assert probe.items("full") == full
    with pytest.raises(ValueError, match="choose full or quick"):
        probe.items("half")


def test_candidates_differ_and_the_right_one_is_right(probe):
    for item in probe.items():
        assert len(set(item.candidates)) == len(item.candidates) >= 2
        assert probe.says(item, item.answer), item
        assert not any(probe.says(item, wrong) for wrong in item.candidates[1:]), item
        assert not probe.says(item, ""), item
        assert not probe.says(item, TICKET), item


def endings(item):
    """Completions that a model might write, right and wrong."""
    yield from item.candidates
    for text in item.candidates:
        yield text + "\nAnd more."
        yield text + " and so on, 17 of them."
        yield f"The answer is {text}. It is not {item.candidates[-1]}. Or 99?"
        yield text + "ish"
    yield TICKET
    yield "I cannot help with that, but in a shop you may ask for air, wood, or a camera."


def test_nothing_after_the_decision_changes_it(probe):
    for item in probe.items():
        for text in endings(item):
            text = text.strip()
            for end in range(1, len(text)):
                if probe.decided(item, text[:end].strip()):
                    assert probe.says(item, text[:end]) == probe.says(item, text), (item, text)
                    break


def test_an_oracle_scores_one(probe, table_model, tokenizer):
    score = probe.score(table_model(probe, lambda item: item.answer), tokenizer)
    assert score.says == 1.0 and score.knows == 1.0
    assert score.n == len(score.says_outcomes) == len(probe.items())


def test_a_liar_scores_zero(probe, table_model, tokenizer):
    score = probe.score(table_model(probe, lambda item: item.candidates[-1]), tokenizer, "quick")
    assert score.says == 0.0 and score.knows == 0.0
    assert score.n == len(probe.items("quick"))


def test_a_model_without_any_preference_scores_chance(probe):
    items = probe.items()
    alike = [ranks_first(item, [-3.0] * len(item.candidates)) for item in items]
    assert sum(alike) / len(items) == pytest.approx(probe.chance_knows, abs=0.17)
    rng = random.Random(0)
    n = 200
    drawn = sum(
        ranks_first(item, [rng.random() for _ in item.candidates])
        for item in items
        for _ in range(n)
    )
    assert drawn / n / len(items) == pytest.approx(probe.chance_knows, abs=0.02)
    assert probe.chance_says == 0.0


def test_the_same_call_twice_and_everything_left_as_found(probe):
    model, tokenizer = tiny.model(dropout=0.5).train(), tiny.tokenizer()
    state = torch.get_rng_state()
    first = probe.score(model, tokenizer, "quick")
    assert probe.score(model, tokenizer, "quick") == first
    assert model.training and torch.equal(torch.get_rng_state(), state)


def test_scoring_together_equals_scoring_one_by_one():
    model, tokenizer = tiny.model(), tiny.tokenizer()
    everything = [cls() for cls in PROBES.values()]
    together = probes.score_all(everything, model, tokenizer, "quick")
    assert list(together) == list(PROBES)
    for probe in everything:
        alone = probe.score(model, tokenizer, "quick")
        assert alone.says_outcomes == together[probe.name].says_outcomes
        assert alone.knows_outcomes == together[probe.name].knows_outcomes
        assert alone.extra == pytest.approx(together[probe.name].extra, rel=1e-4)


def test_progress_leaves_places_to_stop():
    parts = list(
        probes.iter_score_all(
            [cls() for cls in PROBES.values()], tiny.model(), tiny.tokenizer(), "quick"
        )
    )
    steps = [part for part in parts if isinstance(part, Progress)]
    assert len(steps) >= 5
    assert [s.done for s in steps] == sorted(s.done for s in steps)
    assert (
        steps[-1].done == steps[-1].total == sum(len(c().items("quick")) for c in PROBES.values())
    )


def test_a_blown_up_model_scores_nothing_and_raises_nothing():
    model = tiny.model()
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    for name, score in probes.score_all(
        [cls() for cls in PROBES.values()], model, tiny.tokenizer(), "quick"
    ).items():
        assert score.says == score.knows == 0.0, name
        assert "bits_per_byte" not in score.extra
