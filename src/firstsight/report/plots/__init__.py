"""Plots: functions from plain numbers to matplotlib figures, drawn to be read on a phone."""

from firstsight.report.plots.canvas import (
    ACCENT,
    CARD,
    CLASSES,
    GENUINE,
    IMPOSTOR,
    INK,
    LINE,
    MARKERS,
    figure,
)
from firstsight.report.plots.embedding import class_map, colour_strips, spectrum
from firstsight.report.plots.identification import bars, cmc, confusion, draws, open_set, requested_rates
from firstsight.report.plots.training import learning_curve
from firstsight.report.plots.verification import det_curve, reliability, roc_curve, score_histogram

__all__ = [
    "ACCENT",
    "CARD",
    "CLASSES",
    "GENUINE",
    "IMPOSTOR",
    "INK",
    "LINE",
    "MARKERS",
    "bars",
    "class_map",
    "cmc",
    "colour_strips",
    "confusion",
    "det_curve",
    "draws",
    "figure",
    "learning_curve",
    "open_set",
    "reliability",
    "requested_rates",
    "roc_curve",
    "score_histogram",
    "spectrum",
]
