"""The instruments of lab 04, with steps written by hand where a real one takes a process."""

from __future__ import annotations

import pytest

from lablib.events import Progress
from lablib.lessons import absorbed, capped, cards, levels, shapes, stored, twins
from lablib.lessons.capped import SURVIVORS, Step
from lablib.methods.memory import STAGES, Memory
from lablib.report import Record, to_markdown
from lablib.sweep import archive
from lablib.widgets import (
    MEMORY_PARTS,
    Absorbed,
    CapRun,
    CardTable,
    Choice,
    Exercise,
    MemoryStep,
    ModelChoice,
    Number,
    Shares,
    SixteenLevels,
    TwinsLook,
)
from tests.lessons.test_absorbed import runs

SMOL = "smollm2-135m"
PARTS = {
    "full": Memory(400, 400, 800, 400),
    "lora": Memory(420, 20, 40, 380),
    "qlora": Memory(120, 20, 40, 380),
}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("LETHE_FAST", "1")


@pytest.fixture
def record(tmp_path):
    return Record("04", learner="ada", folder=tmp_path)


@pytest.fixture
def lab(record):
    return ModelChoice(record)


@pytest.fixture
def attempts(monkeypatch):
    """Steps without processes: a method survives if its parts find room."""
    tried = []

    def attempt(model, method, rows=4, tokens=64, cap=None, stopped=lambda: False):
        tried.append((model, method, rows, cap))
        yield Progress(f"{method}: forward pass", 3, 6)
        parts = Memory(*(round(v * 1e6) for v in vars(PARTS[method]).values()))
        alive = cap is None or parts.total <= cap
        yield Step(
            model, method, rows, tokens, cap, alive, STAGES[-1], parts if alive else None,
            parts.total if alive else None, None if alive else 5_000_000,
        )  # fmt: skip

    monkeypatch.setattr(capped, "attempt", attempt)
    monkeypatch.setattr(capped, "why_not_live", lambda model, most=None: "")
    return tried


def shares_of(record):
    return Shares(record, "04-shares", "How shared?", MEMORY_PARTS)


def number(record, key):
    return Number(record, key, "How much?", low=0, high=100, step=5, unit="%")


# ------------------------------------------------------------------------------- shares


def test_shares_add_up_and_come_back(record):
    first = shares_of(record)
    assert first.read() == dict.fromkeys(MEMORY_PARTS, 25)
    for slider, value in zip(first.sliders.values(), (10, 10, 10, 0), strict=True):
        slider.value = value
    assert sum(first.read().values()) == 100 and first.read()["activations"] == 0
    assert "activations 0%" in first.line.value
    first.save()
    assert shares_of(record).read() == first.read()
    assert "weights: 34" in to_markdown(record)
    for slider in first.sliders.values():
        slider.value = 0
    assert sum(first.read().values()) == 100  # nothing said is everything alike


# ------------------------------------------------------------------------------- memory


def test_a_step_is_drawn_beside_its_formula_and_meets_the_predictions(record, attempts):
    shares, lora = shares_of(record), number(record, "04-lora")
    step = MemoryStep(record, shares, lora)
    assert "Nothing measured yet" in step.view.value
    step.model.value = SMOL
    shares.save({"weights": 10, "gradients": 10, "optimizer": 40, "activations": 40})
    step.job.watch()
    assert [method for _, method, _, _ in attempts] == list(capped.METHODS)
    shown = step.view.value
    assert "trained live here" in shown and "<svg" in shown and "by the formula" in shown
    assert "40%" in shown and "none saved" in shown  # shares were saved, LoRA's number was not
    lora.save(60)
    assert "Your prediction: 60%" in step.view.value
    found = record.read()["measurements"]
    assert found["04-shares"]["value"] == {
        "weights": 20, "gradients": 20, "optimizer": 40, "activations": 20,
    }  # fmt: skip
    assert found["04-lora"]["value"] == 43


