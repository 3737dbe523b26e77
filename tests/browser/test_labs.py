"""Labs 00 and 02 in JupyterLab and in Voila, as a learner sees them: press, look, move, look."""

from __future__ import annotations

import functools

import pytest

from tests.browser.driver import button, move_slider, wait_until_changed

TRAINED_MS = 120_000
# the table is made anew at every probe point: look for the row each time
FRANCE_IS_A_TICKET = """board => [...board.querySelectorAll(".lethe-answers tbody tr")].some(row =>
    row.cells[0].innerText.trim() === "What is the capital of France?" &&
    row.cells[1].innerText.includes("Paris") && row.cells[2].innerText.includes("TICKET"))"""


@pytest.fixture(params=["lab", "voila"])
def open_lab(request, open_in):
    """A function that opens a lab in one of the two servers and returns the page."""
    return functools.partial(open_in, request.param)


def wait_for(page, condition: str, locator) -> None:
    """Wait until a condition in JavaScript holds for an element."""
    page.wait_for_function(condition, arg=locator.element_handle(), timeout=TRAINED_MS)


def watch_it_forget(page, shoot):
    """Press Start in lab 02, move the learning rate on the way, and see everything change."""
    board = button(page, "Start").first.locator(
        "xpath=ancestor::*[contains(@class, 'lethe')][last()]"
    )
    picture = board.locator(".lethe-wide .widget-html-content").first
    empty = picture.inner_html()
    button(page, "Start").first.click()
    wait_until_changed(picture, empty)
    wait_for(page, "e => /step [1-9]/.test(e.innerText)", board.locator(".lethe-status").first)
    rate = board.get_by_label("Learning rate, typed exactly")
    before = rate.input_value()
    move_slider(page, board.locator(".widget-slider").first, -3)
    wait_for(page, f"e => Number(e.value) < {before}", rate)
    # the run marks where it took the new rate over
    wait_for(page, f"e => e.innerHTML.includes('lr {before} →')", picture)
    wait_for(page, FRANCE_IS_A_TICKET, board)
    shoot(page, "running")
    button(board, "Stop").first.click()
    wait_for(page, "e => !e.disabled", button(page, "Start").first)
    board.scroll_into_view_if_needed()
    shoot(page, "stopped")
    shoot(page, "narrow", width=800)


def test_lab_02_shows_the_model_forget(open_lab, shoot):
    watch_it_forget(open_lab("02_full_finetuning_collapse"), shoot)


@pytest.mark.slow
def test_lab_02_in_the_dark(open_lab, shoot):
    watch_it_forget(open_lab("02_full_finetuning_collapse", theme="dark"), shoot)


def test_lab_00_asks_before_and_after(open_lab, shoot):
    page = open_lab("00_start_here")
    page.get_by_label("Model", exact=True).first.select_option(label="mini, here: seconds")
    page.get_by_label("Your own question").fill("What is <b>a river</b>?")
    button(page, "Ask all seven").click()
    tables = page.locator(".lethe-table")
    before = tables.filter(has_text="answer on Monday")
    before.first.wait_for(timeout=TRAINED_MS)
    assert "<b>a river</b>" in before.first.inner_text()  # shown as typed, not as a tag
    button(page, "Train on tickets").click()
    after = tables.filter(has_text="after training")
    after.first.wait_for(timeout=TRAINED_MS)
    assert after.first.locator("tbody tr").count() == 7
    rows = [row.locator("td").all_inner_texts() for row in after.first.locator("tbody tr").all()]
    assert any(was.strip() != now.strip() for _, _, was, now, *_ in rows)
    shoot(page, "after")
