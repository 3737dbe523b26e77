"""Loading models, and the three things done with them: encode, generate, weigh.

Everything here leaves a model as it found it (mode, gradients, random state), and works for
any causal language model of transformers.
"""

from lablib.models.adapters import adapters_off, effective_weights, is_adapted, weight_deltas
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
    answer_perplexities,
    candidate_logprobs,
    forward,
    iter_candidate_logprobs,
    token_losses,
)
from lablib.models.load import MODELS, LoadedModel, load
from lablib.models.rows import Rows

__all__ = [
    "MODELS",
    "LoadedModel",
    "Rows",
    "adapters_off",
    "answer_labels",
    "answer_perplexities",
    "candidate_logprobs",
    "collate",
    "effective_weights",
    "encode_prompt",
    "encode_prompts",
    "encode_row",
    "forward",
    "generate",
    "is_adapted",
    "iter_candidate_logprobs",
    "iter_generate",
    "load",
    "position_ids",
    "token_losses",
    "weight_deltas",
]
