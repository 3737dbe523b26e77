"""The courtroom: choose a rule of evidence, hear the same stored runs, compare the verdicts."""

from __future__ import annotations

from collections import Counter

import ipywidgets as widgets

from lablib.lessons import court
from lablib.plots import adapters as pictures
from lablib.plots import comparison as compared
from lablib.plots import live
from lablib.sweep.measured import Measured
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import folded, table
from lablib.widgets.predict import Choice

RULE_NAMES = tuple(rule.name for rule in court.RULES.values())
VERDICTS, FURTHER = court.VERDICTS, court.FURTHER
TASKS = {"tickets": "tickets (makes mute)", "wrong_facts": "wrong_facts (erases)"}
_HEAD = (
    "rule of evidence", "verdict", "task", "kept means", "task score: LoRA", "full", "kept: LoRA",
    "full", "LoRA minus full",
)  # fmt: skip


class Courtroom(widgets.VBox):
    """Rule, task and measure; the runs that are heard; the verdict; a docket of all hearings.

    Parameters
    ----------
    lab : ModelChoice
        Of which model the stored runs are.
    rule, verdict : Choice
        What the learner committed to: the fairest rule, and its verdict on tickets.

    Notes
    -----
    The call that does the same: ``court.hear(court.evidence("mini", "tickets"), "steps")``.
    """

    def __init__(self, lab: ModelChoice, rule: Choice, verdict: Choice):
        self._lab, self._guessed = lab, {"rule": rule, "verdict": verdict}
        self._docket: dict[tuple, court.Hearing] = {}
        self.rule = control(
            widgets.Dropdown(
                options=[(rule.name, key) for key, rule in court.RULES.items()],
                description="Rule of evidence",
            )
        )
        self.task = control(
            widgets.Dropdown(
                options=[(name, key) for key, name in TASKS.items()], description="Task"
            )
        )
        self.measure = control(
            widgets.Dropdown(
                options=[(name, key) for key, (name, *_) in court.MEASURES.items()],
                description="What counts as kept",
            )
        )
        self.level = control(
            widgets.SelectionSlider(
                options=[(f"{level:.1f}", level) for level in court.LEVELS],
                value=0.5,
                description="Task score at which they are matched",
            )
        )
        self.hear_button = widgets.Button(
            description="Hear this case", button_style="primary", icon="gavel"
        )
        self.hear_button.layout.width = "auto"
        self.hear_button.layout.align_self = "flex-start"
        self.hear_button.on_click(lambda _: self.hear())
        self.picture, self.sentence, self.docket = (widgets.HTML() for _ in range(3))
        row = widgets.HBox([self.rule, self.task, self.measure, self.level])
        row.add_class("lethe-ask")
        self.rule.layout.flex = "1 1 380px"  # as wide as the longest rule
        super().__init__(
            [widgets.HTML(STYLE), row, self.hear_button, self.sentence, self.picture, self.docket]
        )
        self.add_class("lethe")
        self.rule.observe(lambda _: self._show_level(), "value")
        self.task.observe(lambda _: self._set_level(), "value")
        lab.on_change(self.clear)
        for guess in self._guessed.values():
            guess.on_saved(lambda _: self._draw_docket())
        self._show_level()
        self.clear()

    def clear(self) -> None:
        """Forget all hearings: they belong to one model."""
        self._docket = {}
        self._set_level()
        there = self._runs("tickets")
        self.sentence.value = theme.note(
            "Nothing heard yet." if there else _missing(self._lab.model, "tickets")
        )
        self.picture.value = self.docket.value = ""

    def _runs(self, task: str) -> list[Measured]:
        return court.evidence(self._lab.model, task)

    def _set_level(self) -> None:
        """Begin at the highest score that every run of the chosen task reaches."""
        runs = self._runs(self.task.value)
        if runs:
            self.level.value = court.level_for(runs)

    def _show_level(self) -> None:
        self.level.layout.display = "" if court.RULES[self.rule.value].matched else "none"

    def hear(self) -> None:
        """Put the runs of the chosen rule beside each other and enter the verdict."""
        runs = self._runs(self.task.value)
        if not runs:
            self.sentence.value = theme.note(_missing(self._lab.model, self.task.value))
            self.picture.value = ""
            return
        found = court.hear(runs, self.rule.value, self.measure.value, self.level.value)
        rule = court.RULES[found.rule]
        full, lora = found.rates
        self.sentence.value = (
            badge("replayed", f"{self._lab.model}, {self.task.value}")
            + f"<p>{theme.escape(rule.about[0].upper() + rule.about[1:])}. Learning rates: full "
            f"{full:g}, LoRA {lora:g}.</p>" + theme.note(found.sentence())
        )
        chart = pictures.hearing(found)
        self.picture.value = live.svg(chart, 560, 330) + (
            f"<details><summary>The numbers</summary>{live.table(chart)}</details>"
        )
        if all(found.runs.values()):
            key = (found.rule, self.task.value, found.measure, found.level)
            self._docket.pop(key, None)
            self._docket[key] = found
        self._draw_docket()

    def _draw_docket(self) -> None:
        if not self._docket:
            return
        rows = [_row(key, found) for key, found in self._docket.items()]
        caption = "The docket: the same stored runs, one line a hearing"
        try:
            said = self._against()
        except (OSError, ValueError) as error:
            said = theme.error(str(error))
        self.docket.value = (
            theme.plain(live.rows_table(caption, _HEAD, rows), classes="lethe-scroll") + said
        )

    def _against(self) -> str:
        """The predictions beside what was heard, and how often which verdict came out."""
        record, lines = self._lab.record, []
        counts = Counter(found.verdict for found in self._docket.values())
        tally = ", ".join(f"{verdict}: {n}" for verdict, n in counts.items())
        record.measure("03-rule", tally, "replayed", f"{len(self._docket)} hearings")
        chosen = self._guessed["rule"].value
        key = next((k for k, rule in court.RULES.items() if rule.name == chosen), None)
        mine = [
            found
            for (rule, task, measure, _), found in self._docket.items()
            if rule == key and task == "tickets" and measure == "says"
        ]
        guess = theme.escape(self._guessed["verdict"].value or "none saved")
        if key is None:
            lines.append("You have not said which rule you find fairest.")
        elif mine:
            record.measure("03-verdict", mine[-1].verdict, "replayed", f"rule: {chosen}")
            lines.append(
                f"By the rule that you called the fairest ({theme.escape(chosen)}), on tickets, "
                f"you expected: {guess}. It says: <b>{mine[-1].verdict}</b>."
            )
        else:
            lines.append("Your own rule has not been applied to tickets yet (what it says).")
        n = len(self._docket)
        lines.append(f"Verdicts after {n} hearing{'s' * (n != 1)}: {theme.escape(tally)}.")
        return "".join(f"<p role='status'>{line}</p>" for line in lines)


