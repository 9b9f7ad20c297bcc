"""Calibration: from a score to a probability, and the threshold that meets a stated target.

curves.py       score -> probability of "same"
targets.py      what a threshold promises, and the threshold that meets it
resampling.py   how far they would move with other classes
searches.py     the same for searches of strangers
shifts.py       what several references add to a stranger's score
record.py       what is kept: Calibration
fit.py          all of it, from scores
"""

from firstsight.calibration.curves import CURVES, DEFAULT_CURVE, Curve, CurveKind, fit_curve, platt
from firstsight.calibration.fit import check_target, fit_calibration
from firstsight.calibration.record import FEW_CLASSES, Calibration
from firstsight.calibration.shifts import MOST_REFERENCES, fit_shifts
from firstsight.calibration.targets import TARGETS, Target, TargetKind, named_target, threshold_for

__all__ = [
    "CURVES",
    "DEFAULT_CURVE",
    "FEW_CLASSES",
    "MOST_REFERENCES",
    "TARGETS",
    "Calibration",
    "Curve",
    "CurveKind",
    "Target",
    "TargetKind",
    "check_target",
    "fit_calibration",
    "fit_curve",
    "fit_shifts",
    "named_target",
    "platt",
    "threshold_for",
]
