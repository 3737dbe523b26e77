"""Two lists of words, networks beside people: the second demonstration of 1989."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from lablib.classic.lists import ListPass, run_lists
from lablib.controls import Controls
from lablib.plots import classic, live
from lablib.widgets import theme
from lablib.widgets.badge import badge
from lablib.widgets.control import control
from lablib.widgets.job import Job

_PEOPLE = "people: Barnes and Underwood 1959, as in [1]"


class WordLists(widgets.VBox):
    """Train networks on A-B, then on A-C, and draw them beside the figures of people.

    Notes
    -----
    The call that does the same: ``list(run_lists(seed))`` for each seed.
    """

    def __init__(self):
        self.networks = control(
            widgets.SelectionSlider(
                options=[(str(n), n) for n in (1, 4, 8, 20)],
                value=8,
                description="Networks (their mean is drawn)",
            )
        )
        self.networks.layout.width = "min(24em, 95%)"
        self.runs: dict[int, list[ListPass]] = {}
        self.job = Job("Learn both lists", self._make, self._take)
        self.view = widgets.HTML()
        super().__init__([widgets.HTML(theme.style()), self.networks, self.job, self.view])
        self.add_class("lethe")
        self.draw()

    def _make(self, _report: Any, controls: Controls) -> Iterator[ListPass | None]:
        yield None  # a new run begins
        for seed in range(self.networks.value):
            for one in run_lists(seed):
                if controls.stopped:
                    return
                yield one

    def _take(self, parts: list[Any]) -> None:
        for part in parts:
            if part is None:
                self.runs = {}
            else:
                self.runs.setdefault(part.seed, []).append(part)
        if parts:
            self.draw()

    def draw(self) -> None:
        """Show the runs that have come to their end."""
        whole = [run for run in self.runs.values() if run[-1].last]
        chart = classic.lists_chart(whole)
        first = [max(one.number for one in run if one.phase == "A-B") for run in whole]
        said = f" The first list took {sum(first) / len(first):.0f} passes." if first else ""
        n = len(whole)
        if n:
            claim = badge("live", f"{n} network{'s' * (n != 1)}; {_PEOPLE}")
        else:  # printed figures alone were not trained here
            claim = badge("illustrative", f"nothing trained yet; {_PEOPLE}")
            chart = replace(chart, source="illustrative")
        self.view.value = (
            claim
            + theme.plain(said)
            + live.svg(chart, 480, 280)
            + f"<details><summary>The numbers</summary>{live.table(chart)}</details>"
        )
