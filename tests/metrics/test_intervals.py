"""Intervals: they hold their value, and are honest about clusters."""

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.intervals import bootstrap, combine_seeds, exact, mean_by_cluster, rate_by_classes
from firstsight.types import Metric


def alphabets(between, seed=0):
    """Accuracies of 20 clusters of 50 trials whose levels differ by ``between``."""
    draw = np.random.default_rng(seed)
    level = np.repeat(0.8 + between * draw.normal(size=20), 50)
    return (draw.random(1000) < level).astype(float), np.repeat(np.arange(20), 50)


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_the_interval_holds_the_mean(between):
    """The value is the plain mean over trials and lies strictly within its interval."""
    values, clusters = alphabets(between)
    found = mean_by_cluster(values, clusters)
    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high


def test_alike_trials_widen_the_interval():
    """The same values clustered by likeness have a far wider interval than scattered over clusters at random."""
    values, clusters = alphabets(0.15)
    clustered = mean_by_cluster(values, clusters)
    scattered = mean_by_cluster(values, np.random.default_rng(1).permutation(clusters))
    assert clustered.value == scattered.value
    assert clustered.high - clustered.low > 2 * (scattered.high - scattered.low)


def test_independent_clusters_give_the_normal_interval():
    """With one trial a cluster the interval is the textbook one of a mean, to a tenth."""
    values = np.random.default_rng(2).normal(size=2000)
    found = mean_by_cluster(values, np.arange(2000))
    width = 2 * 1.96 * values.std() / 2000**0.5
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Over 200 repetitions with 40 clusters the true mean is inside about 95 times in 100."""
    held = 0
    for seed in range(200):
        draw = np.random.default_rng((9, seed))
        level = np.repeat(draw.normal(size=40), 10)
        found = mean_by_cluster(level + draw.normal(size=400), np.repeat(np.arange(40), 10), seed=seed, rounds=200)
        held += found.low <= 0 <= found.high
    assert 178 <= held <= 199


def test_the_names_of_clusters_do_not_matter():
    """Clusters may be any numbers; only which trials share one counts, and the seed decides the draw."""
    values, clusters = alphabets(0.1)
    one, other = mean_by_cluster(values, clusters, seed=4), mean_by_cluster(values, clusters * 7 + 1000, seed=4)
    assert one == other
    assert one != mean_by_cluster(values, clusters, seed=5)


def test_one_cluster_says_nothing_about_its_spread():
    """With a single cluster the interval is the value itself."""
    found = mean_by_cluster(np.array([0.0, 1.0, 1.0]), np.zeros(3, int))
    assert found.low == pytest.approx(found.value) == pytest.approx(found.high)


def test_a_bootstrapped_mean_equals_the_direct_one():
    """The general bootstrap, asked for a mean, agrees with the one made for means."""
    values, clusters = alphabets(0.1)

    def mean(counts):
        return {"mean": float(np.average(values, weights=counts[clusters]))}

    found = bootstrap(mean, 20, rounds=1000)["mean"]
    direct = mean_by_cluster(values, clusters)
    assert found.value == pytest.approx(direct.value)
    assert found.low == pytest.approx(direct.low, abs=0.01)
    assert found.high == pytest.approx(direct.high, abs=0.01)


def test_draws_without_a_value_are_left_out():
    """Resamples in which the statistic is undefined do not spoil the interval; always undefined gives itself."""

    def sometimes(counts):
        return {"some": float("nan") if counts[0] == 0 else 2.0, "never": float("nan") if counts[0] != 1 else 3.0}

    found = bootstrap(sometimes, 3)
    assert (found["some"].low, found["some"].high) == (2.0, 2.0)
    assert found["never"].value == 3.0


def test_pairs_of_few_classes_are_not_independent() -> None:
    """When one pair of classes causes all errors, resampling classes gives a far wider interval than counting pairs."""
    left, right = np.repeat(np.triu_indices(6, 1), 100, axis=1)
    hits = (left == 0) & (right == 1)
    low, high = rate_by_classes(hits, left, right)
    flat = exact(float(hits.sum()), len(hits))
    assert low <= hits.mean() <= high
    assert high - low > 3 * (flat[1] - flat[0])


def test_a_rate_that_is_the_same_everywhere_has_a_narrow_interval() -> None:
    """With the same rate for every pair of classes, resampling classes hardly moves it."""
    left, right = np.repeat(np.triu_indices(12, 1), 100, axis=1)
    hits = np.arange(len(left)) % 10 == 0
    low, high = rate_by_classes(hits, left, right)
    assert high - low < 1e-9
    assert low == pytest.approx(0.1)


def test_seeds_that_agree_keep_the_interval_of_one():
    """Equal seeds add no doubt and take none away; a single seed is itself."""
    one = Metric(0.9, 0.85, 0.93)
    for count in (1, 2, 5):
        found = combine_seeds([one] * count)
        assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.85, 0.93))


def test_seeds_that_differ_widen_it_by_students_law():
    """Seeds without doubt of their own have the textbook interval of a mean: t 12.7 for two, 4.30 for three."""
    found = combine_seeds([Metric(v, v, v) for v in (0.50, 0.51)])
    assert found.high - found.value == pytest.approx(12.706 * 0.005 * 2**0.5 / 2**0.5, rel=1e-4)
    found = combine_seeds([Metric(v, v, v) for v in (0.50, 0.51, 0.52)])
    assert found.high - found.value == pytest.approx(4.3027 * 0.01 / 3**0.5, rel=1e-4)


def test_both_doubts_are_covered():
    """The interval is wider than either doubt alone on each side, and keeps a lopsided one lopsided."""
    seeds = [Metric(v, v - 0.04, v + 0.01) for v in (0.80, 0.81, 0.79)]
    found = combine_seeds(seeds)
    assert found.value - found.low > 0.04
    assert found.high - found.value > 4.30 * 0.01 / 3**0.5
    assert found.value - found.low > found.high - found.value


def test_a_rate_stays_a_rate():
    """The interval is cut off at the limits; a value beyond them and no seeds at all are refused."""
    assert combine_seeds([Metric(v, v, v) for v in (0.9, 1.0)]).high == 1
    assert combine_seeds([Metric(v, v, v) for v in (0.9, 1.1)], limits=(0, 9)).high > 1.1
    for wrong in ([Metric(1.2, 1.1, 1.3)], [Metric(float("nan"), 0, 1)], []):
        with pytest.raises(DataError):
            combine_seeds(wrong)


def test_the_interval_over_seeds_covers_the_truth_as_often_as_it_says():
    """Of 500 experiments of 4 trainings on one test set the expected value is inside about 95 in 100 times."""
    draw = np.random.default_rng(3)
    held = 0
    for _ in range(500):
        of_the_data = 0.01 * draw.normal()
        values = 0.5 + of_the_data + 0.01 * draw.normal(size=4)
        found = combine_seeds([Metric(float(v), float(v) - 0.0196, float(v) + 0.0196) for v in values])
        held += found.low <= 0.5 <= found.high
    assert 460 <= held <= 495
