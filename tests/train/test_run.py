"""The loop: the right gradient step, the same trajectory for the same seed, the right events."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lablib import models
from lablib.controls import Controls
from lablib.events import Finished, Probed, Progress, Started, StepDone, TaskDone
from lablib.history import History
from lablib.methods import METHODS
from lablib.tasks.base import Row
from lablib.train import Diverged, Run
from lablib.train.data import Mixer
from tests import tiny

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}


def losses(run):
    return [event.loss for event in run if isinstance(event, StepDone)]


def weights(run):
    return {name: p.detach().clone() for name, p in run.model.named_parameters()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


# --- the step -----------------------------------------------------------------------------


def test_a_run_does_the_same_steps_as_a_loop_written_by_hand():
    run = tiny.run(probes=[], **QUIET, clip=0.5)
    by_hand = tiny.model().train()
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=3e-3, weight_decay=0.0)
    mixer = Mixer(run.rows[0], run.general, tiny.tokenizer(), run.config, "task 0")
    expected = []
    for step in range(1, 11):
        batch = mixer.batch(step, 0.0)
        logits = by_hand(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=(batch.attention_mask.cumsum(-1) - 1).clamp(min=0),
        ).logits
        loss = F.cross_entropy(
            logits[:, :-1].reshape(-1, 260), batch.labels[:, 1:].reshape(-1), ignore_index=-100
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 0.5)
        optimizer.step()
        expected.append(loss.item())
    assert losses(run) == pytest.approx(expected, rel=1e-5)
    for name, p in by_hand.named_parameters():
        torch.testing.assert_close(weights(run)[name], p.detach(), atol=2e-5, rtol=1e-4)


def test_the_loss_is_the_one_transformers_computes_on_the_same_batch():
    run = tiny.run(probes=[], **QUIET)
    mixer = Mixer(run.rows[0], run.general, tiny.tokenizer(), run.config, "task 0")
    for step in (1, 2, 3):
        batch = mixer.batch(step, 0.5)
        theirs = run.model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=models.position_ids(batch.attention_mask),
            labels=batch.labels,
        ).loss
        assert run.method.loss(run.model, batch).item() == pytest.approx(theirs.item(), rel=1e-5)


def test_the_trajectory_is_pinned():
    # From this code on one CPU thread; a change here changes every figure of every lab.
    pinned = [5.58977, 5.39469, 5.23761, 5.12160, 5.15524]
    found = losses(tiny.run(probes=[], **QUIET, max_steps=5, mix_ratio=0.25))
    assert found == pytest.approx(pinned, abs=2e-3)


# --- determinism --------------------------------------------------------------------------


def test_same_seed_same_trajectory_with_dropout_and_mixing():
    def go(seed):
        run = tiny.run(of=tiny.model(dropout=0.2), probes=[], **QUIET, mix_ratio=0.3, seed=seed)
        return losses(run), weights(run)

    (first, first_weights), (again, again_weights), (other, _) = go(1), go(1), go(2)
    assert first == again
    assert equal(first_weights, again_weights)
    assert first != other


def test_dropout_is_on_while_training():
    plain = losses(tiny.run(probes=[], **QUIET, max_steps=2))
    dropped = losses(tiny.run(of=tiny.model(dropout=0.5), probes=[], **QUIET, max_steps=2))
    assert plain != dropped


def test_probing_changes_nothing():
    often = tiny.run(of=tiny.model(dropout=0.2), probe_every=1, mix_ratio=0.3)
    never = tiny.run(of=tiny.model(dropout=0.2), probes=[], **QUIET, mix_ratio=0.3)
    assert losses(often) == losses(never)
    assert equal(weights(often), weights(never))


def test_global_random_numbers_are_left_alone():
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    run = iter(tiny.run(of=tiny.model(dropout=0.2), mix_ratio=0.3))
    for _ in run:
        assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


def test_iterating_again_goes_on_where_it_was_left():
    whole = losses(tiny.run(mix_ratio=0.3))
    run, parts = tiny.run(mix_ratio=0.3), []
    while not any(isinstance(event, Finished) for event in run.events):
        for event in run:
            if isinstance(event, StepDone):
                parts.append(event.loss)
                break
    assert parts == whole
    assert list(run) == []


# --- events -------------------------------------------------------------------------------


def test_order_of_events():
    run = tiny.run(watch=[])
    kinds = [type(event).__name__ for event in run]
    kinds = [kind for kind in kinds if kind != "Progress"]
    letters = {"StepDone": "s", "Probed": "P", "Started": "[", "TaskDone": "T", "Finished": "]"}
    # Two points at the base (all items, quick ones), early points after 2 and 5 steps.
    assert "".join(letters[kind] for kind in kinds) == "[PPssPsssPsssssPPT]"
    assert [type(event).__name__ for event in run.events] == kinds


def test_full_points_are_at_base_and_end_only():
    points = [event for event in tiny.run() if isinstance(event, Probed)]
    assert [p.step for p in points if p.full] == [0, 10]
    assert [p.step for p in points if not p.full] == [0, 2, 5, 10]
    assert {p.scores["vowels"].n for p in points if p.full} == {6}
    assert {p.scores["vowels"].n for p in points if not p.full} == {4}


def test_base_scores_that_are_known_are_not_measured_again():
    known = next(e for e in tiny.run() if isinstance(e, Probed) and e.full).scores
    events = tiny.run(base_scores=known)
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, Probed):
            break
    assert event.full and event.scores == known
    assert not [e for e in seen if isinstance(e, Progress) and e.total == known["vowels"].n]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, where base scores are cached."""
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "home"))
    return tmp_path


