"""Runs on disk: one SQLite file in the learner's folder; see ``runs.py``."""

from lablib.store.runs import RunInfo, RunStore

__all__ = ["RunInfo", "RunStore"]
