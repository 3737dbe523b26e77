"""Training: ``Run`` is the loop, ``TrainConfig`` its settings; see ``run.py``."""

from lablib.train.config import EarlyStopping, TrainConfig
from lablib.train.probing import Watch
from lablib.train.run import Diverged, Run
from lablib.train.weights import load_snapshot, snapshot_steps

__all__ = [
    "Diverged",
    "EarlyStopping",
    "Run",
    "TrainConfig",
    "Watch",
    "load_snapshot",
    "snapshot_steps",
]
