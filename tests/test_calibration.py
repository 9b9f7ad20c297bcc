"""Calibration: the probability is true, the threshold keeps its target, and hopeless scores are refused."""

import itertools

import numpy as np
import pytest

from firstsight.calibration import fit_calibration, platt
from firstsight.errors import CalibrationError
from firstsight.metrics.intervals import exact


def drawn(genuine=20_000, impostor=20_000, seed=0, apart=2.0, middle=0.0):
    """Two normals of deviation 1; at equal priors their posterior is a sigmoid of slope ``apart`` about ``middle``."""
    draw = np.random.default_rng(seed)
    return (
        (middle + apart / 2 + draw.normal(size=genuine)).astype(np.float32),
        (middle - apart / 2 + draw.normal(size=impostor)).astype(np.float32),
    )


def fitted(genuine, impostor, fmr=0.01):
    """A calibration from both kinds of scores."""
    same = np.arange(len(genuine) + len(impostor)) < len(genuine)
    scores = np.concatenate([genuine, impostor])
    return fit_calibration(scores, same, fmr=fmr, data="made", classes=("a", "b"), seed=3, model="m")


@pytest.mark.parametrize("middle", [0.0, 0.7, -30.0])
@pytest.mark.parametrize("apart", [1.0, 2.0])
def test_platt_recovers_the_true_sigmoid(apart, middle):
    """On scores whose posterior is a known sigmoid its slope and its middle come out, to sampling error."""
    slope, intercept = platt(*drawn(apart=apart, middle=middle))
    assert slope == pytest.approx(apart, rel=0.05)
    assert -intercept / slope == pytest.approx(middle, abs=0.05)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_unit_of_the_score_does_not_matter(scale):
    """Scores in another unit get the same probabilities."""
    genuine, impostor = drawn(2000, 2000)
    plain, scaled = fitted(genuine, impostor), fitted(genuine * np.float32(scale), impostor * np.float32(scale))
    points = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(scaled.probability(points * scale), plain.probability(points), atol=1e-3)


def test_priors_are_equal_whatever_was_drawn():
    """Drawing a hundred times as many impostors, or the same ones again, leaves the probability as it is."""
    genuine, impostor = drawn(5000, 5000)
    plain = platt(genuine, impostor)
    again = platt(genuine, np.tile(impostor, 10))
    assert again == pytest.approx(plain, rel=0.01, abs=0.01)
    many = platt(*drawn(2000, 200_000))
    assert many == pytest.approx((2.0, 0.0), abs=0.1)


def test_probabilities_are_true():
    """Of fresh pairs given a probability of about p, as many same as different drawn, a share of about p is same."""
    found = fitted(*drawn(seed=0))
    genuine, impostor = drawn(seed=1)
    given = found.probability(np.concatenate([genuine, impostor]))
    truth = np.arange(len(given)) < len(genuine)
    for low in np.arange(0, 1, 0.1):
        here = (given >= low) & (given < low + 0.1)
        assert truth[here].mean() == pytest.approx(given[here].mean(), abs=0.04)


def test_separable_scores_stay_finite():
    """When no score is in doubt the slope is finite and probabilities stop short of certainty about the middle."""
    genuine, impostor = np.linspace(1, 2, 50, dtype=np.float32), np.linspace(-2, -1, 50, dtype=np.float32)
    found = fitted(genuine, impostor)
    assert np.isfinite([found.slope, found.intercept, found.threshold]).all()
    assert found.probability(0.0) == pytest.approx(0.5, abs=0.01)
    assert found.probability(1.5) > 0.9


def test_probability_rises_with_the_score_and_keeps_its_shape():
    """A higher score never has a lower probability; any shape of scores is taken."""
    found = fitted(*drawn(500, 500))
    table = np.linspace(-50, 50, 60).reshape(3, 20)
    assert found.probability(table).shape == (3, 20)
    assert (np.diff(found.probability(table).ravel()) >= 0).all()
    assert found.probability(-1e6) == 0
    assert found.probability(1e6) == 1


def test_a_stricter_target_needs_a_surer_pair():
    """As the target FMR falls the threshold rises, its probability with it, and more genuine pairs are missed."""
    calibrations = [fitted(*drawn(), fmr=fmr) for fmr in (0.2, 0.1, 0.01, 0.001)]
    thresholds = [c.threshold for c in calibrations]
    assert all(a < b for a, b in itertools.pairwise(thresholds))
    probabilities = [float(c.probability(c.threshold)) for c in calibrations]
    assert all(a < b for a, b in itertools.pairwise(probabilities))
    missed = [c.fnmr for c in calibrations]
    assert all(a < b for a, b in itertools.pairwise(missed))


@pytest.mark.parametrize("impostors", [50, 5000])
@pytest.mark.parametrize("fmr", [0.1, 0.001])
def test_the_measured_rate_keeps_the_target(impostors, fmr):
    """The FMR at the threshold is at most the target, few impostors or many, and stands with its exact interval."""
    genuine, impostor = drawn(500, impostors)
    found = fitted(genuine, impostor, fmr=fmr)
    let_in = int((impostor >= np.float32(found.threshold)).sum())
    assert let_in / impostors <= fmr
    assert found.fmr == pytest.approx(let_in / impostors)
    assert (found.fmr_low, found.fmr_high) == pytest.approx(exact(let_in, impostors))
    assert found.fnmr == pytest.approx((genuine < np.float32(found.threshold)).mean())
    assert (found.genuine_pairs, found.impostor_pairs) == (500, impostors)


def test_a_calibration_says_where_it_comes_from():
    """Data, classes, seed, model and target are kept."""
    found = fitted(*drawn(50, 50), fmr=0.02)
    assert (found.data, found.classes, found.seed, found.model) == ("made", ("a", "b"), 3, "m")
    assert found.target_fmr == 0.02


def test_strangers_are_taken_for_someone_more_often_in_a_larger_gallery():
    """The expected FPIR is the FMR for one identity, 1 - (1 - FMR)^N for N, and never above 1."""
    found = fitted(*drawn(), fmr=0.01)
    assert found.expected_fpir(0) == 0
    assert found.expected_fpir(1) == pytest.approx(found.fmr)
    assert found.expected_fpir(50) == pytest.approx(1 - (1 - found.fmr) ** 50)
    assert found.expected_fpir(10**6) == pytest.approx(1)


@pytest.mark.parametrize("fmr", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_target_that_is_no_rate_is_refused(fmr):
    """The target lies strictly between 0 and 1."""
    with pytest.raises(CalibrationError, match="target FMR"):
        fitted(*drawn(50, 50), fmr=fmr)


@pytest.mark.parametrize("counts", [(0, 50), (50, 0)])
def test_pairs_of_one_kind_are_refused(counts):
    """Without same pairs, or without different ones, nothing can be calibrated."""
    with pytest.raises(CalibrationError, match="both are needed"):
        fitted(*drawn(*counts))


def test_scores_the_wrong_way_round_are_refused():
    """When same pairs score lower than different ones no threshold helps, and the error says so."""
    genuine, impostor = drawn(500, 500)
    with pytest.raises(CalibrationError, match="do not score higher"):
        fitted(impostor, genuine)


def test_a_constant_scorer_is_refused():
    """When all pairs score alike, as with a collapsed embedding, no threshold helps either."""
    constant = np.full(100, 0.5, np.float32)
    with pytest.raises(CalibrationError, match="do not score higher"):
        fitted(constant, constant)
