"""The rule that decides."""

from __future__ import annotations

import numpy as np
import pytest

from firstsight.decision import Templates, decide, match
from firstsight.evaluation.baseline import Pixels
from worlds import rule

RULE = rule(fmr=0.0, fmr_low=0.0, shifts=(0.0, 0.02, 0.03))


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


def test_an_identity_is_scored_by_its_template_less_the_shift() -> None:
    """Two references of one identity and one of another: each a template, the scores of the first less its shift."""
    references = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    made = Templates.of(Pixels(), references, np.array([0, 0, 1]), 2, RULE)
    scores = made.scores(Pixels(), np.array([[0, 1]], np.float32))
    assert np.allclose(scores, [[np.sqrt(0.5) - 0.02, 1.0]])
    plain = Templates.of(Pixels(), references, np.array([0, 0, 1]), 2, None)
    assert np.allclose(plain.scores(Pixels(), np.array([[0, 1]], np.float32)), [[np.sqrt(0.5), 1.0]])


def test_more_references_than_were_calibrated_take_the_last_shift() -> None:
    """Ten references lose what three do, the most the calibration knows."""
    made = Templates.of(Pixels(), np.eye(10, dtype=np.float32), np.zeros(10, np.int64), 1, RULE)
    assert made.shifts.tolist() == [np.float32(0.03)]


def test_the_reason_names_the_target_and_the_risk() -> None:
    """A decision says what the threshold was set for; a match how many strangers would pass in this gallery."""
    assert "FMR 0.01" in decide(0.7, RULE).reason
    scores = np.linspace(0, 0.9, 10).astype(np.float32)
    found = match(scores, list("abcdefghij"), RULE)
    assert found.strangers_accepted == pytest.approx(1 - 0.99**10)
    assert "with 10 enrolled, about 10 of 100 strangers would be taken for someone" in found.answer
