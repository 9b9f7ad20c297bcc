"""Probabilities that are what they say, and some that are not."""

import math

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.reliability import brier, ece, log_loss, reliability


def test_always_one_half_scores_as_a_coin():
    """Saying one half costs a Brier score of 1/4 and a log loss of log 2, and is calibrated where half come true."""
    half, came = np.full(10, 0.5), np.arange(10) % 2
    assert brier(half, came) == 0.25
    assert log_loss(half, came) == pytest.approx(math.log(2))
    assert ece(half, came) == 0


def test_the_gap_of_each_bin_counts_by_its_weight():
    """Two bins off by 0.1 and 0.3 with one and three predictions have an ECE of 0.25."""
    p = np.array([0.1, 0.7, 0.7, 0.7])
    assert ece(p, np.array([0, 1, 1, 1]), bins=2) == pytest.approx((0.1 + 3 * 0.3) / 4)


def test_a_bin_is_closed_above():
    """A probability on an edge belongs to the bin below it, 0 to the first."""
    found = reliability(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), np.zeros(5), bins=4)
    assert found.count.tolist() == [2, 1, 1, 1]


def test_empty_bins_have_no_share_and_do_not_count():
    """Bins without predictions are NaN in the diagram and leave the ECE as it is for any number of bins."""
    found = reliability(np.array([0.05, 0.95]), np.array([0, 1]), bins=10)
    assert np.isnan(found.observed[1:9]).all()
    assert found.ece == pytest.approx(0.05)


def test_a_weight_stands_for_repetition():
    """Weight 3 gives what three copies give, in all four measures."""
    p, y, w = np.array([0.2, 0.6, 0.9]), np.array([1, 0, 1]), np.array([1.0, 3.0, 2.0])
    many = np.repeat(p, w.astype(int)), np.repeat(y, w.astype(int))
    for measure in (ece, brier, log_loss):
        assert measure(p, y, w) == pytest.approx(measure(*many))
    np.testing.assert_array_equal(reliability(p, y, w).weight, reliability(*many).count)


def test_honest_probabilities_have_a_small_ece_and_bold_ones_a_large():
    """Outcomes drawn with the probabilities said give an ECE near 0; said bolder than they are, a large one."""
    draw = np.random.default_rng(0)
    p = draw.random(50_000)
    y = draw.random(50_000) < p
    assert ece(p, y) < 0.01
    assert ece(np.where(p > 0.5, 0.99, 0.01), y) > 0.2


@pytest.mark.parametrize("p", [[], [1.1], [-0.1], [float("nan")], [0.1, 0.2]])
def test_what_is_no_probability_is_refused(p):
    """Nothing, values outside 0 to 1, NaN and lengths that differ are errors, not numbers."""
    with pytest.raises(DataError):
        ece(np.array(p), np.zeros(1 if p else 0))
