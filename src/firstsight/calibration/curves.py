"""Curves: from a score to the probability of "same", when same and different are equally likely beforehand.

    platt      a logistic curve through the scores: two numbers, steady on few pairs
    beta       Platt's curve bent in its tails: three numbers more, it holds where Platt's is too bold or too timid
    isotonic   any rising curve: it follows the scores most closely and needs the most pairs

In all three genuine and impostor pairs weigh the same in total, whatever the numbers drawn, and are labelled with
Platt's smoothed targets, so that no probability is surer than its pairs allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import scipy
from pydantic import ConfigDict, FiniteFloat

Float64Array: TypeAlias = npt.NDArray[np.float64]
Scores: TypeAlias = npt.NDArray[np.floating]
CurveKind: TypeAlias = Literal["platt", "beta", "isotonic"]

CURVES: tuple[CurveKind, ...] = get_args(CurveKind)
DEFAULT_CURVE: CurveKind = "platt"
MOST_KNOTS = 64


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising curve from score to probability.

    Attributes:
        kind: which of the three.
        parameters: platt ``(slope, intercept)``: z = slope * score + intercept, probability = 1 / (1 + exp(-z));
            beta ``(slope, intercept, a, b, c)``: with s = 1 / (1 + exp(-z)) the log odds are
            a * ln(s) - b * ln(1 - s) + c; isotonic ``()``.
        knots_x, knots_y: isotonic: ``(k,)`` scores, rising, and their probabilities, not falling; straight lines
            between them, level beyond; 2 <= k <= 64. Else empty.

    Raises:
        ValueError: the numbers do not make a rising curve.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    kind: CurveKind
    parameters: tuple[FiniteFloat, ...] = ()
    knots_x: tuple[FiniteFloat, ...] = ()
    knots_y: tuple[FiniteFloat, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would not rise; a calibration read from a file comes through here too."""
        wanted = {"platt": 2, "beta": 5, "isotonic": 0}.get(self.kind)
        if wanted is None:
            raise ValueError(f"there is no curve {self.kind!r}; known: {', '.join(CURVES)}")
        x, y = np.array(self.knots_x, np.float64), np.array(self.knots_y, np.float64)
        if not all(np.isfinite(v).all() for v in (np.array(self.parameters, np.float64), x, y)):
            raise ValueError(f"the {self.kind} curve has a number that is not finite")
        if len(self.parameters) != wanted:
            raise ValueError(f"a {self.kind} curve has {wanted} parameters, {len(self.parameters)} came")
        if self.kind == "isotonic":
            if not 2 <= len(x) <= MOST_KNOTS or len(x) != len(y):
                raise ValueError(f"an isotonic curve has 2 to {MOST_KNOTS} knots, {len(x)} and {len(y)} came")
            if (np.diff(x) <= 0).any() or (np.diff(y) < 0).any() or y[0] < 0 or y[-1] > 1 or y[0] == y[-1]:
                raise ValueError("the knots of the isotonic curve do not rise from 0 to 1")
        elif len(x) or len(y):
            raise ValueError(f"a {self.kind} curve has no knots, {len(x)} came")
        elif self.parameters[0] <= 0 or min(self.parameters[2:4], default=1) < 0 or self.parameters[2:4] == (0, 0):
            raise ValueError(f"the {self.kind} curve does not rise")

    def log_odds(self, scores: npt.ArrayLike) -> Float64Array:
        """ln(p / (1 - p)) of scores of any shape; finite for scores of any ordinary size, unlike that of ``p``."""
        score = np.asarray(scores, np.float64)
        if self.kind == "isotonic":
            value: Float64Array = scipy.special.logit(self._between_knots(score))
            return value
        z = self.parameters[0] * score + self.parameters[1]
        if self.kind == "platt":
            return np.asarray(z)
        a, b, c = self.parameters[2:]
        # ln(s) and ln(1 - s) of the Platt probability, without the loss of digits near 0 and 1.
        return np.asarray(b * np.logaddexp(0, z) - a * np.logaddexp(0, -z) + c)

    def probability(self, scores: npt.ArrayLike) -> Float64Array:
        """Probability of "same" for scores of any shape; never falls as the score rises."""
        score = np.asarray(scores, np.float64)
        if self.kind == "isotonic":
            return self._between_knots(score)
        value: Float64Array = scipy.special.expit(self.log_odds(score))
        return value

    def _between_knots(self, score: Float64Array) -> Float64Array:
        x, y = np.array(self.knots_x), np.array(self.knots_y)
        piece = np.clip(np.searchsorted(x, score, side="right") - 1, 0, len(x) - 2)
        share = np.clip((score - x[piece]) / (x[piece + 1] - x[piece]), 0, 1)
        # The sum may pass the next knot by a rounding; held below it, it cannot fall there.
        return np.asarray(np.minimum(y[piece] + share * (y[piece + 1] - y[piece]), y[piece + 1]))


def fit_curve(
    kind: CurveKind,
    genuine: Scores,
    impostor: Scores,
    *,
    genuine_weight: npt.ArrayLike | None = None,
    impostor_weight: npt.ArrayLike | None = None,
) -> Curve:
    """The curve of a kind through genuine ``(g,)`` and impostor ``(i,)`` scores.

    Args:
        kind: platt, beta or isotonic.
        genuine, impostor: finite scores, neither empty.
        genuine_weight, impostor_weight: ``(g,)`` and ``(i,)``: as how many pairs each score counts; one each without.

    Raises:
        ValueError: the curve would not rise: same pairs do not score higher than different ones.
    """
    score, label, weight = _joined(genuine, impostor, genuine_weight, impostor_weight)
    if kind == "isotonic":
        return _isotonic(score, label, weight)
    slope, intercept = _platt(score, label, weight)
    return Curve("platt", (slope, intercept)) if kind == "platt" else _beta(score, label, weight, slope, intercept)


