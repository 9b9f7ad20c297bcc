"""1:1 error rates over all n (n - 1) / 2 pairs of n embeddings, counted exactly in little memory.

Scores fall into 65,536 bins by a function that never turns their order; a first pass over the pairs counts the bins, a
second keeps every distinct score of the few bins that an answer hangs on (where the rates cross, at the FMRs and
thresholds asked for). At the edge of a bin the rates are exact by counting, inside a kept one at every score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstsight.errors import DataError
from firstsight.metrics.binning import BINS, KEPT, Binning, Distinct, Histogram, halves
from firstsight.metrics.tiles import Arranged, Place, Score, arrange, shared
from firstsight.metrics.verification import ErrorCurve, between
from firstsight.metrics.verification import eer as eer_of
from firstsight.types import BoolArray, FloatArray, IntArray

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class AllPairs:
    """What all pairs say.

    Attributes:
        curve: FMR and FNMR, exact at each of its thresholds, which are some of the distinct scores (all of them where
            ``exact``) and edges of bins; ``verification``'s functions of a curve apply.
        genuine: ``(t,)`` number of genuine pairs from this threshold to below the next; the last, at +inf, is 0.
        impostor: ``(t,)`` the same of impostor pairs.
        exact: ``(t,)`` whether those are all of one score, the threshold.
    """

    curve: ErrorCurve
    genuine: IntArray
    impostor: IntArray
    exact: BoolArray

    @property
    def eer(self) -> float:
        """Equal error rate, as ``verification.eer`` of all scores."""
        return eer_of(self.curve)

    @property
    def auc(self) -> float:
        """Probability that a genuine pair outscores an impostor pair, ties counted half, to within ``auc_error``.

        Pairs that share a bin that was not kept count half too.
        """
        below = np.cumsum(self.impostor) - self.impostor
        return float((self.genuine * (below + self.impostor / 2)).sum() / self._product)

    @property
    def auc_error(self) -> float:
        """The most by which ``auc`` can be off; what it is off is far less, as a bin's pairs fall either way."""
        return float((self.genuine.astype(np.float64) * self.impostor)[~self.exact].sum() / (2 * self._product))

    @property
    def _product(self) -> float:
        return float(self.genuine.sum()) * float(self.impostor.sum())

    def rates_at(self, threshold: float) -> tuple[float, float]:
        """(FMR, FNMR) at a threshold; exact for those asked for, elsewhere to within the pairs of one bin."""
        place = int(np.searchsorted(self.curve.thresholds, np.float64(np.float32(threshold)), side="left"))
        return float(self.curve.fmr[place]), float(self.curve.fnmr[place])

    def threshold_for_fmr(self, fmr: float) -> float:
        """The lowest threshold whose FMR is at most ``fmr``, as ``verification.threshold_for_fmr``.

        Exact for those asked for; elsewhere it lies at the edge of a bin above, where its FMR is at most ``fmr`` too.
        """
        place = int(np.argmax(self.curve.fmr <= fmr + _ROUNDING))
        held = np.flatnonzero(self.impostor)
        let_in = int(np.searchsorted(held, place))
        scores = np.append(self.curve.thresholds[held], np.inf)
        if let_in > 0 and not self.exact[held[let_in - 1]]:
            return float(self.curve.thresholds[place])
        return between(scores, let_in)

    def thinned(self, points: int = 500) -> ErrorCurve:
        """The curve at about so many thresholds, dense where either rate changes."""
        curve = self.curve
        # Each rate on its own scale and in logarithm, since a curve is drawn on either.
        way = np.zeros(len(curve.thresholds))
        for rate, count in ((curve.fmr, self.impostor.sum()), (curve.fnmr, self.genuine.sum())):
            for seen in (rate, np.log10(rate + 1 / count)):
                step = np.abs(np.diff(seen, prepend=seen[:1]))
                way += step.cumsum() / max(step.sum(), _ROUNDING)
        chosen = np.searchsorted(way, np.linspace(0, way[-1], points))
        chosen = np.unique(np.concatenate([[0], chosen.clip(0, len(way) - 1), [len(way) - 1]]))
        return ErrorCurve(curve.thresholds[chosen], curve.fmr[chosen], curve.fnmr[chosen])