def loaded(folder, of):
    """A model that was loaded from ``folder``."""
    of.save_pretrained(folder)
    again = tiny.model()
    again.load_state_dict(of.state_dict())
    again.name_or_path = str(folder)
    return again


def base_points(model):
    """The first two points of a run on ``model`` under the digest "abc", and what they cost."""
    seen = []
    for event in tiny.run(of=model, digest="abc", task_test_rows=0):
        if isinstance(event, StepDone):
            break
        seen.append(event)
    points = [e for e in seen if isinstance(e, Probed)]
    return points, len([e for e in seen if isinstance(e, Progress) and e.what == "probing"])


def test_base_scores_are_measured_once_and_cached_under_the_digest(home):
    first, cost = base_points(loaded(home / "model", tiny.model()))
    again, nothing = base_points(loaded(home / "model", tiny.model()))
    assert cost > 0 and nothing == 0
    assert [p.scores for p in first] == [p.scores for p in again]


def test_a_model_that_was_changed_since_it_was_loaded_has_no_part_in_the_cache(home):
    model = loaded(home / "model", tiny.model())
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(generator=torch.Generator().manual_seed(1))
    changed, cost = base_points(model)  # must not be kept as the base's
    assert cost > 0
    _, cost = base_points(loaded(home / "model", tiny.model()))
    assert cost > 0
    again, cost = base_points(model)  # and must not be given the base's
    assert cost > 0
    assert again[0].scores == changed[0].scores


def test_weights_put_in_after_the_run_was_made_have_no_part_in_the_cache_either(home):
    base_points(loaded(home / "model", tiny.model()))
    run = tiny.run(of=loaded(home / "model", tiny.model()), digest="abc", task_test_rows=0)
    with torch.no_grad():
        run.model.model.norm.weight.mul_(2.0)
    kinds = []
    for event in run:
        kinds.append(getattr(event, "what", ""))
        if isinstance(event, Probed):
            break
    assert "probing" in kinds
    assert event.displacement > 0


def test_live_points_are_taken_from_full_ones_where_these_are_at_hand():
    points = [e for e in tiny.run(probe_early=False) if isinstance(e, Probed)]
    for full, live in (points[:2], points[-2:]):
        assert (full.step, full.full, live.full) == (live.step, True, False)
        whole, quick = full.scores["vowels"], live.scores["vowels"]
        assert quick.says_outcomes == whole.says_outcomes[:4]
        assert quick.knows_outcomes == whole.knows_outcomes[:4]
        assert quick.knows == sum(quick.knows_outcomes) / 4


def test_a_quick_point_measured_and_one_taken_from_a_full_one_agree():
    taken = [e for e in tiny.run(max_steps=1) if isinstance(e, Probed) and not e.full]
    quick = [e for e in tiny.run(max_steps=1, full_probes=False) if isinstance(e, Probed)]
    assert [p.scores for p in taken] == [p.scores for p in quick]


