"""The rule that decides."""

from __future__ import annotations

import numpy as np
import pytest

from firstsight.calibration import Calibration
from firstsight.decision import decide, fuse, match

RULE = Calibration(
    slope=10.0,
    intercept=-5.0,
    threshold=0.5,
    target_fmr=0.01,
    fmr=0.0,
    fmr_low=0.0,
    fmr_high=0.02,
    fnmr=0.1,
    genuine_pairs=100,
    impostor_pairs=300,
    data="folder:p",
    classes=("own:a",),
    seed=0,
    model="m",
)


@pytest.mark.parametrize("top", [1, 2, 5])
def test_a_tie_for_best_is_unknown_whatever_is_listed(top: int) -> None:
    """Two identities that score the same are no answer, however many candidates are asked for."""
    found = match(np.array([0.9, 0.9, 0.1], np.float32), ["a", "b", "c"], RULE, top=top)
    assert found.identity is None
    assert "a and b score the same" in found.reason
    assert len(found.candidates) == min(top, 3)


def test_the_best_at_the_threshold_is_known_and_below_it_unknown() -> None:
    """A score equal to the threshold is a match; the next smaller one is not."""
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert match(np.array([0.5, 0.2], np.float32), ["a", "b"], RULE).identity == "a"
    assert match(np.array([below, 0.2], np.float32), ["a", "b"], RULE).identity is None
    assert decide(0.5, RULE).same is True
    assert decide(float(below), RULE).same is False


def test_risk_is_never_less_than_the_target_says() -> None:
    """A threshold that let no pair of a small sample in is still believed to let in the target rate."""
    assert RULE.expected_fpir(1) == pytest.approx(0.01)
    assert RULE.expected_fpir(100) == pytest.approx(1 - 0.99**100)


def test_fusing_is_the_mean_over_references() -> None:
    """An identity's score is the mean of its references' scores, in whatever order they stand."""
    scores = np.array([[0.1, 0.9, 0.5, 0.3]], np.float32)
    assert np.allclose(fuse(scores, np.array([1, 0, 1, 0]), 2), [[0.6, 0.3]])
