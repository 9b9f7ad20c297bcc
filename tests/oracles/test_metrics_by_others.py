"""Metrics against scikit-learn, scipy and brute loops."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score, roc_curve

from firstsight.inputs.ink import otsu
from firstsight.metrics.identification import rank_one_credit
from firstsight.metrics.intervals import exact
from firstsight.metrics.verification import auc, eer, error_curve, rates_at


def drawn(seed, decimals):
    """Genuine and impostor scores; few decimals make many ties."""
    draw = np.random.default_rng(seed)
    genuine = draw.normal(1, 1, 137).round(decimals).astype(np.float32)
    return genuine, draw.normal(0, 1, 411).round(decimals).astype(np.float32)


CASES = pytest.mark.parametrize(("seed", "decimals"), [(s, d) for s in range(4) for d in (0, 1, 6)])


@CASES
def test_auc_equals_scikit_learn(seed, decimals):
    """The AUC is roc_auc_score to 1e-12, ties included."""
    genuine, impostor = drawn(seed, decimals)
    truth = np.repeat([1, 0], [len(genuine), len(impostor)])
    expected = roc_auc_score(truth, np.concatenate([genuine, impostor]))
    assert auc(genuine, impostor) == pytest.approx(expected, abs=1e-12)


@CASES
def test_eer_equals_the_crossing_of_scikit_learns_curve(seed, decimals):
    """The EER is where roc_curve's straight pieces meet the line FPR = FNR."""
    genuine, impostor = drawn(seed, decimals)
    truth = np.repeat([1, 0], [len(genuine), len(impostor)])
    fpr, tpr, _ = roc_curve(truth, np.concatenate([genuine, impostor]), drop_intermediate=False)
    gap = fpr - (1 - tpr)
    after = int(np.argmax(gap >= 0))
    share = gap[after] / (gap[after] - gap[after - 1])
    expected = fpr[after] - share * (fpr[after] - fpr[after - 1])
    assert eer(error_curve(genuine, impostor)) == pytest.approx(expected, abs=1e-9)


@CASES
def test_the_curve_equals_counting(seed, decimals):
    """At every threshold the curve's rates are the shares counted one by one, and those of rates_at."""
    genuine, impostor = drawn(seed, decimals)
    curve = error_curve(genuine, impostor)
    assert list(curve.thresholds[:-1]) == sorted({float(s) for s in [*genuine, *impostor]})
    for threshold, fmr, fnmr in zip(curve.thresholds, curve.fmr, curve.fnmr, strict=True):
        counted = (
            sum(float(s) >= threshold for s in impostor) / len(impostor),
            sum(float(s) < threshold for s in genuine) / len(genuine),
        )
        assert (fmr, fnmr) == pytest.approx(counted, abs=1e-12)
        assert rates_at(genuine, impostor, float(threshold)) == pytest.approx(counted, abs=1e-12)


@pytest.mark.parametrize("trials", [1, 7, 400, 20_000])
def test_exact_intervals_equal_scipy(trials):
    """The exact interval is that of scipy's binomial test, at both ends too."""
    for successes in sorted({0, 1, trials // 3, trials - 1, trials}):
        expected = binomtest(successes, trials).proportion_ci(0.95, method="exact")
        assert exact(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_credit_equals_a_loop():
    """Credit is 1 over the number tied for best where the target is among them, else 0."""
    draw = np.random.default_rng(0)
    scores = draw.integers(0, 4, (200, 6)).astype(np.float32)
    target = draw.integers(0, 6, 200)
    expected = []
    for row, right in zip(scores.tolist(), target.tolist(), strict=True):
        best = [i for i, s in enumerate(row) if s == max(row)]
        expected.append(1 / len(best) if right in best else 0.0)
    np.testing.assert_array_equal(rank_one_credit(scores, target), expected)


@pytest.mark.parametrize("seed", range(4))
def test_otsu_equals_trying_every_threshold(seed):
    """Otsu's threshold has the least variance within its two classes of all 256."""
    draw = np.random.default_rng(seed)
    grey = np.concatenate([draw.normal(60, 20, 900), draw.normal(170, 30, 300)]).clip(0, 255)
    grey = grey.astype(np.uint8).reshape(30, 40)

    def within(threshold):
        low, high = grey[grey <= threshold].astype(float), grey[grey > threshold].astype(float)
        return sum(((side - side.mean()) ** 2).sum() for side in (low, high) if side.size)

    assert within(otsu(grey)) == pytest.approx(min(within(t) for t in range(256)), rel=1e-12)
