"""The dashboard and the teaching widgets: the only place that knows the notebook."""

from lablib.widgets.dashboard import Dashboard

__all__ = ["Dashboard"]
