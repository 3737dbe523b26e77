"""Full fine-tuning: every weight moves, nothing protects the old ones. The naive baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lablib.methods.base import Method


@dataclass
class Full(Method):
    """Full fine-tuning with AdamW on the cross-entropy of the answer tokens.

    Notes
    -----
    Loss as implemented, with ``a`` running over the answer tokens of the batch (prompt and
    padding excluded, end-of-turn included): ``mean_a -log p(token_a | prefix_a)`` in nats.
    """

    name: ClassVar[str] = "full"
    summary: ClassVar[str] = "full fine-tuning: every weight moves, nothing protects the old"
    decides: ClassVar[str] = "weights"
