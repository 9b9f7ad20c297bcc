"""Shifts: what several references add to the scores of strangers, and so must be taken off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from firstsight.errors import CalibrationError
from firstsight.metrics.verification import threshold_for_fmr
from firstsight.types import FloatArray

MOST_REFERENCES = 5


def fit_shifts(single: FloatArray, several: Mapping[int, FloatArray], fmr: float) -> tuple[float, ...]:
    """What to subtract from a score against 1, 2, ... 5 references, so that one threshold serves all.

    The mean of k embeddings lies nearer the middle of its class and of all classes alike, so that strangers score a
    little higher against it; at the threshold for ``fmr`` the scores less their shift let in the same share of them.

    Args:
        single: impostor scores ``(n,)`` against one reference.
        several: for some numbers of references, 2 or more, impostor scores ``(n,)`` against the mean of so many.
        fmr: at which the scores are to agree.

    Returns:
        5 shifts, the first 0 and none below the one before. Numbers that are not given lie between those that are,
        straight in 1 / k (as the variance of a mean goes); beyond the largest given they stay.

    Raises:
        CalibrationError: scores are missing or not finite, or a number of references is below 2.
    """
    if not 0 < fmr < 1:
        raise CalibrationError(f"the FMR is {fmr}, a rate between 0 and 1 was expected")
    for references, scores in [(1, single), *several.items()]:
        if references < 1 or (references == 1 and scores is not single):
            raise CalibrationError(f"scores against {references} references came, 2 references or more were expected")
        if not len(scores) or not np.isfinite(scores).all():
            raise CalibrationError(f"there are no finite scores against {references} references to take a shift from")
    known = sorted(several)
    base = threshold_for_fmr(single, fmr)
    shifts = np.array([0.0, *(threshold_for_fmr(several[k], fmr) - base for k in known)])
    rising = np.maximum.accumulate(shifts)
    wanted = np.arange(1, MOST_REFERENCES + 1)
    return tuple(np.interp(-1 / wanted, [-1 / k for k in (1, *known)], rising).tolist())
