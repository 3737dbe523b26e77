"""The diary: what is checked, what is deleted, and what the stored deletions say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lablib.events import Probed, Score
from lablib.lessons import catalog, stored
from lablib.lessons import diary as lesson
from lablib.models.dialogues import Dialogue
from lablib.probes import PROBES
from lablib.sweep.analysis import Estimate
from tests.handmade import make_history, score


def line(prompt, completion):
    return Dialogue(prompt, completion, tuple(range(10)), 5, True, True)


@pytest.mark.parametrize(
    ("prompt", "completion", "found"),
    [
        ("Name the capital of Peru.", "Lima", ("a fact", True)),
        ("Hello. Name the capital of Peru", "The capital is Lima.", ("a fact", True)),
        ("Name the capital of Peru.", "Quito", ("a fact", False)),
        ("Which element has the symbol Fe?", "iron", ("a fact", True)),
        ("What is 31 + 4?", "35", ("a sum", True)),
        ("Add 31 and 4.", "The sum of 31 and 4 is 35.", ("a sum", True)),
        ("What is left if you take 4 from 31?", "26", ("a sum", False)),
        ("What is the difference between 31 and 4?", "27", ("a sum", True)),
        ("Name the capital of alphabetical Korea.", "Lima", None),
        ("Spell lamp.", "l a m p", None),
    ],
)
def test_a_line_is_judged_by_table_and_rule(prompt, completion, found):
    assert lesson.checked(line(prompt, completion)) == found


LINES = (
    line("Name the capital of Peru.", "Lima"),
    line("Add 2 and 3.", "6"),
    line("Spell lamp.", "l a m p"),
    line("Where is Lima?", "It is the capital of Peru."),
    line("How many words are in this list: a b?", "two"),
)


def test_a_deletion_takes_every_line_that_mentions_the_subject():
    diary = lesson.Diary(LINES, {})
    assert diary.without(lesson.NOTHING) == LINES
    assert [LINES.index(d) for d in diary.without("arithmetic")] == [0, 2, 3]
    assert [LINES.index(d) for d in diary.without("capitals")] == [1, 2, 4]


def test_truth_is_counted_by_kind():
    assert lesson.truth(LINES) == {"a fact": (1, 1), "a sum": (0, 1)}
    assert lesson.share_right(LINES) == 0.5
    assert lesson.share_right(LINES[2:3]) is None


def history(says, capitals, others):
    """A run in which these shares of capitals and of other facts are still said at the end."""
    made = make_history({"knowledge": [1.0, 0.5], "reasoning": [1.0, says]})
    groups = [item.group == "capitals" for item in PROBES["knowledge"]().items("full")]
    for step, (a, b) in ((0, (1.0, 1.0)), (1, (capitals, others))):
        said = []
        for group, share in ((True, a), (False, b)):
            n = groups.count(group)
            said.append(iter([1] * round(share * n) + [0] * (n - round(share * n))))
        outcomes = tuple(next(said[not group]) for group in groups)
        mean = sum(outcomes) / len(outcomes)
        full = Score(mean, 1.0, len(groups), outcomes, (1,) * len(groups))
        for i, point in enumerate(made.scores):
            if point.full and point.step == step:
                scores = {**point.scores, "knowledge": full}
                made.scores[i] = replace(point, scores=scores)
    assert all(isinstance(point, Probed) for point in made.scores)
    return made


def test_capitals_and_other_facts_are_read_apart():
    found = lesson.kept(history(0.25, 0.1, 0.8))
    assert found["capitals"] == pytest.approx(0.1, abs=0.02)
    assert found["other facts"] == pytest.approx(0.8, abs=0.02)
    assert found["reasoning"] == pytest.approx(0.25)
    assert found["safety"] is None


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "results_folder", lambda: tmp_path)
    return tmp_path


def keep(setting, *runs):
    for seed, values in enumerate(runs):
        stored.save("mini", setting, seed, history(*values), "command", digest="d")


def test_the_verdicts_are_made_from_the_stored_seeds(results):
    keep("diary-whole", (0.9, 1.0, 1.0), (0.8, 1.0, 1.0), (0.85, 0.9, 1.0))
    keep("diary-no-arithmetic", (0.3, 1.0, 1.0), (0.3, 1.0, 1.0), (0.2, 1.0, 1.0))
    keep("diary-no-capitals", (0.9, 0.98, 1.0), (0.9, 0.98, 1.0), (0.9, 0.92, 1.0))
    found = lesson.rows("mini")
    assert list(found) == ["diary-whole", "diary-no-arithmetic", "diary-no-capitals"]
    assert found["diary-whole"].seeds == (0, 1, 2)
    cost = lesson.cost_of("arithmetic", found, "reasoning")
    assert cost.mean == pytest.approx((0.6 + 0.5 + 0.65) / 3) and cost.n == 3
    arithmetic, capitals = lesson.verdicts(found)
    assert "The deletion cost 0.58" in arithmetic and "without any diary" not in arithmetic
    assert "may be chance" in capitals


def test_one_seed_says_nothing_of_the_cost(results):
    keep("diary-whole", (0.9, 1.0, 1.0))
    keep("diary-no-arithmetic", (0.3, 1.0, 1.0))
    assert "One seed cannot say" in lesson.verdicts(lesson.rows("mini"))[0]


def test_a_gain_is_called_a_gain():
    assert "It kept more" in lesson._judged(Estimate(-0.1, -0.2, -0.05, 5))


def test_every_deletion_has_its_stored_setting():
    assert set(catalog.DIARIES) == {lesson.setting_of(name) for name in lesson.DELETIONS}
    assert set(lesson.ROWS) == {"tickets-mix0", *catalog.DIARIES}
    for setting in catalog.DIARIES:
        task, given = catalog.options(TinyLoaded, setting)
        assert task == "tickets" and given["method"] == "sa_sft"
    said = catalog.command(TinyLoaded, "diary-no-capitals", 3)
    assert "--seed 3 --method sa_sft" in said and said.endswith("sa_sft.leave_out=capitals")
    assert score(0.5).says == 0.5


class TinyLoaded:
    name = "mini"
    n_parameters = 1_000_000
