"""Are probabilities what they say? Reliability, calibration error, Brier score and log loss of yes-or-no outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.types import IntArray

Float64Array = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.floating]
Outcomes = npt.NDArray[np.bool_] | npt.NDArray[np.integer] | npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Reliability:
    """What was predicted and what came, by bins of equal width.

    Attributes:
        edges: ``(bins + 1,)`` from 0 to 1; bin b holds edges[b] < probability <= edges[b + 1], the first also 0.
        predicted: ``(bins,)`` mean probability, NaN where a bin is empty.
        observed: ``(bins,)`` share of outcomes that came true, NaN where a bin is empty.
        weight: ``(bins,)`` summed weight.
        count: ``(bins,)`` number of predictions.
    """

    edges: Float64Array
    predicted: Float64Array
    observed: Float64Array
    weight: Float64Array
    count: IntArray

    @property
    def ece(self) -> float:
        """Expected calibration error: see ``ece``."""
        filled = self.weight > 0
        gap = np.abs(self.observed[filled] - self.predicted[filled])
        return float(gap @ self.weight[filled] / self.weight.sum())


def reliability(
    probability: Probabilities, outcome: Outcomes, weight: Float64Array | None = None, *, bins: int = 15
) -> Reliability:
    """The reliability diagram's numbers.

    Args:
        probability: ``(n,)`` predicted, 0 to 1.
        outcome: ``(n,)`` what came, 0 or 1.
        weight: ``(n,)`` of each prediction, or None for 1: unequal ones stand for other prior odds than the sample's.
        bins: how many, of equal width (Guo et al., 2017, arXiv:1706.04599, whose bins are closed above as here).

    Raises:
        DataError: nothing predicted, lengths that differ, or a probability outside 0 to 1.
    """
    p, y, w = _checked(probability, outcome, weight)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], p, side="left")
    total = np.bincount(place, w, bins).astype(np.float64, copy=False)
    empty = np.where(total > 0, total, np.nan)
    predicted, observed = np.bincount(place, w * p, bins) / empty, np.bincount(place, w * y, bins) / empty
    return Reliability(edges, predicted, observed, total, np.bincount(place, minlength=bins))


def ece(probability: Probabilities, outcome: Outcomes, weight: Float64Array | None = None, *, bins: int = 15) -> float:
    """Expected calibration error: ``sum_b (w_b / w) |observed_b - predicted_b|`` over bins of equal width.

    The binary form of Naeini et al. (2015, AAAI): the probability is that of "same", not the confidence in the
    likelier answer as Guo et al. (2017) take it for many classes. It depends on the bins and is never quite 0 on a
    finite sample, which ``brier`` and ``log_loss`` beside it do not suffer from.

    Args:
        probability, outcome, weight, bins: as for ``reliability``.
    """
    return reliability(probability, outcome, weight, bins=bins).ece


def brier(probability: Probabilities, outcome: Outcomes, weight: Float64Array | None = None) -> float:
    """Brier score: weighted mean of ``(probability - outcome)^2`` (Brier, 1950); 1/4 for always saying one half."""
    p, y, w = _checked(probability, outcome, weight)
    return float(np.square(p - y) @ w / w.sum())


def log_loss(probability: Probabilities, outcome: Outcomes, weight: Float64Array | None = None) -> float:
    """Mean negative log likelihood in nats; log 2 for always saying one half.

    Probabilities are held 2.2e-16 (float64's epsilon, as scikit-learn) from 0 and 1: being certain and wrong costs
    36 nats, not infinity.
    """
    p, y, w = _checked(probability, outcome, weight)
    epsilon = np.finfo(np.float64).eps
    p = np.clip(p, epsilon, 1 - epsilon)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)) @ w / w.sum())


def _checked(
    probability: Probabilities, outcome: Outcomes, weight: Float64Array | None
) -> tuple[Float64Array, Float64Array, Float64Array]:
    p, y = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, np.float64)
    if not len(p) == len(y) == len(w) or len(p) == 0:
        raise DataError(f"{len(p)} probabilities, {len(y)} outcomes and {len(w)} weights: as many of each are needed")
    if not (p.min() >= 0 and p.max() <= 1):
        raise DataError(f"probabilities from {p.min():g} to {p.max():g}, expected 0 to 1")
    return p, y, w
