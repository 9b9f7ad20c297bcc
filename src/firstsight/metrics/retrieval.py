"""Retrieval: every embedding asks all others, how many of the nearest are of its class? Ties are shared, never won.

Nothing is sorted. What an answer hangs on is how many wrong ones score above, and how many exactly as, each of the few
right ones; those are counted tile by tile, and only while a right one can still be among the nearest asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.metrics.binning import ordered, unordered
from firstsight.metrics.tiles import SIDE, Arranged, Place, Score, Tile, arrange, shared
from firstsight.types import BoolArray, FloatArray, IntArray

Float64Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
SLOTS = 1 << 22  # right scores held at a time: 64 MiB with the counts of one worker, 32 for each other
_RUN = 1 << 13  # queries worked on at a time


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How near the right ones came, by query.

    Attributes:
        queries: ``(q,)`` ascending indices of the embeddings that asked.
        precision_at_1: ``(q,)`` chance that the nearest is right: 1 or 0, a share in a tie.
        recall: ``(q, len(ks))`` chance that any of the k nearest is right ("recall@k" of metric learning).
        map_at_r: ``(q,)`` mean average precision at R (Musgrave et al., 2020, arXiv:2003.08505, section 3.1).
        right: ``(q,)`` R, how many right ones there are for each.
        ks: of ``recall``.
        left_out: how many were to ask but have no right one to find.
    """

    queries: IntArray
    precision_at_1: Float64Array
    recall: Float64Array
    map_at_r: Float64Array
    right: IntArray
    ks: tuple[int, ...]
    left_out: int


def retrieval(
    score: Score,
    embeddings: FloatArray,
    labels: IntArray,
    *,
    apart: IntArray | None = None,
    ks: Sequence[int] = (1, 5, 10),
    rows: IntArray | None = None,
    workers: int = 1,
) -> Retrieval:
    """Precision at 1, recall@k and MAP@R of each query among all other embeddings.

    MAP@R is ``(1/R) sum_(i = 1..R) [i-th is right] (right among the first i) / i``. Each value is its mean over all
    orders of what ties (for average precision: McSherry and Najork, 2008, 10.1007/978-3-540-78646-7_38), so it hangs
    on no order of the data and a constant scorer gets chance.

    Args:
        score: ``(a, d), (b, d) -> (a, b)`` float32, the same for both orders of a pair.
        embeddings: ``(n, d)`` float32.
        labels: ``(n,)`` classes.
        apart: ``(n,)`` drawer, camera...: what equals the query's is not among its candidates. None: all others are.
        ks: of recall@k, each at least 1.
        rows: indices of the queries, or None for all.
        workers: threads; let BLAS have one thread then (``OMP_NUM_THREADS=1``), or they stand in each other's way.

    Raises:
        DataError: lengths that differ or values that are not finite.

    Example:
        >>> found = retrieval(lambda a, b: a @ b.T, np.eye(3, dtype=np.float32), np.array([0, 0, 1]), ks=(1, 2))
        >>> found.recall.tolist(), found.left_out
        ([[0.5, 1.0], [0.5, 1.0]], 1)
    """
    arranged = arrange(score, embeddings, labels, apart)
    asked = np.full(len(labels), rows is None)
    if rows is not None:
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(labels):
            raise DataError(f"rows run from {rows.min()} to {rows.max()}, expected 0 to {len(labels) - 1}")
        asked[rows] = True
    chosen = np.flatnonzero(asked[arranged.original])
    parts = []
    for some in _portions(arranged, chosen):
        whole = len(some) == len(labels)
        places = arranged.triangle() if whole else _rectangle(arranged, some)
        right = Rights.of(arranged, some, ks)

        def count(share: Sequence[Place], right: Rights = right, both: bool = whole) -> Places:
            counted = Places(right)
            for place in share:
                counted.add(arranged.tile(*place), both=both)
            return counted

        parts.append(Places.sum(shared(count, places, workers)).answer(arranged, ks))
    return joined(parts, ks)


def _portions(arranged: Arranged, queries: IntArray) -> Iterator[IntArray]:
    """Runs of queries (places) that have at most ``SLOTS`` right ones together."""
    sizes = np.bincount(arranged.labels)[arranged.labels[queries]] - 1
    start, filled = 0, np.cumsum(sizes)
    while start < len(queries):
        before = filled[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(filled, before + SLOTS, side="right")))
        yield queries[start:stop]
        start = stop


