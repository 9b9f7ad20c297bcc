"""Thresholds: the false match rate asked for is never exceeded, whatever the scores."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from firstsight.metrics.verification import auc, eer, error_curve, rates_at, threshold_for_fmr

SEEDED = settings(derandomize=True, deadline=None, max_examples=150)
TIED = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.5 + 2**-24, 1.0])
FREE = st.floats(-4, 4, width=32)


def scores(most=60):
    """Score arrays, with many ties or with few, neighbouring floats among them."""
    return st.one_of(
        arrays.arrays(np.float32, st.integers(1, most), elements=FREE),
        arrays.arrays(np.float32, st.integers(1, most), elements=TIED.map(np.float32).map(float)),
    )


RATES = st.one_of(st.sampled_from([0.001, 0.01, 0.05, 0.1, 1 / 3, 0.5]), st.floats(1e-4, 0.999))


@given(impostor=scores(), fmr=RATES)
@SEEDED
def test_the_target_is_never_exceeded(impostor, fmr):
    """The share of impostors at or above the threshold is at most the target, also as a model compares in float32."""
    threshold = threshold_for_fmr(impostor, fmr)
    assert rates_at(impostor, impostor, threshold)[0] <= fmr + 1e-9
    assert np.mean(impostor >= np.float32(threshold)) <= fmr + 1e-9
    assert np.mean(impostor.astype(np.float64) >= threshold) <= fmr + 1e-9


@given(impostor=scores(), fmr=RATES)
@SEEDED
def test_no_lower_threshold_would_do(impostor, fmr):
    """Letting in the next lower score would exceed the target: the threshold is not stricter than it need be."""
    threshold = threshold_for_fmr(impostor, fmr)
    kept_out = impostor[impostor.astype(np.float64) < threshold]
    if len(kept_out):
        assert np.mean(impostor >= kept_out.max()) > fmr - 1e-9


@given(impostor=scores(), one=RATES, other=RATES)
@SEEDED
def test_a_stricter_target_gives_no_lower_threshold(impostor, one, other):
    """The threshold never falls as the target falls."""
    strict, loose = sorted((one, other))
    assert threshold_for_fmr(impostor, strict) >= threshold_for_fmr(impostor, loose)


@given(genuine=scores(), impostor=scores())
@SEEDED
def test_rates_lie_between_0_and_1_and_turn_round(genuine, impostor):
    """EER and AUC are in 0..1; with the sides exchanged and scores negated they are as before."""
    value, area = eer(error_curve(genuine, impostor)), auc(genuine, impostor)
    assert 0 <= value <= 1
    assert 0 <= area <= 1
    assert abs(auc(-impostor, -genuine) - area) < 1e-12
    assert abs(auc(impostor, genuine) - (1 - area)) < 1e-12


@given(genuine=scores(), impostor=scores())
@SEEDED
def test_the_curve_is_monotone(genuine, impostor):
    """As the threshold rises FMR never rises and FNMR never falls."""
    curve = error_curve(genuine, impostor)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.fmr) <= 0).all()
    assert (np.diff(curve.fnmr) >= 0).all()
    assert (curve.fmr[0], curve.fnmr[0], curve.fmr[-1], curve.fnmr[-1]) == (1, 0, 0, 1)
