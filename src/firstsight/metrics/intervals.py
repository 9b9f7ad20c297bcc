"""95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import scipy

from firstsight.errors import DataError
from firstsight.types import IntArray, Metric


def exact(successes: float, trials: int) -> tuple[float, float]:
    """Exact binomial interval (Clopper and Pearson, 1934) for independent trials."""
    low = 0.0 if successes <= 0 else float(scipy.special.betaincinv(successes, trials - successes + 1, 0.025))
    high = 1.0 if successes >= trials else float(scipy.special.betaincinv(successes + 1, trials - successes, 0.975))
    return low, high


def mean_by_cluster(
    values: npt.NDArray[np.float64], clusters: IntArray, *, seed: int = 0, rounds: int = 1000
) -> Metric:
    """Mean of ``values (n,)`` with a bootstrap over whole clusters ``(n,)`` (alphabets, classes, runs).

    Trials within a cluster are alike, so resampling them one by one would flatter the interval.
    """
    _, codes = np.unique(clusters, return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    draw = np.random.default_rng((seed, 77)).integers(0, len(sums), (rounds, len(sums)))
    means = sums[draw].sum(1) / counts[draw].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Metric(float(values.mean()), float(low), float(high))


def bootstrap(
    statistic: Callable[[IntArray], dict[str, float]], clusters: int, *, seed: int = 0, rounds: int = 200
) -> dict[str, Metric]:
    """Statistics with intervals by resampling cluster numbers.

    Args:
        statistic: takes how often each cluster counts ``(clusters,)`` and gives named values.
        clusters: how many there are.
    """
    value = statistic(np.ones(clusters, np.int64))
    rng = np.random.default_rng((seed, 78))
    draws = [statistic(np.bincount(rng.integers(0, clusters, clusters), minlength=clusters)) for _ in range(rounds)]
    result = {}
    for name, middle in value.items():
        spread = [d[name] for d in draws if np.isfinite(d[name])]
        low, high = np.quantile(spread, [0.025, 0.975]) if spread else (middle, middle)
        result[name] = Metric(middle, float(low), float(high))
    return result


def rate_by_classes(
    hits: npt.NDArray[np.bool_], left: IntArray, right: IntArray, *, seed: int = 0, rounds: int = 200
) -> tuple[float, float]:
    """Interval of a rate over pairs ``(n,)``, by resampling the classes on both sides.

    Pairs of two classes rise and fall together: 1,500 pairs of 6 people are far from 1,500 independent trials.

    Args:
        hits: whether each pair counts.
        left, right: ``(n,)`` the class of each side, in 0..c - 1.
        seed: of the draws.
        rounds: how many.
    """
    count = int(max(left.max(initial=0), right.max(initial=0))) + 1
    pair = left * count + right
    shown, inverse = np.unique(pair, return_inverse=True)
    struck = np.bincount(inverse, hits)
    total = np.bincount(inverse)
    rng = np.random.default_rng((seed, 79))
    rates = []
    for _ in range(rounds):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        weight = times[shown // count] * times[shown % count]
        if (weight * total).sum():
            rates.append(float((weight * struck).sum() / (weight * total).sum()))
    low, high = np.quantile(rates, [0.025, 0.975]) if rates else (0.0, 1.0)
    return float(low), float(high)


def combine_seeds(seeds: Sequence[Metric], *, limits: tuple[float, float] = (0.0, 1.0)) -> Metric:
    """Mean over trainings that differ in their seed only, with an interval for another such training's expected value.

    With S values v of mean m and sample variance s^2, and t the 97.5 % point of Student's law of S - 1 degrees,

        ``low  = m - sqrt(mean((v - low_v)^2) + t^2 s^2 / S)``
        ``high = m + sqrt(mean((high_v - v)^2) + t^2 s^2 / S)``

    The first term is the doubt from the test data. All seeds meet the same ones, so more seeds do not lessen it; the
    second, the doubt from the training, falls with S. One seed keeps its interval, which is silent on the training.

    Args:
        seeds: one Metric a training, each with its 95 % interval.
        limits: the range the measure can take, in which the interval is cut off; that of a rate by default.

    Raises:
        DataError: no seeds, or a value outside the limits.
    """
    if not seeds:
        raise DataError("there are no seeds to combine")
    values = np.array([m.value for m in seeds])
    if not (values.min() >= limits[0] and values.max() <= limits[1]):
        raise DataError(f"values from {values.min():g} to {values.max():g}, expected {limits[0]:g} to {limits[1]:g}")
    count, mean = len(seeds), float(values.mean())
    between = float(scipy.special.stdtrit(count - 1, 0.975)) ** 2 * values.var(ddof=1) / count if count > 1 else 0.0
    below = np.sqrt(np.mean([(m.value - m.low) ** 2 for m in seeds]) + between)
    above = np.sqrt(np.mean([(m.high - m.value) ** 2 for m in seeds]) + between)
    return Metric(mean, max(limits[0], mean - float(below)), min(limits[1], mean + float(above)))
