"""Retention: how much of the base's lead over chance is left, capability by capability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lablib.history import History
from lablib.lessons.reading import order_of_fall
from lablib.plots.axes import Pins, capabilities, changes, finite, style_of, x_range
from lablib.plots.chart import Chart, Expected, Level, Line

WHAT = "share of the lead over chance that is left"
RANGE = (-0.25, 1.25)  # retention beyond it is drawn at the edge

# Retention at the end by capability, or the capabilities in the order in which they are lost.
Prediction = Mapping[str, float] | Sequence[str] | None


def retention(
    history: History,
    *,
    pins: Pins | None = None,
    prediction: Prediction = None,
    only: str | None = None,
    cursor: float | None = None,
    source: str = "live",
) -> Chart:
    """Return the retention of every capability over the steps: says solid, knows dashed.

    Parameters
    ----------
    history : History
        The run.
    pins : mapping of str to History, optional
        Other runs, drawn thin and dotted behind it (says only).
    prediction : mapping or sequence, optional
        What the learner expected: retention at the end by capability, or the capabilities in
        the order in which they would be lost.
    only : str, optional
        One capability instead of all.
    cursor : float, optional
        A step that is being looked at.
    source : str
        ``"live"``, ``"replayed"`` or ``"illustrative"``.
    """
    names = [name for name in capabilities(history) if only in (None, name)]
    lines, nothing = [], []
    for name in names:
        for which in ("says", "knows"):
            steps, values = finite(*history.retention(name, which))
            if not values:
                nothing.append((name, which))
                continue
            lines.append(
                Line(
                    f"{name} {which}",
                    steps,
                    values,
                    style=style_of(name),
                    dashed=which == "knows",
                    hollow=which == "knows",
                    label=name if which == "says" and only is None else "",
                )
            )
        for pin, other in (pins or {}).items():
            steps, values = finite(*_pinned(other, name))
            if values:
                lines.append(Line(f"{pin}: {name} says", steps, values, style_of(name), faint=True))
    notes = nothing_to_lose(history, nothing, short=only is not None)
    if isinstance(prediction, Sequence) and not isinstance(prediction, str) and only is None:
        notes += order_note(history, prediction)
    return Chart(
        title=only or "Retention by capability",
        x_label="step",
        y_label="— says   - - knows" if only else f"{WHAT}: — says, - - knows",
        lines=tuple(lines),
        levels=(Level("base", 1.0, strong=True), Level("chance", 0.0)),
        expected=expected(prediction, names),
        changes=changes(history),
        notes=tuple(notes),
        y_range=RANGE,
        x_range=x_range(history, pins),
        cursor=cursor,
        source=source,
        empty="Nothing to lose." if nothing else "Nothing measured yet.",
    )


def _pinned(history: History, capability: str) -> tuple[Sequence[float], Sequence[float]]:
    """Return a pinned run's retention curve, empty if it does not measure the capability."""
    if capability not in capabilities(history):
        return (), ()
    return history.retention(capability, "says")


def nothing_to_lose(
    history: History, found: Sequence[tuple[str, str]], short: bool = False
) -> list[str]:
    """Return, in words, the curves that are not drawn because the base is at chance."""
    said = []
    for name, which in found:
        _, values = history.curve(name, which)
        if values and short:
            said.append(f"{which}: nothing to lose, base {values[0]:.2f}")
        elif values:
            chance = history.chance(name, which)
            said.append(f"{name} {which} (base {values[0]:.2f}, chance {chance:.2f})")
    if not said or short:
        return said
    lines = ["Nothing to lose, base within noise of chance: " + ", ".join(said[:2])]
    lines += [", ".join(said[k : k + 3]) for k in range(2, len(said), 3)]
    return [f"{line}," for line in lines[:-1]] + [f"{lines[-1]}."]


def expected(prediction: Prediction, names: Sequence[str]) -> tuple[Expected, ...]:
    """Return a prediction of retention as marks on the chart."""
    if not isinstance(prediction, Mapping):
        return ()
    return tuple(
        Expected(name, float(prediction[name]), style_of(name))
        for name in names
        if prediction.get(name) is not None
    )


def order_lost(history: History) -> list[str]:
    """Return the capabilities whose *says* fell below half, in the order in which they did."""
    return [fall.capability for fall in order_of_fall(history) if fall.step is not None]


def order_note(history: History, prediction: Sequence[str]) -> list[str]:
    """Return the predicted and the measured order of loss as sentences."""
    lost = order_lost(history)
    so_far = ", ".join(lost) if lost else "none so far"
    return [
        f"You predicted: {', '.join(map(str, prediction))}.",
        f"Fell below half: {so_far}.",
    ]
