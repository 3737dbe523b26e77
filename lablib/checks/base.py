"""What all checks share: run a learner's function on cases, recognize known misconceptions.

A misconception is a wrong version of the function together with a message. If the learner's
answers agree with the wrong version on every case, that is the message they get; the cases
of an exercise are chosen so that no two wrong versions agree on all of them (a test sees to
that).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """What a check says about a learner's function."""

    passed: bool
    message: str
    misconception: str = ""  # name of the one that was recognized


@dataclass(frozen=True)
class Case:
    """One call of the learner's function and what it should return."""

    arguments: tuple[Any, ...]
    expected: Any
    shown: str = ""  # how the call is shown in a message; default: its arguments
    edge: bool = False  # a special case that is often forgotten on top of another mistake


@dataclass(frozen=True)
class Raised:
    """A call that ended in an exception instead of a result."""

    kind: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True)
class Misconception:
    """A known wrong idea: how it computes, and what to say to someone who holds it."""

    name: str
    wrong: Callable[..., Any]
    message: str


@dataclass(frozen=True)
class Exercise:
    """Everything a check needs to know about one exercise."""

    name: str
    stub: str  # what to write, said to someone who has not begun
    returns: type | tuple[type, ...]  # what the function must return
    cases: tuple[Case, ...]
    misconceptions: tuple[Misconception, ...]
    praise: str
    difficulty: int = 1  # 1 (a line or two) to 3
    minutes: int = 5  # to spend at most before opening the hint
    hint: str = ""
    # What is compared where a result is drawn by chance: ``through(function)`` is called with the
    # arguments of a case and measures the function, over many draws for instance.
    through: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None

    def check(self, function: Callable[..., Any]) -> CheckResult:
        """Return what to tell the learner about ``function``; never raises."""
        if not callable(function):
            return CheckResult(False, f"{self.name} must be a function, not {function!r}.")
        got = [outcome(self._measured(function), case) for case in self.cases]
        if any(value == Raised("NotImplementedError", "") for value in got):
            return CheckResult(False, self.stub, "stub")
        if all(value is None for value in got) or all(value is Ellipsis for value in got):
            return CheckResult(
                False, f"Your function returns nothing yet. {self.stub}", "returns nothing"
            )
        wrong = [
            (case, value)
            for case, value in zip(self.cases, got, strict=True)
            if not same(value, case.expected)
        ]
        if not wrong:
            return CheckResult(True, self.praise)
        return self._explain(got, *wrong[0], n_wrong=len(wrong))

    def _explain(self, got: Sequence[Any], case: Case, value: Any, n_wrong: int) -> CheckResult:
        call, expected = self._call(case), show(case.expected)
        if isinstance(value, Raised):
            evidence = f"{call} stopped with {value.kind}{value.text}, expected {expected}."
        else:
            evidence = f"{call} gave {show(value)}, expected {expected}."
        idea = self._recognize(got)
        if idea:
            return CheckResult(False, f"{idea.message} {evidence}", idea.name)
        if isinstance(value, Raised):
            return CheckResult(False, evidence, "error")
        if value is not None and not isinstance(value, self.returns):
            kinds = self.returns if isinstance(self.returns, tuple) else (self.returns,)
            names = " or ".join(kind.__name__ for kind in kinds)
            return CheckResult(
                False,
                f"The result should be a {names}, not a {type(value).__name__}. {evidence}",
                "type",
            )
        n = len(self.cases)
        return CheckResult(False, f"{n - n_wrong} of {n} cases are right. {evidence}", "unknown")

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.through(function) if self.through else function

    def _recognize(self, got: Sequence[Any]) -> Misconception | None:
        # People hold a wrong idea *and* forget the edge cases: look at all cases first, then
        # at the plain ones alone, where the idea must also differ from the right answer.
        pairs = list(zip(self.cases, got, strict=True))
        plain = [(case, value) for case, value in pairs if not case.edge]
        for idea in self.misconceptions:
            wrong = self._measured(idea.wrong)
            if all(same(outcome(wrong, case), value) for case, value in pairs):
                return idea
        if all(same(value, case.expected) for case, value in plain):
            return None
        for idea in self.misconceptions:
            wrong = self._measured(idea.wrong)
            if all(same(outcome(wrong, case), value) for case, value in plain):
                return idea
        return None

    def _call(self, case: Case) -> str:
        if self.through:
            return case.shown  # what was measured, in words
        if case.shown:
            return f"{self.name}({case.shown})"
        return f"{self.name}({', '.join(map(repr, case.arguments))})"


def outcome(function: Callable[..., Any], case: Case) -> Any:
    """Return what ``function`` returns for ``case``, or how it failed."""
    try:
        # A copy, so that a function that sorts its argument in place spoils nothing.
        return plain(function(*copy.deepcopy(case.arguments)))
    except Exception as error:
        return Raised(type(error).__name__, f" ({error})" if str(error) else "")


def plain(value: Any) -> Any:
    """Return a result without the types of numpy and torch: arrays as lists, numbers as numbers."""
    if hasattr(value, "tolist") and not isinstance(value, type):
        return plain(value.tolist())
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def same(value: Any, expected: Any) -> bool:
    """Return True if two results agree: numbers to 1e-6, also within lists, all else exactly."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return type(value) is type(expected) and value == expected
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(expected, numbers):
        return math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(value, (list, tuple)) and type(value) is type(expected):
        return len(value) == len(expected) and all(map(same, value, expected))
    return type(value) is type(expected) and value == expected


def show(value: Any) -> str:
    """Return a result as it appears in a message."""
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(show, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return f"{value:.3g}" if isinstance(value, float) else repr(value)
