"""The only rule that turns scores into decisions and matches; the gallery and the evaluation both call it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy

from firstsight.answer import against, strangers
from firstsight.answer import scores as told
from firstsight.calibration import Calibration
from firstsight.errors import CalibrationError
from firstsight.types import BoolArray, Candidate, Decision, Embedder, FloatArray, IntArray, Match, PairEmbedder

NOBODY = -1
"""In an assignment: none of them."""


def accepts(scores: npt.ArrayLike, calibration: Calibration) -> BoolArray:
    """Whether each score (any shape) means "same"."""
    return np.asarray(np.asarray(scores, np.float32) >= np.float32(calibration.threshold))


@dataclass(frozen=True, slots=True)
class Templates:
    """Identities ready to be compared.

    Attributes:
        vectors: ``(n, d)`` one an identity, fused from its references.
        shifts: ``(n,)`` what its scores lose, so that one threshold holds whatever the number of references.
    """

    vectors: FloatArray
    shifts: FloatArray

    @classmethod
    def of(
        cls,
        embedder: Embedder,
        references: FloatArray,
        owners: IntArray,
        identities: int,
        calibration: Calibration | None,
    ) -> Templates:
        """Fuse references ``(r, d)`` of ``owners (r,)``, each of ``identities`` at least once."""
        shifts = np.zeros(identities, np.float32)
        if calibration:
            counts, place = np.unique(np.bincount(owners, minlength=identities), return_inverse=True)
            shifts = np.array([calibration.shift(int(k)) for k in counts], np.float32)[place]
        return cls(embedder.templates(references, owners, identities), shifts)

    def scores(self, embedder: Embedder, probes: FloatArray) -> FloatArray:
        """One score an identity ``(p, n)`` for probes ``(p, d)``."""
        rule = embedder.among if isinstance(embedder, PairEmbedder) else embedder.score
        return rule(probes, self.vectors) - self.shifts


A = TypeVar("A", Decision, Match)
_NOTED = "; note: "


def with_notes(answer: A, notes: Iterable[str]) -> A:
    """An answer whose reason tells also what was noted of the images it was asked with."""
    told = "; ".join(dict.fromkeys(notes))
    return replace(answer, reason=f"{answer.reason}{_NOTED}{told}") if told else answer


def notes_in(reason: str) -> tuple[str, ...]:
    """The notes that a reason ends with, together as one; none where nothing was noted."""
    told = reason.partition(_NOTED)[2]
    return (told,) if told else ()


def decide(score: float, calibration: Calibration | None) -> Decision:
    """The answer to "are these two the same?"; undecided (``same`` None) without a calibration."""
    if calibration is None:
        reason = "the model is not calibrated, so there is a score but no decision; run firstsight calibrate"
        return Decision(None, score, None, None, reason, answer=f"undecided: score {score:.3f}, no threshold")
    same = bool(accepts(score, calibration))
    side = "reaches" if same else "is below"
    have, need = told(score, calibration.threshold)
    reason = f"score {have} {side} the threshold {need} set for {calibration.target.describe()}"
    probability, needed = float(calibration.probability(score)), needed_by(calibration)
    how = against(score, probability, calibration.threshold, needed, reached=same)
    return Decision(
        same,
        score,
        probability,
        calibration.threshold,
        reason,
        *calibration.band(score),
        needed=needed,
        answer=f"{'same' if same else 'not the same'}: {how}",
    )


def needed_by(calibration: Calibration) -> float:
    """The probability that an answer must have: that at the threshold, where float32 decides."""
    return float(calibration.probability(np.float32(calibration.threshold)))


def match(
    scores: FloatArray,
    identities: Sequence[str],
    calibration: Calibration | None,
    *,
    top: int = 5,
    enrolled: int | None = None,
) -> Match:
    """The answer to "which of these is it, or none?" from fused scores ``(identities,)``.

    Args:
        scores: of all identities, or of the best two at least.
        identities: their names.
        calibration: of the model.
        top: how many candidates to list.
        enrolled: how many identities there are, where these are not all.

    Raises:
        CalibrationError: there is no calibration, so "unknown" has no meaning.
    """
    if calibration is None:
        raise CalibrationError(
            "the model is not calibrated, so it cannot tell a match from an unknown; run firstsight calibrate, then "
            "create the gallery"
        )
    order = np.argsort(-scores, kind="stable")
    reached = accepts(scores, calibration)
    candidates = tuple(
        Candidate(identities[i], float(scores[i]), float(calibration.probability(scores[i])), bool(reached[i]))
        for i in order[:top]
    )
    best = candidates[0]
    tied = len(order) > 1 and scores[order[1]] == scores[order[0]]
    known = bool(reached[order[0]]) and not tied
    second = identities[order[1]] if len(order) > 1 else ""
    side = "reaches" if reached[order[0]] else "is below"
    have, need = told(best.score, calibration.threshold)
    if tied:
        reason = f"{best.identity} and {second} score the same ({best.score:.3f})"
    elif known:
        reason = f"score {have} {side} the threshold {need} set for {calibration.target.describe()}"
    else:
        reason = f"best score {have} ({best.identity}) {side} the threshold {need}"
    rival = second if known and len(order) > 1 and reached[order[1]] else ""
    size = enrolled or len(identities)
    low, high = calibration.band(best.score)
    made = Match(
        identity=best.identity if known else None,
        score=best.score,
        probability=best.probability,
        threshold=calibration.threshold,
        reason=reason,
        candidates=candidates,
        needed=needed_by(calibration),
        strangers_accepted=calibration.expected_fpir(size),
        probability_low=low,
        probability_high=high,
    )
    why = f"{best.identity} and {second} are as alike" if tied else ""
    return replace(made, answer=match_in_words(made, best, size, why=why, rival=rival))


def match_in_words(made: Match, one: Candidate, enrolled: int, *, why: str = "", rival: str = "") -> str:
    """The answer of a match to people.

    Args:
        made: without it.
        one: whom it speaks of: the answer, or the nearest.
        enrolled: how many there are.
        why: what speaks against who reaches the threshold.
        rival: who reaches the threshold too.
    """
    reached = bool(one.reached)
    how = against(one.score, one.probability or 0.0, made.threshold, made.needed or 0.0, reached=reached)
    if made.identity is not None:
        words = f"{made.identity}: {how}{f'; {rival} reaches it too' if rival else ''}"
    elif why:
        words = f"unknown: {why} ({how})"
    else:
        words = f"unknown: the nearest is {one.identity}, {how}"
    share = made.strangers_accepted
    return words if share is None else f"{words}; {strangers(enrolled, share)}"


def assign(indices: IntArray, scores: FloatArray, calibration: Calibration) -> IntArray:
    """One to one: for each row the column it is given, or :data:`NOBODY`.

    Args:
        indices: ``(n, k)`` the columns that each row may be given, each once.
        scores: ``(n, k)`` of these.
        calibration: whose threshold tells what may be given at all.

    Returns:
        ``(n,)`` where no column comes twice, and the sum of what the scores exceed the threshold by is the largest.
    """
    n = len(indices)
    out = np.full(n, NOBODY, np.int64)
    able = accepts(scores, calibration)
    if not able.any():
        return out
    rows = np.nonzero(able)[0]
    columns, place = np.unique(indices[able], return_inverse=True)
    # Each row may stay without: a column of its own, worth nothing. One is added, since 0 means "not allowed".
    gains = np.concatenate([scores[able].astype(np.float64) - calibration.threshold, np.zeros(n)]) + 1
    graph = scipy.sparse.csr_array(
        (gains, (np.concatenate([rows, np.arange(n)]), np.concatenate([place, len(columns) + np.arange(n)]))),
        shape=(n, len(columns) + n),
    )
    row, column = scipy.sparse.csgraph.min_weight_full_bipartite_matching(graph, maximize=True)
    real = column < len(columns)
    out[row[real]] = columns[column[real]]
    return out
