"""Searches of strangers: how far an expected FPIR and its threshold would move with other classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from firstsight.calibration.resampling import Float64Array, Units, corrected, draws
from firstsight.calibration.targets import Target
from firstsight.metrics.verification import between
from firstsight.types import FloatArray


class Searches:
    """The impostor scores of probes, prepared for the FPIR of resampled classes.

    FPIR is that of ``metrics.openset.expected_fpir``, probes and references counting as often as their classes.

    Args:
        rows: ``(p, r)`` impostor scores of each probe; NaN where a pair does not count.
        units: classes of probes ``(p,)`` and references ``(r,)``; None: each probe is its own, references stay.
        lowest: scores below it are never let in.
    """

    def __init__(self, rows: FloatArray, units: Units | None, lowest: float) -> None:
        counted = ~np.isnan(rows)
        self._own = units is None
        if units is None:
            self._probe, reference = np.arange(len(rows)), np.zeros(rows.shape[1], np.int64)
        else:
            _, place = np.unique(np.concatenate(units), return_inverse=True)
            self._probe, reference = place[: len(rows)], place[len(rows) :]
        self.count = int(max(self._probe.max(), reference.max())) + 1
        order = np.argsort(reference, kind="stable")
        self._shown, starts = np.unique(reference[order], return_index=True)
        self._scored = np.add.reduceat(counted[:, order], starts, axis=1, dtype=np.float64)
        row, column = np.nonzero(counted & (rows >= np.float32(lowest)))
        scores = rows[row, column]
        falling = np.argsort(-scores, kind="stable")
        self._row, self._reference = row[falling], reference[column[falling]]
        self.scores = scores[falling]

    def fpir(self, times: Float64Array, gallery_size: int) -> Callable[[int], float]:
        """FPIR when so many of ``scores`` are let in, each class counting ``times (count,)``; NaN if no pair counts."""
        column = np.ones(self.count) if self._own else times
        total = self._scored @ column[self._shown]
        weight = times[self._probe] * (total > 0)
        pair = column[self._reference]

        def rate(let_in: int) -> float:
            hits = np.bincount(self._row[:let_in], pair[:let_in], len(total))
            struck = np.flatnonzero(hits * weight)
            with np.errstate(divide="ignore"):  # log(0) where every pair is let in: the answer is 1
                anyone = -np.expm1(gallery_size * np.log1p(-hits[struck] / total[struck]))
            return float(weight[struck] @ anyone / weight.sum()) if weight.any() else float("nan")

        return rate

    def interval(self, threshold: float, gallery_size: int, *, seed: int) -> tuple[float, float]:
        """95 % interval of the FPIR at a threshold, not below ``lowest``, by resampling classes."""
        let_in = int((self.scores >= np.float32(threshold)).sum())
        rates = [self.fpir(times, gallery_size)(let_in) for times in draws(self.count, seed)]
        spread = [rate for rate in rates if np.isfinite(rate)]
        low, high = np.quantile(spread, [0.025, 0.975]) if spread else (0.0, 1.0)
        return float(low), float(high)

    def strict_threshold(self, target: Target, confidence: float, point: float, *, seed: int) -> float:
        """The threshold that meets a target FPIR in a share ``confidence`` of resamples, not below ``point``."""
        kept_out = []
        for times in draws(self.count, seed):
            rate = self.fpir(times, target.gallery_size)
            if np.isnan(rate(0)):
                continue
            low, high = 0, len(self.scores)
            while low < high:  # the most that may be let in
                middle = (low + high + 1) // 2
                low, high = (low, middle - 1) if rate(middle) > target.value + 1e-12 else (middle, high)
            kept_out.append(float(self.scores[low]) if low < len(self.scores) else -np.inf)
        if not kept_out:
            return point
        met = float(np.mean(np.array(kept_out) == -np.inf))
        every = len(self.scores)
        share = corrected(confidence, met, lambda times: self.fpir(times, target.gallery_size)(every), self.count, seed)
        highest = float(np.quantile(kept_out, share, method="higher"))
        if highest == -np.inf:
            return point
        distinct = np.unique(self.scores).astype(np.float64)
        return max(point, between(distinct, int(np.searchsorted(distinct, highest, side="right"))))
