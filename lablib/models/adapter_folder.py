"""Adapters on disk, in the format of PEFT: ``adapter_config.json`` and safetensors."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from lablib import runtime
from lablib.models import lazily, smollm2
from lablib.models.adapters import PREFIX, base_parameters
from lablib.models.quantize import quantization, round_to_4_bits

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
QUANTIZATION = "quantization.json"  # ours: how the base was quantized that the adapter sat on


def save_adapter(model: nn.Module, folder: Path, base: str) -> None:
    """Write the active adapters of ``model`` to ``folder`` as one.

    Parameters
    ----------
    model : nn.Module
        A model of peft.
    folder : Path
        Made if it is not there.
    base : str
        The base model by the name that ``models.load`` knows; the path of a folder is written
        in full.

    Notes
    -----
    Several adapters become one of their summed rank, ``[B_1 B_2] [A_1; A_2]``, with alpha raised
    so that the scale stays what it was.
    """
    names = list(model.base_model.active_adapters)
    parts = [
        lazily.peft().get_peft_model_state_dict(
            model, adapter_name=name, save_embedding_layers=False
        )
        for name in names
    ]
    tensors = {
        key: torch.cat([part[key].detach().cpu() for part in parts], dim=int("lora_B" in key))
        for key in parts[0]
    }
    for name, p in base_parameters(model).items():
        if p.requires_grad:  # embeddings that were trained as well, as peft names them
            tensors[PREFIX + name] = p.detach().cpu().contiguous()
    config = copy.deepcopy(model.peft_config[names[0]])
    config.lora_alpha *= math.sqrt(len(parts)) if config.use_rslora else len(parts)
    config.r *= len(parts)
    config.inference_mode = True
    config.base_model_name_or_path = _for_everybody(base)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config.save_pretrained(folder)
    if found := quantization(model):
        (folder / QUANTIZATION).write_text(json.dumps(found), encoding="utf-8")


def _for_everybody(base: str) -> str:
    """Return the name of a base as peft, too, finds it: a hub id, a full path; ``mini`` is ours."""
    if base == smollm2.NAME:
        return smollm2.HUB_ID
    return str(Path(base).resolve()) if base != "mini" and Path(base).is_dir() else base


def holds_adapter(folder: Path) -> bool:
    """Return True if ``folder`` holds an adapter and no whole model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_of(folder: Path) -> str:
    """Return the name of the base model of the adapter in ``folder``.

    Raises
    ------
    OSError
        With one sentence, if the adapter cannot be used here.
    """
    config = _read(folder / CONFIG)
    if config.get("peft_type") != "LORA":
        raise OSError(
            f"The adapter in {folder} is of the kind {config.get('peft_type')!r}; only LORA can be "
            "loaded here."
        )
    base = config.get("base_model_name_or_path")
    if not base or Path(base).resolve() == folder.resolve():
        raise OSError(
            f"The adapter in {folder} does not say what its base model is: write its name under "
            f"base_model_name_or_path in {CONFIG}."
        )
    if not (folder / WEIGHTS).is_file():
        raise OSError(
            f"{folder} holds no {WEIGHTS}: save the adapter again with "
            "save_pretrained(folder, safe_serialization=True)."
        )
    return base


def merge_adapter(model: nn.Module, folder: Path) -> nn.Module:
    """Return ``model`` with the adapter in ``folder`` merged into its weights.

    Parameters
    ----------
    model : nn.Module
        The adapter's base, float32; changed in place. If the adapter was trained on a quantized
        base, its weights are rounded to what that base had.
    folder : Path
        Where the adapter lies.

    Raises
    ------
    OSError
        If the adapter is damaged or belongs to another model.
    """
    peft = lazily.peft()
    try:
        tensors = load_file(folder / WEIGHTS)
        if (folder / QUANTIZATION).is_file():
            round_to_4_bits(model, **_read(folder / QUANTIZATION))
        config = peft.LoraConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # known already; peft would warn of its other name
        with runtime.seeded(torch.device("cpu"), 0):  # peft draws weights that are then replaced
            adapted = peft.get_peft_model(model, config)
        own = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)
        beneath = {PREFIX + name: p for name, p in base_parameters(adapted).items()}
        own |= {key: p for key, p in beneath.items() if key in tensors}
        if {k: t.shape for k, t in own.items()} != {k: t.shape for k, t in tensors.items()}:
            raise ValueError("its weights do not fit the base model's layers.")
        peft.set_peft_model_state_dict(adapted, tensors)
        # peft has frozen it, and it is a base now, to be trained in its turn
        return adapted.merge_and_unload().requires_grad_(True).eval()
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        why = str(error).strip().split("\n")[0]
        raise OSError(f"The adapter in {folder} cannot be loaded: {why}") from error


def _read(file: Path) -> dict:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OSError(f"{file} is damaged ({error}): save or copy the adapter again.") from None
    if not isinstance(found, dict):
        raise OSError(f"{file} is damaged (no JSON object): save or copy the adapter again.")
    return found