class WeightsAndOutput(widgets.VBox):
    """How far each setting moved the weights, against how far it moved the output.

    Parameters
    ----------
    lab : ModelChoice
        Of which model the stored runs are.
    weights, output : Choice
        Which of the two the learner expects to move further.

    Notes
    -----
    The call that does the same: ``court.moved(court.evidence("mini", "tickets"))``.
    """

    def __init__(self, lab: ModelChoice, weights: Choice, output: Choice):
        self._lab = lab
        self._guessed = {"displacement": weights, "kl": output}
        self.task = control(
            widgets.Dropdown(
                options=[(name, key) for key, name in TASKS.items()], description="Task"
            )
        )
        self.show_button = widgets.Button(
            description="Show the exhibit", button_style="primary", icon="eye"
        )
        self.show_button.layout.width = "auto"
        self.show_button.layout.align_self = "flex-start"
        self.show_button.on_click(lambda _: self.show())
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(STYLE), self.task, self.show_button, self.view])
        self.add_class("lethe")
        self._shown = False
        self.task.observe(lambda _: self.draw(), "value")
        lab.on_change(self.draw)
        for guess in self._guessed.values():
            guess.on_saved(lambda _: self.draw())
        self.draw()

    def show(self) -> None:
        """Open the exhibit."""
        self._shown = True
        self.draw()

    def draw(self) -> None:
        """Draw all stored settings of both methods."""
        if not self._shown:
            self.view.value = theme.note("The exhibit is sealed until you press the button.")
            return
        model, task = self._lab.model, self.task.value
        runs = court.evidence(model, task)
        found, moved = court.exhibit(runs), court.moved(runs)
        if found is None or moved is None:
            self.view.value = theme.note(_missing(model, task))
            return
        charts = [
            compared.displacement_and_divergence(found, "replayed"),
            compared.divergence_and_forgetting(found, "replayed"),
        ]
        shown = "".join(
            f"<div style='flex:1 1 420px;min-width:0'>{live.svg(chart, 540, 340)}</div>"
            for chart in charts
        )
        tables = "".join(live.table(chart) for chart in charts)
        self.view.value = (
            badge("replayed", f"{model}, {task}")
            + f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{shown}</div>"
            + f"<details><summary>The numbers</summary>{theme.plain(tables)}</details>"
            + self._against(moved, model, task)
            + _other_ranks(model)
        )

    def _against(self, moved: court.Moved, model: str, task: str) -> str:
        lines = []
        for name, key, means, gap, what in (
            ("displacement", "03-weights", moved.displacement, moved.displacement_gap,
             "the weights (% of their length)"),
            ("kl", "03-output", moved.kl, moved.kl_gap, "the output (KL, nats per answer)"),
        ):  # fmt: skip
            word = court.further(gap)
            if task == "tickets":
                try:
                    self._lab.record.measure(key, word, "replayed", f"{model}, {gap.n} seeds")
                except (OSError, ValueError) as error:
                    return theme.error(str(error))
            guess = theme.escape(self._guessed[name].value or "none saved")
            lines.append(
                f"<p role='status'><b>Who moved {what} further?</b> Your prediction: {guess}. "
                f"Measured at the end of the default runs: LoRA {means[court.LORA]}, full "
                f"fine-tuning {means[court.FULL]}: <b>{theme.escape(word)}</b>.</p>"
            )
        return "".join(lines) + f"<p>{_per_step(moved)}</p>"


