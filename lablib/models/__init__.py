"""Loading models, and the three things done with them: encode, generate, weigh.

Everything here leaves a model as it found it (mode, gradients, random state), and works for
any causal language model of transformers.
"""

from lablib.models.adapter_folder import save_adapter
from lablib.models.adapters import (
    adapters_off,
    base_parameters,
    dialed,
    effective_weights,
    is_adapted,
    plain_model,
    stack_adapter,
    trainable_share,
    weight_deltas,
)
from lablib.models.encode import (
    collate,
    encode_prompt,
    encode_prompts,
    encode_row,
    encode_rows,
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
from lablib.models.load import MODELS, LoadedModel, first_choice, load, short_name
from lablib.models.prefix import reach
from lablib.models.quantize import (
    QUANT_TYPES,
    base_weight,
    n_bytes,
    put_stored,
    put_weight,
    quantize,
    stored,
)
from lablib.models.rows import Rows
from lablib.models.targets import TARGETS, is_transposed, target_modules

__all__ = [
    "MODELS",
    "QUANT_TYPES",
    "TARGETS",
    "LoadedModel",
    "Rows",
    "adapters_off",
    "answer_labels",
    "answer_perplexities",
    "base_parameters",
    "base_weight",
    "candidate_logprobs",
    "collate",
    "dialed",
    "effective_weights",
    "encode_prompt",
    "encode_prompts",
    "encode_row",
    "encode_rows",
    "first_choice",
    "forward",
    "generate",
    "is_adapted",
    "is_transposed",
    "iter_candidate_logprobs",
    "iter_generate",
    "load",
    "n_bytes",
    "plain_model",
    "position_ids",
    "put_stored",
    "put_weight",
    "quantize",
    "reach",
    "save_adapter",
    "short_name",
    "stack_adapter",
    "stored",
    "target_modules",
    "token_losses",
    "trainable_share",
    "weight_deltas",
]