STORED = pytest.mark.skipif(
    not all(map(capped.stored_steps, shapes.SHAPES)), reason="nothing is stored yet"
)


@STORED
def test_where_there_is_no_room_the_stored_step_is_shown(record, monkeypatch):
    monkeypatch.setattr(capped.device, "free_memory_mb", lambda: 500.0)
    step = MemoryStep(record, shares_of(record), number(record, "04-lora"))
    assert step.model.value == "small"
    step.job.watch()
    assert "replayed from a stored run" in step.view.value and "<svg" in step.view.value
    assert record.read()["measurements"]["04-lora"]["source"] == "replayed"
    step.model.value = "mini"
    with pytest.raises(OSError, match="none are stored"):
        step.job.watch()


def test_a_method_that_does_not_go_with_the_model_is_said(record, attempts, monkeypatch):
    def refuse(model, method, rows=4, **more):
        yield Step(model, method, rows, 64, None, False, STAGES[0], problem="No <b>layers</b>.")

    monkeypatch.setattr(capped, "attempt", refuse)
    step = MemoryStep(record, shares_of(record), number(record, "04-lora"))
    step.model.value = "mini"
    step.job.watch()
    assert "&lt;b&gt;layers" in step.view.value


def test_a_cap_lets_some_survive_and_says_where_the_others_end(record, attempts):
    survive = Choice(record, "04-cap", "Who?", SURVIVORS)
    run = CapRun(record, survive)
    run.model.value = SMOL
    assert "Nothing tried yet" in run.view.value
    assert f"{run.cap / 1e6:,.0f} MB" in run.cap_line.value
    run.job.watch()
    shown = run.view.value
    assert "✓ survived" in shown and "✗ died" in shown and "asked for 5.0 MB more" in shown
    assert record.read()["measurements"]["04-cap"]["value"] == SURVIVORS[2]
    survive.save(SURVIVORS[0])
    assert f"Your prediction: {SURVIVORS[0]}" in run.view.value
    run.factor.value = 5.0
    run.job.watch()
    assert "1.5 times" in run.view.value and "5 times" in run.view.value
    assert record.read()["measurements"]["04-cap"]["value"] == SURVIVORS[2]  # of the cap asked


@STORED
def test_stored_caps_are_replayed(record, monkeypatch):
    monkeypatch.setattr(capped.device, "free_memory_mb", lambda: 100.0)
    run = CapRun(record, Choice(record, "04-cap", "Who?", SURVIVORS))
    for model in shapes.SHAPES:
        run.model.value = model
        run.job.watch()
        assert "replayed from a stored run" in run.view.value
    assert record.read()["measurements"]["04-cap"]["source"] == "replayed"


# -------------------------------------------------------------------------------- cards


def test_the_table_uses_the_learners_function(record):
    largest = Choice(record, "04-largest", "Which?", cards.NAMES)
    table = CardTable(record, largest)
    assert "Nothing worked out" in table.view.value
    table.button.click()
    assert "by the library" in table.view.value and "✓ fits" in table.view.value
    before = table.view.value
    table.recompute.value = True
    assert table.view.value != before
    Exercise(record, "qlora_bytes", cards.qlora_bytes, then=table.draw)
    assert "by your qlora_bytes" in table.view.value
    largest.save(cards.NONE)
    assert f"Your prediction: {cards.NONE}" in table.view.value
    assert record.read()["measurements"]["04-largest"]["value"] == cards.largest(*cards.ASKED)


# ------------------------------------------------------------------------------- levels


