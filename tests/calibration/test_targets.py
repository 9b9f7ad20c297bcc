"""Targets: what means nothing is refused in a sentence, words say what is promised, thresholds meet it."""

import numpy as np
import pytest
from made import drawn, fitted
from pydantic import TypeAdapter, ValidationError

from firstsight.calibration import Target, check_target, threshold_for
from firstsight.errors import CalibrationError
from firstsight.metrics.openset import expected_fpir, fpir_from_fmr
from firstsight.metrics.verification import eer, error_curve, rates_at


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fmr", 0.0), "target FMR is 0.0, a rate between 0 and 1"),
        (("fmr", 1.0), "target FMR is 1.0"),
        (("fmr", -0.1), "target FMR is -0.1"),
        (("fmr", float("nan")), "target FMR is nan"),
        (("fnmr", 5.0), "target FNMR is 5.0"),
        (("fpir", 0.0, 20), "target FPIR"),
        (("fpir", 0.01, 0), "gallery size is 0, 1 or more"),
        (("fpir", 0.01, -3), "gallery size is -3"),
        (("fmr", 0.01, 20), "belongs to a target FPIR"),
        (("precision", 1.0), "target precision is 1.0, a rate"),
        (("precision", 0.4), "higher precision"),
        (("precision", 0.9, 1, 1.5), "share of same pairs is 1.5"),
        (("precision", 0.9, 1, 0.0), "share of same pairs is 0.0"),
        (("fnmr", 0.1, 1, 0.1), "belongs to precision or cost"),
        (("cost", 0.0), "number above 0"),
        (("cost", float("inf")), "number above 0"),
        (("eer", 0.1), "takes no value"),
        (("roc", 0.1), "no target 'roc'; known: fmr"),
    ],
)
def test_a_target_that_means_nothing_is_refused(arguments, words):
    """In one sentence naming what came and what was expected; from a file as a fault of the file."""
    with pytest.raises(CalibrationError) as caught:
        Target(*arguments)
    assert words in str(caught.value)
    assert ". " not in str(caught.value)
    given = dict(zip(("kind", "value", "gallery_size", "prior"), arguments, strict=False))
    with pytest.raises(ValidationError):
        TypeAdapter(Target).validate_python(given)


@pytest.mark.parametrize(
    ("target", "settings", "words"),
    [
        (Target("fmr", 0.1), {"seed": -1}, "seed is -1"),
        (Target("fmr", 0.1), {"confidence": 0.4}, "confidence is 0.4, a share from 0.5"),
        (Target("fmr", 0.1), {"confidence": 1.0}, "confidence is 1.0"),
        (Target("fmr", 0.1), {"confidence": float("nan")}, "confidence is nan"),
        (Target("eer"), {"confidence": 0.95}, "promises none"),
        (Target("cost", 10), {"confidence": 0.95}, "promises none"),
        (Target("fmr", 0.1), {"curve": "spline"}, "no curve 'spline'; known: platt, beta, isotonic"),
    ],
)
def test_a_request_that_means_nothing_is_refused_before_any_work(target, settings, words):
    """``check_target`` and the fit say the same."""
    with pytest.raises(CalibrationError, match=words):
        check_target(target, **{"seed": 0, **settings})
    with pytest.raises(CalibrationError, match=words):
        fitted(*drawn(50, 50), target, **settings)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("fmr", 0.001), "FMR 0.001"),
        (Target("fnmr", 0.05), "FNMR 0.05"),
        (Target("fpir", 0.01, 20), "FPIR 0.01 among 20 identities"),
        (Target("fpir", 0.01), "FPIR 0.01 among 1 identity"),
        (Target("precision", 0.99, prior=0.1), "precision 0.99 when 10 % of pairs are the same"),
        (
            Target("cost", 10, prior=0.001),
            "least cost, a false match costing 10 times a false non-match when 0.1 % of pairs are the same",
        ),
        (Target("eer"), "equal error rate"),
    ],
)
def test_targets_are_put_in_words(target, words):
    """As reasons, cards and the command line say them."""
    assert target.describe() == words