def _rectangle(arranged: Arranged, queries: IntArray) -> list[Place]:
    """Tiles of some queries against everything."""
    return [(queries[i : i + SIDE], columns) for i in range(0, len(queries), SIDE) for columns in arranged.columns()]


@dataclass(frozen=True, slots=True)
class Rights:
    """Scores of the right ones of some queries.

    Attributes:
        queries: ``(q,)`` ascending places.
        keys: ``(s,)`` ascending: number of the query and its right score, the score as an integer of the same order.
        start: ``(q + 1,)`` where each query's begin in ``keys``.
        enough: ``(q,)`` when so many wrong ones score above a right one, it no longer matters.
    """

    queries: IntArray
    keys: IntArray
    start: IntArray
    enough: IntArray

    @classmethod
    def of(cls, arranged: Arranged, queries: IntArray, ks: Sequence[int]) -> Rights:
        """Score only tiles in which a class meets itself."""
        found = [np.empty(0, np.int64)]
        for i in range(0, len(queries), SIDE):
            rows = queries[i : i + SIDE]
            for columns in arranged.columns():
                if arranged.meet(rows, columns):
                    tile = arranged.tile(rows, columns)
                    if tile.right is not None:
                        number, _ = np.nonzero(tile.right)
                        found.append(_keys(i + number, tile.scores[tile.right]))
        keys = np.sort(np.concatenate(found))
        start = np.searchsorted(keys, np.arange(len(queries) + 1) << 32)
        return cls(queries, keys, start, np.maximum(np.diff(start), max(ks, default=1)))


