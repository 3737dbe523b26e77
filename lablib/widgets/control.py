"""The look of every control: a visible label above it."""

from __future__ import annotations

import ipywidgets as widgets


def control(widget: widgets.Widget) -> widgets.Widget:
    """Give a control its place: the label on a line of its own, the rest below."""
    widget.add_class("lethe-control")
    widget.style.description_width = "initial"
    return widget
