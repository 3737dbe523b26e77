"""The first page: badges explained, what this device can do, where the work is kept."""

from __future__ import annotations

import html
import os

import ipywidgets as widgets
import torch

from lablib import models
from lablib.lessons import device as capacity
from lablib.lessons import stored
from lablib.report import Record
from lablib.runtime import device
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.parts import table

_MEANING = {
    "live": "this device trained the model while you watched; your figures may differ a little "
    "from your neighbor's",
    "replayed": "a run that was made beforehand by a script in data/results, shown as recorded",
    "illustrative": "a drawing that explains an idea; nothing was measured",
}


class Badges(widgets.HTML):
    """What the three badges mean."""

    def __init__(self):
        rows = "".join(
            f"<li style='margin:0.4em 0'>{badge(source)} {html.escape(text)}.</li>"
            for source, text in _MEANING.items()
        )
        super().__init__(f"{theme.style()}<ul style='list-style:none;padding:0'>{rows}</ul>")
        self.add_class("lethe")


class ThisDevice(widgets.HTML):
    """A table of what runs here: processor, memory, and the time a default run should take."""

    def __init__(self):
        where = device()
        name = torch.cuda.get_device_name() if where.type == "cuda" else "CPU"
        free = capacity.free_memory_mb() / 1000
        rows = [
            ("processor", f"{name}, {os.cpu_count()} cores"),
            ("free memory", f"{free:.1f} GB"),
            *(self._run(model) for model in models.MODELS),
        ]
        super().__init__(theme.style() + table("This device", ("what", "value"), rows))
        self.add_class("lethe")

    @staticmethod
    def _run(model: str) -> tuple[str, str]:
        what = f"a default run of {models.short_name(model)}"
        reason = capacity.why_not_live(model)
        if reason:
            return what, reason
        try:
            facts = stored.load(model, "tickets-mix0").facts
        except OSError:
            return what, "not timed yet"
        seconds = capacity.estimated_seconds(facts["seconds"], facts["gflops"])
        return what, f"about {_round(seconds)} seconds"


def _round(seconds: float) -> int:
    """Return an estimate with as many digits as it deserves."""
    return round(seconds) if seconds < 10 else round(seconds / 5) * 5


class WorkPlace(widgets.HTML):
    """Where the learner's work is kept, or why it cannot be kept."""

    def __init__(self, record: Record):
        try:
            place = record.path.parent
            place.mkdir(parents=True, exist_ok=True)
            text = (
                f"Your work is kept in <code class='lethe-path'>{html.escape(str(place))}</code>. "
                "To keep it elsewhere, set the environment variable <code>LETHE_HOME</code>."
            )
        except OSError as error:
            text = f"⚠ {html.escape(str(error))}"
        super().__init__(f"{theme.style()}<p>{text}</p>")
        self.add_class("lethe")
