"""A run so far in a few sentences, for those who do not read charts, and for those who do."""

from __future__ import annotations

from lablib.history import History
from lablib.plots import plane, retention
from lablib.widgets import theme


def in_sentences(history: History) -> list[str]:
    """Return what was learned and what was kept, measured figures only."""
    points = history.points()
    if not points:
        return ["Nothing measured yet."]
    first, last = points[0], points[-1]
    said = [
        f"New task {task}: {first.task_scores[task]:.2f} → {score:.2f}."
        for task, score in last.task_scores.items()
        if task in first.task_scores
    ]
    for which, words in (("says", "says it"), ("knows", "still ranks it first")):
        _, values = plane.kept(history, which)
        if values:
            said.append(f"Kept on average, {words}: {values[-1]:.0%} of the lead over chance.")
    lost = retention.order_lost(history)
    if lost:
        said.append(f"Fell below half, in this order: {', '.join(lost)}.")
    if last.validation_loss is not None and history.steps:
        said.append(
            f"Loss: training {history.steps[-1].loss:.2f}, validation {last.validation_loss:.2f}."
        )
    said.append(f"The weights have moved by {last.displacement:.2%} of their length.")
    return said


def summary(history: History) -> str:
    """Return the sentences as HTML."""
    items = "".join(f"<li>{theme.escape(sentence)}</li>" for sentence in in_sentences(history))
    return theme.plain(f"{theme.heading('In words')}<ul class='lethe-list'>{items}</ul>")
