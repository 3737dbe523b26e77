"""QLoRA: NF4 by hand, the fp32 weights gone, training, saving, the quantized base as origin."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from lablib import experiment, models
from lablib.events import StepDone
from lablib.methods import METHODS, Method
from lablib.methods.qlora import QLoRA
from lablib.models.quantize import (
    base_weight,
    is_quantized,
    linear_names,
    n_bytes,
    quantized,
    round_to_4_bits,
)
from lablib.train import Run
from lablib.train.weights import Origin, origin_of
from tests import tiny

QUIET = {"full_probes": False, "probe_early": False, "probe_every": 100, "task_test_rows": 0}

# arXiv 2305.14314, appendix E
NF4 = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])  # fmt: skip


def base():
    """A model whose layers have inputs in whole blocks."""
    return tiny.model(width=64)


def logits(model):
    batch = tiny.collate([tiny.run().rows[0].encoded(i) for i in range(4)])
    with torch.no_grad():
        return models.forward(model.eval(), batch).logits


def weight(rows=8, columns=64):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


def test_each_weight_is_the_nearest_of_sixteen_levels_of_its_block():
    w = weight()
    found = base_weight(quantized(w.clone(), "nf4", double_quant=False))
    blocks = w.view(-1, 64)
    scale = blocks.abs().amax(1, keepdim=True)
    nearest = (blocks / scale).unsqueeze(-1).sub(NF4).abs().argmin(-1)
    torch.testing.assert_close(found, (NF4[nearest] * scale).view_as(w), rtol=1e-6, atol=1e-7)


def test_layers_of_other_widths_are_left_alone():
    model = tiny.model(width=96)  # what bitsandbytes would read back wrongly on the CPU
    assert {name.rpartition(".")[2] for name in linear_names(model)} == {"down_proj"}
    wrapped = QLoRA(rank=2).wrap(model)
    assert sum(map(is_quantized, wrapped.parameters())) == 2


def test_double_quantization_saves_scales_and_costs_little_precision():
    w = weight(256, 64)
    once, twice = (quantized(w.clone(), "nf4", double) for double in (False, True))
    assert n_bytes(once) == w.numel() / 2 + 4 * w.numel() / 64
    # one byte a block of 64, and for each 256 of these one float
    assert n_bytes(twice) == w.numel() / 2 + w.numel() / 64 + 4 * w.numel() / 64 / 256
    errors = [(base_weight(p) - w).abs().mean() for p in (once, twice)]
    assert errors[0] < errors[1] < 1.05 * errors[0]


def test_normal_floats_fit_normal_weights_better_than_floats():
    w = weight(256, 64)
    nf4, fp4 = (base_weight(quantized(w.clone(), kind, True)) for kind in ("nf4", "fp4"))
    assert (nf4 - w).abs().mean() < (fp4 - w).abs().mean()


def test_the_old_weights_are_gone_and_head_and_embeddings_kept():
    model = base()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    old = [weakref.ref(model.get_submodule(name).weight) for name in linear_names(model)]
    wrapped = QLoRA(rank=4).wrap(model)
    gc.collect()
    assert len(old) == 14 and all(ref() is None for ref in old)
    kept = models.base_parameters(wrapped)
    small = {name for name, p in kept.items() if is_quantized(p)}
    assert small == {f"{name}.weight" for name in linear_names(base())}
    assert all(torch.equal(p, before[name]) for name, p in kept.items() if name not in small)
    assert kept.keys() == before.keys()


@pytest.mark.parametrize("settings", [
    {}, {"quant_type": "fp4"}, {"double_quant": False}, {"dora": True},
])  # fmt: skip
def test_it_answers_as_the_rounded_base_and_merges_into_it(settings):
    rounded = base()
    method = QLoRA(rank=4, **settings)
    round_to_4_bits(rounded, method.quant_type, method.double_quant)
    wrapped = method.wrap(base())
    torch.testing.assert_close(logits(wrapped), logits(rounded), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits(rounded), logits(base()), rtol=1e-2)
    with torch.random.fork_rng(), torch.no_grad():
        for name, p in wrapped.named_parameters():
            if ".lora_" in name:
                p.add_(0.1 * torch.randn_like(p))
    plain = base()
    plain.load_state_dict(models.effective_weights(wrapped), strict=False)
    torch.testing.assert_close(logits(plain), logits(wrapped), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("merged", [False, True])
def test_it_comes_back_from_its_folder(merged, tmp_path):
    base().save_pretrained(tmp_path / "base")
    tiny.tokenizer().save_pretrained(tmp_path / "base")
    run = experiment.build(
        models.load(str(tmp_path / "base")), tiny.Letters(), "qlora", settings={"rank": 4},
        probes=[], general=tiny.GENERAL, watch=(), lr=1e-2, batch_size=4, max_steps=3,
        full_probes=False, task_test_rows=0,
    )  # fmt: skip
    list(run)
    experiment.save_model(run, tmp_path / "saved", merged=merged)
    assert (tmp_path / "saved" / "adapter_config.json").exists() != merged
    again = models.load(str(tmp_path / "saved")).model
    torch.testing.assert_close(logits(again), logits(run.model), rtol=1e-4, atol=1e-5)
    assert not any(map(is_quantized, again.parameters()))


@pytest.mark.parametrize("settings", [
    {"rank": 128, "optim": "adamw_8bit"},  # tensors of 4,096: their states have 8 bits
    {"per_task": True, "dropout": 0.2},
])  # fmt: skip
def test_a_resumed_run_is_bit_identical(settings, tmp_path):
    options = {
        "tasks": [tiny.Letters(), tiny.Digits()], "method": "qlora", "settings": settings,
        "max_steps": 3, "probes": [],
    }  # fmt: skip
    whole = tiny.run(of=base(), **options, **QUIET)
    list(whole)
    half = tiny.run(of=base(), **options, **QUIET)
    for event in half:
        if isinstance(event, StepDone) and event.step == 5:
            break
    half.save(tmp_path)
    again = Run.resume(tmp_path, base(), tiny.tokenizer(), options["tasks"], [], tiny.GENERAL)
    list(again)
    found = dict(again.model.named_parameters())
    assert all(torch.equal(p, found[name]) for name, p in whole.model.named_parameters())


def test_states_of_8_bits_take_a_quarter():
    run = tiny.run(
        of=base(), method="qlora", settings={"rank": 128, "optim": "adamw_8bit"}, probes=[],
        max_steps=2, **QUIET,
    )  # fmt: skip
    for event in run:
        if isinstance(event, StepDone):
            break
    sizes = {
        state["state1"].element_size()
        for p, state in run.optimizer.state.items()
        if p.numel() >= 4096
    }
    assert sizes == {1}


def test_paged_optimizers_are_refused_without_cuda_before_anything_is_quantized():
    model = base()
    with pytest.raises(ValueError, match=r"no CUDA device here: choose adamw_8bit"):
        QLoRA(optim="paged_adamw_8bit").wrap(model)
    assert not any(map(is_quantized, model.parameters()))


def test_a_model_without_linear_layers_is_refused_in_words():
    config = GPT2Config(vocab_size=64, n_embd=32, n_head=4, n_layer=1)  # of Conv1D layers
    with torch.random.fork_rng():
        model = GPT2LMHeadModel(config)
    with pytest.raises(ValueError, match="use lora instead"):
        QLoRA().wrap(model)


@dataclass
class Looks(Method):
    """Looks at the base it prepares itself on.

    And remembers what it saw.
    """

    name: ClassVar[str] = "looks"
    summary: ClassVar[str] = "looks"

    def prepare(self, base, tokenizer, tasks, general, seed):
        """Every weight is a number that has a gradient."""
        self.seen_ = {p.dtype for p in base.parameters() if p.requires_grad}
        yield from ()


def test_other_methods_prepare_themselves_before_it_is_quantized(monkeypatch):
    monkeypatch.setitem(METHODS, "looks", Looks)
    run = tiny.run(of=base(), method="qlora+looks", probes=[], max_steps=2, **QUIET)
    losses = [event.loss for event in run if isinstance(event, StepDone)]
    assert len(losses) == 2
    assert run.method.parts[1].seen_ == {torch.float32}
    assert any(map(is_quantized, run.model.parameters()))


@pytest.mark.parametrize("key", ["lora", "qlora"])
def test_a_run_that_goes_on_from_elsewhere_still_knows_the_base(key):
    origin = Origin(base())
    model = base()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5)
    start = logits(model)
    wrapped = METHODS[key](rank=4).wrap(model)
    here = origin_of(wrapped, origin, moved=True)
    before = logits(wrapped)
    with here.swapped_in(wrapped):
        first = logits(wrapped)
    expected = base()
    if key == "qlora":
        round_to_4_bits(expected)
    torch.testing.assert_close(first, logits(expected), rtol=1e-4, atol=1e-5)
    assert torch.equal(logits(wrapped), before) and not torch.allclose(before, first)
    near = {"lora": 1e-4, "qlora": 0.05}[key]  # 4 bits are not quite what they stand for
    assert here.displacement(wrapped) == pytest.approx(0.5, rel=near)
    assert (before - start).abs().max() < (1e-4 if key == "lora" else 0.3) * start.abs().max()
    assert not here.base_as_loaded


@pytest.mark.slow  # without a cache the conversion takes half a minute
@pytest.mark.smollm2
def test_smollm2_takes_less_than_190_megabytes():
    try:
        loaded = models.load("smollm2-135m")
    except OSError as error:
        pytest.skip(str(error))
    method = QLoRA(rank=16)
    model = method.wrap(loaded.model)
    assert models.trainable_share(model) == pytest.approx(0.036, abs=0.001)
    footprint = sum(map(n_bytes, model.parameters())) + sum(map(n_bytes, model.buffers()))
    assert footprint <= 190e6