def test_steps_follow_epochs_rows_and_the_cap():
    for settings, steps in [
        ({"epochs": 1.0}, 10),
        ({"epochs": 0.5}, 5),
        ({"epochs": 0.01}, 1),
        ({"epochs": 2.0, "max_steps": 3}, 3),
        ({"epochs": 2.0, "train_rows": 10}, 5),
        ({"batch_size": 16}, 3),
    ]:
        run = tiny.run(probes=[], **(QUIET | settings))
        assert len(losses(run)) == steps
        started = run.events[0]
        assert isinstance(started, Started) and started.total_steps == steps


def test_tasks_are_learned_in_turn_and_all_scored_after_each():
    run = tiny.run(tasks=[tiny.Letters(), tiny.Digits()], epochs=0.5, probe_early=False)
    events = list(run)
    done = [event for event in events if isinstance(event, TaskDone)]
    assert [(d.task, d.step) for d in done] == [("letters", 5), ("digits", 10)]
    full = [e for e in events if isinstance(e, Probed) and e.full]
    assert [sorted(p.task_scores) for p in full] == [["digits", "letters"]] * 3
    assert [s.task for s in events if isinstance(s, StepDone)] == ["letters"] * 5 + ["digits"] * 5
    assert events[0].total_steps == 10


def test_validation_loss_falls_and_displacement_grows():
    points = [e for e in tiny.run(epochs=3.0) if isinstance(e, Probed) and not e.full]
    assert points[-1].validation_loss < points[0].validation_loss
    assert points[0].displacement == 0.0
    moved = [p.displacement for p in points]
    assert moved == sorted(moved) and moved[-1] > 0.01


def test_the_model_is_left_in_evaluation_mode_and_trained():
    run = tiny.run()
    before = weights(run)
    events = iter(run)
    modes = [run.model.training for event in events if isinstance(event, StepDone)]
    assert modes == [True] * 10
    assert not run.model.training
    assert not equal(before, weights(run))
    with run.base():
        assert equal(before, weights(run))


# --- when it goes wrong -------------------------------------------------------------------


def poisoned(what):
    """A model whose weights hold NaN, or whose gradients overflow."""
    model = tiny.model()
    if what == "loss":
        with torch.no_grad():
            model.model.norm.weight[0] = math.nan
    else:
        model.model.norm.weight.register_hook(lambda grad: grad * math.inf)
    return model


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_run_that_diverges_stops_with_one_sentence_and_keeps_its_weights(what):
    run = tiny.run(of=poisoned(what), probes=[], **QUIET)
    before = weights(run)
    said = f"first step of letters .*{what} was no finite number: no learning rate does that"
    with pytest.raises(Diverged, match=said):
        list(run)
    assert run.events[-1].reason == "diverged"
    assert all(torch.equal(before[n].nan_to_num(), w.nan_to_num()) for n, w in weights(run).items())


def test_a_later_step_that_diverges_names_the_rate_and_the_weights_that_are_kept():
    run = tiny.run(probes=[], **QUIET)
    events = iter(run)
    next(event for event in events if isinstance(event, StepDone))
    with torch.no_grad():
        run.model.model.norm.weight[0] = math.nan
    with pytest.raises(Diverged, match=r"At step 2 .*weights of step 1 are kept.*lower learning"):
        list(events)


def test_a_huge_learning_rate_ends_in_numbers_or_a_sentence():
    run = tiny.run(lr=1.0, clip=1e9, epochs=3.0, probes=[], **QUIET)
    try:
        assert all(math.isfinite(loss) for loss in losses(run))
    except Diverged as error:
        assert "lower learning rate" in str(error)


def test_the_time_cap_ends_a_run_with_its_last_point():
    run = tiny.run(max_seconds=1e-6, probe_early=False)
    events = list(run)
    assert events[-1].reason == "time is up"
    assert not [e for e in events if isinstance(e, StepDone)]
    assert isinstance(events[-2], TaskDone)


def test_a_run_without_tasks_or_rows_is_refused():
    class Empty(tiny.Letters):
        def rows(self, split):
            return ()

    with pytest.raises(ValueError, match="at least one task"):
        Run(tiny.model(), tiny.tokenizer(), [], METHODS["full"](), tiny.config(), [], [])
    with pytest.raises(ValueError, match="no training rows"):
        tiny.run(tasks=[Empty()])
    with pytest.raises(ValueError, match="no general examples"):
        tiny.run(mix_ratio=0.2, general=())
    with pytest.raises(ValueError, match="snapshot_folder"):
        tiny.run(snapshots=True)


