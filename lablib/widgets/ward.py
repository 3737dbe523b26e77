"""Blind diagnosis: three patients without a history, four tests, and a control."""

from __future__ import annotations

import random
from collections.abc import Iterator

import ipywidgets as widgets

from lablib import metrics
from lablib.lessons import illnesses, patients
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.choice import ModelChoice
from lablib.widgets.job import Job
from lablib.widgets.parts import table
from lablib.widgets.predict import Choice

NAMES = ("Patient A", "Patient B", "Patient C")
CONTROL = "Control"
TESTS = {
    "says": "What it says",
    "knows": "What it ranks first",
    "practice": "Unrelated practice",
}
# Of the patients that had lost their answers; a healthy one has none to get back.
OPTIONS = (
    "mute and erased alike", "the mute ones only", "the erased ones only", "none of them",
)  # fmt: skip


class Patients(widgets.VBox):
    """Three models made ill behind a curtain; each test adds a column, for all of them at once.

    Parameters
    ----------
    lab : ModelChoice
        The lab's model and record; a solved exercise ``diagnose`` gives its verdict too.
    recover : Choice
        Which patients were expected to get their answers back, one of ``Patients.OPTIONS``.
    seed : int
        Decides who is who, and the training.

    Notes
    -----
    The call that does the same: ``patients.examine(loaded, task)`` for each of
    ``patients.patients()``.
    """

    OPTIONS = OPTIONS  # as the prediction offers them

    def __init__(self, lab: ModelChoice, recover: Choice, seed: int = 0):
        self._lab, self._seed, self.prediction = lab, seed, recover
        order = list(patients.ILL)
        random.Random(f"who is who {seed}").shuffle(order)
        self._who = {**dict(zip(NAMES, order, strict=True)), CONTROL: patients.CONTROL}
        self._found: dict[str, patients.Examined] = {}
        self._bought: list[str] = []
        self._source = "live"
        self.job = Job("Admit the patients", self._make, self._take, self._admitted)
        self.tests = {key: widgets.Button(description=name) for key, name in TESTS.items()}
        for key, button in self.tests.items():
            button.layout.width = "auto"
            button.on_click(lambda _, key=key: self.test(key))
        self.table = widgets.HTML()
        self.menus = {
            name: widgets.Dropdown(
                options=["not decided", "healthy", "mute", "erased"],
                description=f"{name} is",
                style={"description_width": "initial"},
                layout=widgets.Layout(width="min(20em, 95%)"),
            )
            for name in NAMES
        }
        self.open_button = widgets.Button(description="Open the curtain")
        self.open_button.layout.width = "auto"
        self.open_button.layout.align_self = "flex-start"
        self.open_button.on_click(lambda _: self.reveal())
        self.verdict = widgets.HTML()
        tests = widgets.HBox(list(self.tests.values()))
        tests.layout.flex_flow = "row wrap"
        super().__init__(
            [
                widgets.HTML(theme.style()),
                self.job,
                tests,
                self.table,
                *self.menus.values(),
                self.open_button,
                self.verdict,
            ]
        )
        self.add_class("lethe")
        lab.on_change(self._forget)
        self._forget()

    def _forget(self) -> None:
        self._found, self._bought = {}, []
        self.verdict.value = ""
        kept = patients.stored_examinations(self._lab.model, self._seed)
        self._source = "live"
        if self._lab.why_not_live and kept:
            self._found, self._source = kept, "replayed"
        self.job.start_button.disabled = bool(self._lab.why_not_live)
        self._draw()

    def _make(self, report, controls) -> Iterator:
        loaded = self._lab.load()
        for task in patients.patients().values():
            examined = yield from patients.examine(loaded, task, self._seed, controls=controls)
            if examined is None:
                return
            report(examined)

    def _take(self, parts) -> None:
        for part in parts:
            if isinstance(part, patients.Examined):
                self._found[part.key] = part

    def _admitted(self) -> None:
        self._source = "live"
        self._draw()

    def test(self, key: str) -> None:
        """Do one test on all patients: its column appears."""
        if key not in self._bought:
            self._bought.append(key)
        self._draw()

    def _complete(self) -> bool:
        return set(self._found) >= set(self._who.values())

    def _draw(self) -> None:
        ready = self._complete()
        for button in (*self.tests.values(), self.open_button):
            button.disabled = not ready
        if not ready:
            self.table.value = theme.note("No patients here yet: admit them first.")
            return
        shown = [key for key in TESTS if key in self._bought]
        header = ["who", *(TESTS[key] for key in shown)]
        rows = [[name, *(self._cell(name, key) for key in shown)] for name in self._who]
        note = "" if shown else theme.note("They are here. Choose a test.")
        caption = "Capitals right, of those that are asked; base model in brackets"
        self.table.value = (
            badge(self._source, f"{self._lab.model}, 1 seed") + table(caption, header, rows) + note
        )

    def _cell(self, name: str, key: str) -> str:
        found = self._found[self._who[name]]
        if key == "says":
            return f"{found.before.says:.2f} (base {found.base.says:.2f})"
        if key == "knows":
            return (
                f"{found.before.knows:.2f} (base {found.base.knows:.2f}, "
                f"chance {found.chance_knows:.2f})"
            )
        return f"says {found.after.says:.2f} afterwards, {found.before.says:.2f} before"

    def _by_function(self, says: float, knows: float) -> str:
        """What the learner's own test says of two retentions."""
        function = self._lab.record.solved.get("diagnose")
        if function is None:
            return "not written yet"
        if illnesses.name_of(says, knows) == "unknown":
            return "not asked: the base had nothing to lose"
        try:
            return str(function(says, knows))
        except Exception as error:  # the function is the learner's
            return f"it fails with {type(error).__name__}"

    def reveal(self) -> None:
        """Say who had what, next to the learner's diagnoses and those of the learner's test."""
        if not self._complete():
            return
        rows, words = [], {}
        for name, key in self._who.items():
            found = self._found[key]
            says = metrics.retention(found.before.says, found.base.says)
            knows = metrics.retention(found.before.knows, found.base.knows, found.chance_knows)
            mine = self.menus[name].value if name in self.menus else "–"
            own = self._by_function(says, knows)
            words[name] = illnesses.name_of(says, knows)
            rows.append(
                [name, patients.WORDS[key], mine, own, words[name], f"{found.recovered:.2f}"]
            )  # fmt: skip
        header = [
            "who", "was taught", "you said", "your test says", "both retentions say",
            "came back by practice (share of the base)",
        ]  # fmt: skip
        back = [
            f"{name} ({words[name]})"
            for name in NAMES
            if self._found[self._who[name]].recovered >= 0.5
        ]
        control = self._found[patients.CONTROL].recovered
        measured = ", ".join(back) or "none of them"
        try:
            self._lab.record.measure(
                self.prediction.key,
                f"came back: {measured}",
                self._source,
                f"control {control:.2f}",
            )
        except (OSError, ValueError) as error:
            self.verdict.value = theme.error(str(error))
            return
        guess = self.prediction.value or "none saved"
        self.verdict.value = table("Behind the curtain", header, rows) + (
            f"<p>Your prediction: {theme.escape(guess)}. Came back: {measured}. The control "
            f"recovered {control:.2f} of what its base model says.</p>"
        )
