"""1:1 error rates from scores of same ("genuine") and different ("impostor") pairs. Names as in ISO/IEC 19795-1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.types import FloatArray

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ErrorCurve:
    """FMR and FNMR as the threshold rises.

    Attributes:
        thresholds: ``(t,)`` ascending; "same" is decided when score >= threshold. The last is +inf.
        fmr: ``(t,)`` share of impostor pairs at or above the threshold, falling to 0.
        fnmr: ``(t,)`` share of genuine pairs below the threshold, rising to 1.
    """

    thresholds: Float64Array
    fmr: Float64Array
    fnmr: Float64Array


def error_curve(genuine: FloatArray, impostor: FloatArray) -> ErrorCurve:
    """The curve at every distinct score, from genuine ``(g,)`` and impostor ``(i,)`` scores (neither empty)."""
    genuine, impostor = np.sort(genuine.astype(np.float64)), np.sort(impostor.astype(np.float64))
    thresholds = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
    fnmr = np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    fmr = 1 - np.searchsorted(impostor, thresholds, side="left") / len(impostor)
    return ErrorCurve(thresholds, fmr, fnmr)


def eer(curve: ErrorCurve) -> float:
    """Equal error rate: where FMR falls below FNMR, interpolated between the two neighbouring thresholds."""
    difference = curve.fmr - curve.fnmr
    after = int(np.argmax(difference <= 0))
    if after == 0:
        return float((curve.fmr[0] + curve.fnmr[0]) / 2)
    before = after - 1
    share = difference[before] / (difference[before] - difference[after])
    return float(curve.fmr[before] + share * (curve.fmr[after] - curve.fmr[before]))


def auc(genuine: FloatArray, impostor: FloatArray) -> float:
    """Probability that a genuine pair outscores an impostor pair, ties counted half (Mann-Whitney)."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left")
    upto = np.searchsorted(ordered, genuine, side="right")
    return float((below + upto).sum(dtype=np.float64) / (2 * len(genuine) * len(impostor)))


def rates_at(genuine: FloatArray, impostor: FloatArray, threshold: float) -> tuple[float, float]:
    """(FMR, FNMR) at a threshold."""
    return float(np.mean(impostor >= threshold)), float(np.mean(genuine < threshold))


def threshold_for_fmr(impostor: FloatArray, fmr: float) -> float:
    """The lowest threshold whose FMR on these impostor scores ``(i,)`` is at most ``fmr``.

    It lies halfway between the last score let in and the first kept out, so that it does not hang on one pair.
    """
    ordered = np.sort(impostor.astype(np.float64))[::-1]
    allowed = int(np.floor(fmr * len(ordered) + 1e-9))
    if allowed >= len(ordered):
        return float(ordered[-1])
    first_out = ordered[allowed]
    above = ordered[ordered > first_out]
    # Scores are compared in float32, so the threshold must lie above the first one kept out in float32 too.
    lowest = np.nextafter(np.float32(first_out), np.float32(np.inf))
    middle = np.float32((above[-1] + first_out) / 2) if len(above) else lowest
    return float(max(middle, lowest))
