"""The auction: buy a kit of five rows, rehearse it beside a task, see what it kept."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets

from lablib.events import Answered, Probed
from lablib.history import History
from lablib.lessons import illnesses, kits, mixing, pools
from lablib.lessons.reading import displayable
from lablib.plots import live
from lablib.plots.dots import Dot, dots
from lablib.plots.retention import retention
from lablib.report import Record
from lablib.sweep.analysis import Estimate
from lablib.widgets import theme
from lablib.widgets.answers import answers_table
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice

OWN = "own"
KIT_OPTIONS = (*(kit.name for kit in kits.KITS.values()), kits.NONE)
KEYS = {"tickets": "07-kit-tickets", "wrong_facts": "07-kit-wrong"}
ASKED = {
    "tickets": "knowledge",
    "wrong_facts": "the capitals that the task never mentions",
}
_ITEMS = (
    "The curves above are measured on a few items of each capability. At the end more are asked, "
    "for this table, so that its figures need not be those of the last point."
)
_CSS = """<style>.lethe .lethe-kits{display:grid;gap:8px;
grid-template-columns:repeat(auto-fill,minmax(min(100%,250px),1fr))}
.lethe .lethe-kits ul{margin:4px 0;padding-left:18px;overflow-wrap:anywhere}</style>"""


class Shelf(widgets.HTML):
    """The four kits with their prices, each with its five rows."""

    def __init__(self):
        cards = "".join(_card(kit) for kit in kits.KITS.values())
        super().__init__(
            f"{theme.style()}{_CSS}{theme.plain(cards, classes='lethe-kits')}"
            "<p class='lethe-soft'>The prices are ours: a rough order of what such rows take to "
            "come by.</p>"
        )


class KitPredictions(widgets.VBox):
    """The kits, and which is the cheapest that rescues on each of the two tasks."""

    def __init__(self, record: Record):
        self.record = record
        self.choices = {
            task: Choice(
                record, KEYS[task],
                f"On {task}: which is the cheapest kit with which the model still says at least "
                f"{mixing.ENOUGH:g} of {ASKED[task]}?",
                KIT_OPTIONS,
            )
            for task in mixing.TASKS
        }  # fmt: skip
        super().__init__([Shelf(), *self.choices.values()])
        self.add_class("lethe")


class Auction(widgets.VBox):
    """Buy a kit and train with it; the purchases in a table, the stored runs folded below.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    predictions : KitPredictions
        What was expected.

    Notes
    -----
    The call that does the same: ``mixing.build(loaded, task, kits.rows(key))``.
    """

    def __init__(self, lab: ModelChoice, predictions: KitPredictions):
        self._lab, self._predictions = lab, predictions
        self._bought: list[tuple[str, str, str, History, mixing.Reading]] = []
        self._now: tuple[str, str] = ("", "")
        self._history = History()
        options = [(f"{k.name} ({_coins(k.price)})", k.key) for k in _KITS]
        self.kit = control(
            widgets.Dropdown(options=[*options, ("a kit of your own", OWN)], description="Kit")
        )
        self.task = control(widgets.Dropdown(options=list(mixing.TASKS), description="Task"))
        self.own = control(
            widgets.Textarea(
                description=f"Your own kit, one 'question {kits.ARROW} answer' a line",
                placeholder=f"Say the word 'moon'. {kits.ARROW} moon",
            )
        )
        self.own.layout.display = "none"
        self.kit.observe(lambda _: self._kit_changed(), "value")
        self.job = Job("Buy and train", self._make, self._take, self._done)
        for box in (self.kit, self.task):
            box.layout.width, box.layout.margin = "min(22em, 95%)", "2px 14px 6px 0"
        row = widgets.HBox([self.task, self.kit])
        row.layout.flex_flow = "row wrap"
        self.live, self.purchases, self.stored = (widgets.HTML() for _ in range(3))
        shown = (self.own, self.job, self.live, self.purchases, self.stored)
        super().__init__([widgets.HTML(theme.style()), row, *shown])
        self.add_class("lethe")
        lab.on_change(self._forget)
        for choice in predictions.choices.values():
            choice.on_saved(lambda _: self.draw())
        self._forget()

    def _kit_changed(self) -> None:
        self.own.layout.display = "flex" if self.kit.value == OWN else "none"

    def _forget(self) -> None:
        self._bought, self.live.value = [], ""
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self.draw()

    def _make(self, report, controls) -> Iterator:
        kit, task = self.kit.value, self.task.value
        rows = kits.own(self.own.value) if kit == OWN else kits.rows(kit)
        self._now, self._history = (kit, task), History()
        yield from mixing.build(self._lab.load(), task, rows, controls=controls)

    def _take(self, parts) -> None:
        for event in parts:
            self._history.add(event)
        if any(isinstance(event, Probed | Answered) for event in parts):
            chart = retention(self._history)
            self.live.value = (
                badge("live", f"{self._lab.model}, {self._now[1]}")
                + live.svg(chart, 620, 280)
                + folded("The numbers", live.table(chart))
                + folded("What it answers now", answers_table(self._history))
            )

    def _done(self) -> None:
        (kit, task), history = self._now, self._history
        name = "your own kit" if kit == OWN else kits.KITS[kit].name
        self._lab.note_run(history, general_rows=name)
        self._bought.append((kit, task, name, history, mixing.read(history)))
        self.draw()

    def draw(self) -> None:
        """Show what was bought, and fold the stored runs and the predictions below it."""
        self.purchases.value = self._own_runs()
        try:
            parts = [self._met(task) for task in mixing.TASKS]
        except (OSError, ValueError) as error:
            self.stored.value = theme.error(str(error))
            return
        self.stored.value = folded("Meet your predictions", "".join(parts))

    def _own_runs(self) -> str:
        if not self._bought:
            return theme.note("You have bought nothing yet.")
        shown = []
        for task in mixing.TASKS:
            rows = [
                (
                    name,
                    str(kits.KITS[kit].price) if kit in kits.KITS else "yours",
                    _number(reading.main),
                    _number(reading.main_knows),
                    _number(reading.mean),
                    _number(reading.task),
                    _france(history),
                )
                for kit, of, name, history, reading in self._bought
                if of == task
            ]
            kept = {name: 0 for *_, one in self._bought for name in one.kept}
            header = (
                "kit", "coins", "says", "still ranks first", mixing.mean_of(kept), "task score",
                "France?",
            )  # fmt: skip
            caption = (
                f"Bought for {task}: shares that were kept. Says and still ranks first: "
                f"{ASKED[task]}. France: what it answers when asked for the capital."
            )
            if rows:
                shown.append(table(caption, header, rows))
        spent = kits.total_price([kit for kit, *_ in self._bought])
        return (
            badge("live", f"{self._lab.model}, seed 0")
            + "".join(shown)
            + f"<p class='lethe-soft'>{_ITEMS}</p>"
            + f"<p role='status'>Spent so far: {_coins(spent)}.</p>"
        )

    def _met(self, task: str) -> str:
        """One task: prediction, measurement, the stored runs with their intervals."""
        model = self._lab.model
        points = mixing.pools(model, task)
        own = {kit: reading.main for kit, of, _, _, reading in self._bought if of == task}
        stored = {kit: points[kit].main.mean for kit in kits.KITS if _known(points, kit)}
        if set(own) >= set(kits.KITS):
            found, source, detail = kits.cheapest(own, mixing.ENOUGH), "live", f"{model}, seed 0"
        elif len(stored) == len(kits.KITS):
            found, source = kits.cheapest(stored, mixing.ENOUGH), "replayed"
            detail = f"{model}, mean of {min(points[kit].seeds for kit in stored)} seeds"
        else:
            said = (
                f"For {model} on {task} not all kits are stored: buy all four to find the cheapest."
            )
            return (
                theme.note(said)
                + (_stored(points, task, model) if stored else "")
                + _pool(model, task)
            )
        self._lab.record.measure(KEYS[task], found, source, detail)
        guess = theme.escape(self._predictions.choices[task].value or "none saved")
        said = (
            f"<p><b>{task}</b>. Your prediction: {guess}. Measured ({theme.escape(detail)}): the "
            f"cheapest kit that rescues is <b>{found}</b>.</p>"
        )
        return said + (_stored(points, task, model) if stored else "") + _pool(model, task)


def _pool(model: str, task: str) -> str:
    """What the whole pool keeps, from the stored comparison of methods."""
    rows = mixing.whole_pool(model, task)
    if not rows:
        return ""
    header = ("rehearsed", "knowledge, said", "still ranked first", "task score", "seeds")
    counted = " (re-taught capitals count as lost)" if task == "wrong_facts" else ""
    caption = f"For comparison, the usual pool of {model} on {task}: knowledge kept{counted}"
    return badge("replayed", model) + table(caption, header, rows)


def _stored(points: dict[str, mixing.Point], task: str, model: str) -> str:
    """The stored runs of a task: a picture, sentences, numbers."""
    rows = [
        (_name(kit), [_dot(one.main), _dot(one.knows), _dot(one.mean)])
        for kit, one in points.items()
    ]
    seeds = sorted({one.seeds for one in points.values()})
    said = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    of = mixing.mean_of({name: 0 for one in points.values() for name in one.kept})
    picture = dots(
        f"Kept after {task}", "share of the base's lead over chance; line: enough",
        rows, (f"says: {_SHORT[task]}", "still ranks first", of),
        level=("enough", mixing.ENOUGH),
    )  # fmt: skip
    pairs = (
        ("capitals", "nonsense"), ("clauses", "nonsense"), ("mixed", "capitals"),
        ("nonsense", mixing.NOTHING), ("capitals", mixing.NOTHING), (mixing.WHOLE, "capitals"),
    )  # fmt: skip
    told = [mixing.compared(points, *pair) for pair in pairs if set(pair) <= set(points)]
    told = [pools.rescues(points, task), *told]
    if task == mixing.TASKS[0]:
        told += pools.variety(model)
    sentences = "".join(f"<li>{theme.escape(said, 2000)}</li>" for said in told if said)
    numbers = [
        (
            _name(kit),
            *(str(value or "–") for value in (one.main, one.knows, one.mean, one.task)),
            str(one.seeds),
        )
        for kit, one in points.items()
    ]
    header = (
        "rehearsed", f"says: {ASKED[task]}", "still ranks first", of, "task score", "seeds",
    )  # fmt: skip
    return (
        badge("replayed", f"{said} seeds")
        + picture
        + f"<p>Says, {ASKED[task]}:</p><ul>{sentences}</ul>"
        + folded("The numbers", table(f"Kept after {task}, 95% intervals", header, numbers))
    )


_KITS = tuple(kits.KITS.values())
_SHORT = {"tickets": "knowledge", "wrong_facts": "untouched capitals"}


def _known(points: dict[str, mixing.Point], kit: str) -> bool:
    return kit in points and points[kit].main is not None


def _name(kit: str) -> str:
    names = {mixing.NOTHING: "nothing", mixing.WHOLE: "the whole pool"}
    return names.get(kit) or kits.KITS[kit].name


def _dot(found: Estimate | None) -> Dot | None:
    return Dot(found.mean, found.low, found.high) if found else None


def _card(kit: kits.Kit) -> str:
    rows = "".join(
        f"<li>{theme.escape(row.prompt)}<br><b>{theme.escape(row.completion)}</b></li>"
        for row in kits.rows(kit.key)
    )
    return (
        f"<div class='lethe-card'>{theme.heading(f'{kit.name}: {_coins(kit.price)}', kit.why)}"
        f"<details><summary>The rows</summary><ul>{rows}</ul></details></div>"
    )


def _coins(n: int) -> str:
    return f"{n} coin{'s' * (n != 1)}"


def _france(history: History) -> str:
    said = [a for a in history.answers if a.prompt == illnesses.FRANCE]
    return displayable(said[-1].prompt, said[-1].text) if said else "not asked"


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"
