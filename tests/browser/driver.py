"""Open a lab in JupyterLab or Voila the way a learner does, and find things on the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

LOADED_MS = 120_000  # torch is read from the disk by the first kernel


def open_in_voila(page: Page, url: str, name: str, theme: str = "light") -> None:
    """Open a lab as a web page; it is complete when every cell has run."""
    page.goto(f"{url}voila/render/{name}.ipynb?theme={theme}", timeout=LOADED_MS)
    page.locator(".jupyter-widgets").first.wait_for(timeout=LOADED_MS)


def open_in_lab(page: Page, url: str, name: str, theme: str = "light") -> None:
    """Open a lab in JupyterLab and run all its cells."""
    page.goto(f"{url}lab/tree/{name}.ipynb?reset", timeout=LOADED_MS)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=LOADED_MS)
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    if theme == "dark":
        page.evaluate(
            "window.jupyterapp.commands.execute('apputils:change-theme', "
            "{theme: 'JupyterLab Dark'})"
        )
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=LOADED_MS)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".jupyter-widgets").first.wait_for(timeout=LOADED_MS)


def wait_until_changed(locator: Locator, before: str, seconds: float = 30) -> str:
    """Return the new inner HTML of ``locator`` once it differs from ``before``."""
    page = locator.page
    page.wait_for_function(
        "([element, before]) => element.innerHTML !== before",
        arg=[locator.element_handle(), before],
        timeout=seconds * 1000,
    )
    return locator.inner_html()
