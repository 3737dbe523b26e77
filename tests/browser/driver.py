"""Open a lab in JupyterLab or Voila the way a learner does, and find things on the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

LOADED_MS = 120_000  # torch is read from the disk by the first kernel

KERNEL_READY = """() => {
    const session = window.jupyterapp.shell.currentWidget?.sessionContext;
    const kernel = session?.isReady && session.session?.kernel;
    return kernel && kernel.connectionStatus === "connected" && kernel.status === "idle";
}"""


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
        _command(page, "apputils:change-theme", "{theme: 'JupyterLab Dark'}")
    page.wait_for_function(KERNEL_READY, timeout=LOADED_MS)
    _command(page, "notebook:run-all-cells")
    page.locator(".jupyter-widgets").first.wait_for(timeout=LOADED_MS)


def _command(page: Page, name: str, arguments: str = "{}") -> None:
    """Start a command of JupyterLab without waiting for its end, which may never come."""
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}', {arguments})")


def wait_until_changed(locator: Locator, before: str, seconds: float = 30) -> str:
    """Return the new inner HTML of ``locator`` once it differs from ``before``."""
    page = locator.page
    page.wait_for_function(
        "([element, before]) => element.innerHTML !== before",
        arg=[locator.element_handle(), before],
        timeout=seconds * 1000,
    )
    return locator.inner_html()
