"""The honest baseline: stop before too much is forgotten, keep the best weights."""

import pytest
import torch

from lablib.events import Probed, Score, TaskDone
from lablib.train import EarlyStopping
from lablib.train.stopping import Watcher
from tests import tiny


def point(step, says=1.0, loss=None):
    score = Score(says, 1.0, 10)
    return Probed(step, "letters", {"vowels": score}, {}, False, 0.0, 0.0, loss)


BASE = {"vowels": Score(1.0, 1.0, 10)}


def feed(rule, points, model=None):
    """Return the step at which the rule ended and the watcher; each step marks the weights."""
    model, watcher = model or tiny.model(), Watcher(rule)
    for p in points:
        with torch.no_grad():
            model.model.norm.weight.fill_(p.step)
        watcher.see(p, BASE, model)
        if watcher.over:
            return p.step, watcher
    return None, watcher


def test_retention_below_the_floor_ends_and_keeps_the_last_acceptable_weights():
    rule = EarlyStopping("retention", probe="vowels", floor=0.9)
    ended, watcher = feed(rule, [point(0), point(1, 0.95), point(2, 0.92), point(4, 0.5)])
    assert (ended, watcher.best_step) == (4, 2)
    assert watcher.best_weights["model.norm.weight"].unique().tolist() == [2.0]


def test_patience_forgives_a_single_bad_point():
    rule = EarlyStopping("retention", probe="vowels", floor=0.9, patience=2)
    dip = [point(0), point(1, 0.5), point(2, 0.95), point(4, 0.5), point(7, 0.4)]
    assert feed(rule, dip)[0] == 7


def test_validation_loss_that_no_longer_falls_ends():
    rule = EarlyStopping("validation", patience=2, min_change=0.01)
    losses = [3.0, 2.0, 1.995, 1.999, 1.0]
    ended, watcher = feed(rule, [point(i, loss=loss) for i, loss in enumerate(losses)])
    assert (ended, watcher.best_step, watcher.best_value) == (3, 1, 2.0)


def test_what_cannot_be_watched_is_refused_in_words():
    with pytest.raises(ValueError, match="does not score: choose one of vowels"):
        feed(EarlyStopping(probe="knowledge"), [point(0)])
    with pytest.raises(ValueError, match="validation rows"):
        feed(EarlyStopping("validation"), [point(0)])
    watcher = Watcher(EarlyStopping(probe="vowels"))
    with pytest.raises(ValueError, match="nothing to lose"):
        watcher.see(point(0), {"vowels": Score(0.0, 1.0, 10)}, tiny.model())


def test_a_run_ends_early_and_is_left_with_its_best_weights():
    rule = EarlyStopping("validation", patience=1, min_change=0.0)
    run = tiny.run(early_stopping=rule, lr=0.3, epochs=5.0, probes=[])
    events = list(run)
    points = [e for e in events if isinstance(e, Probed) and not e.full]
    assert events[-1].reason == "early stopping"
    assert run.step < 50
    final = [e for e in events if isinstance(e, Probed) and e.full][-1]
    assert final.validation_loss == pytest.approx(min(p.validation_loss for p in points), rel=1e-6)
    bad, again = points[-2:]  # what ended the run, and the same step with the weights it kept
    assert bad.step == again.step == run.step
    assert bad.validation_loss > again.validation_loss == pytest.approx(final.validation_loss)


def test_without_full_probes_the_end_is_measured_with_the_weights_it_keeps():
    rule = EarlyStopping("validation", patience=1, min_change=0.0)
    run = tiny.run(early_stopping=rule, lr=0.3, epochs=5.0, full_probes=False)
    points = [e for e in run if isinstance(e, Probed)]
    assert points[-1].displacement == pytest.approx(run.origin.displacement(run.model))
    assert points[-1].validation_loss == pytest.approx(min(p.validation_loss for p in points))


def test_a_later_task_that_is_bad_from_its_first_point_is_left_as_it_began(monkeypatch):
    rule = EarlyStopping("validation", patience=1)
    run = tiny.run(
        tasks=[tiny.Letters(), tiny.Digits()], early_stopping=rule, epochs=0.5, probe_every=2,
        probe_early=False,
    )  # fmt: skip
    monkeypatch.setattr(Watcher, "_judge", lambda self, *_: (run.task == 0, 1.0))
    begun = None
    for event in run:
        if isinstance(event, TaskDone) and begun is None:
            begun = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    assert run.events[-1].reason == "early stopping"
    assert all(torch.equal(p, begun[name]) for name, p in run.model.named_parameters())


ALL_BAD = EarlyStopping(probe="vowels", floor=1.0)
BREAKS = {"lr": 0.5, "probe_every": 2, "probe_early": False}  # nothing is left at the first point


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_run_that_is_bad_from_its_first_point_is_left_as_it_began(method, monkeypatch):
    def judge(self, now, base, validation_loss):
        self.seen = getattr(self, "seen", 0) + 1
        return self.seen == 1, 1.0

    monkeypatch.setattr(Watcher, "_judge", judge)
    run = tiny.run(method=method, early_stopping=ALL_BAD, **BREAKS)
    events = list(run)
    assert events[-1].reason == "early stopping" and run.step == 2
    base = tiny.model()
    ids = torch.arange(5, 60)[None]
    with torch.no_grad(), run.base():
        begun = run.model(input_ids=ids).logits
    with torch.no_grad():
        assert torch.equal(run.model(input_ids=ids).logits, begun)
        if method != "qlora":  # whose base is rounded
            assert torch.allclose(base(input_ids=ids).logits, begun, atol=1e-5)


def test_a_run_that_was_ended_early_does_not_go_on_when_it_is_resumed(tmp_path):
    rule = EarlyStopping("validation", patience=1, min_change=0.0)

    def made():
        return tiny.run(early_stopping=rule, lr=0.3, epochs=5.0, probes=[])

    whole, broken_off = made(), made()
    list(whole)
    for event in broken_off:
        if isinstance(event, Probed) and event.full and event.step:
            break
    broken_off.save(tmp_path)
    again = type(whole).resume(
        tmp_path, tiny.model(), tiny.tokenizer(), [tiny.Letters()], [], tiny.GENERAL
    )
    assert list(again)[-1].reason == list(broken_off)[-1].reason == "early stopping"
    assert again.step == broken_off.step == whole.step


def test_stop_during_the_last_point_leaves_the_weights_as_they_are(monkeypatch):
    rule = EarlyStopping("validation", patience=50)
    run = tiny.run(early_stopping=rule, lr=0.3, epochs=0.5, probes=[], probe_early=False,
                   probe_every=100)  # fmt: skip
    for _ in run:
        if run.step == 5:
            moved = {name: p.detach().clone() for name, p in run.model.named_parameters()}
            run.controls.stop()
    assert run.events[-1].reason == "stopped"
    assert all(torch.equal(p, moved[name]) for name, p in run.model.named_parameters())