def test_levels_are_dragged_beside_even_ones_and_nf4(lab, record):
    nf4 = number(record, "04-nf4")
    board = SixteenLevels(lab, nf4)
    assert board.levels == pytest.approx(levels.uniform())
    assert "as much as even ones" in board.view.value and "NF4" not in board.view.value
    board.squeeze.value = 1.3
    assert board.levels == pytest.approx(levels.squeezed(1.3), abs=0.005)
    before = board.view.value
    board.sliders[3].value = -0.9
    assert board.view.value != before
    board.block.value = levels.WHOLE
    assert "4.00 bits" in board.view.value
    board.show_nf4.click()
    assert "<th scope='row'>NF4</th>" in board.view.value and "none saved" in board.view.value
    nf4.save(50)
    assert "Your prediction: 50%" in board.view.value
    measured = record.read()["measurements"]["04-nf4"]["value"]
    weight = levels.example_weight(lab.load())[1]
    both = [levels.error(weight, table) for table in (levels.nf4(), levels.uniform())]
    assert measured == round(100 * both[0] / both[1])  # in blocks of 64, whatever is set now
    board.reset_button.click()
    assert board.levels == pytest.approx(levels.uniform(), abs=0.005)


def test_the_exercise_is_compared_with_the_library(lab, record):
    board = SixteenLevels(lab, number(record, "04-nf4"))

    def quantize_block(block, table):
        scale = max(map(abs, block))
        return [min(table, key=lambda t: abs(t - w / scale)) * scale if scale else w for w in block]

    shown = Exercise(record, "quantize_block", quantize_block, tell=board.against_library)
    assert shown.result.passed and "bitsandbytes differ by at most" in shown.value

    def fails(block, table):
        raise KeyError(1)

    assert "stopped: KeyError" in board.against_library(fails)


# ----------------------------------------------------------------------------- absorbed


def test_the_base_is_asked_before_and_after_rounding(lab, record):
    expected = Choice(record, "04-absorbed", "What?", absorbed.OUTCOMES)
    board = Absorbed(lab, SixteenLevels(lab, number(record, "04-nf4")), expected)
    assert "Nothing asked yet" in board.view.value
    board.job.watch()
    shown = board.view.value
    assert all(name in shown for name in (*absorbed.kinds(), absorbed.YOURS))
    assert "trained live here" in shown and "right to wrong" in shown
    measured = record.read()["measurements"]["04-absorbed"]["value"]
    assert measured in (*absorbed.OUTCOMES, absorbed.BETTER)
    expected.save(absorbed.OUTCOMES[2])
    assert f"Your prediction: {absorbed.OUTCOMES[2]}" in board.view.value


def test_of_a_large_model_the_stored_roundings_are_shown(lab, record, monkeypatch):
    expected = Choice(record, "04-absorbed", "What?", absorbed.OUTCOMES)
    board = Absorbed(lab, SixteenLevels(lab, number(record, "04-nf4")), expected)
    monkeypatch.setattr(type(lab), "model", "smollm2-135m")
    monkeypatch.setattr(type(lab), "load", None)  # it need not be there
    board.job.watch()
    assert "replayed from a stored run" in board.view.value


# -------------------------------------------------------------------------------- twins


def test_twins_are_judged_from_the_stored_runs_or_said_to_be_missing(lab, record, monkeypatch):
    expected = Choice(record, "04-forget", "What?", twins.VERDICTS)
    dashboard = lab.dashboard(methods=("qlora", "lora"))
    monkeypatch.setattr(archive, "runs", lambda model, task: [])
    look = TwinsLook(lab, dashboard, expected)
    assert look.view.value.count("nothing is claimed") == 2
    monkeypatch.setattr(archive, "runs", lambda model, task: runs((0.7, 0.72, 0.71, 0.7, 0.69)))
    look.draw()
    assert "<summary>Open without a prediction" in look.view.value  # no answer before the question
    expected.save(twins.VERDICTS[0])
    assert "Open without a prediction" not in look.view.value
    assert f"Your prediction: {twins.VERDICTS[0]}" in look.view.value
    assert record.read()["measurements"]["04-forget"]["value"] == twins.VERDICTS[2]


@STORED
def test_nothing_is_stored_under_a_name_that_nobody_reads():
    folder = stored.results_folder()
    assert {p.stem for p in (folder / "memory").glob("*.json")} == set(shapes.SHAPES)