def test_a_task_without_test_and_validation_rows_can_be_learned():
    class Bare(tiny.Letters):
        def rows(self, split):
            return super().rows(split) if split == "train" else ()

    points = [e for e in tiny.run(tasks=[Bare()], epochs=0.2) if isinstance(e, Probed)]
    assert points[-1].task_scores == {} and points[-1].validation_loss is None


def test_training_imports_nothing_of_the_notebook_and_nothing_heavy():
    heavy = "ipywidgets IPython traitlets matplotlib datasets peft bitsandbytes"
    code = f"import sys, lablib.train; print([m for m in {heavy.split()} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.gpu
def test_a_gpu_follows_the_trajectory_of_the_cpu(monkeypatch):
    on_gpu = tiny.run(mix_ratio=0.3, watch=[], snapshots=False)
    found = losses(on_gpu)
    assert next(on_gpu.model.parameters()).is_cuda
    monkeypatch.setenv("LETHE_DEVICE", "cpu")
    assert found == pytest.approx(losses(tiny.run(mix_ratio=0.3)), rel=0.02)  # bfloat16


class Consonants(tiny.Vowels):
    """A second probe."""

    name = "consonants"


def test_only_the_named_probes_have_all_their_items_scored():
    run = tiny.run(
        probes=[tiny.Vowels(), Consonants()], full_probes=("consonants",), max_steps=2,
        probe_every=1,
    )  # fmt: skip
    history = History.of(run)
    full = [point for point in history.scores if point.full]
    assert [(point.step, list(point.scores)) for point in full] == [
        (0, ["consonants"]),
        (2, ["consonants"]),
    ]
    assert [(p.step, {k: s.n for k, s in p.scores.items()}) for p in history.points()] == [
        (step, {"vowels": 4, "consonants": 4}) for step in (0, 1, 2)
    ]
    assert history.base("consonants").n == history.final("consonants").n == 6
    assert history.base("vowels").n == history.final("vowels").n == 4
    assert set(history.capabilities()) == {"vowels", "consonants"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"full_probes": ("vowel",)}, "full_probes names 'vowel', which this run does not score"),
        ({"max_length": 4096}, "max_length is 4096 tokens, but this model reads at most"),
        ({"controls": Controls(typo=3)}, "This run has no setting 'typo'; it has lr, mix_ratio"),
    ],
)
def test_what_cannot_be_is_refused_before_it_begins(options, says):
    with pytest.raises(ValueError, match=says):
        tiny.run(**options)


@pytest.mark.parametrize(
    ("method", "moved", "says"),
    [
        ("lora", {"rank": 64}, "lora.rank cannot be changed in a run"),
        ("ewc", {"strength": -5.0}, "ewc.strength must be a number between"),
        ("lora+ewc", {"ewc.strength": 0}, "ewc.strength must be a number between"),
    ],
)
def test_a_field_that_cannot_be_moved_so_is_refused_in_words(method, moved, says):
    run = tiny.run(method=method, controls=Controls(**moved), probes=[])
    with pytest.raises(ValueError, match=says):
        list(run)
    assert run.step == 0


def test_a_general_row_that_is_too_long_is_found_before_the_first_step():
    general = (*tiny.GENERAL, Row("Hello?", "word " * 300))
    run = tiny.run(general=general, mix_ratio=0.1)
    with pytest.raises(ValueError, match=r"In general examples: Row 6: "):
        list(run)
    assert run.step == 0


def test_a_step_granted_to_a_run_that_goes_on_is_not_kept_for_later():
    controls = Controls()
    controls.step_once()
    controls.pause()
    assert not controls.may_step()
    controls.step_once()
    controls.resume()
    controls.pause()
    assert not controls.may_step()


def test_every_task_has_a_base_score_without_full_probes():
    events = list(tiny.run(tasks=[tiny.Letters(), tiny.Digits()], full_probes=False))
    first = next(e for e in events if isinstance(e, Probed))
    assert set(first.task_scores) == {"letters", "digits"}
