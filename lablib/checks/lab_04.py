"""Checks of the exercises of lab 04: the bytes of QLoRA, and rounding block by block."""

from __future__ import annotations

from lablib.checks.base import Case, Exercise, Misconception

# ------------------------------------------------------------------------- qlora_bytes


def _bytes(quantized: int, kept: int, adapters: int, tokens: int, per_token: int) -> float:
    return quantized * (1 / 2 + 1 / 64) + 2 * kept + 16 * adapters + tokens * per_token


# Round numbers that can be worked out on paper; each part is the largest somewhere.
_COUNTS = (
    (6400, 0, 0, 0, 0),
    (0, 1000, 0, 0, 0),
    (0, 0, 100, 0, 0),
    (0, 0, 0, 8, 50),
    (64000, 2000, 500, 4, 300),
    (128000, 1000, 2000, 16, 1000),
)


def _named(counts: tuple[int, ...]) -> str:
    names = ("quantized", "kept", "adapters", "tokens", "per_token")
    return ", ".join(f"{name}={value}" for name, value in zip(names, counts, strict=True))


QLORA_BYTES = Exercise(
    name="qlora_bytes",
    stub=(
        "Write a function of five counts (quantized weights, weights kept in 16 bits, weights of "
        "the adapters in 32 bits, tokens in a batch, bytes of activations per token) that returns "
        "the bytes that training with QLoRA takes: weights, scales, gradients, optimizer and "
        "activations."
    ),
    returns=(float, int),
    cases=tuple(Case(counts, _bytes(*counts), _named(counts)) for counts in _COUNTS),
    misconceptions=(
        Misconception(
            "bits taken for bytes",
            lambda q, k, a, t, p: q * (4 + 1 / 64) + 2 * k + 16 * a + t * p,
            "A quantized weight has four bits here as if they were four bytes. A byte has eight "
            "bits.",
        ),
        Misconception(
            "forgot the scales",
            lambda q, k, a, t, p: q / 2 + 2 * k + 16 * a + t * p,
            "Four bits alone do not say how large a weight is: every block of 64 weights has a "
            "scale beside it, one byte each.",
        ),
        Misconception(
            "a scale for every weight",
            lambda q, k, a, t, p: q * 1.5 + 2 * k + 16 * a + t * p,
            "This keeps a scale for every single weight, which would cost more than the weight "
            "itself. How many weights share one?",
        ),
        Misconception(
            "everything is quantized",
            lambda q, k, a, t, p: (q + k) * (1 / 2 + 1 / 64) + 16 * a + t * p,
            "Embeddings, norms and the output layer are not quantized: those that are kept have "
            "16 bits each.",
        ),
        Misconception(
            "adapters that are never trained",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 4 * a + t * p,
            "This holds the adapters but cannot train them. A weight that learns needs a gradient "
            "and what the optimizer remembers of it.",
        ),
        Misconception(
            "a part of training is missing",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 12 * a + t * p,
            "The adapters get twelve bytes a weight here, so one of four numbers is missing: the "
            "weight, its gradient, and what AdamW remembers, a mean of the gradients and a mean of "
            "their squares.",
        ),
        Misconception(
            "adapters in 16 bits",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 8 * a + t * p,
            "This trains the adapters in 16 bits, gradients and moments too. The steps would be "
            "lost in rounding: what is trained has 32 bits.",
        ),
        Misconception(
            "frozen weights that learn",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 16 * a + t * p + 12 * (q + k),
            "This gives the frozen weights gradients and optimizer states too. Which weights move "
            "in QLoRA?",
        ),
        Misconception(
            "activations of a single token",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 16 * a + p,
            "These are the activations of one token. All tokens of the batch wait for the backward "
            "pass at the same time.",
        ),
        Misconception(
            "no activations",
            lambda q, k, a, t, p: q * (1 / 2 + 1 / 64) + 2 * k + 16 * a,
            "Nothing is left here for the way back. What the forward pass computed must still be "
            "there when the backward pass needs it.",
        ),
    ),
    praise=(
        "Right. The table below now uses your function: choose a card, a batch, and see what "
        "decides."
    ),
    difficulty=2,
    minutes=10,
    hint=(
        "Go through the four parts one by one. Weights: three kinds, each with its own size. "
        "Gradients and optimizer: only for what is trained. Activations: for every token."
    ),
)

