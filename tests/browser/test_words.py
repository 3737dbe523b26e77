"""Primer and glossary as a learner meets them: six pictures, and a word that a link leads to."""

from __future__ import annotations

import pytest

from tests.browser.driver import button, overflows, whole_page

PRIMER = ("Ask the model", "Let the model read it", "Take twelve steps", "Take the steps",
          "Rebuild it", "Compare them")  # fmt: skip
IN_SIGHT = """word => [...document.querySelectorAll("h3")].some(heading => {
    const box = heading.getBoundingClientRect();
    return heading.innerText.startsWith(word) && box.top >= 0 && box.bottom <= innerHeight;
})"""


@pytest.mark.slow
def test_the_primer_draws_six_pictures(open_in, shoot):
    page = open_in("voila", "primer")
    for name in PRIMER:
        button(page, name).first.click()
    page.wait_for_function("document.querySelectorAll('svg.lethe-chart').length >= 7")
    assert page.locator(".lethe-badge").count() == len(PRIMER)
    for width in (1280, 800):
        for part in whole_page(page, width):
            shoot(page, f"{width}{part}")
        assert not overflows(page)


def test_a_link_leads_to_the_word_in_the_web_version(voila_server, page):
    page.goto(f"{voila_server.url}voila/render/00_start_here.ipynb")
    link = page.get_by_role("link", name="glossary").first
    link.wait_for(timeout=120_000)
    target = link.get_attribute("href")
    page.goto(f"{voila_server.url}voila/render/{target}#mix-ratio")
    page.locator("h3").first.wait_for(timeout=120_000)
    page.wait_for_function(IN_SIGHT, arg="mix ratio")


@pytest.mark.slow
def test_a_link_leads_to_the_word_in_jupyterlab(lab_server, page):
    page.goto(f"{lab_server.url}lab/tree/glossary.ipynb?reset", timeout=120_000)
    link = page.get_by_role("link", name="retention", exact=True).first
    link.wait_for(timeout=120_000)
    link.click()
    page.wait_for_function(IN_SIGHT, arg="retention")
