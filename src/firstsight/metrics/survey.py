"""All pairs and retrieval in one pass: the scores of n embeddings are computed once for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstsight.metrics.allpairs import AllPairs, all_pairs, finished
from firstsight.metrics.binning import Binning, Histogram
from firstsight.metrics.retrieval import SLOTS, Places, Retrieval, Rights, joined, retrieval
from firstsight.metrics.tiles import Place, Score, arrange, shared
from firstsight.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Survey:
    """What n labelled embeddings say.

    Attributes:
        pairs: error rates of all pairs.
        retrieval: how near the right ones came.
    """

    pairs: AllPairs
    retrieval: Retrieval


def survey(
    score: Score,
    embeddings: FloatArray,
    labels: IntArray,
    *,
    apart: IntArray | None = None,
    ks: Sequence[int] = (1, 5, 10),
    fmrs: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    workers: int = 1,
) -> Survey:
    """``all_pairs`` and ``retrieval`` of the same embeddings, in hardly more than the time of the first.

    Args:
        score, embeddings, labels, apart, ks, fmrs, thresholds, workers: as those take them.

    Raises:
        DataError: as those do.
    """
    arranged = arrange(score, embeddings, labels, apart)
    sizes = np.bincount(arranged.labels)
    if (sizes * (sizes - 1)).sum() > SLOTS:
        del arranged
        pairs = all_pairs(score, embeddings, labels, apart=apart, fmrs=fmrs, thresholds=thresholds, workers=workers)
        return Survey(pairs, retrieval(score, embeddings, labels, apart=apart, ks=ks, workers=workers))
    places = arranged.triangle()
    right = Rights.of(arranged, np.arange(len(labels)), ks)
    binning = Binning.of(arranged)

    def count(some: Sequence[Place]) -> tuple[Histogram, Places]:
        histogram, counted = Histogram(binning), Places(right)
        for place in some:
            tile = arranged.tile(*place)
            histogram.add(tile)
            counted.add(tile, both=True)
        return histogram, counted

    parts = shared(count, places, workers)
    found = joined([Places.sum([p[1] for p in parts]).answer(arranged, ks)], ks)
    histogram = Histogram.sum([p[0] for p in parts])
    del parts
    return Survey(finished(arranged, places, histogram, fmrs, thresholds, workers), found)
