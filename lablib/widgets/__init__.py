"""The dashboard and the teaching widgets: the only place that knows the notebook."""

from lablib.widgets.addition import RESCUES, AdditionDemo
from lablib.widgets.afterone import TURNS, AfterOnePass
from lablib.widgets.choice import CAPABILITIES, ModelChoice
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.exercise import Exercise
from lablib.widgets.firsttogo import FirstToGo
from lablib.widgets.knobs import KnobPredictions, KnobsLook
from lablib.widgets.predict import Choice, Number, Order, Predictions
from lablib.widgets.reportcard import ReportCard
from lablib.widgets.sixquestions import SURVIVES, SixQuestions
from lablib.widgets.splitscreen import SplitScreen, TwoPredictions
from lablib.widgets.start import Badges, ThisDevice, WorkPlace
from lablib.widgets.trailplane import RESCUE_NAMES, PlaneLook, TrailPlane
from lablib.widgets.ward import Patients
from lablib.widgets.wordlists import WordLists

__all__ = [
    "CAPABILITIES",
    "RESCUES",
    "RESCUE_NAMES",
    "SURVIVES",
    "TURNS",
    "AdditionDemo",
    "AfterOnePass",
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
    "PlaneLook",
    "Predictions",
    "ReportCard",
    "SixQuestions",
    "SplitScreen",
    "ThisDevice",
    "TrailPlane",
    "TwoPredictions",
    "WordLists",
    "WorkPlace",
]
