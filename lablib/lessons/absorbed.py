"""Is the noise of quantization absorbed? The base asked before and after rounding, many ways.

Rounding is no experiment with seeds: the same weights always round to the same levels. What is
left to chance is which items the probes hold, so that a difference is judged by a sign test over
the items that flipped.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lablib import probes
from lablib.events import Progress, Score, score_from_dict
from lablib.lessons import levels, stored
from lablib.lessons.rounding import Rounding, weight_error
from lablib.models import LoadedModel
from lablib.models.quantize import linear_names
from lablib.probes import Probe

# What the prediction offers, and what is measured.
OUTCOMES = (
    "nothing: no answer flips",
    "some answers flip, but no more of them to wrong than chance allows",
    "measurably worse: clearly more answers flip to wrong than to right",
)
BETTER = "measurably better: clearly more answers flip to right than to wrong"
NF4 = "NF4, 16 levels"
YOURS = "yours, 16 levels"
LEVEL_OF_TEST = 0.05


def kinds() -> dict[str, tuple[float, ...]]:
    """Return the ways of rounding that are compared, by name, all in blocks of 64."""
    return {
        NF4: levels.nf4(),
        "even, 16 levels": levels.uniform(16),
        "even, 8 levels": levels.uniform(8),
        "even, 4 levels": levels.uniform(4),
    }


@dataclass(frozen=True)
class Flips:
    """Answers that changed sides, over all probes."""

    right: int  # before
    lost: int
    gained: int

    @property
    def p(self) -> float:
        """Chance of a split at least so uneven if both directions were equally likely."""
        return sign_test(self.lost, self.gained)

    @property
    def outcome(self) -> str:
        """One of ``OUTCOMES``, or ``BETTER``."""
        if not self.lost + self.gained:
            return OUTCOMES[0]
        if self.p >= LEVEL_OF_TEST:
            return OUTCOMES[1]
        return OUTCOMES[2] if self.lost > self.gained else BETTER


def flips(found: Rounding, which: str = "says") -> Flips:
    """Return the flips of ``"says"`` or ``"knows"`` over all probes."""
    pairs = [found.flips(name, which) for name in found.base]
    right = sum(sum(getattr(score, f"{which}_outcomes")) for score in found.base.values())
    return Flips(right, sum(lost for lost, _ in pairs), sum(gained for _, gained in pairs))


def sign_test(lost: int, gained: int) -> float:
    """Return the two-sided p value of ``lost`` against ``gained`` under a fair coin, exactly."""
    n = lost + gained
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(lost, gained) + 1))
    return min(1.0, 2 * tail / 2**n)


def sentence(found: Rounding) -> str:
    """Say what NF4 did to a base, from its figures."""
    says = flips(found)
    if says.outcome == OUTCOMES[0]:
        return f"All {says.right} answers that were right before are right after."
    plain = (
        f"Answers that were right before: {says.right}. Of these wrong after: {says.lost}. Wrong "
        f"before and right after: {says.gained}."
    )
    judged = {
        OUTCOMES[1]: "So uneven a split, or a more uneven one, comes by chance",
        OUTCOMES[2]: "That is a loss: so uneven a split comes by chance only",
        BETTER: "That is a gain: so uneven a split comes by chance only",
    }[says.outcome]
    return f"{plain} {judged} with a probability of {says.p:.2g}."


def bits_per_byte(scores: Mapping[str, Score]) -> float | None:
    """Return the bits per byte of plain text, the most sensitive figure there is, or None."""
    return next(
        (s.extra["bits_per_byte"] for s in scores.values() if "bits_per_byte" in s.extra), None
    )


def compare(
    loaded: LoadedModel,
    wanted: Mapping[str, Sequence[float]],
    the_probes: Sequence[Probe],
    split: str = "full",
) -> Iterator[Progress | tuple[str, Rounding]]:
    """Ask a base, then the same base rounded in several ways: (name, ``Rounding``) of each.

    Parameters
    ----------
    loaded : LoadedModel
        The base; left as it is.
    wanted : mapping of str to sequence of float
        The levels of each way of rounding.
    the_probes : sequence of Probe
        What all are asked.
    split : str
        ``"full"`` or ``"quick"`` items.

    Raises
    ------
    ValueError
        If the model has no layers that could be quantized.
    """
    linear_names(loaded.model)  # a model without any is refused before it is asked anything
    kept = probes.base_name(loaded.digest, loaded.model, loaded.tokenizer)
    base: dict[str, Score] | None = probes.cached_base_scores(kept, the_probes, split)
    if base is None:
        base = {}
        for part in probes.iter_score_all(the_probes, loaded.model, loaded.tokenizer, split):
            if isinstance(part, Progress):
                yield Progress("asking the base", part.done, part.total)
            else:
                base[part[0]] = part[1]
        probes.keep_base_scores(kept, the_probes, base, split)
    for name, table in wanted.items():
        rounded = copy.deepcopy(loaded.model)
        levels.round_model(rounded, table)
        found: dict[str, Score] = {}
        for part in probes.iter_score_all(the_probes, rounded, loaded.tokenizer, split):
            if isinstance(part, Progress):
                yield Progress(f"asking the base, rounded: {name}", part.done, part.total)
            else:
                found[part[0]] = part[1]
        mean, share = weight_error(loaded.model, rounded)
        yield name, Rounding(mean, share, dict(base), found)


# ------------------------------------------------------------------------------- stored


def path_of(model: str) -> Path:
    """Return the file of a model's stored roundings."""
    return stored.results_folder() / "rounding" / f"{model}.json"


def to_dict(found: Mapping[str, Rounding]) -> dict:
    """Return roundings as plain values; the base's scores once, for they are the same in all."""
    if not found:
        return {"base": {}, "kinds": []}
    first = next(iter(found.values()))
    return {
        "base": {probe: asdict(score) for probe, score in first.base.items()},
        "kinds": [
            {
                "name": name,
                "weight_error": one.weight_error,
                "relative_error": one.relative_error,
                "rounded": {probe: asdict(score) for probe, score in one.rounded.items()},
            }
            for name, one in found.items()
        ],
    }


def stored_roundings(model: str) -> dict[str, Rounding]:
    """Return the stored roundings of a model by name; empty if there are none."""
    path = path_of(model)
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    base = _scores(content["base"])
    return {
        one["name"]: Rounding(
            one["weight_error"], one["relative_error"], base, _scores(one["rounded"])
        )
        for one in content["kinds"]
    }


def _scores(data: Mapping[str, dict]) -> dict[str, Score]:
    return {probe: score_from_dict(score) for probe, score in data.items()}
