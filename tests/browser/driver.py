"""Open a lab in JupyterLab or Voila the way a learner does, and find things on the page."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, TimeoutError

LOADED_MS = 120_000  # torch is read from the disk by the first kernel

KERNEL_READY = """() => {
    const session = window.jupyterapp.shell.currentWidget?.sessionContext;
    const kernel = session?.isReady && session.session?.kernel;
    return kernel && kernel.connectionStatus === "connected" && kernel.status === "idle";
}"""

TOP_VIEWS = """() => [...document.querySelectorAll(".jupyter-widgets")]
    .filter(view => !view.parentElement.closest(".jupyter-widgets")).length"""


def open_in_voila(page: Page, url: str, name: str, theme: str = "light") -> None:
    """Open a lab as a web page; it is complete when every cell has run."""
    page.goto(f"{url}voila/render/{name}.ipynb?theme={theme}", timeout=LOADED_MS)
    page.locator(".jupyter-widgets").first.wait_for(timeout=LOADED_MS)


def open_in_lab(page: Page, url: str, name: str, theme: str = "light") -> None:
    """Open a lab in JupyterLab and run all its cells."""
    page.goto(f"{url}lab/tree/{name}.ipynb?reset", timeout=LOADED_MS)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=LOADED_MS)
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    # Always, for the server remembers the theme of the page before.
    _command(page, "apputils:change-theme", f"{{theme: 'JupyterLab {theme.title()}'}}")
    light = "true" if theme == "light" else "false"
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
    page.wait_for_function(KERNEL_READY, timeout=LOADED_MS)
    _command(page, "notebook:run-all-cells")
    page.locator(".jupyter-widgets").first.wait_for(timeout=LOADED_MS)


def _command(page: Page, name: str, arguments: str = "{}") -> None:
    """Start a command of JupyterLab without waiting for its end, which may never come."""
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}', {arguments})")


def wait_until_changed(locator: Locator, before: str, seconds: float = 150) -> str:
    """Return the new inner HTML of ``locator`` once it differs from ``before``."""
    page = locator.page
    page.wait_for_function(
        "([element, before]) => element.innerHTML !== before",
        arg=[locator.element_handle(), before],
        timeout=seconds * 1000,
    )
    return locator.inner_html()


def declared_views(notebook: Path, without: str = "") -> int:
    """Return how many widgets a lab should show: its code cells that end in an expression.

    Parameters
    ----------
    notebook : Path
        The lab.
    without : str
        Cells with this tag do not count.
    """
    made = nbformat.read(notebook, as_version=4)
    bodies = [
        ast.parse(cell.source).body
        for cell in made.cells
        if cell.cell_type == "code" and without not in cell.metadata.get("tags", [])
    ]
    return sum(bool(body) and isinstance(body[-1], ast.Expr) for body in bodies)


def wait_for_views(page: Page, count: int) -> None:
    """Wait until the page shows ``count`` widgets that lie in no other widget."""
    try:
        page.wait_for_function(f"({TOP_VIEWS})() === {count}", timeout=LOADED_MS)
    except TimeoutError as error:
        found = page.evaluate(f"({TOP_VIEWS})()")
        raise AssertionError(f"{found} widgets on the page, not {count}") from error
    assert not page.get_by_text("Error displaying widget").count()


def move_slider(page: Page, slider: Locator, presses: int) -> None:
    """Move a slider by its keys, as one does without a mouse; negative: to the left."""
    slider.locator(".noUi-handle").focus()
    for _ in range(abs(presses)):
        page.keyboard.press("ArrowRight" if presses > 0 else "ArrowLeft")


def button(page: Page | Locator, name: str) -> Locator:
    """Return the buttons of this name; an icon is a private character before the name."""
    return page.get_by_role("button", name=re.compile(rf"^\W*{re.escape(name)}$"))


def settle(page: Page, patience: float = 25, seconds: float = 60) -> None:
    """Wait a while for everything to end, then press every Stop that can still be pressed."""
    running = "b => !b.disabled && b.offsetParent !== null"

    def wait(stop: Locator, seconds: float) -> None:
        handle = stop.element_handle()
        page.wait_for_function(f"b => !({running})(b)", arg=handle, timeout=seconds * 1000)

    for stop in button(page, "Stop").all():
        with contextlib.suppress(TimeoutError):
            wait(stop, patience)
            continue
        stop.click()
        wait(stop, seconds)


# What scrolls the content: in Voila and in JupyterLab an element inside the page.
_SCROLLER = """(() => [...document.querySelectorAll("*")]
    .filter(one => one === document.documentElement ||
        ["auto", "scroll"].includes(getComputedStyle(one).overflowY))
    .reduce((best, one) => one.scrollHeight > best.scrollHeight ? one : best))()"""


_HIDDEN = f"(one => one.scrollHeight - one.clientHeight)({_SCROLLER})"
# JupyterLab lets one scroll past the last cell, as far as the window is high: a blank slice.
_NOTHING_BELOW = ".jp-WindowedPanel-outer::after{min-height:0!important}"


def whole_page(page: Page, width: int, most: int = 16_000) -> Iterator[str]:
    """Make the window ``width`` wide and as tall as what is in it, so that a picture shows all.

    Chromium draws no picture that is much higher than ``most``: what is left over is shown a
    second time round. Yields what to add to a picture's name: nothing, then "-2" for the rest.
    """

    def show(height: int, top: str) -> None:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)  # widgets lay themselves out anew
        page.evaluate(f"void ({_SCROLLER}.scrollTop = {top})")
        page.wait_for_timeout(400)

    page.add_style_tag(content=_NOTHING_BELOW)
    show(900, "0")
    height = min(900 + int(page.evaluate(_HIDDEN)), most)
    show(height, "0")
    yield ""
    rest = int(page.evaluate(_HIDDEN))
    if rest > 0:
        frame = height - int(page.evaluate(f"{_SCROLLER}.clientHeight"))
        show(min(frame + rest, most), str(rest + most))  # the bottom, whatever came in between
        yield "-2"


def overflows(page: Page) -> list[str]:
    """Return what is wider than its place: the page, an output, or a part that is cut off.

    A table in a frame of its own that can be scrolled is no overflow.
    """
    return page.evaluate(
        f"() => {{ const scroller = {_SCROLLER};"
        """
            const found = [], room = 2;
            const look = (one, name) => {
                if (one.offsetParent !== null && one.scrollWidth > one.clientWidth + room)
                    found.push(`${name}: ${one.scrollWidth} in ${one.clientWidth} px, ` +
                        one.textContent.trim().slice(0, 60));
            };
            for (const one of [document.documentElement, scroller])
                if (one.scrollWidth > one.clientWidth + room)
                    found.push(`the page: ${one.scrollWidth} in ${one.clientWidth} px`);
            for (const css of [".jp-WindowedPanel-outer", ".jp-OutputArea-output",
                    ".jp-RenderedMarkdown", ".lethe", ".lethe-card"])
                for (const one of document.querySelectorAll(css)) look(one, css);
            return found;
        }"""
    )
