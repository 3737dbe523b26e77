"""The same charts as still figures: no pyplot, and safe from two threads."""

from __future__ import annotations

import subprocess
import sys
import threading

from lablib.plots import curves, figures, plane, retention
from lablib.plots.chart import Chart, Line
from tests.plots.test_live import run


def test_every_chart_becomes_a_png():
    history = run()
    for chart in (
        retention.retention(history, prediction={"knowledge": 0.4}),
        curves.loss(history),
        plane.plane({"this run": history}),
        curves.likeliest_answers(history, "What is the capital of France?"),
    ):
        assert figures.png(chart, (4, 3)).startswith(b"\x89PNG")


def test_a_figure_shows_what_the_chart_says():
    chart = curves.task_score(run())
    axes = figures.figure(chart).axes[0]
    assert list(axes.lines[-1].get_ydata()) == list(chart.lines[0].ys)
    assert axes.get_title(loc="left") == chart.title


def test_dollars_are_no_formula():
    chart = Chart("costs $5 and $6", "step", "y", (Line("a $x$ $", (0, 1), (0, 1)),))
    assert figures.png(chart).startswith(b"\x89PNG")


def test_two_threads_may_draw():
    chart, failed = curves.loss(run()), []

    def draw() -> None:
        try:
            figures.png(chart, (3, 2))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_the_live_path_knows_no_matplotlib():
    code = (
        "import sys, lablib.plots.live, lablib.plots.retention, lablib.plots.curves, "
        "lablib.plots.plane; print('matplotlib' in sys.modules, 'IPython' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