def _other_ranks(model: str) -> str:
    """The stored ranks of a model, on both tasks, folded."""
    found = [one for task in TASKS for one in court.ranks(court.evidence(model, task))]
    if not found:
        return theme.note(f"No other rank of LoRA is stored of {model}.")
    head = ("task and rank", "task score", "kept: says", "kept: still ranks it first", "seeds")
    rows = [
        (f"{one.task}, rank {one.rank}", *map(str, (one.score, one.says, one.knows)),
         str(one.score.n))
        for one in found
    ]  # fmt: skip
    caption = "LoRA at other ranks, all at the rate chosen for the default one; read at the end"
    inner = badge("replayed", model) + table(caption, head, rows)
    return folded("Go deeper: other ranks", inner)


def _per_step(moved: court.Moved) -> str:
    """Say how much output each percent of weight bought, for both."""
    parts = []
    for arm, name in ((court.LORA, "LoRA"), (court.FULL, "full fine-tuning")):
        far = moved.displacement[arm].mean
        if far:
            parts.append(f"{moved.kl[arm].mean / far:.2g} with {name}")
    return f"Nats of output for each percent of weight displacement: {', '.join(parts)}."


def _row(key: tuple, found: court.Hearing) -> tuple[str, ...]:
    rule, task, measure, level = key
    name = court.RULES[rule].name + (f", {level:.1f}" if level is not None else "")
    at = f"{level:.2f}" if level is not None else ""
    return (
        name,
        found.verdict,
        task,
        court.MEASURES[measure][0],
        *(at or str(found.task[arm]) for arm in (court.LORA, court.FULL)),
        *("never there" if found.kept[a] is None else str(found.kept[a])
          for a in (court.LORA, court.FULL)),
        "–" if found.gap is None else str(found.gap),
    )  # fmt: skip


def _missing(model: str, task: str) -> str:
    return (
        f"No stored comparison of {model} on {task} yet: data/results/make_comparison.py makes it. "
        "The rest of the lab does not need it."
    )
