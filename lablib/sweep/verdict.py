"""A comparison in words and as a table: every sentence made from the numbers, none from hope."""

from __future__ import annotations

from lablib.sweep.analysis import BASELINE, FEW, ArmResult, Comparison, Estimate

HEAD = ("arm", "seeds", "gain", "kept: says", "knows", "at matched score", "minus full",
        "reached", "moved %", "KL", "seconds", "extra", "trained MB")  # fmt: skip


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return one row of text an arm, under ``HEAD``."""
    return [_row(arm, label in comparison.front) for label, arm in comparison.arms.items()]


def table(comparison: Comparison) -> list[str]:
    """Return the comparison as lines of text."""
    shown = [HEAD, *rows(comparison)]
    widths = [max(len(row[k]) for row in shown) for k in range(len(HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    legend = [
        f"Matched score: task score {comparison.target:.2f}, first reached along each run's curve.",
        "[low, high]: bootstrap 95% interval over seeds; one of five seeds covers the true mean "
        "in 83% of cases only (metrics.bootstrap_mean_interval).",
        "*: on the Pareto front of gain and kept.",
        "KL: nats per answer, base to tuned, on the base's own answers to the task's test prompts.",
        "extra: forward passes before the first step. seconds: preparing and training.",
    ]
    return [*lines, *legend]


def sentences(comparison: Comparison) -> list[str]:
    """Return one verdict an arm, generated from its figures."""
    full = comparison.arms[BASELINE]
    others = [arm for arm in comparison.arms.values() if arm is not full]
    return [_sentence(arm, full, comparison.target) for arm in others]


def _sentence(arm: ArmResult, full: ArmResult, score: float) -> str:
    at, target, name = arm.at, f"{score:.2f}", arm.label
    broken = f" {_of(arm.diverged, at.n)} diverged." if arm.diverged else ""
    if at.n_reached == 0:
        end = f"; it ends at {arm.task_score}" if arm.task_score else ""
        kept = f" with {arm.says} kept" if arm.says and end else ""
        return f"{name} never reaches the matched score of {target}{end}{kept}.{broken}"
    missed = ""
    if at.n_reached < at.n:
        missed = f" It does not reach that score in {_of(at.n - at.n_reached, at.n)}."
    if at.says is None:
        return (
            f"{name} reaches task score {target}, but the base had nothing to lose in what was "
            f"measured.{missed}{broken}"
        )
    last = f" At its end it keeps {arm.says}, at task score {arm.task_score}." if arm.says else ""
    if full.at.says is None:
        return (
            f"{name} keeps {at.says} of what the base could do at task score {target}, which full "
            f"fine-tuning never reaches.{missed}{last}{broken}"
        )
    said = (
        f"{name} keeps {at.says} of what the base could do when it first reaches task score "
        f"{target}; full fine-tuning keeps {full.at.says}."
    )
    return f"{said} {_judgment(arm)}{missed}{last}{broken}"


def _judgment(arm: ArmResult) -> str:
    at, gap = arm.at, arm.at.against_full
    if gap is None:
        return "No seed has both, so the two cannot be compared."
    if gap.low is None:
        return "One seed cannot say whether the difference is chance."
    if gap.n < FEW:
        return f"The difference is {gap}, over too few seeds to be sure."
    if at.better:
        return f"It beats full fine-tuning by {gap}."
    if at.worse:
        return f"It keeps less than full fine-tuning, by {-gap}."
    if gap.low > 0:
        return f"Where both reach it, it keeps {gap} more."
    return f"The difference of {gap} may be chance."


def _of(n: int, all_of: int) -> str:
    return f"{n} of {all_of} seed{'s' if all_of != 1 else ''}"


def _row(arm: ArmResult, on_front: bool) -> tuple[str, ...]:
    at, cost = arm.at, arm.cost
    return (
        arm.label + (" *" if on_front else ""),
        str(len(arm.seeds)) + (f" ({arm.diverged} diverged)" if arm.diverged else ""),
        _text(arm.gain),
        _text(arm.says),
        _text(arm.knows),
        _text(at.says),
        _text(at.against_full),
        f"{at.n_reached}/{at.n}",
        f"{100 * arm.displacement.mean:.2f}" if arm.displacement else "-",
        f"{arm.kl.mean:.3g}" if arm.kl else "-",
        f"{cost['prepare_seconds'] + cost['train_seconds']:.1f}",
        f"{cost['extra_forwards']:.0f}",
        f"{cost['trained_bytes'] / 1e6:.2f}",
    )


def _text(found: Estimate | None) -> str:
    return "-" if found is None else str(found)
