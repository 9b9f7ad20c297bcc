"""All pairs of n embeddings, a tile at a time: what ``allpairs``, ``retrieval`` and ``survey`` share.

The embeddings are put in order of their labels, so that pairs of one class lie along the diagonal and a tile away from
it needs no mask. A tile is small enough to stay in a core's cache while it is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.types import BoolArray, FloatArray, IntArray

Score: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""Scores ``(a, b)`` of every row of ``left (a, d)`` against every row of ``right (b, d)``, higher is more alike."""

SIDE = 512  # rows and columns of a tile: 1 MiB of scores

Place: TypeAlias = tuple[IntArray, slice]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Arranged:
    """Embeddings in order of their labels.

    Attributes:
        score: of two sets of embeddings.
        embeddings: ``(n, d)`` in the new order.
        original: ``(n,)`` where each stood.
        labels: ``(n,)`` codes 0..c - 1, ascending.
        apart: ``(n,)`` codes, or None; pairs of equal ones do not count.
    """

    score: Score
    embeddings: FloatArray
    original: IntArray
    labels: IntArray
    apart: npt.NDArray[np.int32] | None

    def tile(self, rows: IntArray, columns: slice) -> Tile:
        """Score some rows (ascending places) against a run of columns."""
        scores = np.asarray(self.score(self.embeddings[rows], self.embeddings[columns]), np.float32)
        near, out = None, None
        if self.meet(rows, columns):
            near = self.labels[rows][:, None] == self.labels[columns]
            out = rows[:, None] == np.arange(columns.start, columns.stop)
        if self.apart is not None:
            kept_apart = self.apart[rows][:, None] == self.apart[columns]
            out = kept_apart if out is None else out | kept_apart
        if near is None or out is None:
            return Tile(rows, columns, scores, None, out)
        return Tile(rows, columns, scores, near & ~out, near | out)

    def meet(self, rows: IntArray, columns: slice) -> bool:
        """Whether a class has members on both sides."""
        return bool(
            self.labels[rows[0]] <= self.labels[columns.stop - 1]
            and self.labels[columns.start] <= self.labels[rows[-1]]
        )

    def triangle(self) -> list[Place]:
        """Tiles that hold each pair once, those on the diagonal twice."""
        runs = [(np.arange(c.start, c.stop), c) for c in self.columns()]
        return [(rows, columns) for i, (rows, _) in enumerate(runs) for _, columns in runs[i:]]

    def columns(self) -> Iterator[slice]:
        """Runs of at most ``SIDE`` columns."""
        n = len(self.embeddings)
        return (slice(start, min(start + SIDE, n)) for start in range(0, n, SIDE))


@dataclass(frozen=True, slots=True)
class Tile:
    """Scores of some rows against some columns, and which of them count.

    Attributes:
        rows: ``(a,)`` places.
        columns: b places.
        scores: ``(a, b)`` float32.
        right: ``(a, b)`` pairs of one class that count; None if there are none.
        out: ``(a, b)`` pairs that are not impostors that count: of one class, with itself, kept apart; None if none is.
    """

    rows: IntArray
    columns: slice
    scores: FloatArray
    right: BoolArray | None
    out: BoolArray | None

    @property
    def diagonal(self) -> bool:
        """Whether it is a square on the diagonal of ``Arranged.triangle``."""
        return bool(self.rows[0] == self.columns.start)


def arrange(score: Score, embeddings: FloatArray, labels: IntArray, apart: IntArray | None) -> Arranged:
    """Put embeddings ``(n, d)`` in order of their labels ``(n,)``; ``apart (n,)`` or None.

    Raises:
        DataError: lengths that differ, or an embedding that is not finite.
    """
    n = len(embeddings)
    if len(labels) != n or (apart is not None and len(apart) != n):
        marks = "" if apart is None else f" and {len(apart)} marks of what is kept apart"
        raise DataError(f"{n} embeddings came with {len(labels)} labels{marks}: as many of each are needed")
    if n == 0:
        raise DataError("there are no embeddings to compare")
    # The sum is not finite where any value is not: one pass without a mask of the same size.
    if not np.isfinite(embeddings.sum(dtype=np.float64)):
        raise DataError("an embedding holds a value that is not finite")
    order = np.argsort(labels, kind="stable")
    codes = np.unique(labels[order], return_inverse=True)[1]
    groups = None if apart is None else np.unique(apart, return_inverse=True)[1].astype(np.int32)[order]
    return Arranged(score, embeddings[order], order, codes, groups)


def shared(work: Callable[[Sequence[Place]], _Result], places: Sequence[Place], workers: int) -> list[_Result]:
    """Give each of some threads its share of the tiles; NumPy lets them run side by side."""
    shares = [places[w::workers] for w in range(workers)]
    if workers == 1:
        return [work(shares[0])]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, shares))
