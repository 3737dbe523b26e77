"""Solutions of the exercises of lab 06; the tests run them against the checks."""


def learned(probabilities: list[float], threshold: float) -> list[bool]:
    """Return for each answer token whether it is learned; the last one always is."""
    words = [1 / probability <= threshold for probability in probabilities[:-1]]
    return [*words, True]


def masked_loss(losses: list[float], learned: list[bool]) -> float:
    """Return the mean loss of the tokens that are learned, zero if there are none."""
    counted = [loss for loss, kept in zip(losses, learned, strict=True) if kept]
    return sum(counted) / len(counted) if counted else 0.0


def quantile(perplexities: list[float], share: float) -> float:
    """Return the largest perplexity that is still learned, zero if none is."""
    ranked = sorted(perplexities, reverse=True)
    n_masked = round(share * len(ranked))
    return ranked[n_masked] if n_masked < len(ranked) else 0.0