# ----------------------------------------------------------------------- quantize_block

Block = list[float]


def _closest(value: float, levels: Block) -> float:
    return min(levels, key=lambda level: abs(level - value))


def _quantized(block: Block, levels: Block, scale=lambda b: max(map(abs, b))) -> Block:
    size = scale(block)
    if not size:
        return [0.0] * len(block)
    return [_closest(weight / size, levels) * size for weight in block]


_FEW = [-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0]
_UNEVEN = [-1.0, -0.3, 0.0, 0.1, 0.4, 1.0]
# No weight lies half-way between two levels: either would be right there.
_BLOCKS: tuple[tuple[Block, Block], ...] = (
    ([0.5, -1.0, 0.25, 0.12], _FEW),
    ([0.025, 0.01, -0.04, 0.02], _FEW),
    ([2.0, 0.3, -0.7, 1.1], _UNEVEN),
    ([-3.0, 1.4, 0.2, -0.5, 0.9], _UNEVEN),
    ([0.02, -0.08, 0.05, 0.01, -0.03], _FEW),
    ([0.0, 0.0, 0.0], _FEW),
)


def _below(value: float, levels: Block) -> float:
    return max((level for level in levels if level <= value), default=min(levels))


def _each(block: Block, levels: Block, choose) -> Block:
    size = max(map(abs, block))
    return [choose(weight / size, levels) * size for weight in block]


QUANTIZE_BLOCK = Exercise(
    name="quantize_block",
    stub=(
        "Write a function of a block (a list of weights) and of levels between -1 and 1 that "
        "returns the block rounded: every weight, divided by the largest magnitude of the block, "
        "goes to the nearest level and is multiplied by that magnitude again. A block of zeros "
        "stays as it is."
    ),
    returns=list,
    cases=tuple(
        Case(
            (block, levels),
            _quantized(block, levels),
            f"{block}, {levels}",
            edge=not any(block),
        )
        for block, levels in _BLOCKS
    ),
    misconceptions=(
        Misconception(
            "no scale at all",
            lambda block, levels: [_closest(weight, levels) for weight in block],
            "The weights were compared with the levels as they are. Small weights would all fall "
            "on zero: what are they divided by first?",
        ),
        Misconception(
            "never scaled back",
            lambda block, levels: [
                _closest(weight / max(map(abs, block)), levels) if any(block) else 0.0
                for weight in block
            ],
            "These are levels, between -1 and 1. A weight that is read back has to have its own "
            "size again.",
        ),
        Misconception(
            "largest instead of largest magnitude",
            lambda block, levels: _quantized(block, levels, max),
            "The scale is the largest weight with its sign. Where the strongest weight is "
            "negative, the others then lie outside the levels.",
        ),
        Misconception(
            "mean magnitude as the scale",
            lambda block, levels: _quantized(block, levels, lambda b: sum(map(abs, b)) / len(b)),
            "The scale is the mean magnitude here, so that every weight above it is cut off at the "
            "outermost level.",
        ),
        Misconception(
            "rounded down",
            lambda block, levels: (
                _each(block, levels, _below) if any(block) else [0.0] * len(block)
            ),
            "Every weight goes to the level below it. The nearest one may be above.",
        ),
        Misconception(
            "codes instead of weights",
            lambda block, levels: [
                levels.index(_closest(weight / max(map(abs, block)), levels)) if any(block) else 0
                for weight in block
            ],
            "These are the numbers of the levels, which is what is stored. Asked is the block as "
            "it is read back.",
        ),
        Misconception(
            "a block of zeros not handled",
            lambda block, levels: _each(block, levels, _closest),
            "A block of zeros has no largest magnitude to divide by, and real matrices have such "
            "blocks.",
        ),
    ),
    praise=(
        "Right. With NF4's sixteen levels and blocks of 64 this is what the library does; the "
        "line below compares the two on a whole layer."
    ),
    difficulty=2,
    minutes=10,
    hint=(
        "Find the scale first. Then take one weight at a time: divide, look for the level with the "
        "smallest distance, multiply. What is there to divide by if all are zero?"
    ),
)
