"""A batch that is read in parts gives the gradient of the whole batch."""

import pytest
import torch

from lablib import models
from lablib.events import StepDone
from lablib.methods import METHODS
from lablib.train.step import backward
from lablib.train.weights import trainable
from tests import tiny

SIZES = (1, 2, 3)


def ready(method="full", **options):
    """Return a model off its base and without dropout, its method, and answers of all lengths."""
    run = tiny.run(method=method, probes=[], max_steps=8, **options)
    list(run.make_ready())
    with torch.no_grad():  # off the base, so that there is something to penalize
        for p in trainable(run.model).values():
            p += 0.05 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    rows = [run.rows[0].encoded(0), run.rows[0].encoded(1), *map(run.general.encoded, (0, 2, 4))]
    general = [False, False, True, True, True]
    batch = models.collate(run.tokenizer, rows, [0, 1, 0, 2, 4], general)
    return run.model, run.method, batch


def gradients(model, method, batch, size=None):
    """Return loss, penalty, and the gradient as one vector."""
    model.zero_grad()
    loss, penalty = backward(model, method, batch, size)
    return loss, penalty, torch.cat([p.grad.flatten() for p in trainable(model).values()])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", [*METHODS, "stm+ewc"])
def test_parts_give_what_the_whole_gives(key, size):
    model, method, batch = ready(key)
    whole, parts = gradients(model, method, batch), gradients(model, method, batch, size)
    assert whole[2].norm() > 0 and ("ewc" not in key or whole[1] > 0)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_the_mean_of_the_parts_would_be_another_gradient():
    model, method, batch = ready()
    whole = gradients(model, method, batch)[2]
    alone = [gradients(model, method, batch.rows(i, i + 1))[2] for i in range(5)]
    assert (torch.stack(alone).mean(0) - whole).norm() > 0.05 * whole.norm()


def test_rows_that_all_are_masked_leave_the_penalty():
    model, method, batch = ready("stm+ewc")
    stm = method.parts[0]
    stm.kept_ = [{i: torch.zeros_like(kept) for i, kept in task.items()} for task in stm.kept_]
    only = batch.rows(0, 2)
    loss, penalty, gradient = gradients(model, method, only, 1)
    assert loss == 0 and penalty > 0 and gradient.isfinite().all()
    torch.testing.assert_close(penalty, gradients(model, method, only)[1])


def test_a_part_has_no_padding_that_none_of_its_rows_needs():
    _, _, batch = ready()
    lengths = batch.attention_mask.sum(1)
    for row in range(5):
        part = batch.rows(row, row + 1)
        assert part.input_ids.shape == (1, lengths[row]) and part.attention_mask.all()
        assert (part.labels != -100).sum() == (batch.labels[row] != -100).sum()


def test_parts_keep_less_for_the_backward_pass():
    model, method, batch = ready()
    frozen = {p.data_ptr() for p in model.parameters()}

    def most(size):
        now, peak, read = 0, 0, False

        def keep(tensor):
            nonlocal now, peak, read
            now = 0 if read else now  # the pass before has given back what it kept
            now, read = now + tensor.nbytes * (tensor.data_ptr() not in frozen), False
            peak = max(peak, now)
            return tensor

        def give(tensor):
            nonlocal read
            read = True
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, give):
            gradients(model, method, batch, size)
        return peak

    assert most(1) < 0.4 * most(None)


def test_a_run_in_parts_learns_as_a_whole_one():
    def losses(size):
        run = tiny.run(probes=[], max_steps=4, lr=3e-3, micro_batch_size=size)
        return [event.loss for event in run if isinstance(event, StepDone)]

    assert losses(3) == pytest.approx(losses(None), rel=1e-3)