def platt(genuine: Scores, impostor: Scores) -> tuple[float, float]:
    """Slope and intercept of a logistic curve through the scores ``(g,)`` and ``(i,)``.

    Source: Platt, 1999, with his smoothed targets. Deviation: genuine and impostor pairs weigh the same in total,
    so that the probability assumes equal prior odds whatever the numbers drawn.
    """
    return _platt(*_joined(genuine, impostor, None, None))


def _joined(
    genuine: Scores,
    impostor: Scores,
    genuine_weight: npt.ArrayLike | None,
    impostor_weight: npt.ArrayLike | None,
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Scores, Platt's smoothed targets and weights of all pairs; each kind weighs 1/2 in total."""
    g = np.ones(len(genuine)) if genuine_weight is None else np.asarray(genuine_weight, np.float64)
    i = np.ones(len(impostor)) if impostor_weight is None else np.asarray(impostor_weight, np.float64)
    score = np.concatenate([genuine, impostor]).astype(np.float64)
    positive, negative = (g.sum() + 1) / (g.sum() + 2), 1 / (i.sum() + 2)
    label = np.repeat([positive, negative], [len(g), len(i)])
    weight = np.concatenate([0.5 * g / g.sum(), 0.5 * i / i.sum()])
    return score[weight > 0], label[weight > 0], weight[weight > 0]


def _platt(score: Float64Array, label: Float64Array, weight: Float64Array) -> tuple[float, float]:
    centre = float(weight @ score)  # both kinds weigh alike, so this is the middle between their means
    spread = float(np.sqrt(weight @ (score - centre) ** 2)) or 1.0
    x = np.stack([(score - centre) / spread, np.ones(len(score))])
    slope, offset = _logistic(x, label, weight, np.array([1.0, 0.0])) / np.array([spread, 1.0])
    return float(slope), float(offset - slope * centre)


def _beta(score: Float64Array, label: Float64Array, weight: Float64Array, slope: float, intercept: float) -> Curve:
    """Beta calibration of the Platt probability s: a logistic curve on ln(s) and -ln(1 - s).

    Source: Kull, Silva Filho and Flach, 2017, "Beta calibration", AISTATS. Deviation: they calibrate probabilities;
    scores here are of any range, so Platt's curve maps them to (0, 1) first. Platt's is the case a = b = 1, c = 0.
    As there, a slope that comes out negative is left out and the others are fitted again.
    """
    if slope <= 0:
        return Curve("platt", (slope, intercept))  # which refuses it
    z = slope * score + intercept
    x = np.stack([-np.logaddexp(0, -z), np.logaddexp(0, z), np.ones(len(z))])
    found = _logistic(x, label, weight, np.array([1.0, 1.0, 0.0]))
    for negative in (0, 1):
        if found[negative] < 0:
            kept = [1 - negative, 2]
            found = np.insert(_logistic(x[kept], label, weight, np.array([1.0, 0.0])), negative, 0.0)
            break
    a, b, c = found.tolist()
    return Curve("beta", (slope, intercept, a, b, c))


def _logistic(x: Float64Array, label: Float64Array, weight: Float64Array, start: Float64Array) -> Float64Array:
    """Coefficients ``(k,)`` of a weighted logistic regression on rows of features ``(k, n)``, by Newton's method."""

    def cost(beta: Float64Array) -> tuple[float, Float64Array]:
        z = beta @ x
        return float(weight @ (np.logaddexp(0, z) - label * z)), z

    beta = start
    value, z = cost(beta)
    for _ in range(100):
        p = scipy.special.expit(z)
        slope = x @ (weight * (p - label))
        bend = (x * (weight * p * (1 - p))) @ x.T
        # Features may all but coincide, or all probabilities be sure; the ridge keeps the step finite.
        step = np.linalg.solve(bend + 1e-12 * np.eye(len(beta)), slope)
        size = 1.0
        while True:
            after, z = cost(beta - size * step)
            if after <= value or size < 1e-6:
                break
            size /= 2
        beta = beta - size * step
        done = value - after < 1e-13
        value = after
        if done:
            break
    return beta


def _isotonic(score: Float64Array, label: Float64Array, weight: Float64Array) -> Curve:
    """Pool adjacent violators, then straight lines between the centres of the pools.

    Source: Zadrozny and Elkan, 2002, "Transforming classifier scores into accurate multiclass probability estimates",
    KDD; the centres are those of Oron and Flournoy, 2017, "Centered isotonic regression". Deviation: where there are
    more than 64 pools, those are kept whose log odds lie most evenly.
    """
    # Imported here because it is slow to load and only fitting needs it.
    from scipy.optimize import isotonic_regression

    distinct, place = np.unique(score, return_inverse=True)
    mass = np.bincount(place, weight)
    fit = isotonic_regression(np.bincount(place, weight * label) / mass, weights=mass)
    pools = np.concatenate([[0], np.cumsum(np.diff(fit.x) > 1e-12)])  # equal heights may differ by a rounding
    y = fit.x[np.unique(pools, return_index=True)[1]]
    x = np.bincount(pools, mass * distinct) / np.bincount(pools, mass)
    if len(x) > MOST_KNOTS:
        odds = scipy.special.logit(y)
        kept = np.unique(np.searchsorted(odds, np.linspace(odds[0], odds[-1], MOST_KNOTS)).clip(0, len(x) - 1))
        x, y = x[kept], y[kept]
    return Curve("isotonic", (), tuple(x.tolist()), tuple(y.tolist()))
