"""The base reads training rows: every token with its perplexity, and how many surprise it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ipywidgets as widgets

from lablib.lessons import surprise
from lablib.methods.stm import ScoredToken
from lablib.plots import live, tokens
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job, until_stopped
from lablib.widgets.parts import folded
from lablib.widgets.predict import Number

CSS = """
.lethe .lethe-knobs{flex-wrap:wrap;align-items:flex-end;gap:2px 20px;overflow:visible}
"""
STYLE = f"<style>{theme.CSS}{tokens.CSS}{CSS}</style>"
TAUS = (1.2, 1.5, 2.0, 2.5, 5.0, 10.0, 25.0, 100.0, 1000.0, 1e6)
LEGEND = (
    "Below each token stands its perplexity. The stronger the color behind it, the more the base "
    "was surprised; a dashed frame and a line through the token: masked at the threshold set above."
)


class TokenReader(widgets.VBox):
    """One prose reply and one ticket, token by token, as the base reads them.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model.

    Attributes
    ----------
    readings : dict of str to surprise.Reading
        By task, once the base has read.
    real : dict of str to surprise.Reading
        Stored readings of a real language model, where the lab's own is another one.

    Notes
    -----
    The calls that do the same: ``surprise.read(loaded, task)`` and ``reading.tokens(row)``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab, self._callbacks = lab, []
        self.readings: dict[str, surprise.Reading] = {}
        self.real: dict[str, surprise.Reading] = {}
        self.job = Job("Let the base read", self._make, self._take, self._done)
        self.row = control(
            widgets.IntSlider(
                value=1, min=1, max=surprise.N_READ, description="Training row (number)",
                continuous_update=False,
            )
        )  # fmt: skip
        self.tau = control(
            widgets.SelectionSlider(
                options=[(f"{tau:g}", tau) for tau in TAUS], value=surprise.TAU,
                description="Threshold (perplexity)", continuous_update=False,
            )
        )  # fmt: skip
        for knob in (self.row, self.tau):
            knob.observe(lambda _: self.draw(), "value")
        self.reader = control(widgets.Dropdown(options=[], description="Read by"))
        self.reader.observe(lambda _: self.draw(), "value")
        self.head = widgets.HTML()
        self.panels = {task: widgets.HTML() for task in surprise.TASKS}
        for panel in self.panels.values():
            panel.layout.flex, panel.layout.min_width = "1 1 380px", "0"
        both = widgets.Box(list(self.panels.values()))
        both.layout.flex_flow, both.layout.display = "row wrap", "flex"
        knobs = widgets.HBox([self.reader, self.row, self.tau])
        knobs.add_class("lethe-knobs")
        super().__init__([widgets.HTML(STYLE), self.job, knobs, self.head, both])
        self.add_class("lethe")
        lab.on_change(self._forget)
        self.draw()

    def on_read(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the base has read, and when another model is chosen."""
        self._callbacks.append(callback)

    def _forget(self) -> None:
        self.readings = {}
        self._changed()

    def _changed(self) -> None:
        model = self._lab.model
        self.real = surprise.stored(surprise.REAL) if model != surprise.REAL else {}
        names = [(f"{model}, here", model)] if self.readings else []
        if names and self.real:
            names.append((f"{surprise.REAL}, stored", surprise.REAL))
        self.reader.options = names
        self.reader.value = model if names else None
        self.draw()
        for callback in self._callbacks:
            callback()

    def _make(self, report, controls) -> Iterator:
        loaded = self._lab.load()
        for task in surprise.TASKS:
            reading = yield from until_stopped(surprise.read(loaded, task), controls)
            if reading is None:
                return
            yield reading

    def _take(self, parts) -> None:
        self.readings |= {p.task: p for p in parts if isinstance(p, surprise.Reading)}

    def _done(self) -> None:
        self._changed()

    def draw(self) -> None:
        """Show the chosen row of both tasks under the chosen threshold."""
        if len(self.readings) < len(self.panels):
            self.head.value = theme.note("Nothing read yet: press the button above.")
            for panel in self.panels.values():
                panel.value = ""
            return
        here = self.reader.value in (None, self._lab.model)
        found, source = (self.readings, "live") if here else (self.real, "replayed")
        model = found[surprise.TASKS[0]].model
        where = ", measured here before any training" if here else ", read before any training"
        self.head.value = badge(source, model + where) + theme.plain(
            theme.escape(LEGEND), classes="lethe-soft"
        )
        for task, panel in self.panels.items():
            i = (self.row.value - 1) % len(found[task])  # fewer rows are stored than are read here
            panel.value = self._panel(found[task], i, self.tau.value)

    def _panel(self, reading: surprise.Reading, i: int, tau: float) -> str:
        found = reading.tokens(i, tau)
        masked = sum(token.masked for token in found)
        said = (
            f"Masked here: {masked} of {len(found)} tokens; in the {len(reading)} rows read "
            f"{reading.masked_share(tau):.0%} (the end of turn is always learned)."
        )
        own = self._lab.record.solved.get("learned")
        if own:
            said += f" {_by_own(own, found, tau)}"
        caption = f"{reading.task}, row {i + 1}, threshold {tau:g}"
        return (
            "<div class='lethe-card'>"
            + theme.heading(theme.escape(reading.task), theme.escape(reading.rows[i].prompt))
            + tokens.strip(found)
            + f"<p>{theme.escape(said)}</p>"
            + folded("As a table", theme.plain(tokens.table(found, caption), "div", "lethe-scroll"))
            + "</div>"
        )


def _by_own(own: Callable, found: list[ScoredToken], tau: float) -> str:
    """Say whether the learner's own function draws the same mask."""
    try:
        learned = list(own([1 / token.perplexity for token in found], tau))
    except Exception as error:  # the check has seen only its own cases
        return f"Your function stopped with {type(error).__name__} here."
    same = sum(bool(mine) != token.masked for mine, token in zip(learned, found, strict=False))
    return f"Your own function agrees on {same} of them."


class SharesLook(widgets.VBox):
    """How many tokens surprise the base, task by task, beside what was predicted.

    Parameters
    ----------
    reader : TokenReader
        Where the rows were read.
    guesses : dict of str to Number
        By task, the percentage expected above the paper's threshold.
    """

    GRID = tuple(x / 50 for x in range(51))

    def __init__(self, reader: TokenReader, guesses: dict[str, Number]):
        self._reader, self._guesses = reader, guesses
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.view])
        self.add_class("lethe")
        reader.on_read(self.draw)
        for guess in guesses.values():
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def draw(self) -> None:
        """Draw the shares, and measure them for the report."""
        readings = self._reader.readings
        if set(readings) != set(self._guesses):
            self.view.value = theme.note("Nothing to see yet: let the base read the rows above.")
            return
        lines, expected = [], {}
        for task, guess in self._guesses.items():
            reading = readings[task]
            measured = round(100 * reading.share_above())
            detail = f"{len(reading)} training rows"
            try:
                guess.record.measure(guess.key, measured, "live", detail)
            except (OSError, ValueError) as error:
                self.view.value = theme.error(str(error))
                return
            expected[task] = None if guess.value is None else guess.value / 100
            mine = "none saved" if guess.value is None else f"{guess.value}%"
            lines.append(
                f"<p><b>{theme.escape(task)}</b>. Your prediction: {mine}. Measured: {measured}% "
                f"of the answer tokens have a perplexity above {surprise.TAU:g} ({detail}).</p>"
            )
        curves = {t: r.shares_below(self.GRID) for t, r in readings.items()}
        for task, reading in self._reader.real.items():
            curves[f"{task}, real"] = reading.shares_below(self.GRID)
            lines.append(
                f"<p>Of the tokens of {theme.escape(task)}, {theme.escape(reading.model)} finds "
                f"{reading.share_above():.0%} above it ({len(reading)} stored rows).</p>"
            )
        chart = tokens.shares(self.GRID, curves, 1 / surprise.TAU, expected)
        self.view.value = (
            "".join(lines)
            + (
                badge("replayed", f"the dashed curves, {surprise.REAL}")
                if self._reader.real
                else ""
            )
            + live.svg(chart, 560, 320)
            + folded("The numbers", theme.plain(live.table(chart), "div", "lethe-scroll"))
        )
