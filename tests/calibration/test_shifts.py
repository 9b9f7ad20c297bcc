"""Shifts: scores against several references, less their shift, let in what scores against one do."""

import numpy as np
import pytest

from firstsight.calibration import MOST_REFERENCES, fit_shifts
from firstsight.errors import CalibrationError
from firstsight.metrics.verification import rates_at, threshold_for_fmr


def scores(mean, seed=0, number=50_000):
    """Impostor scores about a mean."""
    return np.random.default_rng(seed).normal(mean, 0.1, number).astype(np.float32)


def test_shifted_scores_agree_at_the_target():
    """At the threshold of one reference, the scores of k less their shift have its FMR."""
    single, several = scores(0), {k: scores(0.1 * (1 - 1 / k), seed=k) for k in (2, 3, 4, 5)}
    shifts = fit_shifts(single, several, 0.01)
    threshold = threshold_for_fmr(single, 0.01)
    assert len(shifts) == MOST_REFERENCES
    assert shifts[0] == 0
    for k, scored in several.items():
        assert rates_at(scored, scored, threshold + shifts[k - 1])[0] == pytest.approx(0.01, abs=2e-4)
        assert shifts[k - 1] == pytest.approx(0.1 * (1 - 1 / k), abs=0.01)


def test_numbers_between_are_filled_in_and_beyond_stay():
    """Straight in 1 / k between those given; the largest given holds for more."""
    single = scores(0)
    shifts = fit_shifts(single, {2: single + np.float32(0.05), 4: single + np.float32(0.075)}, 0.05)
    assert shifts == pytest.approx((0, 0.05, 0.05 + 0.025 * 2 / 3, 0.075, 0.075), abs=1e-3)
    assert fit_shifts(single, {}, 0.05) == (0, 0, 0, 0, 0)


def test_shifts_never_fall():
    """A draw in which more references happen to score lower takes nothing back, and none is below 0."""
    single = scores(0)
    lower, higher = single - np.float32(0.2), single + np.float32(0.1)
    assert fit_shifts(single, {2: lower}, 0.05) == (0, 0, 0, 0, 0)
    assert fit_shifts(single, {2: higher, 3: single}, 0.05)[1:] == pytest.approx((0.1,) * 4, abs=1e-3)


@pytest.mark.parametrize(
    ("several", "fmr", "words"),
    [
        ({0: scores(0)}, 0.01, "against 0 references came"),
        ({1: scores(0)}, 0.01, "against 1 references came"),
        ({2: scores(0)[:0]}, 0.01, "no finite scores against 2"),
        ({2: np.array([np.nan], np.float32)}, 0.01, "no finite scores against 2"),
        ({2: scores(0)}, 0.0, "FMR is 0.0"),
    ],
)
def test_what_gives_no_shift_is_refused(several, fmr, words):
    """In a sentence."""
    with pytest.raises(CalibrationError, match=words):
        fit_shifts(scores(0), several, fmr)
