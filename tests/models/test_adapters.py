"""What adapters do to the weights: their deltas, the plain model they amount to, their files."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lablib import experiment, models
from lablib.methods.lora import LoRA
from lablib.models import adapters_off, effective_weights, weight_deltas
from lablib.models.adapters import adapted_layers
from tests import tiny

VARIANTS = {
    "lora": {},
    "rslora": {"rslora": True},
    "dora": {"dora": True},
    "attention only": {"targets": "attention"},
    "embeddings": {"embeddings": True},
}


def adapted(n_tasks: int = 1, **settings):
    """A tiny model with adapters that have learned something random."""
    method = LoRA(rank=4, alpha=6.0, **settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = method.wrap(tiny.model())
        for number in range(n_tasks):
            method.begin_task(model, number)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if ".lora_" in name:
                    p.add_(0.1 * torch.randn_like(p))
    return model.eval()


def logits(model):
    batch = tiny.collate([tiny.run().rows[0].encoded(i) for i in range(4)])
    with torch.no_grad():
        return models.forward(model, batch).logits


def factors(layer, key="default"):
    return layer.lora_A[key].weight, layer.lora_B[key].weight


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_the_effective_weights_answer_as_the_adapted_model(settings):
    model = adapted(**settings)
    plain = tiny.model()
    plain.load_state_dict(effective_weights(model), strict=False)  # the tied name is left out
    expected = logits(model)
    # float32 of different order of summation: rounding only
    assert (logits(plain) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (logits(tiny.model()) - expected).abs().max() > 1e-2 * expected.abs().max()


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_the_effective_weights_are_those_that_peft_merges(settings):
    ours = effective_weights(adapted(**settings))
    merged = dict(adapted(**settings).merge_and_unload().named_parameters())
    assert ours.keys() == merged.keys() == dict(tiny.model().named_parameters()).keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, merged[name].detach(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_layers_with_transposed_weights_are_merged_too(model, settings):
    adapted_model = LoRA(**settings).wrap(copy.deepcopy(model))
    with torch.random.fork_rng(), torch.no_grad():
        for name, p in adapted_model.named_parameters():
            if ".lora_" in name:
                p.add_(0.1 * torch.randn_like(p))
    ours = effective_weights(adapted_model)
    merged = dict(adapted_model.merge_and_unload().named_parameters())
    assert any(not torch.equal(merged[name], p) for name, p in model.named_parameters())
    for name, weight in ours.items():
        torch.testing.assert_close(weight, merged[name].detach(), rtol=1e-5, atol=1e-6)


def test_adapters_of_several_tasks_add_up():
    model = adapted(n_tasks=3, per_task=True)
    merged = dict(adapted(n_tasks=3, per_task=True).merge_and_unload().named_parameters())
    for name, weight in effective_weights(model).items():
        torch.testing.assert_close(weight, merged[name].detach(), rtol=1e-6, atol=1e-7)
    (name, layer), *_ = adapted_layers(model)
    each = [1.5 * b @ a for a, b in (factors(layer, key) for key in layer.lora_A)]
    assert len(each) == 3
    torch.testing.assert_close(dict(weight_deltas(model))[name], sum(each))


@pytest.mark.parametrize(("rslora", "scale"), [(False, 6 / 4), (True, 6 / 4**0.5)])
def test_the_delta_is_the_scaled_product_and_has_its_gradients(rslora, scale):
    model = adapted(rslora=rslora)
    layers = dict(adapted_layers(model))
    deltas = dict(weight_deltas(model))
    assert len(deltas) == 2 * 7  # two blocks of four attention and three MLP layers
    torch.stack([d.square().sum() for d in deltas.values()]).sum().backward()
    for name, layer in layers.items():
        a, b = factors(layer)
        delta = scale * b @ a
        torch.testing.assert_close(deltas[name], delta)
        torch.testing.assert_close(b.grad, 2 * scale * delta @ a.T)  # chain rule by hand
        torch.testing.assert_close(a.grad, 2 * scale * b.T @ delta)


def test_the_delta_does_not_depend_on_how_it_is_factored():
    model = adapted()
    before = {name: d.detach() for name, d in weight_deltas(model)}
    turn = torch.randn(4, 4, generator=torch.Generator().manual_seed(1)) + 4 * torch.eye(4)
    with torch.no_grad():
        for _, layer in adapted_layers(model):
            a, b = factors(layer)
            b.copy_(b @ turn)
            a.copy_(torch.linalg.solve(turn, a))
    for name, delta in weight_deltas(model):
        torch.testing.assert_close(delta.detach(), before[name], rtol=1e-4, atol=1e-6)


def test_the_delta_of_dora_is_that_of_the_whole_weight():
    model = adapted(dora=True)
    plain = dict(tiny.model().named_parameters())
    for (name, layer), (_, delta) in zip(adapted_layers(model), weight_deltas(model), strict=True):
        a, b = factors(layer)
        moved = plain[name] + 1.5 * b @ a
        whole = torch.stack([
            m * row / row.square().sum().sqrt()
            for m, row in zip(layer.lora_magnitude_vector["default"].weight, moved, strict=True)
        ])  # fmt: skip
        torch.testing.assert_close(delta, whole - plain[name], rtol=1e-4, atol=1e-6)
        assert delta.requires_grad


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_a_fresh_adapter_moves_no_weight(settings):
    model = LoRA(**settings).wrap(tiny.model())
    assert all(delta.abs().max() < 1e-7 for _, delta in weight_deltas(model))
    assert torch.allclose(logits(model.eval()), logits(tiny.model()), atol=1e-6)


def test_switched_off_adapters_add_nothing_and_trainable_ones_stay_trainable():
    model = adapted(n_tasks=2, per_task=True)
    trainable = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trainable and all(".task_1." in name for name in trainable)
    with adapters_off(model):
        assert not list(weight_deltas(model))
        assert torch.equal(logits(model), logits(tiny.model()))
    assert trainable == [name for name, p in model.named_parameters() if p.requires_grad]
    assert not torch.equal(logits(model), logits(tiny.model()))


def test_a_plain_model_answers_alike_and_leaves_random_numbers_alone():
    model = adapted()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    plain = models.plain_model(model)
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(logits(plain), logits(model), rtol=1e-4, atol=1e-5)
    assert type(plain) is type(tiny.model())
    assert plain.lm_head.weight is plain.model.embed_tokens.weight


def test_the_trainable_share_is_counted():
    model = LoRA(rank=4).wrap(tiny.model())
    # rank x (in + out): four square layers of 32, three between 32 and 64, in two blocks
    trained = 2 * 4 * (4 * (32 + 32) + 3 * (32 + 64))
    assert models.trainable_share(model) == trained / tiny.model().num_parameters()
    assert models.trainable_share(tiny.model()) == 1.0


def test_rank_16_on_mini_is_not_one_percent():
    loaded = models.load("mini")
    share = models.trainable_share(LoRA(rank=16).wrap(loaded.model))
    assert share == pytest.approx(0.147, abs=0.001)


# What counts as attention differs from family to family; sizes just large enough to build.
FAMILIES = {
    "llama": ({}, {"q_proj", "k_proj", "v_proj", "o_proj"}, {"q_proj", "v_proj"}),
    "qwen2": ({}, {"q_proj", "k_proj", "v_proj", "o_proj"}, {"q_proj", "v_proj"}),
    "gpt2": ({"n_embd": 32, "n_head": 4, "n_layer": 2}, {"c_attn", "c_proj"}, {"c_attn"}),
    "gpt_neox": ({}, {"query_key_value", "dense"}, {"query_key_value"}),
    "opt": ({"word_embed_proj_dim": 32, "ffn_dim": 64},
            {"q_proj", "k_proj", "v_proj", "out_proj"}, {"q_proj", "v_proj"}),
    "phi3": ({"pad_token_id": 0}, {"qkv_proj", "o_proj"}, {"qkv_proj"}),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_are_found_in_every_family(family):
    extra, attention, qv = FAMILIES[family]
    sizes = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 64,
    } if family != "gpt2" else {"vocab_size": 64}  # fmt: skip
    config = AutoConfig.for_model(family, **sizes, **extra)
    with torch.random.fork_rng():
        model = AutoModelForCausalLM.from_config(config)
    found = {targets: models.target_modules(model, targets) for targets in models.TARGETS}

    def leaves(names):
        return {name.rpartition(".")[2] for name in names}

    assert leaves(found["attention"]) == attention
    assert leaves(found["qv"]) == qv
    assert found["mlp"] and not set(found["mlp"]) & set(found["attention"])
    assert set(found["all-linear"]) == set(found["mlp"]) | set(found["attention"])
    assert not any("head" in name or "embed" in name for name in found["all-linear"])
    with torch.random.fork_rng():
        adapted_model = LoRA(rank=2, targets="attention").wrap(model)
    assert [name.removesuffix(".weight") for name, _ in adapted_layers(adapted_model)] == found[
        "attention"
    ]


# Files


@pytest.fixture
def base(tmp_path):
    """The tiny model in a folder, loaded from there."""
    tiny.model().save_pretrained(tmp_path / "base")
    tiny.tokenizer().save_pretrained(tmp_path / "base")
    return models.load(str(tmp_path / "base"))


def trained(base, method="lora", tasks=None, settings=None):
    run = experiment.build(
        base, tasks or tiny.Letters(), method, probes=[], general=tiny.GENERAL, watch=(),
        settings={"rank": 4, "alpha": 8.0} | (settings or {}), lr=3e-3, batch_size=4, max_steps=3,
        full_probes=False, task_test_rows=0,
    )  # fmt: skip
    list(run)
    return run


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_an_adapter_comes_back_from_its_folder(base, tmp_path, settings):
    run = trained(base, settings=settings)
    experiment.save_model(run, tmp_path / "adapter")
    files = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors"} <= files
    assert not {"model.safetensors", "config.json"} & files
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = models.load(str(tmp_path / "adapter"))
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(logits(again.model), logits(run.model), rtol=1e-4, atol=1e-5)
    assert again.digest != base.digest and again.n_parameters == base.n_parameters
    assert dict(again.model.named_parameters()).keys() == dict(base.model.named_parameters()).keys()


@pytest.mark.parametrize("method", ["full", "lora", "ewc"])
def test_a_loaded_adapter_is_a_base_to_train(base, tmp_path, method):
    experiment.save_model(trained(base), tmp_path / "adapter")
    again = models.load(str(tmp_path / "adapter"))
    assert all(p.requires_grad for p in again.model.parameters())
    settings = {"rank": 4} if method == "lora" else {"strength": 1.0} if method == "ewc" else {}
    run = experiment.build(
        again, tiny.Letters(), method, probes=[], general=tiny.GENERAL, watch=(),
        settings=settings, lr=3e-3, batch_size=4, max_steps=1, full_probes=False, task_test_rows=0,
    )  # fmt: skip
    list(run)
    assert (logits(run.model) - logits(again.model)).abs().max() > 1e-4


def test_the_base_of_an_adapter_has_the_name_that_everybody_knows(tmp_path, monkeypatch):
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path)
    for ours, theirs in (("mini", "mini"), ("smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct")):
        model = LoRA(rank=2).wrap(tiny.model())
        models.save_adapter(model, tmp_path / ours / "adapter", ours)
        config = json.loads((tmp_path / ours / "adapter/adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == theirs


@pytest.mark.parametrize("embeddings", [False, True])
def test_peft_itself_reads_the_folder(base, tmp_path, embeddings):
    from peft import PeftModel

    run = trained(base, settings={"embeddings": embeddings})
    experiment.save_model(run, tmp_path / "adapter")
    read = PeftModel.from_pretrained(tiny.model(), tmp_path / "adapter").eval()
    assert torch.equal(logits(read), logits(run.model))


@pytest.mark.parametrize("rslora", [False, True])
def test_adapters_of_several_tasks_are_written_as_one(base, tmp_path, rslora):
    tasks = [tiny.Letters(), tiny.Digits()]
    run = trained(base, tasks=tasks, settings={"per_task": True, "rslora": rslora})
    experiment.save_model(run, tmp_path / "adapter")
    assert json.loads((tmp_path / "adapter/adapter_config.json").read_text())["r"] == 8
    again = models.load(str(tmp_path / "adapter"))
    torch.testing.assert_close(logits(again.model), logits(run.model), rtol=1e-4, atol=1e-5)


def test_a_merged_model_is_a_plain_one(base, tmp_path):
    run = trained(base)
    experiment.save_model(run, tmp_path / "merged", merged=True)
    assert not (tmp_path / "merged/adapter_config.json").exists()
    again = models.load(str(tmp_path / "merged"))
    torch.testing.assert_close(logits(again.model), logits(run.model), rtol=1e-4, atol=1e-5)


def test_an_adapter_on_a_changed_base_is_written_as_a_whole_model(base, tmp_path):
    with torch.no_grad():
        base.model.model.norm.weight.add_(0.5)
    run = trained(base)
    experiment.save_model(run, tmp_path / "whole")
    again = models.load(str(tmp_path / "whole"))
    torch.testing.assert_close(logits(again.model), logits(run.model), rtol=1e-4, atol=1e-5)


def test_the_base_is_named_and_not_placed(tmp_path):
    model = LoRA(rank=2).wrap(models.load("mini").model)
    models.save_adapter(model, tmp_path / "adapter", "mini")
    text = (tmp_path / "adapter/adapter_config.json").read_text()
    assert json.loads(text)["base_model_name_or_path"] == "mini"
    again = models.load(str(tmp_path / "adapter"))
    assert again.name == str(tmp_path / "adapter")
    for name, p in models.load("mini").model.named_parameters():
        torch.testing.assert_close(dict(again.model.named_parameters())[name], p)


def broken(folder, **changes):
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "adapter_config.json").write_text("{"), "is damaged"),
        (lambda f: (f / "adapter_config.json").write_text("[]"), "is damaged"),
        (lambda f: (f / "adapter_model.safetensors").write_bytes(b"x"), "cannot be loaded"),
        (lambda f: (f / "adapter_model.safetensors").unlink(), "holds no adapter_model"),
        (lambda f: broken(f, base_model_name_or_path=None), "does not say what its base"),
        (lambda f: broken(f, base_model_name_or_path=str(f)), "does not say what its base"),
        (lambda f: broken(f, base_model_name_or_path="gone"), "needs its base model gone"),
        (lambda f: broken(f, base_model_name_or_path="mini"), "do not fit the base"),
        (lambda f: broken(f, target_modules=["nothing"]), "cannot be loaded"),
        (lambda f: broken(f, r=8), "do not fit the base"),
        (lambda f: broken(f, peft_type="IA3"), "of the kind 'IA3'"),
    ],
)
def test_what_is_wrong_with_an_adapter_is_said_in_one_sentence(base, tmp_path, damage, says):
    folder = tmp_path / "adapter"
    experiment.save_model(trained(base), folder)
    damage(folder)
    with pytest.raises(OSError, match=says) as caught:
        models.load(str(folder))
    assert "\n" not in str(caught.value)
