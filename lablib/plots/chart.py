"""What a picture shows, apart from how it is drawn: one description, two renderers.

``plots.live`` writes a chart as an SVG string (and as a table), ``plots.figures`` draws the
same chart with matplotlib for export. Neither can show something the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass

# Told apart without color vision, and at least 3:1 against white and against #1e1e1e, so that
# one set serves light and dark themes. A line is never told by its color alone: each color
# has a marker of its own.
COLORS = ("#2878b5", "#c96a00", "#0e8a64", "#b5489a", "#7f7f7f", "#8a63d2", "#1793a6", "#c0392b")
MARKERS = ("circle", "square", "triangle", "diamond", "down", "plus", "cross", "ring")

# What a figure is, in words, on the figure itself.
BADGES = {
    "live": "trained live here",
    "replayed": "replayed from a stored run",
    "illustrative": "illustrative",
}

Numbers = tuple[float, ...]


def badge(source: str) -> str:
    """Return where the numbers of a figure come from, in words."""
    if source not in BADGES:
        raise ValueError(f"There is no source {source!r}; choose one of {', '.join(BADGES)}.")
    return BADGES[source]


@dataclass(frozen=True)
class Line:
    """One curve: a name, its points and its place in the cycle of colors and markers."""

    name: str
    xs: Numbers
    ys: Numbers
    style: int = 0
    dashed: bool = False
    hollow: bool = False  # markers without filling
    faint: bool = False  # a pinned run, drawn behind and thinner
    markers: bool = True
    label: str = ""  # written at the right end
    low: Numbers = ()  # lower and upper ends of an interval round every point
    high: Numbers = ()


@dataclass(frozen=True)
class Cross:
    """One point of a plane with an interval in each direction; None where it is not known."""

    name: str
    x: float
    y: float
    style: int = 0
    hollow: bool = False
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    about: str = ""  # said on hovering


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with: base, chance, a limit."""

    name: str
    value: float
    strong: bool = False
    about: str = ""  # said on hovering


@dataclass(frozen=True)
class Expected:
    """What the learner predicted: a value, drawn at the right edge and across."""

    name: str
    value: float
    style: int = 0


@dataclass(frozen=True)
class Change:
    """A control that was moved during the run."""

    step: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Lines over an axis, with everything needed to compare them with."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...] = ()
    levels: tuple[Level, ...] = ()
    expected: tuple[Expected, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()  # sentences shown as text in or under the picture
    y_range: tuple[float, float] | None = None  # points beyond are drawn at the edge
    x_range: tuple[float, float] | None = None
    cursor: float | None = None  # a step that is being looked at
    source: str = "live"
    empty: str = "Nothing measured yet."  # said where there is no line to draw
    crosses: tuple[Cross, ...] = ()
    x_names: tuple[str, ...] = ()  # what stands at 0, 1, … where the places are no numbers

    def x_name(self, value: float) -> str:
        """Return what a value of the horizontal axis is called."""
        named = self.x_names and float(value).is_integer() and 0 <= value < len(self.x_names)
        return self.x_names[int(value)] if named else f"{value:g}"

    @property
    def summary(self) -> str:
        """The picture in one sentence, for those who do not see it."""
        said = f"{self.title}, {self.y_label} over {self.x_label}"
        if self.crosses:
            places = (f"{c.name} {c.y:.2f} at {c.x:.2f}" for c in self.crosses)
            return f"{said}: {', '.join(places)}."
        last = [f"{line.name} {line.ys[-1]:.2f}" for line in self.lines if line.ys]
        return f"{said}: at the end {', '.join(last)}." if last else f"{said}. {self.empty}"


@dataclass(frozen=True)
class Bars:
    """A few named shares, before and now: the likeliest answers to one prompt."""

    title: str
    names: tuple[str, ...]
    base: Numbers
    now: Numbers
    right: int = 0  # which name is the right answer; -1 if none is
    chance: float | None = None
    notes: tuple[str, ...] = ()
    source: str = "live"
    empty: str = "No candidates were weighed for this prompt."

    @property
    def summary(self) -> str:
        """The picture in one sentence, for those who do not see it."""
        rows = zip(self.names, self.base, self.now, strict=True)
        return f"{self.title}: " + (
            "; ".join(f"{name} {base:.2f} at the base, {now:.2f} now" for name, base, now in rows)
            or self.empty
        )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values between ``low`` and ``high``, about as many as asked for."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** _floor_log10(raw)
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw * 0.999)
    first = -int(-(low / step) // 1)  # ceiling
    values = []
    while first * step <= high + step * 1e-9:
        values.append(round(first * step, 10))
        first += 1
    return values


def _floor_log10(value: float) -> int:
    exponent = 0
    while value < 1:
        value, exponent = value * 10, exponent - 1
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    return exponent
