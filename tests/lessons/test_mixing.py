"""What lab 07 reads off runs, and what its kits, counts and buffers are."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import replace

import pytest

from lablib import experiment, inputs, tasks, world
from lablib.lessons import (
    buffers,
    catalog,
    illnesses,
    kits,
    mixing,
    pools,
    shares,
    stored,
    taskstream,
)
from lablib.models import load
from lablib.probes import PROBES
from lablib.sweep.analysis import estimate, mean_matrix
from tests.handmade import make_history

CURVES = {"knowledge": [1.0, 0.8, 0.5], "reasoning": [1.0, 0.6, 0.3]}


def make_point(main, *, kept=None, seeds=3, task=0.9):
    """A point of three seeds that came out close to each other."""
    values = {seed: main + 0.01 * (seed - 1) for seed in range(seeds)}
    found = estimate(list(values.values()))
    by_name = {name: estimate([value] * seeds) for name, value in (kept or {}).items()}
    scores = estimate([task] * seeds)
    return mixing.Point(seeds, found, found, found, scores, None, by_name, values)


# -------------------------------------------------------------------------------- kits


@pytest.mark.parametrize("key", kits.KITS)
def test_a_kit_has_five_rows_that_nobody_asks_or_re_teaches(key):
    rows = kits.rows(key)
    assert len(rows) == 5
    assert list(rows) == list(inputs.check_unasked(rows, experiment.make_probes()))
    text = world.plain(" ".join(f"{row.prompt} {row.completion}" for row in rows))
    named = {world.plain(country) for country in tasks.load("wrong_facts").retaught}
    named |= {world.plain(i.fields["subject"]) for i in illnesses.untouched_capitals().items()}
    assert not [name for name in named if name in text]


def test_the_kits_are_what_their_script_makes(root):
    folder = root / kits.FOLDER
    spec = importlib.util.spec_from_file_location("make_kits", folder / "make.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.KITS.keys() == kits.KITS.keys()
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256").read_text().splitlines())
    for key, make in script.KITS.items():
        lines = kits.file(key).read_bytes()
        assert lines.decode() == script.text(make())
        assert sums[f"{key}.jsonl"] == hashlib.sha256(lines).hexdigest()


def test_a_kit_of_ones_own():
    rows = kits.own("Say moon. => moon\n\n  What is a => b? => c ")
    assert [(row.prompt, row.completion) for row in rows] == [
        ("Say moon.", "moon"), ("What is a", "b? => c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("a => b\nc", "Line 2"), ("=> b", "Line 1"), ("a => b\n" * 21, "21 rows")],
)
def test_a_broken_kit_is_refused_in_words(text, says):
    with pytest.raises(ValueError, match=says):
        kits.own(text)


def test_the_cheapest_kit_is_the_cheapest_that_keeps_enough():
    assert kits.cheapest({"capitals": 0.95, "mixed": 0.99, "nonsense": 0.5}, 0.9) == (
        "five capitals"
    )
    assert kits.cheapest({"nonsense": 0.89, "mixed": None}, 0.9) == kits.NONE
    assert kits.total_price(["nonsense", "mixed", "own"]) == 6


# ---------------------------------------------------------------------------- readings


def test_settings_are_those_of_lab_02_where_there_are_such():
    assert mixing.ratio_setting(0.0) == "tickets-mix0"
    assert mixing.ratio_setting(0.05) == "ratio-tickets-05"
    assert mixing.kit_setting(mixing.WHOLE, "wrong_facts") == "wrong_facts-mix20"
    settings = [mixing.ratio_setting(ratio) for ratio in mixing.RATIOS]
    settings += [mixing.kit_setting(k, t) for t in mixing.TASKS for k in ("whole", *kits.KITS)]
    assert set(settings) <= set(catalog.SETTINGS)
    assert set(mixing.RATIO_NAMES) == set(mixing.RATIOS) - {0.0}


def test_a_setting_with_a_kit_says_its_command():
    mini = load("mini")
    command = catalog.command(mini, "kit-capitals-wrong_facts", 3)
    rest = "--general data/kits/capitals.jsonl --probe-every 10000 --no-probe-early"
    assert command.endswith(f"--mix 0.2 {rest}")
    run = catalog.build(mini, "kit-capitals-tickets")
    assert [row.prompt for row in run.general.rows] == [r.prompt for r in kits.rows("capitals")]
    assert run.settings["mix_ratio"] == mixing.MIX


def test_tickets_are_read_by_knowledge():
    reading = mixing.read(make_history(CURVES))
    assert reading.main == pytest.approx(0.5) and reading.mean == pytest.approx(0.4)
    assert reading.task == 1.0 and reading.counts["n_rows"] == 32
    counted = mixing.read(make_history(CURVES), {"counts": {"n_rows": 7}})
    assert counted.counts == {"n_rows": 7}


def test_wrong_facts_are_read_by_the_capitals_that_they_never_mention():
    history = stored.load("mini", "wrong_facts-mix0").history
    reading = mixing.read(history)
    items = PROBES["knowledge"]().items("full")
    names = {item.id for item in illnesses.untouched_capitals().items()}
    outcomes = history.final("knowledge").says_outcomes
    right = [o for item, o in zip(items, outcomes, strict=True) if item.id in names]
    assert reading.main == pytest.approx(sum(right) / len(right))
    assert reading.main_knows > reading.main


def test_the_smallest_rescue_is_read_off_the_means():
    points = {
        0.0: make_point(0.1, kept={"knowledge": 0.1}),
        0.05: make_point(0.8, kept={"knowledge": 0.8}),
        0.1: make_point(0.93, kept={"knowledge": 0.93, "reasoning": 0.5}),
        0.5: make_point(0.99, kept={"knowledge": 0.99, "reasoning": 0.6}),
    }
    assert mixing.smallest(points) == 0.1
    assert mixing.smallest_in_words(points) == "one in ten"
    assert mixing.smallest_in_words(points, "reasoning") == mixing.NOT_EVEN
    del points[0.5]  # what was not measured is not said to fail
    assert mixing.smallest_in_words(points, "reasoning") == "none of those that are stored"


def test_kits_are_compared_seed_by_seed():
    points = {"capitals": make_point(0.9), "nonsense": make_point(0.5), "whole": make_point(0.9)}
    assert "More is kept with five capitals than with five rows of nonsense" in mixing.compared(
        points, "capitals", "nonsense"
    )
    assert "Less is kept with" in mixing.compared(points, "nonsense", "capitals")
    assert "cannot be told apart" in mixing.compared(points, "whole", "capitals")
    assert "not both stored" in mixing.compared(points, "whole", "mixed")
    one = {"capitals": make_point(0.9, seeds=1), "nonsense": make_point(0.5, seeds=1)}
    assert "too few seeds" in mixing.compared(one, "capitals", "nonsense")


def test_kits_that_rescue_are_named_and_otherwise_the_best():
    points = {key: make_point(0.3) for key in kits.KITS} | {"capitals": make_point(0.47)}
    assert "no kit rescues; most is kept with five capitals, 0.47" in pools.rescues(points, "x")
    points["mixed"] = make_point(0.95)
    assert pools.rescues(points, "x") == "On x enough is kept with five mixed rows."
    assert pools.rescues({}, "x") == ""


def test_variety_is_told_up_to_the_share_that_is_sure(monkeypatch):
    sizes = {"kit-capitals-tickets": (0.5, 640), "ratio-tickets-01": (0.5, 32)}
    sizes |= {"ratio-tickets-02": (0.8, 64), "ratio-tickets-05": (0.9, 160)}

    def point(model, setting):
        if setting not in sizes:
            return None
        main, general = sizes[setting]
        return replace(make_point(main), general=float(general))

    monkeypatch.setattr(pools, "point", point)
    first, second = pools.variety("mini")
    assert "one row in a hundred" in first and "cannot be told apart from" in first
    assert "64 rows in a run, keeps more than five capitals, each shown about 128 times" in second


def test_what_a_mean_is_taken_over_is_named():
    assert mixing.mean_of({"language": 1, "knowledge": 1}) == "mean of knowledge and language"
    assert mixing.mean_of(dict.fromkeys(mixing.NAMES, 1)) == "mean of all six"


def test_knowledge_is_read_when_the_task_first_reaches_a_score(monkeypatch):
    monkeypatch.setattr(mixing, "EVERY", 1)
    history = make_history(CURVES, task_scores=(0.0, 1.0))  # 0, .5, 1 at steps 0, 1, 2
    assert mixing.at_match(history) == pytest.approx(0.65)
    assert mixing.at_match(make_history(CURVES, task_scores=(0.0, 0.5))) is None


def test_a_stored_run_may_keep_a_part_of_its_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    path = stored.save("mini", "a", 0, make_history(CURVES), "command", every=2)
    kept = stored.load("mini", "a")
    assert [step.step for step in kept.history.steps] == [2]
    assert kept.facts["counts"]["n_rows"] == 32
    assert mixing.read(kept.history, kept.facts).counts["n_rows"] == 32
    assert json.loads(path.read_text())["command"] == "command"
    point = mixing.point("mini", "a")
    assert point.seeds == 1 and point.main.mean == pytest.approx(0.5)
    assert mixing.curve("mini") == {} and mixing.pools("mini", "tickets") == {}
    assert mixing.foreign() == []


def test_the_whole_pool_is_read_from_the_stored_comparison(tmp_path, monkeypatch):
    rows = mixing.whole_pool("mini", "tickets")
    assert [row[0].split(",")[0] for row in rows] == ["nothing", *["the whole pool"] * 2]
    kept = [float(row[1].split()[0]) for row in rows]
    assert kept[0] < kept[1] and rows[0][-1] == "5"
    monkeypatch.setattr(mixing.archive, "folder_of", lambda *_: tmp_path)
    assert mixing.whole_pool("mini", "tickets") == []


# ---------------------------------------------------------------------- counts, buffers


@pytest.mark.parametrize("unit", ["examples", "tokens"])
def test_batches_are_those_of_a_run(unit):
    mini = load("mini")
    *_, batches = shares.draw(mini, "tickets", 0.2, unit, n=5)
    run = experiment.build(
        mini, "tickets", mix_ratio=0.2, mix_unit=unit, probes=(), watch=(), task_test_rows=0,
        max_steps=2, full_probes=False, probe_early=False,
    )  # fmt: skip
    steps = [event for event in run if type(event).__name__ == "StepDone"]
    for step, batch in zip(steps, batches, strict=False):
        assert step.n_general == sum(general for general, _ in batch)
        assert step.n_tokens == sum(tokens for _, tokens in batch)
        assert step.n_general_tokens == sum(tokens for general, tokens in batch if general)


def test_shares_of_rows_and_of_tokens():
    batches = [[(True, 2), (False, 8)], [(False, 10), (False, 20)]]
    assert shares.by_rows(batches) == 0.25 and shares.by_tokens(batches) == 0.05
    assert shares.by_rows([]) == shares.by_tokens([[]]) == 0.0


def test_rules_keep_what_they_say():
    end = buffers.total()
    assert buffers.counts(buffers.after(buffers.first_come, end)) == [60, 0, 0]
    assert buffers.counts(buffers.after(buffers.last_come, end)) == [0, 0, 60]
    assert buffers.counts(buffers.after(buffers.always_in, end))[0] <= 2
    for rule in buffers.RULES.values():
        assert len(buffers.after(rule, 40)) == 40 and buffers.after(rule, 0) == []


def test_a_rule_of_ones_own_is_checked_before_it_is_drawn():
    assert buffers.checked([(0, 3)], 10) == [(0, 3)]
    for kept, says in (
        ([(0, 30)], "rows of the stream"), (None, "a list"), ([(0, 0)] * 61, "61 rows"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            buffers.checked(kept, 10)


def test_what_a_stream_forgets_is_the_fall_from_after_learning_to_the_end():
    matrix = [[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [0.4, 0.8, 0.0], [0.1, 0.6, 1.0]]
    assert taskstream.forgotten(matrix) == pytest.approx((0.8 + 0.2) / 2)
    assert taskstream.forgotten(matrix[:2]) is None
    assert mean_matrix([matrix, matrix])[3][0].mean == pytest.approx(0.1)
    assert mean_matrix([]) == []


def test_a_task_that_is_hardly_learned_is_named(monkeypatch):
    class Whole:
        def matrix(self):
            return [[0.0] * 3, [0.9, 0.0, 0.0], [0.1, 0.2, 0.0], [0.0, 0.0, 0.6]]

    said = taskstream.learned({"stream-nothing": [Whole()], "stream-buffer": []})
    assert "tickets 0.90, clinic 0.20, clauses 0.60. Hardly learned: clinic." in said
    assert "(1 seed)" in said and taskstream.learned({"stream-nothing": []}) == ""
