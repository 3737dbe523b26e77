"""The dashboard and the teaching widgets: the only place that knows the notebook."""

from lablib.widgets.absorbed import ABSORBED_OUTCOMES, Absorbed
from lablib.widgets.adapterdial import AdapterDial, DialLook
from lablib.widgets.adaptersize import AdapterSize
from lablib.widgets.addition import RESCUES, AdditionDemo
from lablib.widgets.afterone import TURNS, AfterOnePass
from lablib.widgets.auction import Auction, KitPredictions
from lablib.widgets.besidelibrary import BesideLibrary
from lablib.widgets.bufferview import BufferView
from lablib.widgets.caprun import SURVIVORS, CapRun
from lablib.widgets.cardtable import CARD_MODELS, CardTable
from lablib.widgets.choice import CAPABILITIES, ModelChoice
from lablib.widgets.coins import ENDS, CoinDemo
from lablib.widgets.courtroom import FURTHER, RULE_NAMES, VERDICTS, Courtroom, WeightsAndOutput
from lablib.widgets.dashboard import Dashboard
from lablib.widgets.diary import DiaryDesk
from lablib.widgets.diarytraining import DiaryTraining
from lablib.widgets.endofturn import EndOfTurn
from lablib.widgets.equaltokens import OUTCOMES, EqualTokens
from lablib.widgets.exercise import Exercise
from lablib.widgets.firsttogo import FirstToGo
from lablib.widgets.friday import Friday
from lablib.widgets.gradientcheck import GUESSES, GradientCheck
from lablib.widgets.kltest import KLTest, ThreeFishers
from lablib.widgets.knobs import KnobPredictions, KnobsLook
from lablib.widgets.levels import SixteenLevels
from lablib.widgets.maskbench import MaskBench
from lablib.widgets.masklook import MASK_OUTCOMES, RECIPES, WINNERS, MaskLook, RivalsLook
from lablib.widgets.memorystep import MEMORY_PARTS, MemoryStep
from lablib.widgets.mixlook import RATIO_OPTIONS, MixLook
from lablib.widgets.predict import Choice, Number, Order, Predictions
from lablib.widgets.primer import (
    FATES,
    LARGER,
    PATTERNS,
    SHORT_AND_LONG,
    SYMMETRY,
    TEXTS,
    AdamPicture,
    DivergencePicture,
    LikelihoodPicture,
    PerplexityPicture,
    RankPicture,
    ValleyPicture,
)
from lablib.widgets.reportcard import ReportCard
from lablib.widgets.shares import Shares
from lablib.widgets.sixquestions import LASTING, SURVIVES, SixQuestions
from lablib.widgets.splitscreen import SplitScreen, TwoPredictions
from lablib.widgets.springlook import EARNS, HELPS, STIFFER, ControlsLook, StrengthsLook
from lablib.widgets.start import Badges, ThisDevice, WorkPlace
from lablib.widgets.tasksequence import TaskSequence
from lablib.widgets.taskstream import TaskStream
from lablib.widgets.tokenreader import SharesLook, TokenReader
from lablib.widgets.tokenshares import TokenShares
from lablib.widgets.trailplane import RESCUE_NAMES, PlaneLook, TrailPlane
from lablib.widgets.twins import TWIN_VERDICTS, TwinsLook
from lablib.widgets.twoweights import STOPS, TwoWeights
from lablib.widgets.ward import Patients
from lablib.widgets.weighing import CHOICES, Weighing
from lablib.widgets.wordlists import WordLists

__all__ = [
    "ABSORBED_OUTCOMES",
    "CAPABILITIES",
    "CARD_MODELS",
    "CHOICES",
    "EARNS",
    "ENDS",
    "FATES",
    "FURTHER",
    "GUESSES",
    "HELPS",
    "LARGER",
    "LASTING",
    "MASK_OUTCOMES",
    "MEMORY_PARTS",
    "OUTCOMES",
    "PATTERNS",
    "RATIO_OPTIONS",
    "RECIPES",
    "RESCUES",
    "RESCUE_NAMES",
    "RULE_NAMES",
    "SHORT_AND_LONG",
    "STIFFER",
    "STOPS",
    "SURVIVES",
    "SURVIVORS",
    "SYMMETRY",
    "TEXTS",
    "TURNS",
    "TWIN_VERDICTS",
    "VERDICTS",
    "WINNERS",
    "Absorbed",
    "AdamPicture",
    "AdapterDial",
    "AdapterSize",
    "AdditionDemo",
    "AfterOnePass",
    "Auction",
    "Badges",
    "BesideLibrary",
    "BufferView",
    "CapRun",
    "CardTable",
    "Choice",
    "CoinDemo",
    "ControlsLook",
    "Courtroom",
    "Dashboard",
    "DialLook",
    "DiaryDesk",
    "DiaryTraining",
    "DivergencePicture",
    "EndOfTurn",
    "EqualTokens",
    "Exercise",
    "FirstToGo",
    "Friday",
    "GradientCheck",
    "KLTest",
    "KitPredictions",
    "KnobPredictions",
    "KnobsLook",
    "LikelihoodPicture",
    "MaskBench",
    "MaskLook",
    "MemoryStep",
    "MixLook",
    "ModelChoice",
    "Number",
    "Order",
    "Patients",
    "PerplexityPicture",
    "PlaneLook",
    "Predictions",
    "RankPicture",
    "ReportCard",
    "RivalsLook",
    "Shares",
    "SharesLook",
    "SixQuestions",
    "SixteenLevels",
    "SplitScreen",
    "StrengthsLook",
    "TaskSequence",
    "TaskStream",
    "ThisDevice",
    "ThreeFishers",
    "TokenReader",
    "TokenShares",
    "TrailPlane",
    "TwinsLook",
    "TwoPredictions",
    "TwoWeights",
    "ValleyPicture",
    "Weighing",
    "WeightsAndOutput",
    "WordLists",
    "WorkPlace",
]
