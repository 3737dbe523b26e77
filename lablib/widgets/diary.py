"""The model's own diary: written live, read by topic, checked against facts, thinned out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from lablib.controls import Controls
from lablib.lessons import diary as lesson
from lablib.lessons.reading import displayable
from lablib.models import sieve
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.control import control
from lablib.widgets.job import Job, until_stopped
from lablib.widgets.layout import STYLE
from lablib.widgets.parts import table
from lablib.widgets.predict import Number

PAGE = 10  # lines shown at once
_ALL = "all topics"


class DiaryDesk(widgets.VBox):
    """Write the diary, read it page by page, decide what is deleted.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.
    right : Number
        The share of right answers that was expected among those that can be checked.

    Attributes
    ----------
    diary : Diary or None
        What the model wrote.
    deletion : widget
        Its value is one of ``lesson.DELETIONS``.

    Notes
    -----
    The call that does the same: ``diary.write(loaded)``, a generator that returns the diary.
    """

    def __init__(self, lab: ModelChoice, right: Number):
        self._lab, self._right = lab, right
        self.diary: lesson.Diary | None = None
        self._page = 0
        self._callbacks: list[Callable[[], None]] = []
        self.job = Job("Write the diary", self._make, self._take, self._written)
        self.summary, self.reading, self.left = (widgets.HTML() for _ in range(3))
        self.topic = control(widgets.Dropdown(options=[_ALL], description="Read the lines on"))
        self.topic.observe(lambda _: self._turn(0), "value")
        self.next = widgets.Button(description="Next page", icon="arrow-right")
        self.next.layout.width = "auto"
        self.next.on_click(lambda _: self._turn(self._page + 1))
        self.deletion = control(
            widgets.Dropdown(
                options=[(_words(name), name) for name in lesson.DELETIONS],
                description="Delete from the diary",
            )
        )
        self.deletion.observe(lambda _: self._deleted(), "value")
        choose = widgets.VBox([self.topic, self.next, self.deletion, self.left])
        read = widgets.VBox([self.summary, self.reading])
        for card, place in ((choose, "lethe-left"), (read, "lethe-right")):
            card.add_class("lethe-card")
            card.add_class(place)
        body = widgets.HBox([choose, read])
        body.add_class("lethe-body")
        super().__init__([widgets.HTML(STYLE), self.job, body])
        self.add_class("lethe")
        right.on_saved(lambda _: self.draw())
        lab.on_change(self._forget)
        self._forget()

    @property
    def deleted(self) -> str:
        """What is deleted, one of ``lesson.DELETIONS``."""
        return self.deletion.value

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the diary or what is deleted from it has changed."""
        self._callbacks.append(callback)

    def watch(self) -> None:
        """Write the diary in the foreground."""
        self.job.watch()

    def _make(self, report: Callable[[Any], None], controls: Controls) -> Iterator[Any]:
        diary = yield from until_stopped(lesson.write(self._lab.load()), controls)
        if diary is not None:
            yield diary

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, lesson.Diary):
                self.diary = part

    def _written(self) -> None:
        self._turn(0)
        self._tell()

    def _forget(self) -> None:
        self.diary = None
        self._turn(0)
        self._tell()

    def _deleted(self) -> None:
        self._turn(0)
        self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()

    def _turn(self, page: int) -> None:
        self._page = page
        self.draw()

    def draw(self) -> None:
        """Show counts, truth and the page of lines that is open."""
        known = self.diary is not None
        for each in (self.topic, self.next, self.deletion):
            each.disabled = not known
        if not known or not self.diary.lines:
            said = "Nothing is written yet: press the button above."
            if known:
                n, dropped = self.diary.report["written"], self.diary.report["dropped"]
                why = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
                said = f"Of {n} lines that this model wrote none can be used: {why}."
            self.summary.value = theme.note(said)
            self.reading.value = self.left.value = ""
            return
        lines = self.diary.without(self.deleted)
        counts = Counter(map(sieve.topic, lines))
        options = [_ALL, *(name for name, _ in counts.most_common())]
        if tuple(self.topic.options) != tuple(options):
            chosen = self.topic.value if self.topic.value in options else _ALL
            self.topic.options = options
            self.topic.value = chosen
        gone = len(self.diary.lines) - len(lines)
        self.left.value = theme.plain(
            f"<p role='status'><b>{len(lines)}</b> lines are left, {gone} are deleted.</p>"
        )
        self.summary.value = self._counted(counts) + self._truth()
        shown = [d for d in lines if self.topic.value in (_ALL, sieve.topic(d))]
        self.reading.value = self._lines(shown)

    def _counted(self, counts: Counter) -> str:
        report = self.diary.report
        dropped = ", ".join(f"{n} {reason}" for reason, n in report["dropped"].items()) or "none"
        source = ", ".join(f"{n} {name}" for name, n in report["kept"].items() if n)
        rows = [(name, str(n)) for name, n in counts.most_common()]
        n_cut = report.get("cut_off")
        cut = (
            ""
            if n_cut is None
            else f" Answers cut off, learned as far as they go and not their end: {n_cut}."
        )
        said = (
            f"Written: {report['written']} lines; sifted out: {dropped}. Questions of the lines "
            f"that were kept: {source}. Answer tokens: {report['answer_tokens']}.{cut}"
        )
        return (
            badge("live", self._lab.model)
            + theme.plain(f"<p>{theme.escape(said)}</p>")
            + table("Lines by topic, by keyword", ("topic", "lines"), rows)
        )

    def _truth(self) -> str:
        found = lesson.truth(self.diary.lines)
        share = lesson.share_right(self.diary.lines)
        if share is None:
            return theme.note("No line asks for a fact or a sum that can be checked here.")
        counted = "; ".join(f"{kind}: {right} of {n}" for kind, (right, n) in found.items())
        try:
            self._lab.record.measure(
                self._right.key, share, "live", f"{self._lab.model}, {counted}"
            )
            guess = self._right.value
        except (OSError, ValueError) as error:
            return theme.error(str(error))
        mine = "none saved" if guess is None else f"{guess:.2f}"
        return theme.plain(
            f"<p role='status'><b>Is it true?</b> Your prediction: {mine}. Right among the lines "
            f"that can be checked: {share:.2f} ({theme.escape(counted)}).</p>"
        )

    def _lines(self, lines: list) -> str:
        if not lines:
            return theme.note("No line is left on this topic.")
        pages = -(-len(lines) // PAGE)
        at = self._page % pages
        rows = []
        for line in lines[at * PAGE : (at + 1) * PAGE]:
            judged = lesson.checked(line)
            sign = "" if judged is None else "✓ right" if judged[1] else "✗ wrong"
            rows.append(_row(line, sign))
        head = "".join(
            f"<th scope='col'>{name}</th>" for name in ("it asks itself", "it answers", "")
        )
        caption = f"Page {at + 1} of {pages}"
        return theme.plain(
            f"<table class='lethe-table'><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>",
            classes="lethe-answers lethe-scroll",
        )


def _row(line, sign: str) -> str:
    asked = line.prompt or "(plain text)"
    answer = displayable(line.prompt, line.completion)
    cells = "".join(f"<td>{theme.escape(text, 200)}</td>" for text in (asked, answer, sign))
    return f"<tr>{cells}</tr>"


def _words(deletion: str) -> str:
    return "nothing" if deletion == lesson.NOTHING else f"every line on {deletion}"
