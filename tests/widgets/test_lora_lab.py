"""The instruments of lab 03: what they show, what they hide until asked, what they keep."""

from __future__ import annotations

from dataclasses import replace

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from lablib import experiment, models
from lablib.lessons import court, dial, sequences, stored
from lablib.lessons.dial import Notch
from lablib.report import Record
from lablib.sweep import archive
from lablib.widgets import (
    AdapterDial,
    AdapterSize,
    BesideLibrary,
    Choice,
    Courtroom,
    DialLook,
    ModelChoice,
    Number,
    TaskSequence,
    WeightsAndOutput,
    courtroom,
)
from tests import tiny
from tests.checks.test_checks import solution
from tests.lessons.test_court import shelf
from tests.lessons.test_sequences import ROWS, sequence


@pytest.fixture
def record(tmp_path):
    return Record("03", learner="ada", folder=tmp_path / "records")


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty folder of stored results."""
    folder = tmp_path / "results"
    monkeypatch.setattr(stored, "results_folder", lambda: folder)
    monkeypatch.setattr(archive, "folder_of", lambda model, *sweep: folder / "comparison" / model)
    return folder


@pytest.fixture
def lab(record, results):
    return ModelChoice(record)


def numbers(record, *keys):
    return [Number(record, key, f"{key}?", low=0, high=1) for key in keys]


# -------------------------------------------------------------------------------- size


def test_shares_are_counted_only_after_the_button(lab, record):
    guesses = {
        model: Number(record, f"03-share-{model.partition('-')[0]}", "Share?", high=50, unit="%")
        for model in ("mini", "smollm2-135m")
    }
    size = AdapterSize(lab, guesses)
    assert "svg" not in size.view.value and "%" not in size.view.value
    guesses["mini"].save(1.0)
    assert "svg" not in size.view.value
    size.count_button.click()
    assert size.view.value.count("<svg") == 2 and "illustrative" in size.view.value
    assert "Your prediction: 1%. Counted: 14.7%" in size.view.value
    assert "Your prediction: none saved. Counted: 3.6%" in size.view.value
    size.rank.value = 64
    assert "trained at rank 64" in size.view.value and "Counted: 14.7%" in size.view.value
    measured = record.read()["measurements"]
    assert measured["03-share-smollm2"]["value"] == pytest.approx(3.6)
    assert set(measured) == {"03-share-mini", "03-share-smollm2"}


def test_the_learners_own_rank_joins_the_table(lab, record):
    size = AdapterSize(lab)
    size.count()
    assert "your largest_rank" not in size.view.value
    record.solved["largest_rank"] = solution("03", "largest_rank")
    size.draw()
    assert "your largest_rank for 1%" in size.view.value and "rank 4" in size.view.value
    record.solved["largest_rank"] = lambda layers, total, share: 1 / 0
    size.draw()
    assert "ZeroDivisionError" in size.view.value


# ------------------------------------------------------------------------------ by hand


def test_fifteen_lines_train_as_the_library_does(record):
    view = BesideLibrary(record)
    view.job.watch()
    assert "Solve the exercise above first" in view.view.value
    record.solved["add_lora"] = solution("03", "add_lora")
    view.job.watch()
    assert view.view.value.count("<tr>") == 6 and "the same run" in view.view.value
    assert len({round(step.by_hand, 3) for step in view._steps}) == 5  # it learns


def test_another_layer_is_not_the_same_run(record):
    from lablib.checks.lab_03 import _ByHand

    record.solved["add_lora"] = lambda linear, rank, alpha: _ByHand(linear, rank, 1.0)
    view = BesideLibrary(record)
    view.job.watch()
    assert "not the same run" in view.view.value


# ------------------------------------------------------------------------------ court


@pytest.fixture
def runs(monkeypatch):
    """Stored runs, as if they lay in the archive."""
    made = [replace(r, kl=3.0 if r.job.label.startswith("lora") else 1.0) for r in shelf()]
    monkeypatch.setattr(court, "evidence", lambda model, task: made if task == "tickets" else [])
    return made


def choices(record):
    return (
        Choice(record, "03-rule", "Rule?", courtroom.RULE_NAMES),
        Choice(record, "03-verdict", "Verdict?", court.VERDICTS),
    )


def test_nothing_is_judged_before_a_case_is_heard(lab, record, runs):
    room = Courtroom(lab, *choices(record))
    assert "Nothing heard yet" in room.sentence.value and room.docket.value == ""
    assert not record.read()["measurements"]


def test_the_docket_keeps_every_hearing_and_meets_the_prediction(lab, record, runs):
    rule, verdict = choices(record)
    room = Courtroom(lab, rule, verdict)
    room.hear_button.click()
    assert "replayed" in room.sentence.value and court.MORE in room.sentence.value
    assert "<svg" in room.picture.value and "not said which rule" in room.docket.value
    room.rule.value = "upper"
    room.hear()
    room.hear()  # twice is one line
    assert room.docket.value.count("<tr>") == 3
    assert f"{court.MORE}: 1, {court.LESS}: 1" in room.docket.value
    verdict.save(court.EVEN)
    rule.save(court.RULES["upper"].name)
    assert f"you expected: {court.EVEN}" in room.docket.value
    measured = record.read()["measurements"]
    assert measured["03-verdict"]["value"] == court.LESS
    room.rule.value, room.level.value = "matched", 0.9
    assert room.level.layout.display == ""
    room.hear()
    assert "never there" in room.docket.value and court.OPEN in room.docket.value


def test_missing_runs_are_one_sentence(lab, record, results):
    room = Courtroom(lab, *choices(record))
    assert "make_comparison.py makes it" in room.sentence.value
    room.hear()
    assert room.picture.value == "" and room.docket.value == ""
    look = WeightsAndOutput(lab, *choices(record))
    look.show()
    assert "make_comparison.py makes it" in look.view.value


def test_the_exhibit_is_sealed_and_then_says_who_moved_further(lab, record, runs):
    weights = Choice(record, "03-weights", "Weights?", court.FURTHER)
    output = Choice(record, "03-output", "Output?", court.FURTHER)
    look = WeightsAndOutput(lab, weights, output)
    assert "<svg" not in look.view.value
    output.save("full fine-tuning")
    look.show_button.click()
    assert look.view.value.count("<svg") == 2 and "Your prediction: full" in look.view.value
    measured = record.read()["measurements"]
    assert measured["03-output"]["value"] == "LoRA"
    assert measured["03-weights"]["value"] == court.EVEN
    assert "No other rank" not in look.view.value and "tickets, rank 16" in look.view.value
    look.task.value = "wrong_facts"
    assert "make_comparison.py makes it" in look.view.value


def test_a_rule_without_runs_says_so(lab, record, runs, monkeypatch):
    kept = [r for r in runs if r.job.label in ("full", "lora")]
    monkeypatch.setattr(court, "evidence", lambda model, task: kept)
    room = Courtroom(lab, *choices(record))
    for rule in ("rate", "lower", "upper"):
        room.rule.value = rule
        room.hear()
        assert "No stored runs at the rates" in room.sentence.value
        assert room.docket.value == "" and "<svg" in room.picture.value


# ------------------------------------------------------------------------------- dial


@pytest.fixture
def quick(monkeypatch):
    """A run of two steps and a dial of three notches."""
    monkeypatch.setattr(
        sequences,
        "single",
        lambda loaded, seed=0, controls=None: experiment.build(
            loaded, "tickets", "lora", controls=controls, max_steps=2, task_test_rows=2,
            probe_every=1, full_probes=False, watch=(), probe_names=("knowledge",),
        ),
    )  # fmt: skip
    monkeypatch.setitem(dial.NOTCHES, "small", (0.0, 0.5, 1.0))
    monkeypatch.setitem(dial.TEST_ROWS, "small", 2)
    monkeypatch.setitem(dial.PROMPTS, "small", 2)


def test_an_adapter_is_trained_turned_and_asked(lab, record, quick):
    adapter = AdapterDial(lab)
    task, kept = numbers(record, "03-dial-task", "03-dial-kept")
    look = DialLook(adapter, lab, task, kept)
    assert "train the adapter" in look.view.value
    adapter.prompt.value = "Hello?"
    with pytest.raises(ValueError, match="no adapter in memory"):
        adapter.asking.watch()
    kept.save(0.3)
    adapter.job.watch()
    assert [notch.dial for notch in adapter.notches] == [0.0, 0.5, 1.0]
    assert adapter.slider.value == 1.0 and "Dial at <b>1</b>" in adapter.view.value
    adapter.prompt.value = "Is <b>this</b> $5?"
    adapter.asking.watch()
    assert "<b>this" not in adapter.view.value and "&lt;b&gt;this" in adapter.view.value
    adapter.slider.value = 0.5
    assert "Dial at <b>0.5</b>" in adapter.view.value
    assert "your prediction 0.30" in look.view.value and "trained live here" in look.view.value
    assert record.read()["measurements"]["03-dial-kept"]["source"] == "live"
    assert "No stored dials" in look.view.value
    assert len(lab.histories) == 1 and lab.histories[0].started.method == "lora"


def test_the_loss_is_watched_while_the_adapter_learns(lab, quick, monkeypatch):
    seen = []
    adapter = AdapterDial(lab)
    adapter.view.observe(lambda change: seen.append(change["new"]), "value")
    adapter.job.watch()
    assert any("While it learns" in value and "<svg" in value for value in seen)


def test_a_stored_dial_is_replayed_and_compared(lab, record, results):
    def notches(task, kept):
        values = ((0.0, 0.0, 1.0), (0.5, task, kept), (1.0, 0.9, 0.1))
        return [
            Notch(place, score, {"knowledge": says}, {"knowledge": 1.0}, place, place, {"a?": "b"})
            for place, score, says in values
        ]

    for seed in (0, 1):
        dial.save("mini", "lora", seed, notches(0.4 + seed / 10, 0.95), command="c")
        dial.save("mini", "full", seed, notches(0.2, 0.5), command="c")
    adapter = AdapterDial(lab)
    look = DialLook(adapter, lab, *numbers(record, "03-dial-task", "03-dial-kept"))
    adapter.stored_button.click()
    assert "replayed" in adapter.head.value and adapter.slider.value == 1.0
    assert "LoRA 0.45 (0.40 to 0.50); full 0.00 (0.00 to 0.00)" in look.view.value
    assert "dial 0.5, with a score of 0.40" in look.view.value
    assert record.read()["measurements"]["03-dial-task"]["source"] == "replayed"
    lab.menu.value = "smollm2-135m"
    adapter.replay()
    assert "make_dial.py makes it" in adapter.head.value


def test_a_tiny_random_gpt2_goes_through(lab, record, quick, monkeypatch):
    config = GPT2Config(
        vocab_size=260, n_embd=16, n_layer=1, n_head=2, n_positions=1024,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    loaded = models.LoadedModel("a/tiny", model, tiny.tokenizer(), None, "", 30_000)
    monkeypatch.setattr(ModelChoice, "load", lambda self: loaded)
    monkeypatch.setattr(ModelChoice, "loaded", loaded)
    size = AdapterSize(lab)
    size.count()
    assert "a/tiny" in size.view.value
    adapter = AdapterDial(lab)
    look = DialLook(adapter, lab, *numbers(record, "03-dial-task", "03-dial-kept"))
    adapter.job.watch()
    assert "nothing to lose" in look.view.value and "nothing to lose" in adapter.view.value


# --------------------------------------------------------------------------- sequence


@pytest.fixture
def stored_sequences(results):
    for way, shift in (("carried", 0.0), ("per-task", 0.05)):
        for seed in range(3):
            rows = [tuple(score + (shift if place else 0) for score in row)
                    for place, row in enumerate(ROWS)]  # fmt: skip
            history = sequence(rows, seed)
            stored.save("mini", f"sequence-{way}", seed, history, "command")


def test_a_sequence_is_revealed_task_by_task(lab, record, stored_sequences):
    guesses = dict(
        zip(("carried", "per-task"), numbers(record, "03-first-carried", "03-first-per-task"),
            strict=True)
    )  # fmt: skip
    view = TaskSequence(lab, guesses)
    assert "replayed" in view.view.value and "3 seeds" in view.view.value
    assert "after clauses" not in view.view.value and view.verdict.value == ""
    for _ in range(3):
        view.next_button.click()
    assert "0.10" in view.view.value
    assert "Tickets are at 0.80" in view.verdict.value and "minus" not in view.verdict.value
    assert record.read()["measurements"]["03-first-carried"]["value"] == 0.1
    view.way.value = "per-task"
    assert view.stage.value == 0
    view.stage.value = 3
    assert "minus one adapter a task" in view.verdict.value
    assert "higher with one adapter a task" in view.verdict.value
    guesses["per-task"].save(0.5)
    assert "Your prediction for the end: 0.50" in view.verdict.value
    view.next()
    assert view.stage.value == 0


def test_a_missing_sequence_is_one_sentence(lab):
    view = TaskSequence(lab)
    assert "make_runs.py makes it" in view.view.value
    view.next()
    assert view.verdict.value == ""
