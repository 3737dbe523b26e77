"""A learner's record of a lab, and the report made from it."""

from lablib.report.labs import LABS, Expected, LabOutline
from lablib.report.record import SOURCES, Record, learner_name
from lablib.report.render import to_html, to_markdown

__all__ = [
    "LABS",
    "SOURCES",
    "Expected",
    "LabOutline",
    "Record",
    "learner_name",
    "to_html",
    "to_markdown",
]
