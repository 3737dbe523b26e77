"""A run as a trail: how much of the twos was learned against how many ones were kept."""

from __future__ import annotations

from collections.abc import Iterable

from lablib.classic.addition import Pass, Settings


class Trail:
    """Passes folded into curves, the mean over the networks that were trained side by side.

    Parameters
    ----------
    settings : Settings
        Of the run.

    Attributes
    ----------
    ones_phase, twos_phase : dict of int to list of Pass
        For every seed its passes, in order.
    """

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        self.ones_phase: dict[int, list[Pass]] = {}
        self.twos_phase: dict[int, list[Pass]] = {}

    @classmethod
    def of(cls, passes: Iterable[Pass], settings: Settings | None = None) -> Trail:
        """Return the trail of a whole run."""
        made = cls(settings)
        for one in passes:
            made.add(one)
        return made

    def add(self, one: Pass) -> None:
        """Take in the next pass."""
        phase = self.ones_phase if one.phase == "ones" else self.twos_phase
        phase.setdefault(one.seed, []).append(one)

    @property
    def finished(self) -> bool:
        """True if every network has come to the end of its twos phase."""
        phases = self.twos_phase.values()
        return bool(phases) and all(passes[-1].last for passes in phases)

    @property
    def length(self) -> int:
        """Passes over the twos so far, of the network that took most."""
        return max((len(passes) - 1 for passes in self.twos_phase.values()), default=0)

    def at(self, number: int, seed: int | None = None) -> Pass | None:
        """Return pass ``number`` over the twos of one network, its last if it ended before."""
        passes = self.twos_phase.get(next(iter(self.twos_phase), 0) if seed is None else seed)
        return passes[min(number, len(passes) - 1)] if passes else None

    def points(self) -> list[tuple[float, float]]:
        """Return (twos learned, ones kept) after each pass over the twos, from pass 0 on.

        Both are best match, means over the networks. A network that has finished stays where
        it ended.
        """
        made = []
        for number in range(self.length + 1):
            now = [self.at(number, seed) for seed in self.twos_phase]
            if now:
                made.append(
                    (sum(p.twos for p in now) / len(now), sum(p.ones for p in now) / len(now))
                )
        return made

    def trials_to_criterion(self) -> list[int]:
        """Return, for each network, the passes until all ones were within .1."""
        return [len(passes) - 1 - self.settings.overtraining for passes in self.ones_phase.values()]

    def ones_at(self, level: float) -> float | None:
        """Return the ones kept at the first pass at which at least ``level`` of the twos is right.

        Each network is read at its own pass; the mean is over those that got there, and None
        stands where none did.
        """
        kept = []
        for passes in self.twos_phase.values():
            there = next((one.ones for one in passes if one.twos >= level), None)
            if there is not None:
                kept.append(there)
        return sum(kept) / len(kept) if kept else None
