"""Three tasks in turn: the matrix over seeds, what is left of the first one."""

from __future__ import annotations

import pytest

from lablib import models
from lablib.events import Probed, Score, Started, TaskDone
from lablib.history import History
from lablib.lessons import catalog, sequences


def sequence(rows, seed=0, knowledge=(1.0, 0.5, 0.4, 0.4)):
    """A whole sequence with these task scores at the base and after each task."""
    config = {"lr": 1e-3, "chance": {"knowledge": {"says": 0.0, "knows": 0.25}}}
    history = History()
    history.add(Started("r", "mini", sequences.ORDER, "lora", seed, 30, config, {}))
    for place, scores in enumerate(rows):
        by_task = dict(zip(sequences.ORDER, scores, strict=True))
        score = Score(knowledge[place], 1.0, 100)
        args = (10 * place, sequences.ORDER[max(place - 1, 0)], {"knowledge": score}, by_task)
        history.add(Probed(*args, True, 0.0, 0.0))
        if place:
            history.add(TaskDone(sequences.ORDER[place - 1], 10 * place))
    return history


ROWS = [(0, 0, 0), (0.8, 0, 0), (0.2, 0.6, 0), (0.1, 0.3, 0.9)]


def test_the_matrix_is_a_mean_over_whole_sequences():
    other = [(0, 0, 0), (0.6, 0, 0), (0.4, 0.4, 0), (0.3, 0.1, 0.7)]
    fields = sequences.matrix([sequence(ROWS), sequence(other, 1), sequence(ROWS[:2], 2)])
    assert len(fields) == 4
    assert fields[1][0].mean == pytest.approx(0.7)
    assert (fields[3][0].low, fields[3][0].high) == pytest.approx((0.1, 0.3))
    assert sequences.matrix([sequence(ROWS)])[1][0].low is None
    assert sequences.matrix([]) == []


def test_knowledge_is_kept_relative_to_the_base():
    kept = sequences.capability([sequence(ROWS)])
    assert [field.mean for field in kept] == [1.0, 0.5, 0.4, 0.4]
    nothing = sequence(ROWS, knowledge=(0.0, 0.0, 0.0, 0.0))
    assert sequences.capability([nothing]) == [None] * 4


def test_what_is_left_of_the_first_task():
    assert sequences.first_task_left(sequence(ROWS)) == pytest.approx(0.1 / 0.8)


def test_mini_trains_its_embeddings_along_and_a_large_model_does_not():
    loaded = models.load("mini")
    run = sequences.build(loaded, "per-task")
    assert run.method.embeddings and run.method.per_task
    assert run.config.lr == sequences.SMALL_RATE
    assert [task.name for task in run.tasks] == list(sequences.ORDER)
    assert sequences.build(loaded, "full").config.lr == 8e-4
    assert not sequences.single(loaded).method.embeddings


def test_sequences_are_settings_of_the_catalog():
    loaded = models.load("mini")
    for way in sequences.WAYS:
        setting = sequences.SETTING.format(way)
        assert way in catalog.command(loaded, setting, 3)
        assert setting in catalog.SETTINGS
    assert catalog.build(loaded, "sequence-carried", 1).config.seed == 1
    assert "--method lora" in catalog.command(loaded, "lora-tickets", 0)
