"""95 % intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

from firstsight.types import IntArray, Metric


def exact(successes: float, trials: int) -> tuple[float, float]:
    """Exact binomial interval (Clopper and Pearson, 1934) for independent trials."""
    low = 0.0 if successes <= 0 else float(stats.beta.ppf(0.025, successes, trials - successes + 1))
    high = 1.0 if successes >= trials else float(stats.beta.ppf(0.975, successes + 1, trials - successes))
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
