"""Solutions of the exercises of lab 02; the tests run them against the checks."""


def retention(now: float, base: float, chance: float) -> float | None:
    """Share of the base model's lead over chance that is left."""
    if base <= chance:
        return None  # nothing to lose
    return (now - chance) / (base - chance)


def diagnose(says: float, knows: float) -> str:
    """Tell a healthy model from a mute one and an erased one."""
    if says >= 0.5:
        return "healthy"
    return "mute" if knows >= 0.5 else "erased"


def cheapest(runs: list[dict]) -> str | None:
    """Name of the run with the fewest examples that learns the task and keeps the rest."""
    good = [run for run in runs if run["task"] >= 0.9 and run["retention"] >= 0.9]
    if not good:
        return None
    return min(good, key=lambda run: run["examples"])["name"]
