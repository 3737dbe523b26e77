"""Solutions of the exercises of lab 04; the tests run them against the checks."""


def qlora_bytes(quantized: int, kept: int, adapters: int, tokens: int, per_token: int) -> float:
    """Bytes that training with QLoRA takes."""
    weights = quantized / 2 + quantized / 64 + 2 * kept  # four bits, scales, 16 bits
    trained = (4 + 4 + 8) * adapters  # the weight, its gradient, two moments
    return weights + trained + tokens * per_token


def quantize_block(block: list[float], levels: list[float]) -> list[float]:
    """Round a block of weights to levels that are scaled by its largest magnitude."""
    scale = max(abs(weight) for weight in block)
    if scale == 0:
        return [0.0 for _ in block]
    nearest = [min(levels, key=lambda level: abs(weight / scale - level)) for weight in block]
    return [level * scale for level in nearest]
