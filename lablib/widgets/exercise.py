"""An exercise: its check, and the hint and solution folded away."""

from __future__ import annotations

import ast
import contextlib
import html
import inspect
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from lablib.checks import EXERCISES, CheckResult
from lablib.report import Record
from lablib.runtime import data_folder
from lablib.widgets import theme


def solution_code(lab: str, name: str) -> str | None:
    """Return the source of a solution, or None where the solutions are not installed."""
    path = data_folder().parent / "labs" / "solutions" / f"lab_{lab}.py"
    try:
        source = path.read_text(encoding="utf-8")
    except OSError:
        return None
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_source_segment(source, node)
    return None


class Exercise(widgets.HTML):
    """Check a learner's function when the cell is run; fold hint and solution below.

    Parameters
    ----------
    record : Record
        Where the result and the code are kept for the report.
    name : str
        Name of the exercise within the lab.
    function : callable
        What the learner wrote.
    apply_to : callable, optional
        Called once the exercise is solved; the function is applied to what it returns, and
        the result is shown.
    then : callable, optional
        ``then()`` is called once the exercise is solved, for widgets that use the function.
    tell : callable, optional
        ``tell(function)`` returns a sentence to be shown once the exercise is solved.

    Notes
    -----
    The call that does the same: ``EXERCISES[lab][name].check(function)``.
    """

    def __init__(
        self,
        record: Record,
        name: str,
        function: Callable[..., Any],
        apply_to: Callable[[], Any] | None = None,
        then: Callable[[], None] | None = None,
        tell: Callable[[Callable[..., Any]], str] | None = None,
    ):
        if name not in EXERCISES[record.lab]:
            known = ", ".join(EXERCISES[record.lab])
            raise ValueError(f"Lab {record.lab} has no exercise {name!r}; it has {known}.")
        self.result: CheckResult = EXERCISES[record.lab][name].check(function)
        code, note = "", ""
        with contextlib.suppress(OSError, TypeError):
            code = inspect.getsource(function)
        if self.result.misconception != "stub":  # an untouched stub is not an attempt
            try:
                record.exercise(name, self.result.passed, self.result.message, code)
            except (OSError, ValueError) as error:
                note = f"<p>⚠ Your result was not saved. {html.escape(str(error))}</p>"
        if self.result.passed:
            record.solved[name] = function
            if apply_to:
                note += self._applied(function, apply_to())
            if then:
                then()
            if tell:
                note += f"<p>{html.escape(tell(function))}</p>"
        super().__init__(theme.style() + self._render(record.lab, name) + note)
        self.add_class("lethe")
        self.add_class("lethe-exercise")

    @staticmethod
    def _applied(function: Callable[..., Any], argument: Any) -> str:
        count = len(argument) if hasattr(argument, "__len__") else 1
        return (
            f"<p>Your function on the {count} runs that there are, stored ones and your own: "
            f"<b>{html.escape(str(function(argument)))}</b></p>"
        )

    def _render(self, lab: str, name: str) -> str:
        exercise = EXERCISES[lab][name]
        sign = "✓ Solved." if self.result.passed else "✗ Not yet."
        stars = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty)
        solution = solution_code(lab, name)
        if solution is None:
            solution = f"# labs/solutions/lab_{lab}.py in the repository"
        return (
            f"<p><b>{html.escape(name)}</b> · difficulty {stars} "
            f"({exercise.difficulty} of 3) · spend up to {exercise.minutes} minutes</p>"
            f"<p role='status'><b>{sign}</b> {html.escape(self.result.message)}</p>"
            f"<details><summary>Hint</summary><p>{html.escape(exercise.hint)}</p></details>"
            "<details><summary>Solution</summary><pre style='overflow:auto'>"
            f"{html.escape(solution)}</pre></details>"
        )
