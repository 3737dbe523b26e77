"""The dashboard and the teaching widgets: the only place that knows the notebook."""

from lablib.widgets.choice import CAPABILITIES, ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.exercise import Exercise
from lablib.widgets.firsttogo import FirstToGo
from lablib.widgets.knobs import KnobPredictions, KnobsLook
from lablib.widgets.predict import Choice, Number, Order
from lablib.widgets.reportcard import ReportCard
from lablib.widgets.sixquestions import SURVIVES, SixQuestions
from lablib.widgets.splitscreen import SplitScreen, TwoPredictions
from lablib.widgets.start import Badges, ThisDevice, WorkPlace
from lablib.widgets.ward import Patients

__all__ = [
    "CAPABILITIES",
    "SURVIVES",
    "Badges",
    "Choice",
    "Dashboard",
    "Exercise",
    "FirstToGo",
    "KnobPredictions",
    "KnobsLook",
    "ModelChoice",
    "Number",
    "Order",
    "Patients",
    "ReportCard",
    "SixQuestions",
    "SplitScreen",
    "ThisDevice",
    "TwoPredictions",
    "WorkPlace",
]
