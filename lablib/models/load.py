"""Loading: the embedded ``mini``, SmolLM2, any hub id or local folder, all by one path.

Only safetensors are read (never a pickle) and no model's own code is run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from lablib.models import smollm2
from lablib.models.adapter_folder import base_of, holds_adapter, merge_adapter
from lablib.models.encode import PLAIN_TEMPLATE, encode_prompt
from lablib.models.files import digest, quietly, sha256_of
from lablib.runtime import data_folder

SMALL = 10_000_000  # parameters; below it a model trains in seconds, and at higher rates

MODELS: dict[str, str] = {
    "mini": "a Llama of about a million parameters that knows our small world; ships with the lab",
    "smollm2-135m": "SmolLM2-135M-Instruct, a real language model with 135 million parameters",
}


def short_name(name: str) -> str:
    """Return what a text calls a model: the course's real one SmolLM2, any other by its name."""
    return "SmolLM2" if name == smollm2.NAME else name


@dataclass
class LoadedModel:
    """A model ready for a run."""

    name: str  # as it was asked for
    model: PreTrainedModel  # float32, on the CPU, in eval mode
    tokenizer: PreTrainedTokenizerBase  # has a chat template and a pad token
    folder: Path  # where its safetensors and config lie
    digest: str  # SHA-256 over the weights; base scores are kept under it
    n_parameters: int


def load(name: str) -> LoadedModel:
    """Load a model by name.

    Parameters
    ----------
    name
        A key of ``MODELS``, a folder with ``config.json`` and safetensors, a hub id such
        as ``HuggingFaceTB/SmolLM2-360M-Instruct``, or a folder with a LoRA adapter of PEFT,
        which is merged into the base model that it names.

    Raises
    ------
    OSError, ValueError
        With one sentence that says what is missing or damaged and what to do.
    """
    folder = find(name)
    if holds_adapter(folder):
        return _load_adapted(name, folder)
    if not (folder / "config.json").is_file():
        raise OSError(f"{folder} holds no model: there is no config.json in it.")
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        why = ", only pickled weights, which can run code when read" if pickled else ""
        raise OSError(
            f"{folder} holds no safetensors{why}: save the model again with "
            "save_pretrained(folder, safe_serialization=True)."
        )
    try:
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model, found = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, ImportError) as error:
        raise OSError(f"The model in {folder} cannot be loaded: {_in_words(error)}") from error
    if missing := sorted(found["missing_keys"]):  # transformers would draw them at random
        raise OSError(
            f"The model in {folder} is incomplete: its safetensors lack {missing[0]} and "
            f"{len(missing) - 1} other weights; save a whole causal language model there."
        )
    prepare_tokenizer(tokenizer, folder)
    _check_fit(model, tokenizer, folder)
    if tokenizer.pad_token_id >= model.get_input_embeddings().num_embeddings:
        tokenizer.pad_token = tokenizer.eos_token  # the model has no row for its own pad token
    if name == smollm2.NAME:
        tokenizer.chat_template = tokenizer.chat_template.replace(smollm2.DEFAULT_SYSTEM, "")
    return LoadedModel(
        name=name,
        model=model.eval(),
        tokenizer=tokenizer,
        folder=folder,
        digest=digest(folder),
        n_parameters=sum(p.numel() for p in model.parameters()),
    )


def _load_adapted(name: str, folder: Path) -> LoadedModel:
    """Load the base of the adapter in ``folder`` and merge the adapter into it."""
    base = base_of(folder)
    try:
        loaded = load(smollm2.NAME if base == smollm2.HUB_ID else base)
    except (OSError, ValueError) as error:
        raise OSError(f"The adapter in {folder} needs its base model {base}. {error}") from error
    both = f"{loaded.digest}:{digest(folder)}"
    return replace(
        loaded,
        name=name,
        model=merge_adapter(loaded.model, folder),
        folder=folder,
        digest=hashlib.sha256(both.encode()).hexdigest(),
    )


def first_choice() -> str:
    """Return the model that a lab begins with: ``LETHE_MODEL`` (as for ``load``), else mini."""
    return os.environ.get("LETHE_MODEL", "").strip() or "mini"


def find(name: str) -> Path:
    """Return the folder that holds the model called ``name``; see ``load``."""
    if name == "mini":
        return _find_mini()
    if name == smollm2.NAME:
        return smollm2.find()
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith((".", "/")):
        found, problem = smollm2.find_on_hub(name)
        if found is not None:
            return found
        raise OSError(
            f"The model {name} is neither a folder here nor in the local cache of the hub, and on "
            f"the hub it {problem}."
        )
    raise ValueError(
        f"There is no model {name!r}: choose {', '.join(MODELS)}, the path of a folder with "
        "safetensors, or a hub id such as owner/name."
    )


def _find_mini() -> Path:
    folder = data_folder() / "models" / "mini"
    try:
        listed = (folder / "SHA256").read_text(encoding="utf-8").split("\n")
        for line in filter(None, listed):
            digest_, name = line.split(maxsplit=1)
            if sha256_of(folder / name.strip().lstrip("*")) != digest_:
                raise OSError(
                    f"The model mini is damaged: {folder / name} is not the file that belongs "
                    "there; restore it with: git checkout -- data/models/mini"
                )
    except FileNotFoundError as error:
        raise OSError(
            f"The model mini is incomplete: {error.filename} is missing; restore it with: "
            "git checkout -- data/models/mini"
        ) from error
    return folder


def prepare_tokenizer(tokenizer, folder: Path) -> None:
    """Give a tokenizer what ours must have: a chat template and a pad token."""
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"The tokenizer in {folder} has no end-of-text token, so no answer could ever end: "
            "set eos_token in its tokenizer_config.json."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not tokenizer.chat_template:
        adds_bos = tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
        tokenizer.chat_template = ("{{ bos_token }}" if adds_bos else "") + PLAIN_TEMPLATE


def _check_fit(model, tokenizer, folder: Path) -> None:
    """Raise ``OSError`` in words if prompts cannot be made, or hold tokens the model has not."""
    try:
        ids = encode_prompt(tokenizer, "Hello")
    except TemplateError as error:
        raise OSError(
            f"The chat template in {folder} cannot be used ({error}): mend it, or take it out for "
            "a plain one."
        ) from error
    rows = model.get_input_embeddings().num_embeddings
    if max(tokenizer.vocab_size - 1, *ids) >= rows:
        raise OSError(
            f"The tokenizer in {folder} has {len(tokenizer)} tokens, and the model embeddings of "
            f"{rows}: call model.resize_token_embeddings({len(tokenizer)}) and save it again."
        )


def _in_words(error: Exception) -> str:
    """Return what went wrong as one sentence without the library's advice."""
    if isinstance(error, SafetensorError):
        return f"its weights are damaged ({error}); download or copy them again."
    if isinstance(error, json.JSONDecodeError):
        return f"one of its JSON files is damaged ({error}); download or copy it again."
    if "trust_remote_code" in str(error):
        return "it needs code of its own to run, which is not allowed here; choose another model."
    first = str(error).strip().split("\n")[0] or type(error).__name__
    return first if first.endswith((".", "!", "?")) else first + "."
