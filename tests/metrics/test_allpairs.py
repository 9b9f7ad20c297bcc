"""All pairs in cases that can be known beforehand: constants, separation, what does not count, what is refused."""

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.allpairs import all_pairs
from firstsight.metrics.binning import BINS, Binning, Distinct, ordered, unordered
from firstsight.metrics.verification import fnmr_at_fmr, min_dcf


def dot(left, right):
    """Scores by the dot product."""
    return left @ right.T


def clusters(n, classes, spread, seed=0):
    """Normalised embeddings of random clusters, and their labels in no order."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, n)
    embeddings = draw.normal(size=(classes, 16))[labels] + spread * draw.normal(size=(n, 16))
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5])
def test_a_constant_scorer_is_at_chance(value):
    """When all pairs score alike EER and AUC are 1/2 and no error remains in the AUC."""
    labels = np.arange(700) % 9
    found = all_pairs(lambda a, b: np.full((len(a), len(b)), value, np.float32), np.ones((700, 2), np.float32), labels)
    assert found.eer == pytest.approx(0.5)
    assert (found.auc, found.auc_error) == (0.5, 0)


def test_separated_classes_have_no_error():
    """One point a class: every genuine pair outscores every impostor, EER 0 and AUC 1."""
    labels = np.arange(1200) % 16
    found = all_pairs(dot, np.eye(16, dtype=np.float32)[labels], labels)
    assert (found.eer, found.auc) == (0, 1)
    assert found.genuine.sum() + found.impostor.sum() == 1200 * 1199 // 2
    assert found.threshold_for_fmr(0.0) == pytest.approx(0, abs=1e-30)


def test_the_order_of_the_data_changes_nothing():
    """Permuted embeddings give the same counts."""
    embeddings, labels = clusters(900, 30, 0.5)
    embeddings = (embeddings * 64).round()
    order = np.random.default_rng(1).permutation(900)
    one, other = all_pairs(dot, embeddings, labels), all_pairs(dot, embeddings[order], labels[order])
    np.testing.assert_array_equal(one.curve.thresholds, other.curve.thresholds)
    np.testing.assert_array_equal(one.genuine, other.genuine)
    np.testing.assert_array_equal(one.impostor, other.impostor)


def test_an_outlier_does_not_spoil_the_bins():
    """One embedding a million times as long leaves the EER of the others as it was, to its own share of pairs."""
    embeddings, labels = clusters(2500, 60, 0.6)
    plain = all_pairs(dot, embeddings, labels)
    embeddings[7] *= 1e6
    assert all_pairs(dot, embeddings, labels).eer == pytest.approx(plain.eer, abs=2e-3)


def test_what_follows_from_a_curve_follows_from_this_one():
    """FNMR at an FMR that was asked for and the least cost come from the curve of many pairs too."""
    embeddings, labels = clusters(2500, 60, 0.6)
    found = all_pairs(dot, embeddings, labels, fmrs=(1e-3,))
    threshold = found.threshold_for_fmr(1e-3)
    fmr, fnmr = all_pairs(dot, embeddings, labels, thresholds=(threshold,)).rates_at(threshold)
    assert fmr <= 1e-3
    assert fnmr == pytest.approx(fnmr_at_fmr(found.curve, 1e-3), abs=1e-12)
    assert 0 < min_dcf(found.curve, 0.5) <= 2 * found.eer + 1e-12


def test_a_threshold_not_asked_for_errs_on_the_safe_side():
    """Its FMR is at most the one wanted, and within a bin of the exact threshold."""
    embeddings, labels = clusters(2500, 60, 0.6)
    for fmr in (0.3, 0.03, 0.003):
        rough = all_pairs(dot, embeddings, labels).threshold_for_fmr(fmr)
        exact = all_pairs(dot, embeddings, labels, fmrs=(fmr,)).threshold_for_fmr(fmr)
        assert exact <= rough <= exact + 4 / BINS


def test_a_thinned_curve_keeps_its_ends_and_its_shape():
    """Some hundred points are enough for every rate to be within a hundredth of the full curve's."""
    embeddings, labels = clusters(1500, 60, 0.6)
    full = all_pairs(dot, embeddings, labels)
    thin = full.thinned(300)
    assert len(thin.fmr) <= 302
    assert (thin.fmr[0], thin.fmr[-1], thin.fnmr[0], thin.fnmr[-1]) == (1, 0, 0, 1)
    assert np.abs(np.diff(thin.fmr)).max() < 0.03
    assert np.abs(np.diff(thin.fnmr)).max() < 0.03
    assert np.isin(thin.thresholds, full.curve.thresholds).all()


@pytest.mark.parametrize(
    ("labels", "apart", "message"),
    [
        ([0, 1, 2], None, "0 genuine"),
        ([0, 0, 0], None, "0 impostor"),
        ([0, 0, 1], [4, 4, 5], "0 genuine"),
        ([0, 1], None, "as many"),
        ([0, 0, 1], [1], "as many"),
    ],
)
def test_data_without_both_kinds_of_pair_is_refused(labels, apart, message):
    """One class, classes of one, all of a class kept apart, and lengths that differ are errors in a sentence."""
    with pytest.raises(DataError, match=message):
        all_pairs(dot, np.eye(3, dtype=np.float32), np.array(labels), apart=None if apart is None else np.array(apart))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    """A NaN compares false with everything and would quietly count as no match."""
    embeddings = np.ones((4, 2), np.float32)
    embeddings[2, 1] = value
    with pytest.raises(DataError, match="finite"):
        all_pairs(dot, embeddings, np.array([0, 0, 1, 1]))
    with pytest.raises(DataError, match="no embeddings"):
        all_pairs(dot, embeddings[:0], np.array([], int))


def test_integers_of_scores_keep_their_order():
    """Ordered integers rise with the scores, know one zero, and give the scores back."""
    draw = np.random.default_rng(0)
    scores = np.concatenate([draw.normal(size=500), [0, np.inf, -np.inf, 1e-40, -1e-40, 3e38]]).astype(np.float32)
    scores.sort()
    keys = ordered(scores)
    assert (np.diff(keys) > 0).all()
    np.testing.assert_array_equal(unordered(keys), scores)
    assert ordered(np.array([-0.0], np.float32)) == ordered(np.array([0.0], np.float32))


@pytest.mark.parametrize(("low", "width"), [(-1, 2), (0.999, 1e-3), (-1e6, 1e6), (0, 1e-30)])
def test_bins_never_turn_the_order_and_edges_part_them(low, width):
    """Bins rise with the scores; each edge is the lowest score of its bin."""
    binning = Binning(np.float32(low), np.float32(BINS / width))
    scores = (low + width * np.random.default_rng(0).uniform(-0.5, 1.5, 10_000)).astype(np.float32)
    scores.sort()
    bins = binning(scores)
    assert (np.diff(bins) >= 0).all()
    edges = binning.edges(np.arange(BINS))
    assert (scores >= edges[bins]).all()
    above = bins < BINS - 1
    assert (scores[above] < edges[bins[above] + 1]).all()


def test_distinct_scores_are_counted_in_bounded_room():
    """However many come, one entry a distinct score is held, with how often it came."""
    distinct = Distinct()
    for _ in range(30):
        distinct.add(np.repeat(np.array([0.5, 0.25], np.float32), [60_000, 20_000]))
    assert Distinct.sum([distinct]).values.tolist() == [0.25, 0.5]
    assert distinct.times.tolist() == [600_000, 1_800_000]