class Places:
    """How many wrong ones score above and as each right one; one worker fills one.

    ``beating`` (s,) counts the wrong that outscore this right one and no higher one of the query; ``tying`` (s,) those
    that score the same, at the first of equal right ones. ``floor`` (q,): below this score no wrong one matters.
    """

    def __init__(self, right: Rights) -> None:
        self.right = right
        self.beating: Counts = np.zeros(len(right.keys), np.int32)
        self.tying: Counts = np.zeros(len(right.keys), np.int32)
        self.floor: FloatArray = np.empty(len(right.queries), np.float32)
        self._unseen = 0
        self._lift()

    def add(self, tile: Tile, *, both: bool) -> None:
        """Count a tile for its rows and, ``both`` where it stands for its mirror image too, for its columns."""
        first = int(np.searchsorted(self.right.queries, tile.rows[0]))
        self._count(tile.scores, tile.out, first)
        if both and not tile.diagonal:
            self._count(tile.scores, tile.out, tile.columns.start, mirrored=True)
        if self._unseen > max(1 << 18, len(self.right.keys) // 4):
            self._lift()

    def _count(self, scores: FloatArray, out: BoolArray | None, first: int, *, mirrored: bool = False) -> None:
        size = scores.shape[1 if mirrored else 0]
        floor = self.floor[first : first + size]
        near = scores >= (floor[None, :] if mirrored else floor[:, None])
        if out is not None:
            near &= ~out
        at = np.flatnonzero(near)
        if len(at) == 0:
            return
        number = (at % size if mirrored else at // scores.shape[1]) + first
        wrong = _keys(number, scores.ravel()[at])
        base, end = self.right.start[first], self.right.start[first + size]
        keys = self.right.keys[base:end]
        below, upto = np.searchsorted(keys, wrong, side="left"), np.searchsorted(keys, wrong, side="right")
        above_some = below + base > self.right.start[number]
        self.beating[base:end] += np.bincount(below[above_some] - 1, minlength=end - base)
        self.tying[base:end] += np.bincount(below[upto > below], minlength=end - base)
        self._unseen += len(at)

    def _lift(self) -> None:
        """Raise each floor to the lowest right score that still matters."""
        self._unseen = 0
        self.floor[:] = np.inf
        for run, right, beating, _ in self._runs():
            start, count = right.start, np.diff(right.start)
            lost = _above(right, beating) >= np.repeat(right.enough, count)
            place = start[:-1] + np.add.reduceat(np.append(lost, False).astype(np.int64), start[:-1]) * (count > 0)
            some = np.flatnonzero(place < start[1:])
            self.floor[run.start + some] = unordered(right.keys[place[some]] & 0xFFFFFFFF)

    def _runs(self) -> Iterator[tuple[slice, Rights, Counts, Counts]]:
        """Some queries at a time with their right ones and counts, so that what is worked out of them stays small."""
        right = self.right
        for at in range(0, len(right.queries), _RUN):
            run = slice(at, min(at + _RUN, len(right.queries)))
            start = right.start[run.start : run.stop + 1]
            held = slice(start[0], start[-1])
            part = Rights(right.queries[run], right.keys[held], start - start[0], right.enough[run])
            yield run, part, self.beating[held], self.tying[held]

    @staticmethod
    def sum(parts: list[Places]) -> Places:
        """All together."""
        for part in parts[1:]:
            parts[0].beating += part.beating
            parts[0].tying += part.tying
        return parts[0]

    def answer(self, arranged: Arranged, ks: Sequence[int]) -> Retrieval:
        """Precision at 1, recall@k and MAP@R of the queries that have a right one."""
        return joined([_answer(arranged, r, beating, tying, ks) for _, r, beating, tying in self._runs()], ks)


def _above(right: Rights, beating: Counts) -> IntArray:
    """How many wrong ones score above each right one, ``(s,)``."""
    total = np.append(np.cumsum(beating[::-1], dtype=np.int64)[::-1], 0)
    later: IntArray = np.repeat(total[right.start[1:]], np.diff(right.start))
    return total[:-1] - later


def _answer(arranged: Arranged, right: Rights, beating: Counts, tying: Counts, ks: Sequence[int]) -> Retrieval:
    start, count = right.start, np.diff(right.start)
    # A run of equal keys is a set of equal right scores of one query.
    first = np.flatnonzero(np.diff(right.keys, prepend=-1) != 0)
    r = np.diff(first, append=len(right.keys))
    query = np.searchsorted(start, first, side="right") - 1
    c = start[query + 1] - first - r
    s, n = _above(right, beating)[first] + c, r + tying[first].astype(np.int64)
    precision = np.bincount(query, _summed_precision(r, n, c, s, count[query]), len(count))
    asks = np.flatnonzero(count)
    best = np.flatnonzero(c == 0)  # each query's highest run, in the order of the queries
    recall = [_any_right(r[best], n[best], k - s[best]) for k in (1, *ks)]
    original = arranged.original[right.queries[asks]]
    by_k = np.stack(recall[1:], axis=1) if ks else np.empty((len(asks), 0))
    return Retrieval(
        original, recall[0], by_k, precision[asks] / count[asks], count[asks], tuple(ks), len(count) - len(asks)
    )


def _summed_precision(r: IntArray, n: IntArray, c: IntArray, s: IntArray, most: IntArray) -> Float64Array:
    """Expected sum of the precisions at right ones among a run's places, up to place ``most``, over all orders.

    Place s + i of n tied ones, r of them right, after s of which c are right, is right with chance r / n, and then has
    ``c + 1 + (i - 1) (r - 1) / (n - 1)`` right up to it; the sum over i is closed by harmonic numbers.
    """
    places = np.clip(most - s, 0, n)
    slope = (r - 1) / np.maximum(n - 1, 1)
    harmonic = np.append(0, np.cumsum(1 / np.arange(1, most.max(initial=0) + 1)))
    reached = np.minimum(s, len(harmonic) - 1)
    turn = harmonic[np.minimum(reached + places, len(harmonic) - 1)] - harmonic[reached]
    result: Float64Array = r / n * (slope * places + (c + 1 - slope * (s + 1)) * turn)
    return result


def _any_right(r: IntArray, n: IntArray, drawn: IntArray) -> Float64Array:
    """Chance that any of ``drawn`` out of n tied ones, r of them right, is right."""
    none = np.ones(len(r))
    for i in range(int(np.minimum(drawn, n).max(initial=0))):
        none *= np.where(i < drawn, np.maximum(n - r - i, 0) / np.maximum(n - i, 1), 1)
    return 1 - none


def joined(parts: list[Retrieval], ks: Sequence[int]) -> Retrieval:
    """Portions as one, in the order of the queries."""
    if not parts:
        raise DataError("no query was asked, retrieval needs at least one")
    queries = np.concatenate([p.queries for p in parts])
    order = np.argsort(queries)
    precision, recall, mean, right = (
        np.concatenate([getattr(p, name) for p in parts])[order]
        for name in ("precision_at_1", "recall", "map_at_r", "right")
    )
    return Retrieval(queries[order], precision, recall, mean, right, tuple(ks), sum(p.left_out for p in parts))


def _keys(number: IntArray, scores: FloatArray) -> IntArray:
    """Integers in the order of (number, score)."""
    return (number << 32) + ordered(scores)
