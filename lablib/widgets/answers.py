"""What the model answers now: fixed prompts and the learner's own, base beside current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from lablib import models
from lablib.events import Answered
from lablib.history import History
from lablib.lessons.reading import displayable
from lablib.plots import curves, live
from lablib.probes import openended
from lablib.widgets import theme
from lablib.widgets.background import BackgroundRun
from lablib.widgets.control import control

FRANCE = "What is the capital of France?"
LONGEST_PROMPT = 2000  # characters


def check_prompt(prompt: str) -> str:
    """Return a prompt that can be asked.

    Raises
    ------
    ValueError
        With one sentence, if there is nothing in it or far too much.
    """
    prompt = prompt.strip()
    if not prompt:
        raise ValueError("There is nothing to ask: type a question first.")
    if len(prompt) > LONGEST_PROMPT:
        raise ValueError(
            f"The question has {len(prompt):,} characters; ask one of at most {LONGEST_PROMPT:,}."
        )
    return prompt


def latest_answers(history: History, step: float | None = None) -> dict[str, tuple]:
    """Return, for every prompt, the first answer, the latest up to ``step`` and its step."""
    found: dict[str, tuple] = {}
    for answer in history.answers:
        first = found[answer.prompt][0] if answer.prompt in found else answer
        if step is None or answer.step <= step or answer.prompt not in found:
            found[answer.prompt] = (first, answer)
    return found


def marked(text: str, changed: bool, more: str = "") -> str:
    """Return an answer as HTML, and whether it changed in a word too, to which ``more`` is added.

    The color of its edge alone would not tell everybody.
    """
    kind, word = ("changed", "changed") if changed else ("same", "as before")
    return (
        f"<div class='lethe-{kind}'>{theme.escape(text)}"
        f"<div class='lethe-soft'>{word}{more}</div></div>"
    )


def answers_table(history: History, step: float | None = None) -> str:
    """Return prompts and answers as an HTML table, everything typed or generated escaped."""
    rows = []
    for prompt, (base, now) in latest_answers(history, step).items():
        first, last = (displayable(prompt, answer.text) for answer in (base, now))
        changed, shape = base.text.strip() != now.text.strip(), ""
        if prompt in openended.PROMPTS and (verdict := openended.judge(prompt, now.text)) != "fine":
            shape = f" ({openended.VERDICTS[verdict]})"
        rows.append(
            f"<tr><th scope='row'>{theme.escape(prompt, 160)}</th>"
            f"<td>{theme.escape(first)}</td>"
            f"<td>{marked(last, changed, f'{shape}, step {now.step}')}</td></tr>"
        )
    if not rows:
        return theme.plain("Answers appear here at the first probe point.", classes="lethe-soft")
    now = "it answers now" if step is None else f"it answered at step {step}"
    return theme.plain(
        f"<table class='lethe-table'><thead><tr><th scope='col'>prompt</th>"
        f"<th scope='col'>the base answered</th><th scope='col'>{now}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>",
        classes="lethe-scroll lethe-answers",
    )


def talk_after(
    run: Any,
    history: History,
    prompt: str,
    done: Callable[[list[Answered], BaseException | None], None],
) -> BackgroundRun:
    """Ask the model of a run that has ended, in the background; its base is asked first.

    Parameters
    ----------
    run : Run
        The run; its model is in memory still.
    history : History
        What it said.
    prompt : str
        The question.
    done : callable
        ``done(answers, error)`` is called on the thread that asked.
    """
    step = history.steps[-1].step if history.steps else 0

    def say() -> str:
        return models.generate(run.model, run.tokenizer, [prompt], max_new_tokens=48)[0]

    def ask(_report: Any) -> list[Answered]:
        answers: list[Answered] = []
        error = None
        try:
            with run.base():
                answers.append(Answered(0, prompt, say()))
            answers.append(Answered(step, prompt, say()))
        except Exception as caught:  # it is told in words, like every other
            error = caught
        done(answers, error)
        return []

    asked = BackgroundRun(ask)
    asked.start()
    return asked


class AnswersPanel(widgets.VBox):
    """Watched prompts, a question of the learner's own, and the likeliest answers to one.

    Parameters
    ----------
    on_ask : callable
        ``on_ask(prompt)``; raises a ValueError in words if it cannot be asked.
    """

    def __init__(self, on_ask: Callable[[str], None]):
        self.table = widgets.HTML()
        self.prompt = control(
            widgets.Text(
                description="Ask it something yourself",
                placeholder="Which country has the capital Rome?",
            )
        )
        self.ask = widgets.Button(description="Ask", icon="comment")
        self.ask.on_click(lambda _: on_ask(self.prompt.value))
        self.weighed = control(widgets.Dropdown(options=[], description="Likeliest answers to"))
        self.weighed.observe(lambda _: self._bars(), "value")
        self.bars, self.table_of_bars = widgets.HTML(), widgets.HTML()
        self.tables = widgets.Checkbox(value=False, description="Table of shares", indent=False)
        self.tables.observe(lambda _: self._bars(), "value")
        self.first = FRANCE  # the prompt on which the bars begin
        self._history, self._step, self._source = History(), None, "live"
        row = widgets.HBox([self.prompt, self.ask])
        row.add_class("lethe-ask")
        left = widgets.VBox([self.table, row])
        right = widgets.VBox([self.weighed, self.bars, self.table_of_bars, self.tables])
        left.add_class("lethe-main")
        right.add_class("lethe-side")
        body = widgets.HBox([left, right])
        body.add_class("lethe-columns")
        super().__init__([widgets.HTML(theme.heading("What it answers now")), body])
        self.add_class("lethe-card")
        self.draw(self._history)

    def draw(self, history: History, step: float | None = None, source: str = "live") -> None:
        """Show the answers up to ``step`` (default: the latest)."""
        self._history, self._step, self._source = history, step, source
        self.table.value = answers_table(history, step)
        prompts = tuple(dict.fromkeys(a.prompt for a in history.answers if a.candidates))
        if tuple(value for _, value in self.weighed.options) != prompts:
            chosen = self.weighed.value
            self.weighed.options = [(p if len(p) < 60 else p[:59] + "…", p) for p in prompts]
            if prompts:
                first = self.first if self.first in prompts else prompts[0]
                self.weighed.value = chosen if chosen in prompts else first
        self._bars()

    def _bars(self) -> None:
        prompt = self.weighed.value
        if prompt is None:
            self.bars.value = self.table_of_bars.value = ""
            return
        bars = curves.likeliest_answers(self._history, prompt, self._step, self._source)
        self.bars.value = live.svg(bars, 400)
        self.table_of_bars.value = live.table(bars) if self.tables.value else ""
