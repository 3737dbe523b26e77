"""Solutions of the exercises of lab 08; the tests run them against the checks."""

import math


def sample_token(logits: list[float], temperature: float, u: float) -> int:
    """Return the place of the token that is drawn at a temperature."""
    weights = [math.exp(logit / temperature) for logit in logits]
    reached = 0.0
    for place, weight in enumerate(weights):
        reached += weight / sum(weights)
        if reached > u:
            return place
    return len(weights) - 1


def clean(lines: list[tuple[str, str, bool]], asked: list[str]) -> list[tuple[str, str, bool]]:
    """Return the finished lines that ask nothing a probe asks, each once, in their order."""
    probe = {question.strip().lower() for question in asked}
    kept = []
    for line in lines:
        question, _, ended = line
        if ended and question.strip().lower() not in probe and line not in kept:
            kept.append(line)
    return kept
