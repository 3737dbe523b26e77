"""Weights weighed and scrambled: what is kicked, what is put back, what is in common."""

from pathlib import Path

import pytest
import torch

from lablib.lessons import importance
from lablib.lessons.importance import Cell, Scrambled, Shared
from lablib.methods import fisher
from lablib.models import LoadedModel, Rows
from tests import tiny


@pytest.fixture
def loaded(monkeypatch):
    model = tiny.model()
    n = sum(p.numel() for p in model.parameters())
    made = LoadedModel("tiny", model, tiny.tokenizer(), Path("."), "0", n)
    rows = Rows(tiny.Digits().rows("train"), tiny.tokenizer(), 64)
    monkeypatch.setattr(importance, "rows_of", lambda loaded: rows)
    monkeypatch.setattr(importance, "N_ROWS", 16)
    return made


def test_cells_add_up_to_the_whole():
    values = {
        "model.layers.1.self_attn.q_proj.weight": torch.tensor([[1.0, 2.0], [3.0, 6.0]]),
        "transformer.h.0.mlp.c_proj.bias": torch.tensor([2.0]),
        "model.embed_tokens.weight": torch.tensor([0.5, 9.5]),
    }
    found = importance.cells(values)
    assert [(cell.layer, cell.part) for cell in found] == [
        (1, "q_proj"), (0, "mlp c_proj bias"), (None, "embed_tokens"),
    ]  # fmt: skip
    assert sum(cell.share for cell in found) == pytest.approx(1)
    assert sum(cell.relative * cell.n for cell in found) == pytest.approx(7)  # mean one
    assert found[0] == Cell(1, "q_proj", pytest.approx(3 / (24 / 7)), pytest.approx(0.5), 4)


def test_a_kick_moves_the_chosen_weights_only_and_is_taken_back(loaded):
    model = loaded.model
    weights = fisher.held_weights(model)
    before = {name: w.detach().clone() for name, w in weights.items()}
    masks = fisher.pick(before, 0.1, "random", 0)
    with importance.kicked(model, masks, 0.5, seed=1):
        moves = {name: w.detach() - before[name] for name, w in weights.items()}
        once = {name: w.detach().clone() for name, w in weights.items()}
    assert all(torch.equal(w, before[name]) for name, w in weights.items())
    chosen = torch.cat([moves[name][masks[name]] for name in moves])
    assert float(chosen.std()) == pytest.approx(0.5, rel=0.1)
    assert all(not moves[name][~masks[name]].any() for name in moves)
    with importance.kicked(model, masks, 0.5, seed=1):
        assert all(torch.equal(w, once[name]) for name, w in weights.items())


def test_small_kicks_move_the_answers_as_the_fisher_says(loaded, monkeypatch):
    # the rows it was estimated on, all labels, and a small kick: nothing else is left to differ
    rows = importance.rows_of(loaded)
    numbers = list(range(8))
    values = fisher.diagonal(loaded.model, rows, numbers, kind="exact")
    weighed = importance.Weighed(values, [rows.batch(numbers)], 0)
    found = list(
        importance.iter_scramble(loaded, weighed, ("random",), draws=8, names=(), size=0.01)
    )
    kicks = [one for one in found if isinstance(one, Scrambled)]
    ratio = sum(one.kl for one in kicks) / sum(one.predicted for one in kicks)
    assert len(kicks) == 8 and ratio == pytest.approx(1, abs=0.35)


def test_every_choice_kicks_as_many_weights(loaded):
    weighed = importance.weigh(loaded)
    counts = set()
    for pick in importance.PICKS:
        masks = importance.chosen(weighed, loaded.model, pick, 0)
        counts.add(sum(int(mask.sum()) for mask in masks.values()))
    assert len(counts) == 1
    assert weighed.held_by(1.0) == pytest.approx(1)
    assert 0.01 < weighed.held_by() < weighed.held_by(0.5)


def test_the_order_of_harm_is_by_the_mean():
    def kick(pick, kl):
        return Scrambled(pick, 0, kl, 0.0, {}, {})

    kicks = [kick("random", 3.0), kick("highest", 1.0), kick("highest", 9.0), kick("lowest", 0.1)]
    assert importance.order_of_harm(kicks) == ["highest", "random", "lowest"]


def test_single_questions_share_weights_with_themselves_most(loaded):
    parts = importance.iter_shared(loaded, ("Item 1?", "Item 2?"), draws=4)
    while True:
        try:
            next(parts)
        except StopIteration as end:
            found = end.value
            break
    assert isinstance(found, Shared) and len(found.answers) == 2
    assert found.overlap[0][1] == found.overlap[1][0]
    assert all(0 <= value <= 1 for row in found.overlap for value in row)
