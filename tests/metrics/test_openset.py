"""Open-set identification in cases that can be checked by hand, and the law of gallery size."""

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.openset import (
    expected_fpir,
    fmr_for_fpir,
    fnir_at_fpir,
    fpir_from_fmr,
    open_set_curve,
    threshold_for_expected_fpir,
    threshold_for_fpir,
)


def scores(*values):
    """As float32."""
    return np.array(values, np.float32)


def test_a_wrong_best_candidate_is_a_miss_at_any_threshold():
    """With one of four mated searches led by a wrong candidate FNIR starts at 1/4 and ends at 1."""
    curve = open_set_curve(scores(0.9, 0.8, 0.7, 0.6), np.array([True, True, True, False]), scores(0.5, 0.75))
    assert curve.fnir[0] == 0.25
    assert (curve.fnir[-1], curve.fpir[0], curve.fpir[-1]) == (1, 1, 0)
    assert fnir_at_fpir(curve, 0.5) == 0.25
    assert fnir_at_fpir(curve, 0.0) == 0.5


def test_both_kinds_of_search_are_needed():
    """Without strangers or without mated searches there is no curve."""
    with pytest.raises(DataError, match="strangers"):
        open_set_curve(scores(0.5), np.array([True]), scores())
    with pytest.raises(DataError, match="mated"):
        open_set_curve(scores(), np.array([], bool), scores(0.5))


def test_the_threshold_lets_in_as_many_strangers_as_allowed():
    """Of ten strangers one may pass at 0.1: the threshold is halfway between the two best."""
    strangers = np.arange(10, dtype=np.float32)
    assert threshold_for_fpir(strangers, 0.1) == 8.5


@pytest.mark.parametrize("size", [1, 20, 1_000_000])
@pytest.mark.parametrize("rate", [1e-15, 1e-6, 0.01, 0.5])
def test_the_law_and_its_inverse_undo_each_other(size, rate):
    """fmr_for_fpir of fpir_from_fmr gives the rate back, to ten digits where it is tiny too."""
    if fpir_from_fmr(rate, size) < 1 - 1e-9:
        assert fmr_for_fpir(fpir_from_fmr(rate, size), size) == pytest.approx(rate, rel=1e-6)
    assert fpir_from_fmr(fmr_for_fpir(rate, size), size) == pytest.approx(rate, rel=1e-10)


def test_the_law_at_its_ends():
    """One reference gives the FMR itself, none gives 0, certainty stays certain; an empty gallery has no inverse."""
    assert fpir_from_fmr(0.2, 1) == pytest.approx(0.2)
    assert fpir_from_fmr(1.0, 0) == 0
    assert fpir_from_fmr(1.0, 5) == 1
    assert fmr_for_fpir(1.0, 5) == 1
    with pytest.raises(DataError):
        fmr_for_fpir(0.1, 0)


def test_probes_that_match_many_make_fewer_false_answers_than_the_pooled_law_says():
    """One probe of ten that matches half of all references: FPIR 10 %, where the pooled law says 64 %."""
    rows = np.zeros((10, 100), np.float32)
    rows[0, :50] = 1
    assert expected_fpir(rows, 0.5, 20) == pytest.approx(0.1, abs=1e-6)
    assert fpir_from_fmr(0.05, 20) > 0.6


def test_like_probes_follow_the_law():
    """When every probe has the same FMR the expected FPIR is the law's."""
    rows = np.tile(np.arange(100, dtype=np.float32), (7, 1))
    assert expected_fpir(rows, 90, 15) == pytest.approx(fpir_from_fmr(0.1, 15))


def test_pairs_that_do_not_count_are_left_out():
    """NaN neither passes nor counts among the references; a probe of NaN only is no probe, and none at all an error."""
    rows = scores([1, 0, np.nan, np.nan], [np.nan] * 4)
    assert expected_fpir(rows, 0.5, 1) == 0.5
    with pytest.raises(DataError):
        expected_fpir(rows[1:], 0.5, 1)


def test_measured_searches_agree_with_what_was_expected():
    """Strangers who search galleries drawn at random are answered as often as their rows foretell."""
    draw = np.random.default_rng(0)
    rows = draw.normal(draw.normal(size=(2000, 1)), 1, (2000, 400)).astype(np.float32)
    threshold = threshold_for_expected_fpir(rows, 0.05, 20)
    drawn = np.take_along_axis(rows, draw.integers(0, 400, (2000, 20)), 1)
    assert np.mean(drawn.max(axis=1) >= threshold) == pytest.approx(0.05, abs=0.01)


def test_neighbouring_scores_are_parted_in_float32():
    """When the scores to part are neighbours in float32 the one to keep out stays out."""
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    rows = np.array([[low, high]])
    threshold = threshold_for_expected_fpir(rows, 0.5, 1)
    assert (rows >= threshold).tolist() == [[False, True]]
    none = threshold_for_expected_fpir(rows, 0.1, 1)
    assert not (rows >= none).any()
    assert threshold_for_expected_fpir(rows, 1.0, 1) == low
