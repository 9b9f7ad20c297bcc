"""Thresholds: the target asked for is kept on the data given, whatever the scores."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from firstsight.calibration import CURVES, Target, fit_calibration, fit_curve, threshold_for
from firstsight.errors import CalibrationError
from firstsight.metrics.openset import expected_fpir, fpir_from_fmr
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


def rates_in_float32(genuine, impostor, threshold):
    """FMR and FNMR as a model decides; in float64 they are the same."""
    found = np.mean(impostor >= np.float32(threshold)), np.mean(genuine < np.float32(threshold))
    assert found == rates_at(genuine.astype(np.float64), impostor.astype(np.float64), threshold)
    return found


def every_cut(genuine, impostor):
    """FMR and FNMR of every threshold there could be."""
    scores = np.concatenate([genuine, impostor])
    cuts = [*np.unique(scores), np.inf]
    return np.array([[np.mean(impostor >= cut), np.mean(genuine < cut)] for cut in cuts]).T


@given(genuine=scores(), impostor=scores(), rate=RATES)
@SEEDED
def test_a_target_fnmr_is_kept_by_the_highest_threshold_that_does(genuine, impostor, rate):
    """The share of genuine pairs below it is at most the target; keeping out the next higher score would exceed it."""
    threshold = threshold_for(Target("fnmr", rate), genuine, impostor)
    assert rates_in_float32(genuine, impostor, threshold)[1] <= rate + 1e-9
    let_in = genuine[genuine >= np.float32(threshold)]
    assert np.mean(genuine <= let_in.min()) > rate - 1e-9


@given(genuine=scores(), impostor=scores(), rate=RATES, size=st.integers(1, 1000))
@SEEDED
def test_a_target_fpir_is_kept_by_the_pooled_law(genuine, impostor, rate, size):
    """1 - (1 - FMR)^N is at most the target."""
    threshold = threshold_for(Target("fpir", rate, size), genuine, impostor)
    assert fpir_from_fmr(rates_in_float32(genuine, impostor, threshold)[0], size) <= rate + 1e-6


@given(
    rows=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 8)),
        elements=st.one_of(TIED.map(np.float32).map(float), FREE, st.just(float("nan"))),
    ),
    rate=RATES,
    size=st.integers(1, 100),
)
@SEEDED
def test_a_target_fpir_is_kept_by_rows(rows, rate, size):
    """The mean over probes of 1 - (1 - FMR)^N, each with its own FMR, is at most the target, in float32 too."""
    assume(not np.isnan(rows).all())
    threshold = threshold_for(Target("fpir", rate, size), np.ones(1, np.float32), np.ones(1, np.float32), rows)
    assert np.float32(threshold) == threshold
    assert expected_fpir(rows, threshold, size) <= rate + 1e-9


@given(genuine=scores(), impostor=scores(), value=RATES, prior=RATES)
@SEEDED
def test_a_target_precision_is_kept_or_refused(genuine, impostor, value, prior):
    """Of pairs called the same that share is; it is refused only where no threshold does it."""
    assume(value > prior)
    fmr, fnmr = every_cut(genuine, impostor)
    right = prior * (1 - fnmr)
    with np.errstate(invalid="ignore"):
        meets = right / (right + (1 - prior) * fmr) >= value - 1e-12
    try:
        threshold = threshold_for(Target("precision", value, prior=prior), genuine, impostor)
    except CalibrationError:
        assert not meets.any()
        return
    at_fmr, at_fnmr = rates_in_float32(genuine, impostor, threshold)
    assert prior * (1 - at_fnmr) >= (value - 1e-9) * (prior * (1 - at_fnmr) + (1 - prior) * at_fmr)
    assert at_fnmr == fnmr[meets].min()


@given(genuine=scores(), impostor=scores(), ratio=st.floats(1e-3, 1e3), prior=RATES)
@SEEDED
def test_no_threshold_costs_less(genuine, impostor, ratio, prior):
    """The expected cost at the threshold is the least of all."""
    fmr, fnmr = every_cut(genuine, impostor)
    threshold = threshold_for(Target("cost", ratio, prior=prior), genuine, impostor)
    at_fmr, at_fnmr = rates_in_float32(genuine, impostor, threshold)
    least = ((1 - prior) * ratio * fmr + prior * fnmr).min()
    assert (1 - prior) * ratio * at_fmr + prior * at_fnmr <= least + 1e-9


@given(genuine=scores(), impostor=scores())
@SEEDED
def test_no_threshold_is_nearer_to_equal_errors(genuine, impostor):
    """The two rates are as near each other as at any threshold."""
    fmr, fnmr = every_cut(genuine, impostor)
    at_fmr, at_fnmr = rates_in_float32(genuine, impostor, threshold_for(Target("eer"), genuine, impostor))
    assert abs(at_fmr - at_fnmr) <= np.abs(fmr - fnmr).min() + 1e-9


@pytest.mark.parametrize("kind", CURVES)
@given(genuine=scores(), impostor=scores(), asked=arrays.arrays(np.float32, 50, elements=FREE))
@SEEDED
def test_every_curve_rises(kind, genuine, impostor, asked):
    """Whatever it was fitted to, the probability is between 0 and 1 and never falls as the score rises."""
    try:
        curve = fit_curve(kind, genuine, impostor)
    except ValueError:
        return
    found = curve.probability(np.sort(np.concatenate([asked, genuine, impostor])))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(
    genuine=scores(20),
    impostor=scores(20),
    kind=st.sampled_from(["fmr", "fnmr", "fpir", "precision"]),
    rate=st.sampled_from([0.05, 0.1, 1 / 3]),
    seed=st.integers(0, 2),
    by_class=st.booleans(),
)
@settings(SEEDED, max_examples=60)
def test_confidence_keeps_the_target_too(genuine, impostor, kind, rate, seed, by_class):
    """With confidence asked for, the target is met on the pairs given as it is without, or better."""
    target = Target(kind, 1 - rate, prior=0.5) if kind == "precision" else Target(kind, rate)
    everything, same = np.concatenate([genuine, impostor]), np.arange(len(genuine) + len(impostor)) < len(genuine)
    left = np.arange(len(everything)) % 5
    found = {}
    for confidence in (0.5, 0.9):
        try:
            found[confidence] = fit_calibration(
                everything,
                same,
                target=target,
                data="made",
                classes=(),
                seed=seed,
                model="m",
                units=(left, np.where(same, left, (left + 1) % 5)) if by_class else None,
                confidence=confidence,
            )
        except CalibrationError:
            assume(False)
    fmr, fnmr = rates_in_float32(genuine, impostor, found[0.9].threshold)
    if kind == "fnmr":
        assert fnmr <= min(rate, found[0.5].fnmr) + 1e-9
    elif kind == "precision":
        assert fmr <= found[0.5].fmr
    else:
        assert fmr <= min(rate, found[0.5].fmr) + 1e-6
