"""Resampling classes: how far a threshold, a rate or a probability would move with other classes.

Pairs of two classes rise and fall together, so whole classes are drawn again, with replacement, and a pair counts as
often as its two classes come up together (a pair within one class as often as that class), as
``metrics.intervals.rate_by_classes`` has it. Data given as pairs has no classes: there every pair is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from firstsight.calibration.curves import CurveKind, fit_curve
from firstsight.calibration.record import MOST_BAND
from firstsight.calibration.targets import Steps, Target, precision_at
from firstsight.metrics.intervals import exact, mean_by_cluster, rate_by_classes
from firstsight.types import BoolArray, FloatArray, IntArray

Float64Array: TypeAlias = npt.NDArray[np.float64]
Units: TypeAlias = tuple[IntArray, IntArray]
"""The classes ``(n,)`` of both sides of pairs, or ``(p,)`` of probes and ``(r,)`` of references."""

ROUNDS = 200
_BAND_ROUNDS = 100
_BAND_PAIRS = 50_000  # of each kind: the curve has few parameters, and classes, not pairs, make it move
_BAND_BINS = 512


@dataclass(frozen=True, slots=True)
class Kind:
    """The pairs of one kind, genuine or impostor.

    Attributes:
        scores: ``(n,)``.
        left, right: ``(n,)`` the class of each side, in 0..count - 1.
        count: how many classes there are, on both kinds alike.
    """

    scores: FloatArray
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    count: int

    def weights(self, times: Float64Array) -> Float64Array:
        """How often each pair counts ``(n,)`` when each class does ``times (count,)``."""
        one = times[self.left]
        return np.where(self.left == self.right, one, one * times[self.right])

    def only(self, kept: slice | BoolArray | IntArray) -> Kind:
        """Some of the pairs."""
        return Kind(self.scores[kept], self.left[kept], self.right[kept], self.count)

    def sums(self) -> Callable[[Float64Array], float]:
        """The sum of ``weights``, prepared so that it is quick for many resamples."""
        code = self.left.astype(np.int64) * self.count + self.right
        shown, pairs = np.unique(code, return_counts=True)
        left, right = shown // self.count, shown % self.count
        within = left == right

        def summed(times: Float64Array) -> float:
            return float(np.where(within, times[left], times[left] * times[right]) @ pairs)

        return summed


def kinds(scores: FloatArray, same: BoolArray, units: Units | None) -> tuple[Kind, Kind]:
    """Genuine and impostor pairs from scores ``(n,)``, ``same (n,)`` and their classes; none: each pair is its own."""
    if units is None:
        left = right = np.arange(len(scores), dtype=np.int32)
        size = len(scores)
    else:
        met = np.zeros(max(int(side.max(initial=0)) for side in units) + 1, bool)
        for side in units:
            met[side] = True
        left, right = ((np.cumsum(met, dtype=np.int32) - 1)[side] for side in units)
        size = int(met.sum())
    genuine, impostor = (Kind(scores[side], left[side], right[side], size) for side in (same, ~same))
    return genuine, impostor


def draws(count: int, seed: int, rounds: int = ROUNDS) -> Iterator[Float64Array]:
    """How often each of ``count`` classes comes up ``(count,)``, round after round."""
    rng = np.random.default_rng((seed, 80))
    for _ in range(rounds):
        yield np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)


def strict_threshold(
    target: Target, genuine: Kind, impostor: Kind, confidence: float, point: float, *, seed: int, independent: bool
) -> float:
    """The threshold that meets a target in a share ``confidence`` of resamples (corrected), never a laxer one.

    A rate also meets its exact binomial bound (Clopper and Pearson, 1934, one-sided), because no resample shows how
    little a few pairs without an error prove. What even then is out of reach is met as nearly as the pairs allow:
    just above the highest impostor, just below the lowest genuine score.

    Args:
        target: ``fmr``, ``fnmr``, ``precision``, or ``fpir`` by the pooled law.
        genuine, impostor: the pairs.
        confidence: above 0.5.
        point: the threshold that meets the target on the pairs as they are.
        seed: of the draws.
        independent: whether every pair is its own class: the exact bound alone then sets a rate.
    """
    downwards = target.kind == "fnmr"  # stricter is lower where same pairs must not be missed
    # Of the pairs whose rate is promised only those in error at the plain threshold can move it.
    g, i = genuine, impostor
    if downwards:
        g, i = genuine.only(genuine.scores < np.float32(point)), impostor.only(slice(0, 0))
    else:
        i = impostor.only(impostor.scores >= np.float32(point))
        g = genuine if target.kind == "precision" else genuine.only(slice(0, 0))
    if not len(g.scores) + len(i.scores):
        return point
    steps = Steps.of(g.scores, i.scores, thin=True)
    # The candidates from the plain threshold up; for a FNMR, down.
    first = 0 if downwards else int(np.searchsorted(steps.first_in, np.searchsorted(steps.scores, np.float32(point))))
    found: list[int] = []
    sums = genuine.sums(), impostor.sums()

    right = g.only(g.scores >= np.float32(point))

    def error(times: Float64Array) -> float:
        """What the target bounds, at the plain threshold; for a precision the odds against it."""
        if downwards:
            return _ratio(g.weights(times).sum(), sums[0](times))
        false = _ratio(i.weights(times).sum(), sums[1](times))
        found_right = _ratio(right.weights(times).sum(), sums[0](times))
        return _ratio(false, found_right) if target.kind == "precision" else false

    if target.kind == "precision" or not independent:
        for times in draws(genuine.count, seed):
            totals = sums[0](times), sums[1](times)
            if all(totals):  # else too few classes came up to make pairs of both kinds
                fmr, fnmr = steps.rates(g.weights(times), i.weights(times), totals)
                found.append(first + _meeting(target, fmr[first:], fnmr[first:]))
    chosen = []
    if found:
        met = float(np.mean(np.array(found) >= len(steps.first_in) - 1 if downwards else np.array(found) <= first))
        share = confidence if independent else corrected(confidence, met, error, genuine.count, seed)
        chosen.append(_quantile(found, 1 - share if downwards else share, upwards=not downwards))
    if target.kind != "precision":
        trials = len(genuine.scores), len(impostor.scores)
        fmr, fnmr = steps.rates(np.ones(len(g.scores)), np.ones(len(i.scores)), trials)
        chosen.append(_meeting(target, _upper(fmr, trials[1], confidence), _upper(fnmr, trials[0], confidence)))
    if downwards:
        return min(point, steps.cut(min(chosen))) if min(chosen) < len(steps.first_in) - 1 else point
    return max(point, steps.cut(max(chosen))) if chosen and max(chosen) > 0 else point


def corrected(confidence: float, met: float, error: Callable[[Float64Array], float], count: int, seed: int) -> float:
    """The share of resamples that must meet a target so that other classes do with this confidence; no lower.

    Resamples of few classes are too kind: rates lean to one side, and the odd class that errs with all others may be
    missing. Source: Efron, 1987, "Better bootstrap confidence intervals" (BCa), JASA 82. Deviation: the skewness comes
    from leaving out at most 200 classes, one at a time.

    Args:
        confidence: above 0.5.
        met: the share of resamples that meet the target at the plain threshold.
        error: the rate there when each class counts so often ``(count,)``.
        count: how many classes there are.
        seed: of the choice of classes left out.
    """
    left_out = np.random.default_rng((seed, 82)).permutation(count)[:ROUNDS]
    without = np.array([error(np.where(np.arange(count) == c, 0.0, 1.0)) for c in left_out])
    lean = np.mean(without) - without
    size = float(np.square(lean).sum())
    skewness = float((lean**3).sum()) / (6 * size**1.5) * np.sqrt(len(lean) / count) if size > 0 else 0.0
    bias = float(scipy.special.ndtri(np.clip(met, 1 / (ROUNDS + 1), ROUNDS / (ROUNDS + 1))))
    reach = bias + float(scipy.special.ndtri(confidence))
    return max(confidence, float(scipy.special.ndtr(bias + reach / max(1e-9, 1 - skewness * reach))))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _quantile(values: list[int], share: float, *, upwards: bool) -> int:
    """The value that ``share`` of them do not exceed, one of them: rounded upwards or downwards."""
    return int(np.quantile(values, share, method="higher" if upwards else "lower"))


def _meeting(target: Target, fmr: Float64Array, fnmr: Float64Array) -> int:
    """The candidate that meets the target, or comes nearest, from their rates ``(s,)``."""
    if target.kind == "fnmr":
        return int(np.flatnonzero(fnmr <= max(target.value, fnmr.min()) + 1e-12)[-1])
    if target.kind == "precision":
        precision = precision_at(target.prior, fmr, fnmr)
        return int(np.argmax(precision >= min(target.value, precision.max()) - 1e-12))
    return int(np.argmax(fmr <= max(target.promised_fmr() or 0.0, fmr.min()) + 1e-12))


def _upper(rate: Float64Array, trials: int, confidence: float) -> Float64Array:
    """One-sided exact upper bounds of rates of any shape, seen in so many trials."""
    wrong = np.rint(rate * trials)
    bound = scipy.special.betaincinv(wrong + 1, np.maximum(trials - wrong, 1), confidence)
    return np.asarray(np.where(wrong >= trials, 1.0, bound))


def rate_interval(hits: BoolArray, side: Kind, *, seed: int, independent: bool) -> tuple[float, float]:
    """95 % interval of the share of ``hits (n,)`` among pairs of one kind: exact, or by resampling their classes."""
    if independent:
        return exact(int(hits.sum()), len(hits))
    if (side.left == side.right).all():
        found = mean_by_cluster(hits.astype(np.float64), side.left.astype(np.int64), seed=seed)
        return found.low, found.high
    return rate_by_classes(hits, side.left.astype(np.int64), side.right.astype(np.int64), seed=seed)


def band(
    kind: CurveKind, genuine: Kind, impostor: Kind, *, seed: int, independent: bool
) -> tuple[FloatArray, Float64Array, Float64Array]:
    """Scores ``(b,)`` and the 95 % interval of the probability there, low and high ``(b,)``, by refitting the curve.

    At most 50,000 pairs of each kind are resampled, in 512 bins of as many pairs each. A curve that falls on some
    resample says nothing there: one half.
    """
    rng = np.random.default_rng((seed, 81))
    sides = [
        side if len(side.scores) <= _BAND_PAIRS else side.only(rng.choice(len(side.scores), _BAND_PAIRS, replace=False))
        for side in (genuine, impostor)
    ]
    grid = np.unique(np.concatenate([np.quantile(s.scores, np.linspace(0, 1, MOST_BAND // 2)) for s in sides]))
    edges = np.unique(np.concatenate([np.quantile(s.scores, np.linspace(0, 1, _BAND_BINS // 2)) for s in sides]))
    bins = max(1, len(edges) - 1)
    places = [np.searchsorted(edges[1:-1], s.scores, side="right") for s in sides]
    whole = [np.bincount(place, minlength=bins) for place in places]
    summed = sum(np.bincount(place, s.scores, bins) for place, s in zip(places, sides, strict=True))
    centres = summed / np.maximum(1, whole[0] + whole[1])
    found = []
    for times in draws(1 if independent else genuine.count, seed, _BAND_ROUNDS):
        if independent:
            drawn = [rng.multinomial(pairs.sum(), pairs / pairs.sum()) for pairs in whole]
        else:
            drawn = [np.bincount(place, side.weights(times), bins) for place, side in zip(places, sides, strict=True)]
        g, i = (counts.astype(np.float64) for counts in drawn)
        if g.any() and i.any():
            found.append(_refitted(kind, centres, g, i, grid))
    low, high = np.quantile(found, [0.025, 0.975], axis=0) if found else (np.zeros(len(grid)), np.ones(len(grid)))
    return grid, low, high


def _refitted(
    kind: CurveKind, centres: Float64Array, genuine: Float64Array, impostor: Float64Array, grid: Float64Array
) -> Float64Array:
    try:
        curve = fit_curve(kind, centres, centres, genuine_weight=genuine, impostor_weight=impostor)
    except ValueError:
        return np.full(len(grid), 0.5)
    return curve.probability(grid)
