"""Closed-set identification: was the right candidate first? Ties are shared, never won."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.types import FloatArray, IntArray


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