def all_pairs(
    score: Score,
    embeddings: FloatArray,
    labels: IntArray,
    *,
    apart: IntArray | None = None,
    fmrs: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    workers: int = 1,
) -> AllPairs:
    """Compare every two of n embeddings. EER and what is asked for are exact; memory does not grow with the pairs.

    Args:
        score: ``(a, d), (b, d) -> (a, b)`` float32, the same for both orders of a pair.
        embeddings: ``(n, d)`` float32.
        labels: ``(n,)`` classes.
        apart: ``(n,)`` drawer, camera...: pairs of equal ones do not count. None: all count.
        fmrs: at which ``threshold_for_fmr`` shall be exact.
        thresholds: at which ``rates_at`` shall be exact.
        workers: threads; let BLAS have one thread then (``OMP_NUM_THREADS=1``), or they stand in each other's way.

    Raises:
        DataError: lengths that differ, values that are not finite, or no genuine or no impostor pair.

    Example:
        >>> found = all_pairs(lambda a, b: a @ b.T, np.eye(4, dtype=np.float32), np.array([0, 0, 1, 1]))
        >>> found.eer, found.auc
        (0.5, 0.5)
    """
    arranged = arrange(score, embeddings, labels, apart)
    places = arranged.triangle()
    binning = Binning.of(arranged)

    def count(some: Sequence[Place]) -> Histogram:
        histogram = Histogram(binning)
        for place in some:
            histogram.add(arranged.tile(*place))
        return histogram

    histogram = Histogram.sum(shared(count, places, workers))
    return finished(arranged, places, histogram, fmrs, thresholds, workers)


def finished(
    arranged: Arranged,
    places: list[Place],
    histogram: Histogram,
    fmrs: Sequence[float],
    thresholds: Sequence[float],
    workers: int,
) -> AllPairs:
    """Choose the bins an answer hangs on, keep their scores in a second pass, and put the curve together."""
    genuine, impostor = histogram.genuine[:BINS], histogram.impostor[:BINS]
    if not genuine.any() or not impostor.any():
        raise DataError(f"{genuine.sum():,} genuine and {impostor.sum():,} impostor pairs: both kinds are needed")
    wanted = _hanging(histogram.binning, genuine, impostor, fmrs, thresholds)

    def keep(some: Sequence[Place]) -> tuple[Distinct, Distinct]:
        kept = Distinct(), Distinct()
        for place in some:
            tile = arranged.tile(*place)
            inside = wanted[histogram.binning(tile.scores)]
            right, wrong = halves(tile)
            if right is not None:
                kept[0].add(tile.scores[right & inside])
            kept[1].add(tile.scores[inside if wrong is None else wrong & inside])
        return kept

    pairs = shared(keep, places, workers)
    of_genuine, of_impostor = Distinct.sum([p[0] for p in pairs]), Distinct.sum([p[1] for p in pairs])
    rough = np.flatnonzero(~wanted & (genuine + impostor > 0))
    scores = np.union1d(of_genuine.values, of_impostor.values)
    points = np.concatenate([histogram.binning.edges(rough), scores]).astype(np.float64)
    counts = [
        np.concatenate([rates[rough], kept.at(scores)])
        for rates, kept in ((genuine, of_genuine), (impostor, of_impostor))
    ]
    order = np.argsort(points)
    counts = [np.append(c[order], 0) for c in counts]
    fnmr, fmr = ((np.cumsum(c) - c) / c.sum() for c in counts)
    curve = ErrorCurve(np.append(points[order], np.inf), 1 - fmr, fnmr)
    return AllPairs(curve, counts[0], counts[1], np.append(order >= len(rough), True))


def _hanging(
    binning: Binning, genuine: IntArray, impostor: IntArray, fmrs: Sequence[float], thresholds: Sequence[float]
) -> BoolArray:
    """Bins whose scores decide what must be exact, the lowest one filled, and as many as there is room for the AUC."""
    wanted = np.zeros(BINS, bool)
    fnmr = (np.cumsum(genuine) - genuine) / genuine.sum()
    fmr = 1 - (np.cumsum(impostor) - impostor) / impostor.sum()
    held = np.flatnonzero(genuine + impostor)
    wanted[held[0]] = True  # its edge is no score: it is open below
    wanted[held[np.flatnonzero(fmr[held] > fnmr[held])[-1]]] = True
    filled = np.flatnonzero(impostor)
    for asked in fmrs:
        # The last bin that lets in too many, in which the threshold may lie, and the next, up to whose lowest score.
        over = int(np.flatnonzero(fmr[filled] > asked + _ROUNDING)[-1]) if fmr[filled[0]] > asked + _ROUNDING else 0
        wanted[filled[over : over + 2]] = True
    wanted[binning(np.asarray(thresholds, np.float32))] = True
    heavy = np.argsort(-(genuine.astype(np.float64) * impostor), kind="stable")
    room = np.cumsum((genuine + impostor)[heavy]) <= KEPT
    wanted[heavy[room]] = True
    return wanted
