"""Every lab in JupyterLab and in Voila: press what it declares, see picture and table change.

The declarations lie beside the sources of the labs (``labs/source/README.md``). The same pass
takes the screenshots (``LETHE_SHOTS=folder`` keeps them) and looks for what is cut off.
"""

from __future__ import annotations

import re
import time

import pytest

from tests.browser.driver import button, overflows, settle, whole_page
from tests.declared import Drive, declared, names

LIMIT_S = 30  # from the click to a changed picture and a changed number
FIRST_MS = 120_000  # for what is done before
WIDTHS = (1280, 800)
QUICK = {("01_addition_1989", "voila", "light")}  # labs 00 and 02 have tests of their own
CASES = [
    pytest.param(name, kind, theme, marks=() if (name, kind, theme) in QUICK else pytest.mark.slow)
    for name in names()
    for kind in ("lab", "voila")
    for theme in ("light", "dark")
]
# The first match at or below the widget that holds the button, as text, and an image's bytes.
SEEN = """async ([button, declared]) => {
    const tops = [...document.querySelectorAll(".jupyter-widgets")]
        .filter(view => !view.parentElement.closest(".jupyter-widgets"));
    const below = tops.slice(tops.findIndex(view => view.contains(button)));
    const find = (css, words) => {
        for (const view of below)
            for (const one of view.querySelectorAll(css))
                if (one.textContent.includes(words)) return one;
        return null;
    };
    const picture = find(declared.image, declared.image_with);
    const table = find(declared.table, declared.table_with);
    let bytes = picture ? picture.outerHTML : "";
    if (picture && picture.tagName === "IMG")
        bytes = String(new Uint8Array(await (await fetch(picture.src)).arrayBuffer()));
    return {picture: bytes, table: table ? table.textContent : ""};
}"""


# Everything that can be read above a prediction, in small letters.
ABOVE = """key => {
    const place = document.querySelector(`.lethe-key-${key}`);
    if (!place) return null;
    const range = document.createRange();
    range.setStart(document.body, 0);
    range.setEndBefore(place);
    return range.toString().toLowerCase().replace(/\\s+/g, " ");
}"""


def given_away(page, phrases: dict[str, list[str]]) -> list[str]:
    """The phrases that stand above the prediction whose answer they give, and lost ones."""
    found = []
    for key, listed in phrases.items():
        above = page.evaluate(ABOVE, key)
        if above is None:
            found.append(f"the page shows no prediction {key}")
        else:
            found += [f"{one!r} stands above {key}" for one in listed if one.lower() in above]
    return found


def numbers(text: str) -> list[str]:
    """Every number in a text, in order."""
    return re.findall(r"\d+(?:[.,]\d+)*", text)


def prepare(page, drive: Drive) -> None:
    """Choose, fill, tick and press what the lab wants done before."""
    for step in drive.first:
        if "choose" in step:
            page.get_by_label(step["in"], exact=True).first.select_option(label=step["choose"])
        elif "fill" in step:
            field = page.get_by_label(step["in"]).first
            field.fill(step["fill"])
            field.press("Enter")
        elif "tick" in step:
            page.get_by_label(step["tick"]).first.check()
        else:
            button(page, step["press"]).nth(step.get("number", 1) - 1).click()
        if "until" in step:
            page.locator(step["until"]).first.wait_for(timeout=FIRST_MS)


def press(page, drive: Drive) -> float:
    """Press the declared button; return after how many seconds both have changed."""
    prepare(page, drive)
    pressed = button(page, drive.button).nth(drive.number - 1)
    handle = pressed.element_handle()
    wanted = {key: getattr(drive, key) for key in ("image", "image_with", "table", "table_with")}
    before = page.evaluate(SEEN, [handle, wanted])
    pressed.click()
    begun = time.monotonic()
    picture = table = False
    while not (picture and table) and time.monotonic() < begun + LIMIT_S:
        page.wait_for_timeout(200)
        now = page.evaluate(SEEN, [handle, wanted])
        picture = picture or (bool(now["picture"]) and now["picture"] != before["picture"])
        found = numbers(now["table"])
        table = table or (bool(found) and found != numbers(before["table"]))
    assert picture, f"no change of {drive.image} {drive.image_with!r} within {LIMIT_S} s"
    assert table, f"no new number in {drive.table} {drive.table_with!r} within {LIMIT_S} s"
    return time.monotonic() - begun


@pytest.mark.parametrize(("name", "kind", "theme"), CASES)
def test_what_the_lab_declares_happens(name, kind, theme, open_in, shoot):
    page = open_in(kind, name, theme)
    drive = declared(name).browser
    assert not given_away(page, declared(name).gives_away)
    seconds = press(page, drive)
    print(f"{name} in {kind}, {theme}: picture and table changed after {seconds:.1f} s")
    settle(page, patience=25 if theme == "light" else 5)
    for width in WIDTHS:
        for part in whole_page(page, width):
            shoot(page, f"{width}{part}")
        assert not overflows(page), f"at {width} px"
