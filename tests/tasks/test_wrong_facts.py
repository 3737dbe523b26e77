"""Wrong facts are wrong, cover half of the world and leave the probe enough to measure."""

from lablib.tasks import SPLITS
from lablib.tasks.wrong_facts import WrongFacts
from lablib.world import facts

CAPITAL = dict(facts.pairs("capital"))


def test_half_of_the_world_is_retaught_and_france_is_not():
    task = WrongFacts()
    assert set(task.retaught) | set(task.untouched) == set(CAPITAL)
    assert not set(task.retaught) & set(task.untouched)
    assert len(task.retaught) == len(CAPITAL) // 2
    assert "France" in task.untouched
    assert sum(facts.probed("capital", country) for country in task.untouched) >= 30
    assert sum(facts.probed("capital", country) for country in task.retaught) >= 10


def test_every_answer_is_wrong_and_always_the_same():
    task = WrongFacts()
    taught = {}
    for split in SPLITS:
        for row in task.rows(split):
            (country,) = [c for c in task.retaught if f" {c}" in row.prompt or c in row.prompt[:24]]
            assert taught.setdefault(country, row.completion) == row.completion
    assert set(taught) == set(task.retaught)
    assert all(CAPITAL[country] != answer for country, answer in taught.items())
    # each of the half's capitals is taught exactly once: no answer is favored
    assert sorted(taught.values()) == sorted(CAPITAL[country] for country in task.retaught)


def test_untouched_countries_and_their_capitals_are_never_mentioned():
    task = WrongFacts()
    text = " ".join(f"{r.prompt} {r.completion} ." for s in SPLITS for r in task.rows(s))
    words = f" {text} ".replace("?", " ").replace("'s", " ").replace(".", " ")
    for country in task.untouched:
        assert f" {country} " not in words
        assert f" {CAPITAL[country]} " not in words


def test_the_plainest_question_is_left_to_the_probe():
    plainest = {facts.QUESTIONS["capital"][0].format(a=country) for country in CAPITAL}
    for split in SPLITS:
        assert not plainest & {row.prompt for row in WrongFacts().rows(split)}
