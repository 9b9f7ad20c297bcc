"""Curves: they rise, they are true, they are steady, and they are those of scikit-learn."""

import dataclasses
import json

import numpy as np
import pytest
from made import drawn
from pydantic import TypeAdapter, ValidationError
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from firstsight.calibration import CURVES, Curve, fit_curve, platt
from firstsight.metrics.reliability import ece

EVERY = pytest.mark.parametrize("kind", CURVES)


def equal(genuine, impostor):
    """Scores, truth and weights of both kinds together, each kind weighing 1/2."""
    truth = np.repeat([True, False], [len(genuine), len(impostor)])
    weight = np.where(truth, 0.5 / len(genuine), 0.5 / len(impostor))
    return np.concatenate([genuine, impostor]), truth, weight


@pytest.mark.parametrize("middle", [0.0, 0.7, -30.0])
@pytest.mark.parametrize("apart", [1.0, 2.0])
def test_platt_recovers_the_true_sigmoid(apart, middle):
    """On scores whose posterior is a known sigmoid its slope and its middle come out, to sampling error."""
    slope, intercept = platt(*drawn(apart=apart, middle=middle))
    assert slope == pytest.approx(apart, rel=0.05)
    assert -intercept / slope == pytest.approx(middle, abs=0.05)


@pytest.mark.parametrize(("genuine", "impostor"), [(300, 300), (40, 5000), (3000, 60)])
def test_platt_equals_scikit_learn(genuine, impostor):
    """It is weighted logistic regression without penalty, on Platt's smoothed targets."""
    g, i = drawn(genuine, impostor)
    scores, truth, weight = equal(g, i)
    # A smoothed target t is t of a positive and 1 - t of a negative pair.
    target = np.where(truth, (genuine + 1) / (genuine + 2), 1 / (impostor + 2))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(
        np.tile(scores, 2)[:, None].astype(np.float64),
        np.repeat([1, 0], len(scores)),
        np.concatenate([weight * target, weight * (1 - target)]) * len(scores),
    )
    assert platt(g, i) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize(("genuine", "impostor"), [(60, 60), (40, 400)])
def test_isotonic_equals_scikit_learn_at_the_centres_of_its_pools(genuine, impostor, decimals):
    """Where scikit-learn's steps are level, the curve passes through the middle of each at its height."""
    g, i = (side.round(decimals) for side in drawn(genuine, impostor, seed=1))
    scores, truth, weight = equal(g.astype(np.float64), i.astype(np.float64))
    target = np.where(truth, (genuine + 1) / (genuine + 2), 1 / (impostor + 2))
    fitted = IsotonicRegression().fit(scores, target, weight).predict(scores)
    curve = fit_curve("isotonic", g, i)
    heights = np.unique(fitted.round(12))
    assert len(curve.knots_x) == len(heights)
    np.testing.assert_allclose(curve.knots_y, heights, atol=1e-9)
    for x, height in zip(curve.knots_x, heights, strict=True):
        here = np.abs(fitted - height) < 1e-9
        assert x == pytest.approx(np.average(scores[here], weights=weight[here]), abs=1e-6)


@EVERY
def test_probability_rises_with_the_score_and_keeps_its_shape(kind):
    """A higher score never has a lower probability; any shape of scores is taken."""
    curve = fit_curve(kind, *drawn(500, 500))
    table = np.linspace(-50, 50, 6000).reshape(3, 20, 100)
    found = curve.probability(table)
    assert found.shape == table.shape
    assert (np.diff(found.ravel()) >= 0).all()
    assert 0 <= found.min() < 0.05
    assert 0.95 < found.max() <= 1
    assert curve.probability(0.3).shape == ()


@EVERY
@pytest.mark.parametrize("impostor", [20_000, 200_000])
def test_probabilities_are_true(kind, impostor):
    """On fresh pairs the calibration error is under 1 %, whatever share of the pairs drawn were impostors."""
    curve = fit_curve(kind, *drawn(20_000, impostor, seed=0))
    scores, truth, weight = equal(*drawn(seed=1))
    assert ece(curve.probability(scores), truth, weight) < 0.01


@pytest.mark.parametrize("kind", ["beta", "isotonic"])
def test_curves_that_bend_follow_scores_that_no_sigmoid_does(kind):
    """On scores with a heavy tail to one side Platt's curve is wrong by far, the others are not."""
    draw = np.random.default_rng(0)
    sides = [draw.normal(1.5, 1, (2, 40_000)), draw.gumbel(-0.5, 1.2, (2, 40_000))]
    (g, fresh_g), (i, fresh_i) = (side.astype(np.float32) for side in sides)
    scores, truth, weight = equal(fresh_g, fresh_i)
    error = {k: ece(fit_curve(k, g, i).probability(scores), truth, weight) for k in ("platt", kind)}
    assert error[kind] < 0.7 * error["platt"]


def test_beta_is_platt_where_platt_is_true():
    """On two normals beta's bend is nearly none: a = b = 1, c = 0."""
    assert fit_curve("beta", *drawn(200_000, 200_000)).parameters[2:] == pytest.approx((1, 1, 0), abs=0.05)


def test_beta_leaves_out_a_slope_that_would_fall():
    """Where the fit wants the probability to fall on one side, that side is level, and the curve still rises."""
    draw = np.random.default_rng(0)
    # Impostors at both ends: in the upper tail the share of genuine pairs falls again.
    g = draw.normal(1, 0.3, 3000).astype(np.float32)
    i = np.concatenate([draw.normal(-1, 1, 2700), draw.normal(3, 0.3, 300)]).astype(np.float32)
    curve = fit_curve("beta", g, i)
    assert 0 in curve.parameters[2:4]
    assert (np.diff(curve.probability(np.linspace(-5, 5, 1000))) >= 0).all()