def test_fnmr_keeps_the_same_pairs_it_promises():
    """The threshold for a FNMR is the one under which that share of a normal lies."""
    g, i = drawn(100_000, 1000)
    assert threshold_for(Target("fnmr", 0.1), g, i) == pytest.approx(1 - 1.2816, abs=0.02)


def test_precision_follows_bayes():
    """At the threshold, pairs drawn with that prior and called the same are the same in the share asked for."""
    g, i = drawn(100_000, 100_000)
    threshold = threshold_for(Target("precision", 0.9, prior=0.1), g, i)
    fmr, fnmr = rates_at(*drawn(100_000, 100_000, seed=1), threshold)
    assert 0.1 * (1 - fnmr) / (0.1 * (1 - fnmr) + 0.9 * fmr) == pytest.approx(0.9, abs=0.02)
    rarer = threshold_for(Target("precision", 0.9, prior=0.01), g, i)
    assert rarer > threshold + 0.5


def test_a_precision_out_of_reach_is_refused_with_the_best_there_is():
    """When impostors score highest no threshold helps, and the sentence says how far it goes."""
    g, i = drawn(2000, 2000, apart=0.5)
    i = np.append(i, np.repeat(np.float32(50), 200))
    with pytest.raises(CalibrationError, match=r"no threshold reaches precision 0.9 .* the best reaches 0\.[0-8]"):
        threshold_for(Target("precision", 0.9), g, i)


@pytest.mark.parametrize(("ratio", "prior", "expected"), [(1, 0.5, 0.0), (10, 0.5, 1.1513), (10, 0.1, 2.2499)])
def test_least_cost_is_where_theory_has_it(ratio, prior, expected):
    """For two normals of unit deviation, 2 apart, the cost is least at ln(ratio (1 - prior) / prior) / 2."""
    g, i = drawn(400_000, 400_000)
    assert threshold_for(Target("cost", ratio, prior=prior), g, i) == pytest.approx(expected, abs=0.1)


def test_the_equal_error_rate_is_that_of_the_curve():
    """At its threshold FMR and FNMR are equal, to a pair, and the rate is the EER."""
    g, i = drawn(3000, 5000)
    fmr, fnmr = rates_at(g, i, threshold_for(Target("eer"), g, i))
    assert fmr == pytest.approx(fnmr, abs=1 / 3000)
    assert fmr == pytest.approx(eer(error_curve(g, i)), abs=1 / 3000)


@pytest.mark.parametrize("size", [1, 20, 500])
def test_fpir_without_rows_is_the_law_of_independent_comparisons(size):
    """The FMR at the threshold makes 1 - (1 - FMR)^N the FPIR asked for."""
    g, i = drawn(100, 1_000_000)
    fmr, _ = rates_at(g, i, threshold_for(Target("fpir", 0.05, size), g, i))
    assert fpir_from_fmr(fmr, size) == pytest.approx(0.05, rel=0.02)
    assert fpir_from_fmr(fmr, size) <= 0.05 + 1e-9


def test_fpir_with_rows_keeps_its_word_in_galleries():
    """Probes differ: with rows the threshold is lower than by the pooled law, and galleries drawn still keep the FPIR.

    Twenty references are drawn for every one of many strangers; in as many searches as promised one of them matches.
    """
    draw = np.random.default_rng(0)
    plainness = draw.normal(0, 1, (4000, 1))
    rows = (plainness + draw.normal(0, 1, (4000, 400))).astype(np.float32)
    g, target = np.full(10, 9, np.float32), Target("fpir", 0.05, 20)
    threshold = threshold_for(target, g, rows.ravel(), rows)
    fresh = draw.normal(0, 1, (20_000, 1)) + draw.normal(0, 1, (20_000, 20))
    assert (fresh >= threshold).any(1).mean() == pytest.approx(0.05, abs=0.008)
    pooled = threshold_for(target, g, rows.ravel())
    assert pooled > threshold + 0.1
    assert (fresh >= pooled).any(1).mean() < 0.045
    assert expected_fpir(rows, threshold, 20) <= 0.05 + 1e-9
