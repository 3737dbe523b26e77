"""The large libraries that only adapters need, imported when they are first used.

``peft`` brings bitsandbytes and half of torch's compiler along: seconds, and 146 MB that whoever
only fine-tunes all weights need not pay.
"""

from __future__ import annotations

import logging
import warnings
from types import ModuleType


def peft() -> ModuleType:
    """Return the module ``peft``."""
    bitsandbytes()  # which peft imports too, but not quietly
    import peft

    # peft asks every model for an attribute that transformers has renamed.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
    return peft


def bitsandbytes() -> ModuleType:
    """Return the module ``bitsandbytes``, without its advice to fetch faster kernels."""
    noise = logging.getLogger("bitsandbytes.backends.cpu.ops")
    level = noise.level
    noise.setLevel(logging.ERROR)
    try:
        import bitsandbytes
    finally:
        noise.setLevel(level)
    return bitsandbytes
