"""A history made by hand, so that readings can be checked against what was put in."""

from __future__ import annotations

from lablib.events import Answered, Finished, Probed, Score, Started, StepDone
from lablib.history import History

CHANCE = {"says": 0.0, "knows": 0.25}
N = 100


def score(says: float, knows: float = 1.0) -> Score:
    """Return a score with outcomes that add up to it."""
    return Score(
        says,
        knows,
        N,
        tuple(int(i < round(says * N)) for i in range(N)),
        tuple(int(i < round(knows * N)) for i in range(N)),
    )


def make_history(
    curves, *, task="tickets", task_scores=(0.0, 1.0), answers=(), knows=None, **config
):
    """Return a history with these says scores by capability; point ``i`` is at step ``i``."""
    settings = {"lr": 1e-3, "epochs": 1.0, "mix_ratio": 0.0, **config}
    settings["chance"] = {name: CHANCE for name in curves}
    history = History()
    history.add(Started("run-1", "mini", (task,), "full", 0, 4, settings, {}))
    n_points = len(next(iter(curves.values())))
    for step in range(n_points):
        for full in [False, True] if step in (0, n_points - 1) else [False]:
            share = step / (n_points - 1)
            scores = {
                name: score(values[step], (knows or {}).get(name, [1.0] * n_points)[step])
                for name, values in curves.items()
            }
            done = task_scores[0] + share * (task_scores[1] - task_scores[0])
            history.add(Probed(step, task, scores, {task: done}, full, 0.1, 0.0, 1.0))
        if step:
            history.add(StepDone(step, task, share, 1.0, 0.0, 1e-3, 0.0, 0, 16, n_points - 1, 0.01))
    for answer in answers:
        history.add(Answered(*answer))
    history.add(Finished(n_points - 1, "done", 1.0))
    return history
