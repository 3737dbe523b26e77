"""Must the end of turn be learned? The same run with the end learned, and with the end masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ipywidgets as widgets

from lablib import models, tasks
from lablib.lessons import masking, surprise
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job, until_stopped
from lablib.widgets.predict import Choice

TASK = "tickets"
N_ASKED = 40  # test prompts that are answered
SHOWN = 3
HALF = 0.5  # of the answers, from which on a verdict counts
ROOM = 3  # times the longest right answer: room to see that a model goes on
STOPS, GOES_ON, ELSE = OPTIONS = (
    "It stops after the answer, as before",
    "It goes on after the answer",
    "It no longer gives the right answer at all",
)


@dataclass(frozen=True)
class Ended:
    """What a model that was trained with or without the end answers."""

    end: str  # "kept" or "masked"
    surprises: float  # share of the rows in which the end lies above the paper's threshold
    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    begins_right: float  # share of answers that begin with the right one
    stops: float  # share of answers that end before there is no more room


class EndOfTurn(widgets.VBox):
    """Two runs on tickets that differ in one thing: whether the end of turn is learned.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record.

    Notes
    -----
    The call that does the same: ``masking.build(loaded, "tickets", ByHand(end="masked"))``.
    """

    def __init__(self, lab: ModelChoice):
        self._lab = lab
        self.found: dict[str, Ended] = {}
        self.prediction = Choice(
            lab.record, "06-end",
            "Every word of a ticket is learned, and the end of turn is not: what does the model "
            "do after training?", OPTIONS,
        )  # fmt: skip
        self.job = Job("Train with and without the end", self._make, self._take, self.draw)
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.prediction, self.job, self.view])
        self.add_class("lethe")
        self.prediction.on_saved(lambda _: self.draw())
        lab.on_change(self._forget)
        self.draw()

    def _forget(self) -> None:
        self.found = {}
        self.draw()

    def _make(self, report, controls) -> Iterator:
        if why := self._lab.why_not_live:
            raise ValueError(why)
        loaded = self._lab.load()
        reading = yield from until_stopped(surprise.read(loaded, TASK), controls)
        if reading is None:
            return
        for end in ("kept", "masked"):
            run = masking.build(
                loaded, TASK, masking.ByHand(end=end), controls=controls,
                probes=(), full_probes=False, task_test_rows=0,
            )  # fmt: skip
            yield from run
            if controls.stopped:
                return
            yield _ask(run, end, reading.ends_above())

    def _take(self, parts) -> None:
        self.found |= {part.end: part for part in parts if isinstance(part, Ended)}

    def draw(self) -> None:
        """Show what both models answer."""
        if len(self.found) < 2:
            self.view.value = theme.note("Nothing to see yet: press the button above.")
            return
        masked = self.found["masked"]
        if self.found["kept"].begins_right < HALF:
            self.view.value = theme.note(
                "Tickets were not learned here even with the end, so there is nothing to compare."
            ) + theme.plain(self._table(), "div", "lethe-scroll lethe-answers")
            return
        measured = _verdict(masked)
        detail = f"{masked.stops:.0%} of {N_ASKED} answers stop; {self._lab.model}, seed 0"
        try:
            self._lab.record.measure(self.prediction.key, measured, "live", detail)
            guess = self.prediction.value
        except (OSError, ValueError) as error:
            self.view.value = theme.error(str(error))
            return
        mine = theme.escape("none saved" if guess is None else guess)
        self.view.value = (
            badge("live", f"{self._lab.model}, seed 0")
            + f"<p role='status'><b>The end of turn.</b> Your prediction: {mine}. Measured: "
            f"{theme.escape(measured)} ({theme.escape(detail)}).</p>"
            + f"<p>The end's perplexity lay above the paper's threshold in "
            f"{masked.surprises:.0%} of the tickets that the base read.</p>"
            + theme.plain(self._table(), "div", "lethe-scroll lethe-answers")
        )

    def _table(self) -> str:
        kept, masked = self.found["kept"], self.found["masked"]
        rows = [
            (
                "answers that begin with the right one",
                *(f"{one.begins_right:.0%}" for one in (kept, masked)),
            ),
            ("answers that stop", *(f"{one.stops:.0%}" for one in (kept, masked))),
            *zip(kept.prompts[:SHOWN], kept.answers, masked.answers, strict=False),
        ]
        body = "".join(
            f"<tr><th scope='row'>{theme.escape(first, 160)}</th>"
            + "".join(f"<td>{theme.escape(cell, 300)}</td>" for cell in rest)
            + "</tr>"
            for first, *rest in rows
        )
        return (
            "<table class='lethe-table'><caption>The same run twice</caption><thead><tr>"
            "<th scope='col'></th><th scope='col'>end learned</th>"
            "<th scope='col'>end masked</th></tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def _ask(run, end: str, surprises: float) -> Ended:
    """Let the model of a run answer test prompts with more room than it needs."""
    rows = tasks.load(TASK).rows("test")[:N_ASKED]
    lengths = run.tokenizer([row.completion for row in rows], add_special_tokens=False)["input_ids"]
    room = ROOM * max(map(len, lengths))
    prompts = [row.prompt for row in rows]
    answers = models.generate(run.model, run.tokenizer, prompts, max_new_tokens=room)
    written = run.tokenizer(answers, add_special_tokens=False)["input_ids"]
    right = [a.startswith(row.completion) for a, row in zip(answers, rows, strict=True)]
    return Ended(
        end=end,
        surprises=surprises,
        prompts=tuple(prompts),
        answers=tuple(answers),
        begins_right=sum(right) / len(rows),
        # A text that is encoded anew may have a token more or less than was written.
        stops=sum(len(ids) < room - 2 for ids in written) / len(rows),
    )


def _verdict(one: Ended) -> str:
    if one.begins_right < HALF:
        return ELSE
    return STOPS if one.stops >= HALF else GOES_ON
