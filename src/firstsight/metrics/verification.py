"""1:1 error rates from scores of same ("genuine") and different ("impostor") pairs. Names as in ISO/IEC 19795-1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.types import FloatArray

_ROUNDING = 1e-12  # a rate counted as k / n may miss the one asked for by this much

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


def fnmr_at_fmr(curve: ErrorCurve, fmr: float) -> float:
    """FNMR at the lowest threshold whose FMR is at most ``fmr``: what a stated security costs in convenience.

    No interpolation: the value is one a threshold attains. It is 1 where no genuine pair outscores all impostors
    that must be kept out.
    """
    return float(curve.fnmr[np.argmax(curve.fmr <= fmr + _ROUNDING)])


def tar_at_fmr(curve: ErrorCurve, fmr: float) -> float:
    """True accept rate at an FMR, "TAR@FAR" of the face recognition literature: ``1 - fnmr_at_fmr``."""
    return 1 - fnmr_at_fmr(curve, fmr)


def min_dcf(curve: ErrorCurve, prior: float, *, cost_miss: float = 1.0, cost_false: float = 1.0) -> float:
    """Least detection cost over all thresholds, normalised: 1 is what a system that ignores the scores pays.

    ``min_t [cost_miss prior FNMR(t) + cost_false (1 - prior) FMR(t)] / min(cost_miss prior, cost_false (1 - prior))``

    Source: NIST Speaker Recognition Evaluation plans (2008 on), "minimum normalised C_det".

    Args:
        curve: of the scores.
        prior: probability of a genuine pair where the system is used, strictly between 0 and 1.
        cost_miss: of a genuine pair refused.
        cost_false: of an impostor pair let in.
    """
    miss, false = cost_miss * prior, cost_false * (1 - prior)
    return float((miss * curve.fnmr + false * curve.fmr).min() / min(miss, false))


def transaction_rates(fmr: float, fnmr: float, fta: float) -> tuple[float, float]:
    """(FAR, FRR) of transactions of one attempt, in which a failure to acquire is a rejection.

    ``FAR = FMR (1 - FTA)``, ``FRR = FTA + FNMR (1 - FTA)``. Source: ISO/IEC 19795-1:2021.

    Args:
        fmr, fnmr: of the comparisons that took place.
        fta: share of attempts from which nothing could be compared.
    """
    return fmr * (1 - fta), fta + fnmr * (1 - fta)


def best_threshold(genuine: FloatArray, impostor: FloatArray) -> float:
    """The threshold of highest balanced accuracy ``1 - (FMR + FNMR) / 2``; of equal ones the highest.

    It lies halfway between the two scores it parts, as that of ``threshold_for_fmr``. The highest, because of two
    systems that err as often the one that refuses does less harm.

    Args:
        genuine: ``(g,)`` float32, not empty.
        impostor: ``(i,)`` float32, not empty.
    """
    curve = error_curve(genuine, impostor)
    error = curve.fmr + curve.fnmr
    return between(curve.thresholds, int(np.flatnonzero(error <= error.min() + _ROUNDING)[-1]))


def between(thresholds: Float64Array, place: int) -> float:
    """A threshold that lets in what ``thresholds[place]`` lets in, halfway to the highest score kept out.

    Scores are compared in float32, so it must lie above the score kept out in float32 too.

    Args:
        thresholds: ``(t,)`` ascending distinct scores; a last +inf stands for letting nothing in.
        place: index of the lowest score let in; at 0 that score itself is the threshold.
    """
    if place == 0:
        return float(thresholds[0])
    kept_out = thresholds[place - 1]
    lowest = np.nextafter(np.float32(kept_out), np.float32(np.inf))
    if place == len(thresholds) or thresholds[place] == np.inf:
        return float(lowest)
    return float(max(np.float32((thresholds[place] + kept_out) / 2), lowest))


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many pairs a threshold decided rightly and wrongly; a share of nothing is 0, as scikit-learn has it.

    Attributes:
        true_positives: genuine pairs decided "same".
        false_negatives: genuine pairs decided "different".
        false_positives: impostor pairs decided "same".
        true_negatives: impostor pairs decided "different".
    """

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def accuracy(self) -> float:
        """Share of all pairs decided rightly; it flatters where one kind of pair is rare."""
        right = self.true_positives + self.true_negatives
        return _share(right, right + self.false_negatives + self.false_positives)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the shares of genuine and of impostor pairs decided rightly."""
        return (self.recall + _share(self.true_negatives, self.true_negatives + self.false_positives)) / 2

    @property
    def precision(self) -> float:
        """Share of the pairs decided "same" that are; it depends on how common genuine pairs were in the test."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the genuine pairs decided "same": ``1 - FNMR``."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        right = 2 * self.true_positives
        return _share(right, right + self.false_positives + self.false_negatives)


def confusion(genuine: FloatArray, impostor: FloatArray, threshold: float) -> Confusion:
    """Counts of genuine ``(g,)`` and impostor ``(i,)`` scores decided "same" when score >= threshold."""
    same, false = int(np.sum(genuine >= threshold)), int(np.sum(impostor >= threshold))
    return Confusion(same, len(genuine) - same, false, len(impostor) - false)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
