"""A real Chromium, and the servers it looks at. ``LETHE_SHOTS=folder`` keeps the screenshots."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.driver import declared_views, open_in_lab, open_in_voila, wait_for_views
from tests.browser.servers import ROOT, serve

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (  # without these Chromium looks for its maker's servers
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items):
    """Everything in this folder needs a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for all tests of the session."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        message = "no Chromium here (on Debian: apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember whether the test itself failed, for the page's last picture."""
    report = yield
    if call.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture
def page(chromium, request):
    """A fresh page, 1280 pixels wide; ``page.errors`` collects what the console reports."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            page.errors.append(f"{message.text} ({message.location['url']})")
            if message.type == "error"
            else None
        ),
    )
    yield page
    if getattr(request.node, "failed", False) and os.environ.get("LETHE_SHOTS"):
        name = request.node.name.replace("[", "-").replace("]", "")
        page.screenshot(path=Path(os.environ["LETHE_SHOTS"]) / f"{name}-failed.png")
    context.close()


@pytest.fixture
def shoot(request, tmp_path):
    """A function that keeps a screenshot: ``shoot(page, "after")``."""
    folder = Path(os.environ.get("LETHE_SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(page, name: str, width: int | None = None) -> Path:
        if width:
            page.set_viewport_size({"width": width, "height": 900})
        file = folder / f"{request.node.name}-{name}.png".replace("[", "-").replace("]", "")
        page.screenshot(path=file)
        return file

    return take


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory):
    """JupyterLab over a copy of the labs: opening a notebook may write into its folder."""
    work = tmp_path_factory.mktemp("lab")
    folder = work / "labs"
    shutil.copytree(ROOT / "labs", folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    with serve("lab", folder, work) as server:
        yield server


@pytest.fixture(scope="module")
def voila_server(tmp_path_factory):
    """Voila over the labs, as ``make apps`` serves them."""
    work = tmp_path_factory.mktemp("voila")
    with serve("voila", ROOT / "labs", work) as server:
        yield server


@pytest.fixture
def open_in(request, page, root):
    """A function that opens a lab and sees that all its widgets are there.

    ``open_in("lab" or "voila", name, theme)`` returns the page; at the end of the test its
    console must be silent.
    """

    def open_it(kind: str, name: str, theme: str = "light"):
        server = request.getfixturevalue(f"{kind}_server")
        notebook = root / "labs" / f"{name}.ipynb"
        if kind == "lab":
            open_in_lab(page, server.url, name, theme)
            wait_for_views(page, declared_views(notebook))
        else:
            open_in_voila(page, server.url, name, theme)
            wait_for_views(page, declared_views(notebook, without="exercise"))
            assert not page.get_by_text("NotImplementedError").count()
            assert not page.get_by_text("import widgets as lethe").count()
        return page

    yield open_it
    assert not page.errors, page.errors
