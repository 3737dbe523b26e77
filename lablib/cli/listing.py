"""The lists: models, tasks, probes, methods, one line each."""

from __future__ import annotations


def summaries(what: str) -> dict[str, str]:
    """Return name -> one line, for ``"models"``, ``"tasks"``, ``"probes"`` or ``"methods"``."""
    if what == "models":
        from lablib.models import MODELS

        return dict(MODELS)
    if what == "tasks":
        from lablib.tasks import TASKS as found
    elif what == "probes":
        from lablib.probes import PROBES as found
    else:
        from lablib.methods import METHODS as found
    return {name: kind.summary for name, kind in found.items()}


def lines(what: str) -> list[str]:
    """Return the list as lines, names in one column."""
    found = summaries(what)
    width = max(map(len, found), default=0)
    return [f"{name:<{width}}  {summary}" for name, summary in found.items()]
