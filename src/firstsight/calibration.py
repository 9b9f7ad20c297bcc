"""Calibration: from a score to a probability, and the threshold that meets a stated false match rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import FiniteFloat
from scipy import optimize, special

from firstsight.errors import CalibrationError
from firstsight.metrics.intervals import exact, rate_by_classes
from firstsight.metrics.verification import rates_at, threshold_for_fmr
from firstsight.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model knows about its scores.

    Attributes:
        slope, intercept: probability = 1 / (1 + exp(-(slope * score + intercept))), at equal prior odds.
        threshold: "same" from this score on.
        target_fmr: the false match rate asked for, a comparison.
        fmr, fmr_low, fmr_high: as measured at the threshold, with its 95 % interval by resampling classes
            (for data given as pairs the exact binomial one).
        fnmr: false non-match rate at the threshold.
        genuine_pairs, impostor_pairs: how many pairs stand behind it.
        data: the data set.
        classes: its classes, so that a test on them can be refused.
        seed: of the draw of pairs.
        model: fingerprint of the model whose scores these are.
        data_fingerprint: of the data set, so that a test on its very pairs can be refused; "" if unknown.
    """

    slope: FiniteFloat
    intercept: FiniteFloat
    threshold: FiniteFloat
    target_fmr: FiniteFloat
    fmr: FiniteFloat
    fmr_low: FiniteFloat
    fmr_high: FiniteFloat
    fnmr: FiniteFloat
    genuine_pairs: int
    impostor_pairs: int
    data: str
    classes: tuple[str, ...]
    seed: int
    model: str
    data_fingerprint: str = ""

    def probability(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probability of "same" for scores of any shape, when same and different are equally likely beforehand."""
        value: npt.NDArray[np.float64] = special.expit(self.slope * np.asarray(scores, np.float64) + self.intercept)
        return value

    def expected_fpir(self, gallery_size: int) -> float:
        """How often a stranger is taken for someone among ``gallery_size`` identities: 1 - (1 - FMR)^N.

        Few pairs may show no false match at all, so no less than the target is believed.
        """
        return float(1 - (1 - max(self.fmr, self.target_fmr)) ** gallery_size)


def platt(genuine: FloatArray, impostor: FloatArray) -> tuple[float, float]:
    """Slope and intercept of a logistic curve through the scores.

    Source: Platt, 1999, with his smoothed targets. Deviation: genuine and impostor pairs weigh the same in total,
    so that the probability assumes equal prior odds whatever the numbers drawn.
    """
    centre = float((genuine.mean() + impostor.mean()) / 2)
    spread = float(np.concatenate([genuine, impostor]).std()) or 1.0
    scores = np.concatenate([genuine, impostor]).astype(np.float64)
    x = (scores - centre) / spread
    positive = (len(genuine) + 1) / (len(genuine) + 2)
    negative = 1 / (len(impostor) + 2)
    target = np.repeat([positive, negative], [len(genuine), len(impostor)])
    weight = np.repeat([0.5 / len(genuine), 0.5 / len(impostor)], [len(genuine), len(impostor)])

    def cost(ab: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = ab[0] * x + ab[1]
        value = weight @ (np.logaddexp(0, z) - target * z)
        slack = weight * (special.expit(z) - target)
        return float(value), np.array([slack @ x, slack.sum()])

    fit = optimize.minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS")
    slope, offset = fit.x / np.array([spread, 1.0])
    return float(slope), float(offset - slope * centre)


def check_target(fmr: float, seed: int) -> None:
    """Refuse, before any work, what no calibration can be made for.

    Raises:
        CalibrationError: the target is not a rate, or the seed is negative.
    """
    if not 0 < fmr < 1:
        raise CalibrationError(f"the target FMR is {fmr}, a rate between 0 and 1 was expected (0.001 is 1 in 1,000)")
    if seed < 0:
        raise CalibrationError(f"the seed is {seed}, 0 or more was expected")


def fit_calibration(
    scores: FloatArray,
    same: npt.NDArray[np.bool_],
    *,
    fmr: float,
    data: str,
    classes: tuple[str, ...],
    seed: int,
    model: str,
    data_fingerprint: str = "",
    units: tuple[IntArray, IntArray] | None = None,
) -> Calibration:
    """Fit probability and threshold to scores ``(n,)`` of pairs ``same (n,)``.

    ``units`` are the classes ``(n,)`` of both sides, for the interval; without, pairs are taken as independent.

    Raises:
        CalibrationError: the target is not a rate, there are no pairs of one kind, or same pairs do not score higher.
    """
    check_target(fmr, seed)
    genuine, impostor = scores[same], scores[~same]
    if not len(genuine) or not len(impostor):
        raise CalibrationError(f"{data} gives {len(genuine)} same and {len(impostor)} different pairs; both are needed")
    slope, intercept = platt(genuine, impostor)
    if slope <= 0 or genuine.mean() <= impostor.mean():
        raise CalibrationError(
            f"on {data} same pairs do not score higher than different ones, so no threshold can help; train the model "
            "longer or on data more like this"
        )
    threshold = threshold_for_fmr(impostor, fmr)
    measured, fnmr = rates_at(genuine, impostor, threshold)
    if units is None:
        low, high = exact(round(measured * len(impostor)), len(impostor))
    else:
        left, right = units[0][~same], units[1][~same]
        low, high = rate_by_classes(impostor >= np.float32(threshold), left, right, seed=seed)
    return Calibration(
        slope=slope,
        intercept=intercept,
        threshold=threshold,
        target_fmr=fmr,
        fmr=measured,
        fmr_low=low,
        fmr_high=high,
        fnmr=fnmr,
        genuine_pairs=len(genuine),
        impostor_pairs=len(impostor),
        data=data,
        classes=classes,
        seed=seed,
        model=model,
        data_fingerprint=data_fingerprint,
    )
