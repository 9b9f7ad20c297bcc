"""Open-set identification: some searched for are enrolled ("mated"), some are strangers. Names as in ISO/IEC 19795-1.

Two ways to know FPIR: measured, from searches of strangers against a gallery (``open_set_curve``), or foretold for a
gallery of another size from single comparisons (``expected_fpir``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.metrics.verification import between, threshold_for_fmr
from firstsight.types import BoolArray, FloatArray, IntArray

_ROUNDING = 1e-12  # a rate counted as k / n may miss the one asked for by this much

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OpenSetCurve:
    """FPIR and FNIR as the threshold rises, for the gallery that was searched.

    Attributes:
        thresholds: ``(t,)`` ascending; the best candidate is returned when its score >= threshold. The last is +inf.
        fpir: ``(t,)`` share of searches of strangers that return a candidate, falling to 0.
        fnir: ``(t,)`` share of mated searches that do not return the right one, rising to 1.
    """

    thresholds: Float64Array
    fpir: Float64Array
    fnir: Float64Array


def open_set_curve(mated_scores: FloatArray, mated_right: BoolArray, stranger_scores: FloatArray) -> OpenSetCurve:
    """The curve at every distinct score of a search that returns its best candidate only (rank 1).

    Args:
        mated_scores: ``(m,)`` best score of each search of somebody enrolled, not empty.
        mated_right: ``(m,)`` whether that best candidate is the right one; a wrong one is a miss at any threshold.
        stranger_scores: ``(s,)`` best score of each search of somebody not enrolled, not empty.
    """
    if len(mated_scores) == 0 or len(stranger_scores) == 0:
        raise DataError(f"{len(mated_scores)} mated searches and {len(stranger_scores)} of strangers: both are needed")
    strangers = np.sort(stranger_scores.astype(np.float64))
    found = np.sort(mated_scores[mated_right].astype(np.float64))
    thresholds = np.append(np.unique(np.concatenate([mated_scores, stranger_scores]).astype(np.float64)), np.inf)
    fpir = 1 - np.searchsorted(strangers, thresholds, side="left") / len(strangers)
    fnir = 1 - (len(found) - np.searchsorted(found, thresholds, side="left")) / len(mated_scores)
    return OpenSetCurve(thresholds, fpir, fnir)


def fnir_at_fpir(curve: OpenSetCurve, fpir: float) -> float:
    """FNIR at the lowest threshold whose FPIR is at most ``fpir``; no interpolation, the value is attained."""
    return float(curve.fnir[np.argmax(curve.fpir <= fpir + _ROUNDING)])


def threshold_for_fpir(stranger_scores: FloatArray, fpir: float) -> float:
    """The lowest threshold at which at most a share ``fpir`` of the strangers' best scores ``(s,)`` passes.

    Halfway between two scores as ``threshold_for_fmr``. It holds for the size of gallery that was searched only.
    """
    return threshold_for_fmr(stranger_scores, fpir)


def fpir_from_fmr(fmr: float, gallery_size: int) -> float:
    """FPIR of a gallery of N single references if comparisons erred independently: ``1 - (1 - FMR)^N``.

    They do not: see ``expected_fpir``. Exact to the last digits for tiny rates.
    """
    return float(_any_of(np.array([fmr]), gallery_size)[0])


def fmr_for_fpir(fpir: float, gallery_size: int) -> float:
    """The FMR each comparison may have for an FPIR over N references, the inverse of ``fpir_from_fmr``.

    Raises:
        DataError: an empty gallery, which gives no false answer at any FMR.
    """
    if gallery_size < 1:
        raise DataError(f"a gallery of {gallery_size} references, expected at least 1")
    return 1.0 if fpir >= 1 else -math.expm1(math.log1p(-fpir) / gallery_size)


def expected_fpir(rows: FloatArray, threshold: float, gallery_size: int) -> float:
    """FPIR to expect of strangers who search N single references: mean over probes of ``1 - (1 - FMR_p)^N``.

    FMR_p is the probe's own false match rate. Probes differ: a plain glyph resembles half the alphabet, a rich one
    nothing, and the plain one is most of the false matches. The pooled law ``fpir_from_fmr`` spreads those over all
    probes and so foretells too many false answers (Jensen's inequality: never fewer than this form).

    Args:
        rows: ``(p, r)`` impostor scores of each probe; NaN where a pair does not count. A row of NaN only is left out.
        threshold: a candidate is returned when its score >= threshold.
        gallery_size: N, of which the r references are taken to be a sample.
    """
    return _mean_of_any(rows, _counted(rows), threshold, gallery_size)


def threshold_for_expected_fpir(rows: FloatArray, fpir: float, gallery_size: int) -> float:
    """The lowest threshold with ``expected_fpir`` at most ``fpir``, halfway between the two scores it parts.

    Found by halving the sorted scores; with few references a probe a small ``fpir`` times N may be met only above the
    highest impostor, which then says no more than that none was seen there.

    Args:
        rows: ``(p, r)`` impostor scores of each probe; NaN where a pair does not count.
        fpir: the rate allowed.
        gallery_size: N.
    """
    number = _counted(rows)
    scores = np.unique(rows[~np.isnan(rows)])
    low, high = 0, len(scores)
    while low < high:
        middle = (low + high) // 2
        if _mean_of_any(rows, number, float(scores[middle]), gallery_size) <= fpir + _ROUNDING:
            high = middle
        else:
            low = middle + 1
    return between(scores.astype(np.float64), low)


def _counted(rows: FloatArray) -> IntArray:
    """Scores of each probe that count, ``(p,)``."""
    number: IntArray = np.count_nonzero(~np.isnan(rows), axis=1)
    if not number.any():
        raise DataError("no probe has an impostor score, a false positive rate needs at least one")
    return number


def _mean_of_any(rows: FloatArray, number: IntArray, threshold: float, gallery_size: int) -> float:
    asked = number > 0
    passed = np.count_nonzero(rows >= threshold, axis=1)
    return float(_any_of(passed[asked] / number[asked], gallery_size).mean())


def _any_of(rate: Float64Array, times: int) -> Float64Array:
    """Probability that at least one of so many independent events of this rate happens."""
    if times == 0:
        return np.zeros_like(rate)
    with np.errstate(divide="ignore"):  # log(0) where the rate is 1: the answer is 1
        none: Float64Array = np.expm1(times * np.log1p(-rate))
    return -none
