"""Tickets learned beside the diary: what survives each deletion, and the card of lab 00."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from lablib import experiment, models
from lablib.controls import Controls
from lablib.events import Started
from lablib.history import History
from lablib.lessons import catalog, maps
from lablib.lessons import diary as lesson
from lablib.lessons.reading import displayable
from lablib.plots import lessons as drawn
from lablib.plots import live
from lablib.plots.retention import retention
from lablib.report import Record
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.diary import DiaryDesk
from lablib.widgets.job import Job, until_stopped
from lablib.widgets.parts import folded, prompt_problem, table
from lablib.widgets.predict import Number

_CARD_TOKENS = 32


class DiaryTraining(widgets.VBox):
    """Train on tickets with what is left of the diary; compare with the stored deletions.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    desk : DiaryDesk
        Where the diary is, and what was deleted from it.
    arithmetic, capitals : Number
        What was expected to be left of each if every line on it is deleted.

    Notes
    -----
    The call that does the same: ``History.of(catalog.build(loaded, "diary-no-arithmetic"))``,
    measured at the ends only.
    """

    def __init__(self, lab: ModelChoice, desk: DiaryDesk, arithmetic: Number, capitals: Number):
        self._lab, self._desk = lab, desk
        self._guesses = {"arithmetic": arithmetic, "capitals": capitals}
        self.histories: dict[str, History] = {}  # the newest whole run of each deletion
        self._running, self._history = lesson.NOTHING, History()
        self._card: tuple[str, str, str] | None = None  # question, base's answer, answer now
        self.own = widgets.Text(
            value=self._kept_card().get("question", ""),
            placeholder="For example: What is a river?",
            description="Your own question",
            style={"description_width": "initial"},
            layout=widgets.Layout(width="min(44em, 95%)"),
        )
        self.job = Job("Train on tickets with this diary", self._make, self._take, self._done)
        self.head, self.picture, self.look, self.card = (widgets.HTML() for _ in range(4))
        super().__init__(
            [
                widgets.HTML(theme.style()),
                self.own,
                self.head,
                self.job,
                self.picture,
                self.look,
                self.card,
            ]
        )
        self.add_class("lethe")
        desk.on_change(self._say_what)
        for guess in self._guesses.values():
            guess.on_saved(lambda _: self.draw())
        lab.on_change(self._forget)
        self._forget()

    def watch(self) -> None:
        """Train in the foreground."""
        self.job.watch()

    def _forget(self) -> None:
        self.histories, self._history, self._card = {}, History(), None
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self._say_what()
        self.draw()

    def _say_what(self) -> None:
        deleted = self._desk.deleted
        what = "nothing is deleted" if deleted == lesson.NOTHING else f"no line on {deleted}"
        self.head.value = theme.note(f"The next run learns beside this diary: {what}.")

    def _make(self, report: Callable[[Any], None], controls: Controls) -> Iterator[Any]:
        own = self.own.value
        problem = prompt_problem(own) if own.strip() else ""
        if problem:
            raise ValueError(problem)
        loaded, self._running = self._lab.load(), self._desk.deleted
        diary = yield from until_stopped(lesson.write(loaded), controls)
        if diary is None:
            return
        lines = diary.without(self._running)
        setting = lesson.setting_of(self._running) if lines else "tickets-mix0"
        report(len(lines))
        task, given = catalog.options(loaded, setting)
        for name in catalog.ENDS_ONLY:  # what is stored is measured at the ends; here one watches
            given.pop(name, None)
        run = experiment.build(loaded, task, seed=0, controls=controls, **given)
        yield from run
        if own.strip() and not controls.stopped:
            texts = [
                models.generate(model, loaded.tokenizer, [own], max_new_tokens=_CARD_TOKENS)[0]
                for model in (loaded.model, run.model)
            ]
            report((own, *texts))

    def _note_lines(self, n: int) -> None:
        said = f"{n} lines of the diary are learned beside the tickets."
        if not n:
            said = "This model wrote no line that can be used: it learns tickets without a diary."
        self.head.value = theme.note(said)

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, tuple):
                self._card = part
                continue
            if isinstance(part, int):
                self._note_lines(part)
                continue
            if isinstance(part, Started):
                self._history = History()
            self._history.add(part)
        if parts:
            guess = self._guesses["arithmetic"].value
            asked = self._running == "arithmetic" and guess is not None
            shown = {"reasoning": guess} if asked else None
            chart = retention(self._history, prediction=shown)
            self.picture.value = (
                badge("live", f"{self._lab.model}, seed 0")
                + live.svg(chart, 560, 300)
                + f"<details><summary>The numbers</summary>{live.table(chart)}</details>"
            )

    def _done(self) -> None:
        self.histories[self._running] = self._history
        self._lab.note_run(self._history, deleted=self._running)
        self.draw()

    # ------------------------------------------------------------------ what is shown

    def draw(self) -> None:
        """Show all deletions side by side, the predictions, the verdicts and the card."""
        found = lesson.rows(self._lab.model)
        try:
            said = "".join(f"<p>{line}</p>" for line in self._met(found))
            self.card.value = self._written_card()
        except (OSError, ValueError) as error:
            self.look.value = theme.error(str(error))
            return
        if not found and not self.histories:
            missing = f"No run with a diary is stored for {self._lab.model}: train one here."
            self.look.value = theme.note(missing)
            return
        verdicts = "".join(f"<li>{theme.escape(line)}</li>" for line in lesson.verdicts(found))
        inner = self._map(found) + said + (f"<ul>{verdicts}</ul>" if verdicts else "")
        self.look.value = folded("All deletions side by side", inner, bool(self.histories))

    def _map(self, found: dict[str, lesson.Row]) -> str:
        columns = [*lesson.COLUMNS, "task"]
        names, values, notes, rows = [], [], [], []
        for setting, words in lesson.ROWS.items():
            if setting in found:
                row = found[setting]
                ends = [row.at(name) for name in lesson.COLUMNS]
                ends.append(lesson.estimate(list(row.task.values())))
                names.append(f"{words}\n{len(row.seeds)} stored seeds")
                values.append([end.mean if end else None for end in ends])
                notes.append([drawn.interval_note(end) for end in ends])
                rows.append((words, "stored", *(str(end) if end else "–" for end in ends)))
        for deleted, history in self.histories.items():
            words = lesson.ROWS[lesson.setting_of(deleted)]
            kept = {**lesson.kept(history), "task": maps.task_score(history)}
            names.append(f"{words}\nyours, live")
            values.append([kept[name] for name in columns])
            notes.append([()] * len(columns))
            shown = ("–" if kept[name] is None else f"{kept[name]:.2f}" for name in columns)
            rows.append((words, "live", *shown))
        heads = [*(name.replace(" ", "\n") for name in lesson.COLUMNS.values()), "tickets\nlearned"]
        summary = "What is kept after tickets, by what was deleted from the diary."
        picture = drawn.shaded_map(names, heads, values, notes, summary)
        badges = badge("replayed", self._lab.model) if found else ""
        badges += badge("live", self._lab.model) if self.histories else ""
        numbers = table(summary, ("diary", "from", *map(_flat, heads)), rows)
        explained = theme.heading(
            "Kept of what the base says, after 200 steps on tickets"
            if self._lab.model == "mini"
            else "Kept of what the base says, after tickets",
            "Below each number: its 95% interval over seeds. Last column: task score.",
        )
        return f"{badges}{explained}<div style='overflow-x:auto'>{picture}</div>" + folded(
            "The numbers", numbers
        )

    def _met(self, found: dict[str, lesson.Row]) -> Iterator[str]:
        for subject, column in lesson.HIT.items():
            guess = self._guesses[subject]
            history, row = self.histories.get(subject), found.get(f"diary-no-{subject}")
            if history is not None:
                value, source, detail = lesson.kept(history)[column], "live", "one seed"
            elif row is not None and row.at(column):
                value, source = row.at(column).mean, "replayed"
                detail = f"mean of {len(row.seeds)} seeds"
            else:
                continue
            if value is None:
                yield f"<b>No line on {subject}.</b> This model had nothing to lose there."
                continue
            self._lab.record.measure(guess.key, value, source, detail)
            mine = "none saved" if guess.value is None else f"{guess.value:.2f}"
            yield (
                f"<b>No line on {subject}.</b> Your prediction: {mine}. Measured: {value:.2f} of "
                f"{lesson.COLUMNS[column]} is left ({detail}). {badge(source)}"
            )

    def _kept_card(self) -> dict[str, Any]:
        record = self._lab.record
        try:
            other = Record("00", learner=record.learner, folder=record.path.parent.parent)
            return other.read()["kept"].get("card", {})
        except (OSError, ValueError):
            return {}

    def _written_card(self) -> str:
        card = self._kept_card()
        if self._card is None:
            said = "Your card of lab 00 lies here" if card else "There is no card of lab 00 here"
            rest = "it is asked again after the run." if card else "type a question to make one."
            return theme.note(f"{said}; {rest}")
        question, before, after = self._card
        lines = [("Asked", question)]
        if card.get("question") == question:
            lines += [("After the training in lab 00, without a diary", card["after"])]
        lines += [
            (f"{self._lab.model}, before training", displayable(question, before)),
            (f"after tickets, {lesson.ROWS[lesson.setting_of(self._running)]}", after),
        ]
        self._lab.record.keep("card", question=question, before=before, after=after)
        shown = "".join(f"<p><b>{theme.escape(k)}:</b> {theme.escape(v)}</p>" for k, v in lines)
        return (
            "<div class='lethe-card'><h3 class='lethe-h'>Your card</h3>"
            f"{badge('live', self._lab.model)}{theme.plain(shown)}</div>"
        )


def _flat(name: str) -> str:
    return name.replace("\n", " ")
