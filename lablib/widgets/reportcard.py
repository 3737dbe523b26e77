"""The end of a lab: answers in the learner's own words, and the report to hand in."""

from __future__ import annotations

import base64
import html

import ipywidgets as widgets

from lablib.report import LABS, Record, to_html, to_markdown
from lablib.widgets import theme
from lablib.widgets.control import control


class ReportCard(widgets.VBox):
    """Text fields for the open questions, a button that makes the report, two downloads.

    The files are written beside the record of the learner's work and offered as links that
    hold the whole file, so that they also work where the kernel's disk cannot be reached.

    Notes
    -----
    The call that does the same: ``to_markdown(record)`` and ``to_html(record)``.
    """

    def __init__(self, record: Record):
        self.record = record
        self.fields = {
            expected.key: control(
                widgets.Textarea(
                    value=self._saved(expected.key),
                    description=expected.text,
                    placeholder="Two or three sentences",
                    layout=widgets.Layout(width="min(46em, 95%)"),
                    rows=5,
                )
            )
            for expected in LABS[record.lab].answers
        }
        self.button = widgets.Button(
            description="Make my report", button_style="primary", icon="file-text"
        )
        self.button.layout.width = "auto"
        self.button.layout.align_self = "flex-start"
        self.button.on_click(lambda _: self.make())
        self.links = widgets.HTML()
        self.preview = widgets.HTML()
        super().__init__(
            [
                widgets.HTML(theme.style()),
                *self.fields.values(),
                self.button,
                self.links,
                self.preview,
            ]
        )
        self.add_class("lethe")
        self.add_class("lethe-report")

    def _saved(self, key: str) -> str:
        try:
            return self.record.read()["answers"].get(key, {}).get("text", "")
        except (OSError, ValueError):
            return ""

    def make(self) -> None:
        """Save the answers, write both files, show links and a preview."""
        try:
            for key, field in self.fields.items():
                if field.value.strip():
                    self.record.answer(key, field.value.strip())
            forms = {"md": to_markdown(self.record), "html": to_html(self.record)}
        except (OSError, ValueError) as error:
            self.links.value = f"<p role='status'>⚠ {html.escape(str(error))}</p>"
            return
        written = self._write(forms)
        names = {"md": "Markdown", "html": "HTML"}
        links = " · ".join(
            f"<a download='{path.name}' href='data:text/{form};charset=utf-8;base64,"
            f"{base64.b64encode(forms[form].encode()).decode()}'>{names[form]}</a>"
            for form, path in self._paths().items()
        )
        self.links.value = f"<p role='status'>Download your report: {links}. {written}</p>"
        self.preview.value = (
            "<details open><summary>Your report</summary>"
            f"{to_html(self.record, whole_page=False)}</details>"
        )

    def _paths(self) -> dict:
        path = self.record.path
        return {form: path.with_name(f"report_{self.record.lab}.{form}") for form in ("md", "html")}

    def _write(self, forms: dict[str, str]) -> str:
        try:
            for form, path in self._paths().items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(forms[form], encoding="utf-8")
        except OSError as error:
            return f"⚠ The files could not be written: {html.escape(str(error))}"
        return f"Both files also lie in {html.escape(str(self.record.path.parent))}."