@EVERY
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_unit_of_the_score_does_not_matter(kind, scale):
    """Scores in another unit get the same probabilities."""
    g, i = drawn(2000, 2000)
    plain, scaled = fit_curve(kind, g, i), fit_curve(kind, g * np.float32(scale), i * np.float32(scale))
    points = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(scaled.probability(points * scale), plain.probability(points), atol=2e-3)


@EVERY
def test_priors_are_equal_whatever_was_drawn(kind):
    """The same impostors ten times over leave the probability as it is, and so does a weight of ten."""
    g, i = drawn(5000, 5000)
    points = np.linspace(-2, 2, 9)
    plain = fit_curve(kind, g, i).probability(points)
    np.testing.assert_allclose(fit_curve(kind, g, np.tile(i, 10)).probability(points), plain, atol=2e-3)
    ten = fit_curve(kind, g, i, impostor_weight=np.full(len(i), 10))
    np.testing.assert_allclose(ten.probability(points), plain, atol=2e-3)


@EVERY
def test_weights_count_as_repetition(kind):
    """A score of weight 3 is that score three times, one of weight 0 is not there."""
    g, i = drawn(300, 400)
    draw = np.random.default_rng(5)
    once, twice = draw.integers(0, 4, 300), draw.integers(0, 4, 400)
    weighted = fit_curve(kind, g, i, genuine_weight=once, impostor_weight=twice)
    repeated = fit_curve(kind, np.repeat(g, once), np.repeat(i, twice))
    points = np.linspace(-4, 4, 33)
    np.testing.assert_allclose(weighted.probability(points), repeated.probability(points), atol=1e-7)


@EVERY
@pytest.mark.parametrize("pairs", [2, 10, 1000])
def test_no_probability_is_surer_than_its_pairs_allow(kind, pairs):
    """When no score is in doubt the curve stays finite, and at the scores seen it stops short of certainty."""
    g, i = np.linspace(1, 2, pairs, dtype=np.float32), np.linspace(-2, -1, pairs, dtype=np.float32)
    curve = fit_curve(kind, g, i)
    assert curve.probability(0.0) == pytest.approx(0.5, abs=0.02)
    assert curve.probability(2.0) > 0.6
    if kind == "isotonic":
        assert curve.probability(99.0) == pytest.approx((pairs + 1) / (pairs + 2))
        assert curve.probability(-99.0) == pytest.approx(1 / (pairs + 2))


def test_knots_are_few_and_keep_the_curve():
    """Of a hundred thousand pairs 64 knots are kept at most, and the curve through them is still true."""
    curve = fit_curve("isotonic", *drawn(100_000, 100_000))
    assert 10 < len(curve.knots_x) <= 64
    truth = 1 / (1 + np.exp(-2 * np.linspace(-3, 3, 61)))
    np.testing.assert_allclose(curve.probability(np.linspace(-3, 3, 61)), truth, atol=0.03)


@EVERY
def test_scores_the_wrong_way_round_make_no_curve(kind):
    """A curve that would fall is refused."""
    g, i = drawn(500, 500)
    with pytest.raises(ValueError, match="rise|knots"):
        fit_curve(kind, i, g)


@EVERY
def test_a_curve_survives_json(kind):
    """Written and read it is the same."""
    curve = fit_curve(kind, *drawn(500, 500))
    assert TypeAdapter(Curve).validate_json(json.dumps(dataclasses.asdict(curve))) == curve


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"kind": "spline"}, "platt"),
        ({"parameters": [1.0]}, "2 parameters"),
        ({"parameters": [-1.0, 0.0]}, "does not rise"),
        ({"parameters": [0.0, 0.0]}, "does not rise"),
        ({"parameters": [float("inf"), 0.0]}, "finite"),
        ({"parameters": ["1", 0.0]}, "number"),
        ({"knots_x": [0.0, 1.0], "knots_y": [0.1, 0.9]}, "no knots"),
        ({"kind": "beta", "parameters": [1.0, 0.0, -0.1, 1.0, 0.0]}, "does not rise"),
        ({"kind": "beta", "parameters": [1.0, 0.0, 0.0, 0.0, 0.0]}, "does not rise"),
        ({"kind": "isotonic", "parameters": []}, "2 to 64 knots"),
        ({"kind": "isotonic", "parameters": [], "knots_x": [0.0, 0.0], "knots_y": [0.1, 0.9]}, "do not rise"),
        ({"kind": "isotonic", "parameters": [], "knots_x": [0.0, 1.0], "knots_y": [0.9, 0.1]}, "do not rise"),
        ({"kind": "isotonic", "parameters": [], "knots_x": [0.0, 1.0], "knots_y": [0.1, 1.1]}, "do not rise"),
        ({"kind": "isotonic", "parameters": [], "knots_x": [0.0, 1.0], "knots_y": [0.5, 0.5]}, "do not rise"),
        ({"slope": 1.0}, "slope"),
    ],
)
def test_numbers_that_make_no_curve_are_refused(changed, word):
    """A file cannot bring a curve that falls, is not finite or has the wrong numbers."""
    written = {"kind": "platt", "parameters": [1.0, 0.0], "knots_x": [], "knots_y": [], **changed}
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Curve).validate_json(json.dumps(written))
