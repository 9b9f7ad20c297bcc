"""The only rule that turns scores into decisions and matches; the gallery and the evaluation both call it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.calibration import Calibration
from firstsight.errors import CalibrationError, count
from firstsight.types import BoolArray, Candidate, Decision, FloatArray, IntArray, Match


def accepts(scores: npt.ArrayLike, calibration: Calibration) -> BoolArray:
    """Whether each score (any shape) means "same"."""
    return np.asarray(np.asarray(scores, np.float32) >= np.float32(calibration.threshold))


def fuse(scores: FloatArray, owners: IntArray, identities: int) -> FloatArray:
    """One score an identity: the mean over its references.

    Args:
        scores: ``(p, r)`` of probes against references.
        owners: ``(r,)`` the identity each reference belongs to, in 0..identities - 1, each at least once.
        identities: how many there are.

    Returns:
        ``(p, identities)``.
    """
    counts = np.bincount(owners, minlength=identities)
    sums = np.zeros((len(scores), identities), np.float64)
    np.add.at(sums.T, owners, scores.T)
    return (sums / counts).astype(np.float32)


def decide(score: float, calibration: Calibration | None) -> Decision:
    """The answer to "are these two the same?"; undecided (``same`` None) without a calibration."""
    if calibration is None:
        reason = "the model is not calibrated, so there is a score but no decision; run firstsight calibrate"
        return Decision(None, score, None, None, reason)
    same = bool(accepts(score, calibration))
    side = "reaches" if same else "is below"
    reason = (
        f"score {score:.3f} {side} the threshold {calibration.threshold:.3f} set for FMR {calibration.target_fmr:g}"
    )
    probability = float(calibration.probability(score))
    return Decision(same, score, probability, calibration.threshold, reason)


def match(scores: FloatArray, identities: list[str], calibration: Calibration | None, *, top: int = 5) -> Match:
    """The answer to "which of these is it, or none?" from fused scores ``(identities,)``.

    Raises:
        CalibrationError: there is no calibration, so "unknown" has no meaning.
    """
    if calibration is None:
        raise CalibrationError(
            "the model is not calibrated, so it cannot tell a match from an unknown; run firstsight calibrate, then "
            "create the gallery"
        )
    order = np.argsort(-scores, kind="stable")
    candidates = tuple(
        Candidate(identities[i], float(scores[i]), float(calibration.probability(scores[i]))) for i in order[:top]
    )
    best = candidates[0]
    tied = len(order) > 1 and scores[order[1]] == scores[order[0]]
    known = bool(accepts(best.score, calibration)) and not tied
    if tied:
        reason = f"{best.identity} and {identities[order[1]]} score the same ({best.score:.3f})"
    elif known:
        risk = calibration.expected_fpir(len(identities))
        reason = (
            f"score {best.score:.3f} reaches the threshold {calibration.threshold:.3f}; among "
            f"{count(len(identities), 'identity', 'identities')} about {risk:.1%} of strangers would too"
        )
    else:
        reason = f"best score {best.score:.3f} ({best.identity}) is below the threshold {calibration.threshold:.3f}"
    return Match(
        identity=best.identity if known else None,
        score=best.score,
        probability=best.probability,
        threshold=calibration.threshold,
        reason=reason,
        candidates=candidates,
    )
