"""Error rates, curves and thresholds in cases that can be checked by hand."""

import numpy as np
import pytest

from firstsight.metrics.verification import (
    auc,
    best_threshold,
    confusion,
    eer,
    error_curve,
    fnmr_at_fmr,
    min_dcf,
    rates_at,
    tar_at_fmr,
    threshold_for_fmr,
    transaction_rates,
)


def scores(*values):
    """As float32."""
    return np.array(values, np.float32)


def test_the_curve_runs_from_all_in_to_all_out():
    """FMR starts at 1 and falls to 0, FNMR starts at 0 and rises to 1, at ascending thresholds up to infinity."""
    curve = error_curve(scores(0.9, 0.5, 0.5), scores(0.5, 0.1))
    np.testing.assert_allclose(curve.thresholds, [np.float32(0.1), 0.5, np.float32(0.9), np.inf])
    np.testing.assert_allclose(curve.fmr, [1, 0.5, 0, 0])
    np.testing.assert_allclose(curve.fnmr, [0, 0, 2 / 3, 1])


def test_separated_scores_have_no_error():
    """When every genuine pair outscores every impostor the EER is 0 and the AUC 1; turned round 1 and 0."""
    low, high = scores(0.1, 0.2, 0.3), scores(0.6, 0.7)
    assert eer(error_curve(high, low)) == 0
    assert auc(high, low) == 1
    assert eer(error_curve(low, high)) == 1
    assert auc(low, high) == 0


def test_a_constant_scorer_is_at_chance():
    """When all scores are one number the EER and the AUC are 1/2."""
    genuine, impostor = np.zeros(7, np.float32), np.zeros(12, np.float32)
    assert eer(error_curve(genuine, impostor)) == pytest.approx(0.5)
    assert auc(genuine, impostor) == 0.5


def test_one_in_four_errs_on_both_sides():
    """Four pairs a side with one of each beyond the other's three give an EER of 1/4."""
    curve = error_curve(scores(0.2, 0.7, 0.8, 0.9), scores(0.1, 0.15, 0.18, 0.75))
    assert eer(curve) == pytest.approx(0.25)


def test_same_is_decided_from_the_threshold_on():
    """A score that equals the threshold is "same"."""
    assert rates_at(scores(0.5, 0.4), scores(0.5, 0.4, 0.3, 0.2), 0.5) == (0.25, 0.5)


def test_the_threshold_lies_between_two_scores():
    """With room between scores the threshold is halfway between the last let in and the first kept out."""
    assert threshold_for_fmr(scores(0.0, 1.0, 2.0, 4.0), 0.25) == 3.0
    assert threshold_for_fmr(scores(0.0, 1.0, 2.0, 4.0), 0.5) == 1.5


@pytest.mark.parametrize("count", [1, 10, 99])
def test_few_impostors_let_none_in(count):
    """When one impostor let in would already exceed the target, none is: the threshold is above the highest."""
    impostor = np.linspace(0, 1, count, dtype=np.float32)
    threshold = threshold_for_fmr(impostor, 0.01)
    assert threshold == pytest.approx(impostor.max(), abs=1e-5)
    assert rates_at(impostor, impostor, threshold)[0] == 0


def test_tied_impostors_are_let_in_together_or_not_at_all():
    """When the highest impostors are tied beyond what the target allows, none of them is let in."""
    impostor = scores(*[0.5] * 50, *[0.1] * 50)
    assert rates_at(impostor, impostor, threshold_for_fmr(impostor, 0.01))[0] == 0
    assert rates_at(impostor, impostor, threshold_for_fmr(impostor, 0.5))[0] == 0.5


def test_fnmr_at_an_fmr_is_one_a_threshold_attains():
    """With four impostors one of which outscores half the genuine, FMR 1/4 costs nothing and FMR 0 a half."""
    curve = error_curve(scores(0.5, 0.6, 0.8, 0.9), scores(0.1, 0.2, 0.3, 0.7))
    assert fnmr_at_fmr(curve, 0.25) == 0
    assert fnmr_at_fmr(curve, 0.24) == 0.5
    assert tar_at_fmr(curve, 0.0) == 0.5
    assert fnmr_at_fmr(curve, 1.0) == 0


def test_a_rate_that_is_asked_for_exactly_is_met():
    """Shares like 1/10 and 3/10, which float64 does not hold, are met by one and three of ten impostors."""
    curve = error_curve(np.linspace(-1, 12, 27, dtype=np.float32), np.arange(10, dtype=np.float32))
    for passed in range(10):
        assert fnmr_at_fmr(curve, passed / 10) == curve.fnmr[np.flatnonzero(np.round(curve.fmr * 10) <= passed)[0]]


def test_the_cost_of_ignoring_the_scores_is_one():
    """A constant scorer's least normalised cost is 1 for any prior and costs; a perfect one's is 0."""
    constant = error_curve(np.zeros(5, np.float32), np.zeros(9, np.float32))
    perfect = error_curve(scores(0.9), scores(0.1))
    for prior, miss, false in ((0.01, 1, 1), (0.5, 10, 1), (0.001, 1, 5)):
        assert min_dcf(constant, prior, cost_miss=miss, cost_false=false) == pytest.approx(1)
        assert min_dcf(perfect, prior, cost_miss=miss, cost_false=false) == 0


def test_the_cost_weighs_the_errors_by_prior_and_price():
    """One impostor of four beyond all genuine: at equal priors refusing it costs all, letting it in a quarter."""
    curve = error_curve(scores(0.5, 0.6), scores(0.1, 0.2, 0.3, 0.9))
    assert min_dcf(curve, 0.5) == 0.25
    assert min_dcf(curve, 0.01) == 1


def test_failures_to_acquire_are_rejections():
    """A tenth of attempts that yield nothing lower FAR by a tenth and raise FRR by what they would have let in."""
    assert transaction_rates(0.01, 0.2, 0.0) == (0.01, 0.2)
    far, frr = transaction_rates(0.01, 0.2, 0.1)
    assert far == pytest.approx(0.009)
    assert frr == pytest.approx(0.1 + 0.18)
    assert transaction_rates(0.01, 0.2, 1.0) == (0, 1)


def test_the_best_threshold_parts_what_can_be_parted():
    """Separated scores are parted halfway; neighbours in float32 are parted too; a constant scorer lets nothing in."""
    assert best_threshold(scores(3.0, 4.0), scores(0.0, 1.0)) == 2.0
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    assert confusion(scores(high), scores(low), best_threshold(scores(high), scores(low))).accuracy == 1
    constant = scores(0.5, 0.5)
    assert rates_at(constant, constant, best_threshold(constant, constant)) == (0, 1)


def test_of_equally_good_thresholds_the_highest_is_taken():
    """Where a lower and a higher threshold err alike, the higher, with fewer false matches, wins."""
    threshold = best_threshold(scores(1.0, 3.0), scores(0.0, 2.0))
    assert threshold == 2.5


def test_shares_of_nothing_are_zero():
    """Nothing decided "same" has precision and F1 0; no pairs at all have accuracy 0."""
    none = confusion(scores(0.1), scores(0.2), 0.9)
    assert (none.precision, none.f1, none.recall, none.accuracy) == (0, 0, 0, 0.5)
    assert confusion(scores(), scores(), 0.5).accuracy == 0
