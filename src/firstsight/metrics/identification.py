"""Closed-set identification: was the right candidate first? Ties are shared, never won."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.types import FloatArray, IntArray

Float64Array = npt.NDArray[np.float64]


def rank_one_credit(scores: FloatArray, target: IntArray) -> npt.NDArray[np.float64]:
    """Credit of each probe: 1 if its target alone scores best, 1/k in a k-way tie for best, else 0.

    A constant scorer therefore gets exactly chance, wherever the target stands.

    Args:
        scores: ``(q, n)`` of probes against candidates.
        target: ``(q,)`` column of the right candidate.
    """
    best = scores.max(axis=1, keepdims=True)
    tied = scores == best
    hit = np.take_along_axis(tied, target[:, None], 1)[:, 0]
    credit: npt.NDArray[np.float64] = hit / tied.sum(axis=1)
    return credit


def ranks(scores: FloatArray, target: IntArray) -> Float64Array:
    """Place ``(q,)`` of each probe's target, 1 for the best; in a tie the mean of the tied places.

    A constant scorer therefore gets ``(n + 1) / 2``, the mean of chance.

    Args:
        scores: ``(q, n)`` of probes against candidates.
        target: ``(q,)`` column of the right candidate.
    """
    better, tied = _standing(scores, target)
    return better + (tied + 1) / 2


def rank_credit(scores: FloatArray, target: IntArray, k: int) -> Float64Array:
    """Credit ``(q, k)`` of each probe at ranks 1 to k: the chance that its target is among the first r.

    With b candidates better and t tied (the target included) that is ``(r - b) / t`` within 0 and 1, every order of
    the tied being as likely: a tie for best gives 1/t, 2/t, ... and the first column is ``rank_one_credit``.

    Args:
        scores: ``(q, n)`` of probes against candidates.
        target: ``(q,)`` column of the right candidate.
        k: how many ranks; beyond n all are 1.
    """
    better, tied = _standing(scores, target)
    credit: Float64Array = np.clip((np.arange(1, k + 1) - better[:, None]) / tied[:, None], 0, 1)
    return credit


def cmc(scores: FloatArray, target: IntArray, k: int) -> Float64Array:
    """Cumulative match characteristic: identification rates ``(k,)`` at ranks 1 to k, ties shared.

    Args:
        scores: ``(q, n)`` of probes against candidates, q at least 1.
        target: ``(q,)`` column of the right candidate.
        k: how many ranks.
    """
    if len(scores) == 0:
        raise DataError("no probe was asked, an identification rate needs at least one")
    rates: Float64Array = rank_credit(scores, target, k).mean(axis=0)
    return rates


def confusion_matrix(truth: IntArray, answer: IntArray, classes: int) -> IntArray:
    """How often each class was answered with each: ``(classes, classes + 1)``, the last column "unknown".

    Args:
        truth: ``(n,)`` the right class, 0 to classes - 1.
        answer: ``(n,)`` the class answered, or -1 for unknown.
        classes: how many there are.

    Raises:
        DataError: a class that does not exist.
    """
    for name, values, lowest in (("truth", truth, 0), ("answer", answer, -1)):
        if len(values) and not lowest <= values.min() <= values.max() < classes:
            raise DataError(f"{name} holds {values.min()} to {values.max()}, expected {lowest} to {classes - 1}")
    cell = truth * (classes + 1) + np.where(answer < 0, classes, answer)
    return np.bincount(cell, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def _standing(scores: FloatArray, target: IntArray) -> tuple[IntArray, IntArray]:
    """How many candidates score above each target, and how many the same (itself included): two ``(q,)``."""
    own = np.take_along_axis(scores, target[:, None], 1)
    return (scores > own).sum(axis=1), (scores == own).sum(axis=1)
