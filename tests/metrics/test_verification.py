"""Error rates, curves and thresholds in cases that can be checked by hand."""

import numpy as np
import pytest

from firstsight.metrics.verification import auc, eer, error_curve, rates_at, threshold_for_fmr


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
