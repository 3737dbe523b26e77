"""Rewind and branches with a real, tiny run: the weights come back, the past stays the past."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lablib import models
from lablib.events import ControlChanged, Probed, StepDone
from lablib.history import History
from lablib.models import LoadedModel
from lablib.train import Watch, load_snapshot
from lablib.widgets import Dashboard
from lablib.widgets.branch import Branch, before
from lablib.widgets.rewind import KEPT, new_folder, weights_at
from tests import tiny

WATCH = (Watch("Vowel 1?", ("e", "y")),)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))

    def load(name: str) -> LoadedModel:
        made = tiny.model()
        return LoadedModel(name, made, tiny.tokenizer(), tmp_path, "tiny", 1)

    monkeypatch.setattr(models, "load", load)
    return tmp_path


def build(model, task, method, *, settings, controls, snapshot_folder=None, **config):
    """Take the place of ``experiment.build``: a tiny run under the name of mini."""
    run = tiny.run(
        controls=controls, snapshot_folder=snapshot_folder, watch=WATCH, max_steps=8,
        probe_every=4, **config,
    )  # fmt: skip
    run.model_name = model
    return run


@pytest.fixture
def dashboard():
    made = Dashboard(build=build, lr=3e-3)
    made.start()
    assert made.wait(60) and made.state.status == "done", made.message.value
    return made


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


def test_the_model_comes_back_as_it_was(dashboard):
    history = dashboard.state.history
    assert tuple(dashboard.rewind.steps.options) == tuple(p.step for p in history.points())
    model = tiny.model()
    load_snapshot(model, *weights_at(history, 8))
    assert torch.equal(weights(model), weights(dashboard.background.run.model))
    load_snapshot(model, *weights_at(history, 0))
    assert torch.equal(weights(model), weights(tiny.model()))


def test_one_can_talk_to_it_at_any_point(dashboard):
    dashboard.rewind.steps.value = 0
    expected = models.generate(tiny.model(), tiny.tokenizer(), ["Vowel 1?"], max_new_tokens=48)[0]
    assert dashboard.rewind.talk("Vowel 1?") == expected
    assert "Step 0" in dashboard.rewind.reply.value
    with pytest.raises(ValueError, match="nothing to ask"):
        dashboard.rewind.talk(" ")


def test_a_branch_goes_on_from_there_with_other_settings(dashboard):
    past = dashboard.state.history
    dashboard.rewind.steps.value = 5
    dashboard.settings.lr_text.value = "0.0001"
    dashboard.rewind.branch.click()
    assert dashboard.wait(60) and dashboard.state.status == "done", dashboard.message.value
    new = dashboard.state.history
    assert new.steps[:5] == past.steps[:5]
    assert [s.step for s in new.steps] == list(range(1, 14))
    assert [s.lr for s in new.steps[5:]] == [0.0001] * 8
    assert new.changes == [ControlChanged(6, "lr", 0.003, 0.0001)]
    assert [p.step for p in new.points()][:4] == [0, 2, 4, 5]
    assert new.started.config["branched_at"] == 5
    # Displacement is measured from the base, not from where it branched off.
    then = next(p for p in past.points() if p.step == 5).displacement
    assert new.points()[3].displacement == pytest.approx(then, rel=0.2)
    assert new.started.run_id != past.started.run_id


def test_a_branch_can_be_rewound_and_branched_again(dashboard):
    for step in (4, 6):
        dashboard.rewind.steps.value = step
        dashboard.rewind.branch.click()
        assert dashboard.wait(60) and dashboard.state.status == "done", dashboard.message.value
    history = dashboard.state.history
    assert history.started.config["branched_at"] == 6 and history.steps[-1].step == 14
    model = tiny.model()
    load_snapshot(model, *weights_at(history, 14))
    assert torch.equal(weights(model), weights(dashboard.background.run.model))
    assert weights_at(history, 2) is None
    dashboard.rewind.steps.value = 2
    assert dashboard.rewind.branch.disabled and dashboard.rewind.ask.disabled


def test_weights_that_are_gone_are_told_in_words(dashboard):
    folder = weights_at(dashboard.state.history, 4)[0]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    dashboard.rewind.steps.value = 5
    with pytest.raises(ValueError, match="not kept"):
        dashboard.rewind.talk("Vowel 1?")


def test_old_snapshots_make_room(home):
    made = []
    for number in range(6):
        folder = new_folder()
        folder.mkdir()
        (folder / "x").write_text(str(number))
        made.append(folder)
    assert len(set(made)) == 6
    assert len(list((home / "snapshots").iterdir())) == KEPT
    assert made[-1].exists() and not made[0].exists()
    keep = sorted((home / "snapshots").iterdir(), key=lambda p: p.stat().st_mtime)[0]
    new_folder(keep=keep).mkdir()
    assert keep.exists()


def test_the_past_is_cut_where_it_should_be():
    history = History.of(tiny.run(watch=WATCH, max_steps=8, probe_every=4))
    cut = before(history, 4)
    assert [s.step for s in cut.steps] == [1, 2, 3, 4]
    assert max(p.step for p in cut.scores) == 4 and cut.finished is None
    assert len(history.steps) == 8


def test_events_of_a_branch_come_in_order(tmp_path):
    folder = Path(tmp_path) / "s"
    past = History.of(
        tiny.run(snapshots=True, snapshot_folder=folder, watch=WATCH, max_steps=8, probe_every=4)
    )
    branch = Branch(tiny.run(watch=WATCH, max_steps=3, probe_every=4), past, (folder, 4), 4)
    events = list(branch)
    steps = [e.step for e in events if isinstance(e, StepDone | Probed)]
    assert steps == sorted(steps) and steps[-1] == 7
    assert events[-1].step == 7
    assert branch.model is branch.run.model


def test_after_the_run_the_model_still_answers(dashboard):
    dashboard.ask("Vowel 3?")
    assert dashboard.wait(30)
    answers = [a for a in dashboard.state.history.answers if a.prompt == "Vowel 3?"]
    assert [a.step for a in answers] == [0, 8]
    base = models.generate(tiny.model(), tiny.tokenizer(), ["Vowel 3?"], max_new_tokens=48)[0]
    assert answers[0].text == base
    assert "Vowel 3?" in dashboard.answers.table.value


def test_export_holds_the_model(dashboard):
    folder = dashboard.export(with_model=True)
    assert (folder / "model" / "model.safetensors").exists()
    assert (folder / "model" / "tokenizer.json").exists()


def answers(model) -> torch.Tensor:
    """What a model says of fixed rows, as logits."""
    batch = tiny.collate([tiny.run().rows[0].encoded(i) for i in range(4)])
    with torch.no_grad():
        return models.forward(model, batch).logits


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_run_with_adapters_is_kept_and_gone_on_from_like_any_other(method, tmp_path):
    """Snapshots are those of a plain model; a branch still knows the true base."""
    options = {"max_steps": 4, "probe_every": 2, "full_probes": False, "snapshots": True}
    first = tiny.run(method="lora", snapshot_folder=tmp_path / "one", **options)
    history = History.of(first)
    plain = tiny.model()
    load_snapshot(plain, *weights_at(history, 4))
    torch.testing.assert_close(answers(plain), answers(first.model), rtol=1e-4, atol=1e-5)

    second = tiny.run(method=method, snapshot_folder=tmp_path / "two", **options)
    branch = Branch(second, history, weights_at(history, 4), 4)
    new = History.of(branch)
    moved = {point.step: point.displacement for point in new.scores}
    assert moved[4] == pytest.approx({p.step: p.displacement for p in history.scores}[4], rel=1e-3)
    assert moved[8] > moved[4] > 0
    with branch.base():
        base = answers(branch.model)
    near = 0.3 if method == "qlora" else 1e-5  # rounded to four bits
    assert (base - answers(tiny.model())).abs().max() < near * base.abs().max()
    assert not torch.allclose(answers(branch.model), base)
    load_snapshot(plain, *weights_at(new, 8))
    torch.testing.assert_close(answers(plain), answers(branch.model), rtol=1e-4, atol=1e-5)
