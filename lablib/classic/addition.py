"""The demonstration of 1989: learn the ones facts of addition, then the twos facts.

A run is a generator of passes, so that it can be watched, stopped and counted alike. One
*pass* (the paper's "learning trial") shows every fact of a set once, in random order.

References
----------
McCloskey, Cohen 1989, pp. 115-124.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lablib.classic import codes, measures
from lablib.classic.network import Network

FREEZE = ("nothing", "weights into hidden", "weights into output", "units of the ones")
_AT = {fact: place for place, fact in enumerate(codes.FACTS)}
ONES = tuple(_AT[fact] for fact in codes.ONES)
TWOS = tuple(_AT[fact] for fact in codes.TWOS)
SCORED_ONES = tuple(_AT[fact] for fact in codes.SCORED_ONES)
RIGHT = tuple(sum(fact) for fact in codes.FACTS)
_INPUTS, _TARGETS = codes.patterns(codes.FACTS)
_ANSWERS = np.stack([codes.answer(value) for value in codes.SUMS])


def _knob(default: Any, about: str, unit: str, low: float, high: float, source: str = "") -> Any:
    facts = {"about": about, "unit": unit, "low": low, "high": high, "source": source}
    return field(default=default, metadata=facts)


_PAPER = "McCloskey & Cohen 1989, p. 117"


@dataclass(frozen=True)
class Settings:
    """Everything that can be chosen about a run; the defaults are those of the paper.

    Notes
    -----
    ``freeze`` acts from the first pass over the twos on. ``"units of the ones"`` is the paper's
    version: the network has twice ``hidden`` hidden units, one half learns the ones, and only
    the other half learns the twos (with the biases of the shared output units).
    """

    hidden: int = _knob(50, "hidden units", "units", 5, 200, _PAPER)
    rate: float = _knob(0.25, "learning rate", "per update", 0.01, 1.0, _PAPER)
    momentum: float = _knob(0.9, "momentum", "share of the last update", 0.0, 0.95, _PAPER)
    overtraining: int = _knob(0, "overtraining on the ones", "passes", 0, 1000)
    freeze: str = "nothing"  # from the first pass over the twos on; one of FREEZE
    interleave: int = _knob(0, "ones facts mixed into each pass over the twos", "facts", 0, 15)
    batch: bool = False  # one update a pass instead of one a fact
    together: bool = False  # no ones phase: all 32 facts from the start
    most_ones: int = _knob(1500, "passes over the ones at most", "passes", 1, 100_000)
    most_twos: int = _knob(1500, "passes over the twos at most", "passes", 0, 100_000)

    def __post_init__(self) -> None:
        for name, made in self.__dataclass_fields__.items():
            value, facts = getattr(self, name), made.metadata
            if facts and not facts["low"] <= value <= facts["high"]:
                raise ValueError(
                    f"{name} ({facts['about']}) must lie between {facts['low']} and "
                    f"{facts['high']} {facts['unit']}, not {value}."
                )
        if self.freeze not in FREEZE:
            raise ValueError(f"freeze is one of {', '.join(FREEZE)}, not {self.freeze!r}.")

    def changed(self) -> dict[str, Any]:
        """Return the settings that differ from those of the paper."""
        plain = Settings()
        return {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if getattr(self, name) != getattr(plain, name)
        }


@dataclass(frozen=True)
class Pass:
    """What the network knows after one pass: one entry a fact, in the order of ``FACTS``.

    Attributes
    ----------
    phase : str
        ``"ones"`` or ``"twos"``: what is being learned.
    number : int
        Passes over this set so far; 0 is the state before the first.
    answers : tuple of int
        The sum that each output lies closest to (best match).
    within, right_side : tuple of bool
        The stricter measures.
    errors : tuple of float
        Mean squared error of a unit.
    last : bool
        True if the run ends here.
    """

    seed: int
    phase: str
    number: int
    answers: tuple[int, ...]
    within: tuple[bool, ...]
    right_side: tuple[bool, ...]
    errors: tuple[float, ...]
    last: bool = False

    def share(self, which: Sequence[int], measure: str = "best match") -> float:
        """Return the share of facts that are right; ``which`` are places in ``FACTS``."""
        if measure == "best match":
            right = [self.answers[i] == RIGHT[i] for i in which]
        else:
            right = [{"within": self.within, "right side": self.right_side}[measure][i]
                     for i in which]  # fmt: skip
        return sum(right) / len(right)

    @property
    def ones(self) -> float:
        """Best match on the 15 ones facts that are not twos facts too."""
        return self.share(SCORED_ONES)

    @property
    def twos(self) -> float:
        """Best match on the 17 twos facts."""
        return self.share(TWOS)

    def error(self, which: Sequence[int]) -> float:
        """Return the mean squared error of a unit over some facts."""
        return sum(self.errors[i] for i in which) / len(which)


def run(settings: Settings | None = None, seed: int = 0) -> Iterator[Pass]:
    """Train one network and say after every pass what it knows.

    Parameters
    ----------
    settings : Settings, optional
        Default: those of the paper.
    seed : int
        Draws the first weights and every order of facts.

    Yields
    ------
    Pass
        First the ones phase: from pass 0 until all 17 ones facts are within .1, and
        ``overtraining`` passes more. Then the twos phase: from pass 0 until all 17 twos facts
        are within .1, or ``most_twos`` passes.
    """
    settings = settings or Settings()
    rng = np.random.default_rng(seed)
    double = 2 if settings.freeze == "units of the ones" else 1
    network = Network(len(_INPUTS[0]), double * settings.hidden, len(_TARGETS[0]), rng)
    if double == 2:
        _units(network, settings.hidden, first=True)
    if not settings.together:
        yield from _learn_ones(network, settings, seed, rng)
    _freeze(network, settings)
    yield from _learn_twos(network, settings, seed, rng)


def _learn_ones(network: Network, settings: Settings, seed: int, rng) -> Iterator[Pass]:
    more = None  # passes of overtraining left; None until the criterion is met
    for number in range(settings.most_ones + settings.overtraining + 1):
        if number:
            _pass_over(network, ONES, settings, rng)
        now = _look(network, seed, "ones", number)
        yield now
        if more is None and (now.share(ONES, "within") == 1.0 or number >= settings.most_ones):
            more = settings.overtraining
        elif more:
            more -= 1
        if more == 0:
            return


def _learn_twos(network: Network, settings: Settings, seed: int, rng) -> Iterator[Pass]:
    goal = tuple(range(len(codes.FACTS))) if settings.together else TWOS
    for number in range(settings.most_twos + 1):
        if number:
            chosen = rng.choice(SCORED_ONES, settings.interleave, replace=False)
            shown = goal if settings.together else TWOS + tuple(int(i) for i in chosen)
            _pass_over(network, shown, settings, rng)
        now = _look(network, seed, "twos", number)
        done = now.share(goal, "within") == 1.0 or number == settings.most_twos
        yield replace(now, last=done)
        if done:
            return


def _pass_over(network: Network, facts: Sequence[int], settings: Settings, rng) -> None:
    order = rng.permutation(facts)
    if settings.batch:
        network.update(_INPUTS[order], _TARGETS[order], settings.rate, settings.momentum)
        return
    for i in order:
        one = slice(i, i + 1)
        network.update(_INPUTS[one], _TARGETS[one], settings.rate, settings.momentum)


def _freeze(network: Network, settings: Settings) -> None:
    into_hidden = np.ones_like(network.into_hidden)
    into_output = np.ones_like(network.into_output)
    if settings.freeze == "weights into hidden":
        network.learns = (0.0 * into_hidden, into_output)
    elif settings.freeze == "weights into output":
        network.learns = (into_hidden, 0.0 * into_output)
    elif settings.freeze == "units of the ones":
        _units(network, settings.hidden, first=False)


def _units(network: Network, hidden: int, first: bool) -> None:
    """Let one half of the hidden units learn; the biases of the outputs always do."""
    into_hidden = np.zeros_like(network.into_hidden)
    into_output = np.ones_like(network.into_output)
    chosen = np.arange(len(into_hidden)) < hidden
    chosen = chosen if first else ~chosen
    into_hidden[chosen] = 1.0
    into_output[:, :-1] = chosen[None, :]
    network.learns = (into_hidden, into_output)


def _look(network: Network, seed: int, phase: str, number: int) -> Pass:
    outputs = network.forward(_INPUTS)
    return Pass(
        seed,
        phase,
        number,
        tuple(measures.best_match(outputs, _ANSWERS).tolist()),
        tuple(measures.within(outputs, _TARGETS).tolist()),
        tuple(measures.right_side(outputs, _TARGETS).tolist()),
        tuple(measures.squared_error(outputs, _TARGETS).tolist()),
    )


def side_by_side(settings: Settings | None = None, seeds: Sequence[int] = (0,)) -> Iterator[Pass]:
    """Train one network a seed: all learn the ones, then all take each pass over the twos.

    Yields
    ------
    Pass
        Of every network in turn; one that has finished is silent.
    """
    waiting = []  # the twos phase of each network, and its first pass
    for seed in seeds:
        passes = run(settings, seed)
        for one in passes:
            if one.phase == "twos":
                waiting.append((passes, one))
                break
            yield one
    while waiting:
        for _, one in waiting:
            yield one
        following = [(passes, next(passes, None)) for passes, _ in waiting]
        waiting = [(passes, one) for passes, one in following if one is not None]
