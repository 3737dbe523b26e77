"""Loading models, and the three things done with them: encode, generate, weigh.

Everything here leaves a model as it found it (mode, gradients, random state), and works for
any causal language model of transformers.
"""

from lablib.models.encode import (
    collate,
    encode_prompt,
    encode_prompts,
    encode_row,
    position_ids,
)
from lablib.models.generate import generate, iter_generate
from lablib.models.likelihood import (
    answer_labels,
    candidate_logprobs,
    forward,
    iter_candidate_logprobs,
    token_losses,
)
from lablib.models.load import MODELS, LoadedModel, load

__all__ = [
    "MODELS",
    "LoadedModel",
    "answer_labels",
    "candidate_logprobs",
    "collate",
    "encode_prompt",
    "encode_prompts",
    "encode_row",
    "forward",
    "generate",
    "iter_candidate_logprobs",
    "iter_generate",
    "load",
    "position_ids",
    "token_losses",
]
