"""Many runs compared fairly: methods, seeds and settings, in parallel processes, resumable.

``arms`` says what is compared, ``job`` what one run is, ``worker`` does one in a process of its
own, ``execute`` does them all through any Executor, ``measured`` is what is kept of a run, and
``analysis`` and ``verdict`` turn many of those into figures and sentences.
"""

from lablib.sweep.analysis import Comparison, compare
from lablib.sweep.arms import ARMS, REFERENCES, Plan, fixed, jobs
from lablib.sweep.execute import Outcome, run
from lablib.sweep.job import Job, result_path
from lablib.sweep.measured import Measured
from lablib.sweep.verdict import sentences, table

__all__ = [
    "ARMS",
    "REFERENCES",
    "Comparison",
    "Job",
    "Measured",
    "Outcome",
    "Plan",
    "compare",
    "fixed",
    "jobs",
    "result_path",
    "run",
    "sentences",
    "table",
]
