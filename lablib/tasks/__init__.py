"""Tasks by key. A new task: one file beside this one, one line in ``TASKS``."""

from lablib.tasks.base import SPLITS, Row, Task
from lablib.tasks.tickets import Tickets
from lablib.tasks.wrong_facts import WrongFacts

TASKS: dict[str, type[Task]] = {
    "tickets": Tickets,
    "wrong_facts": WrongFacts,
}

__all__ = ["SPLITS", "TASKS", "Row", "Task"]
