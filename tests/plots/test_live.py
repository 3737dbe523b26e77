"""Charts as strings: well-formed, small, quick, escaped, readable without colors."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from lablib.controls import Controls
from lablib.events import Answered, ControlChanged
from lablib.history import History
from lablib.plots import curves, live, plane, retention
from lablib.plots.axes import capabilities
from lablib.plots.chart import COLORS, MARKERS, Bars, Chart, Line, ticks
from tests.widgets.fake_run import FakeRun

SVG = "{http://www.w3.org/2000/svg}"


def run(steps: int = 60, **options) -> History:
    controls = Controls(lr=1e-3, epochs=1.0, mix_ratio=options.pop("mix_ratio", 0.0))
    return History.of(FakeRun(controls, steps=steps, **options))


@pytest.fixture(scope="module")
def history() -> History:
    return run()


def all_charts(history: History) -> list[Chart | Bars]:
    return [
        retention.retention(history, prediction={"knowledge": 0.4}, pins={"A: other": history}),
        retention.retention(history, only="knowledge"),
        curves.task_score(history),
        curves.loss(history),
        curves.displacement(history),
        plane.plane({"this run": history}),
        curves.likeliest_answers(history, "What is the capital of France?"),
    ]


def test_every_chart_is_one_well_formed_picture(history):
    for chart in [*all_charts(history), *all_charts(History.of(()))[:7]]:
        root = ElementTree.fromstring(live.svg(chart))
        assert root.tag == f"{SVG}svg" and root.get("role") == "img"
        assert root.get("viewBox") and root.get("aria-label").startswith(chart.title[:10])


def test_pictures_take_the_color_of_the_page(history):
    for chart in all_charts(history):
        written = live.svg(chart)
        assert "currentColor" in written
        used = {c for c in ("#000", "black", "white") if f"'{c}'" in written}
        assert used == set()


def test_a_long_run_stays_small(history):
    long = run(steps=20_000)
    for chart in all_charts(long):
        assert len(live.svg(chart).encode()) <= 60_000
        assert live.table(chart).count("<tr>") <= 26


def test_a_picture_takes_milliseconds(history):
    charts = all_charts(history)[:5]
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for chart in charts:
            live.svg(chart)
        best = min(best, time.process_time() - begun)
    assert best / len(charts) < 0.01


def test_says_and_knows_differ_without_color(history):
    chart = retention.retention(history, only="knowledge")
    says, knows = chart.lines
    assert (says.dashed, says.hollow, knows.dashed, knows.hollow) == (False, False, True, True)
    assert live.svg(chart).count("stroke-dasharray='5 3'") == 1


def test_no_two_capabilities_share_a_marker(history):
    chart = retention.retention(history)
    assert len({line.style for line in chart.lines}) == len(capabilities(history))
    assert len(set(MARKERS)) == len(MARKERS) == len(set(COLORS))


def test_values_can_be_read_by_hovering_and_in_the_table(history):
    chart = curves.task_score(history)
    step, value = chart.lines[0].xs[3], chart.lines[0].ys[3]
    assert f"step {step}: {value:.3g}" in live.svg(chart)
    assert f"<td>{value:.3f}</td>" in live.table(chart)
    assert "<caption>" in live.table(chart)


def test_the_loss_table_shows_the_probe_points(history):
    shown = live.table(curves.loss(history))
    (point,) = [p for p in history.points() if p.step == 20]
    assert f"<td>{point.validation_loss:.3f}</td>" in shown


def test_what_cannot_be_lost_is_said_in_words():
    weak = run(weak=("reasoning",))
    chart = retention.retention(weak)
    assert not any(line.name == "reasoning says" for line in chart.lines)
    assert "Nothing to lose" in live.svg(chart) and "reasoning says (base 0.00" in live.svg(chart)
    alone = live.svg(retention.retention(weak, only="reasoning"))
    assert "nothing to lose" in alone


def test_prediction_base_chance_and_changes_are_drawn(history):
    moved = replace(history, changes=[ControlChanged(20, "lr", 1e-3, 3e-4)])
    written = live.svg(retention.retention(moved, prediction={"knowledge": 0.4}))
    assert "your prediction 0.40" in written
    assert ">base<" in written and ">chance<" in written
    assert "step 20: lr 0.001 → 0.0003" in written


def test_a_predicted_order_stands_beside_the_measured_one(history):
    said = retention.order_note(history, ["language", "format"])
    assert said[0] == "You predicted: language, format."
    assert said[1].startswith("Fell below half: format, reasoning, knowledge")


def test_the_overfitting_line_is_there(history):
    chart = curves.loss(history)
    assert chart.levels[0].value == 0.2 and "0.2" in live.svg(chart)


def test_the_plane_refuses_to_mix(history):
    other = run(task="wrong_facts")
    with pytest.raises(ValueError, match="only within one model and one task"):
        plane.plane({"this": history, "other": other})


def test_the_plane_shows_gain_and_what_was_kept(history):
    (line,) = plane.plane({"this run": history}).lines
    last = history.points()[-1]
    assert line.xs[-1] == pytest.approx(last.task_scores["tickets"])
    kept = [history.retention(name)[1][-1] for name in capabilities(history)]
    assert line.ys[-1] == pytest.approx(sum(kept) / len(kept))


def test_markup_in_names_is_text(history):
    evil = "<script>alert('x')</script> & \"quotes\""
    chart = Chart(evil, evil, evil, (Line(evil, (0, 1), (0, 1), label=evil),), notes=(evil,))
    for written in (live.svg(chart), live.table(chart)):
        assert "<script" not in written
        ElementTree.fromstring(f"<div>{written}</div>")
    answered = Answered(0, evil, "x", ((evil, 0.9), ("b", 0.1)))
    bars = curves.likeliest_answers(History(answers=[answered]), evil)
    ElementTree.fromstring(live.svg(bars))


def test_the_badge_says_where_numbers_come_from(history):
    for source, words in (("live", "trained live here"), ("replayed", "replayed from a stored")):
        assert words in live.svg(curves.loss(history, source=source))
    with pytest.raises(ValueError, match="illustrative"):
        live.svg(curves.loss(history, source="guessed"))


def test_panels_show_each_capability_once(history):
    charts = [retention.retention(history, only=name) for name in capabilities(history)]
    written = live.panels(charts, retention.retention(history))
    assert written.count("<svg") == 6 and written.count("trained live here") == 1


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.25, 1.25), (0, 1e-4), (0, 12345), (3, 3)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert found and all(low <= t <= high + 1e-9 for t in found)
    assert len(found) <= 12


def test_colors_are_visible_on_light_and_on_dark():
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in COLORS:
        light = 1.05 / (luminance(color) + 0.05)
        dark = (luminance(color) + 0.05) / (luminance("#1e1e1e") + 0.05)
        assert light >= 3 and dark >= 3, color
