"""The ground the labs stand on: a thread of the kernel changes what the page shows.

A small notebook, so that a failure of a lab can be told from a failure of the platform.
"""

from __future__ import annotations

import nbformat
import pytest

from tests.browser.driver import open_in_lab, open_in_voila, wait_until_changed
from tests.browser.servers import serve

CODE = """\
import threading, time
import ipywidgets as widgets
picture = widgets.HTML("<svg width='90' height='20'><title>0</title></svg>")
button = widgets.Button(description="Start")
def work():
    for n in range(1, 4):
        time.sleep(0.2)
        picture.value = f"<svg width='90' height='20'><title>{n}</title></svg>"
button.on_click(lambda _: threading.Thread(target=work, daemon=True).start())
widgets.VBox([button, picture])"""


@pytest.mark.parametrize("kind", ["lab", "voila"])
def test_a_thread_redraws_a_picture(kind, tmp_path, page, shoot):
    folder = tmp_path / "labs"
    folder.mkdir()
    secret = nbformat.v4.new_code_cell("print('stub'+'bed')", metadata={"tags": ["exercise"]})
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE), secret])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, folder / "scratch.ipynb")
    with serve(kind, folder, tmp_path) as server:
        (open_in_lab if kind == "lab" else open_in_voila)(page, server.url, "scratch")
        picture = page.locator(".widget-html-content").first
        picture.wait_for()
        before = picture.inner_html()
        page.get_by_role("button", name="Start", exact=True).click()
        assert "<title>" in wait_until_changed(picture, before)
        page.wait_for_function("document.body.innerHTML.includes('<title>3</title>')")
        shoot(page, "done")
        if kind == "voila":
            assert "ipywidgets as widgets" not in page.content()  # code hidden
            assert "stubbed" not in page.content()  # exercises removed
        else:
            page.get_by_text("stubbed").wait_for()
        assert not page.errors, page.errors


def test_home_page_lists_every_lab(voila_server, page, shoot, root):
    page.goto(voila_server.url)
    shown = [link.get_attribute("href") for link in page.locator("main li a").all()]
    labs = sorted(path.name for path in (root / "labs").glob("[0-9]*.ipynb"))
    labs.insert(1, "primer.ipynb")
    assert shown == [f"/voila/render/{name}" for name in labs]
    assert page.get_by_role("link", name="Glossary").count() == 1
    shoot(page, "home")
    assert not page.errors, page.errors
