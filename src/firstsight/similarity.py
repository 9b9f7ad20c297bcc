"""Measures, links and the exact search kernels: ``score = link(measure(left, right))``.

A similarity is stored in a model as such a pair, so that the runtime needs no network code to compare embeddings.
Higher scores always mean more alike; cosine and angle are ``dot`` on normalised vectors, a distance is a negated score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from firstsight.errors import ModelError
from firstsight.types import FloatArray, IntArray

Measure = Literal["dot", "euclidean", "manhattan"]
LinkKind = Literal["identity", "angle", "negate", "negate_square", "rbf"]
_CHUNK = 1 << 22  # floats in a block of scores: 16 MiB
_DIFFERENCES = 1 << 16  # floats of differences at once: 256 KiB, which stay in the processor's cache
_NEAR = 0.98  # beyond this cosine, either way, float32 tells angles by the difference of the vectors only
_PROBES = 256  # of a block of scores in a search
_ROWS = 1 << 14  # of the same: 8 MiB of a gallery of 128 numbers a row are read at once
_SAMPLE = 512  # rows that give a search its first bound
Shelf = tuple[FloatArray, FloatArray | None]
"""Rows ``(n, d)`` of a gallery, and ``(n,)`` what the scores of each lose."""


@dataclass(frozen=True, slots=True)
class Link:
    """A monotone function from a measure to a score.

    ``identity`` (m), ``angle`` (-arccos m, radians), ``negate`` (-m), ``negate_square`` (-m^2), ``rbf``
    (exp(-gamma m^2)), each then times ``scale`` plus ``bias``; ``scale`` is positive, so the order of what is alike
    never turns.
    """

    kind: LinkKind = "identity"
    scale: float = 1.0
    bias: float = 0.0
    gamma: float = 1.0

    def __call__(self, measured: FloatArray) -> FloatArray:
        """Scores of the same shape as ``measured``."""
        if self.kind == "negate":
            value = -measured
        elif self.kind == "negate_square":
            value = -np.square(measured)
        elif self.kind == "rbf":
            value = np.exp(-self.gamma * np.square(measured))
        elif self.kind == "angle":
            value = -np.arccos(np.clip(measured, -1, 1))
        else:
            value = measured
        return self.affine(value)

    def affine(self, value: FloatArray) -> FloatArray:
        """``value`` times ``scale`` plus ``bias``, in float32."""
        if self.scale != 1.0 or self.bias != 0.0:
            value = value * np.float32(self.scale) + np.float32(self.bias)
        return value.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Similarity:
    """How a model compares embeddings.

    Args:
        measure: of two vectors.
        link: from the measure to the score.
        unit: whether all vectors have length 1: their dot product is a cosine then, and at most 1, which the sum of
            rounded products may exceed by a little.

    Raises:
        ModelError: a measure or link that does not exist, or a pair in which nearer would not score higher.
    """

    measure: Measure = "dot"
    link: Link = Link()
    unit: bool = False

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure) or self.link.kind not in get_args(LinkKind):
            raise ModelError(f"similarity {self.measure!r} with link {self.link.kind!r} is not known")
        if (
            (self.measure == "dot") != (self.link.kind in ("identity", "angle"))
            or not 0 < self.link.scale < np.inf
            or not 0 < self.link.gamma < np.inf
            or not np.isfinite(self.link.bias)
        ):
            raise ModelError(
                f"link {self.link.kind!r} (scale {self.link.scale}) on measure {self.measure!r} "
                "would not score nearer vectors higher"
            )

    @property
    def highest(self) -> float:
        """The score of a cosine of 1; infinite where scores are not of cosines, or their link has no more than its
        own highest."""
        if not self.unit or self.measure != "dot" or self.link.kind != "identity":
            return np.inf
        return float(self.link.affine(np.ones((), np.float32)))

    def scores(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Every row of ``left (a, d)`` against every row of ``right (b, d)``: ``(a, b)``."""
        return self._capped(self._table(left, right))

    def _capped(self, scores: FloatArray) -> FloatArray:
        """The scores, in place, none above the highest."""
        highest = self.highest
        if highest < np.inf:
            np.minimum(scores, np.float32(highest), out=scores)
        return scores

    def _table(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as the measure gives them."""
        step = max(1, _CHUNK // max(1, len(right)))
        if step >= len(left):
            return self._block(left, right)
        out = np.empty((len(left), len(right)), np.float32)
        for start in range(0, len(left), step):
            out[start : start + step] = self._block(left[start : start + step], right)
        return out

    def _block(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` that fit a block."""
        value = measured(self.measure, left, right)
        made = self.link(value)
        if self.link.kind == "angle":
            near = np.nonzero(np.abs(value) > _NEAR)
            step = max(1, _CHUNK // max(1, left.shape[1]))
            for start in range(0, len(near[0]), step):
                rows, columns = near[0][start : start + step], near[1][start : start + step]
                made[rows, columns] = self.link.affine(-_angles(left[rows], right[columns]))
        return made

    def among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as a search among ``gallery (b, d)`` sees them: all of them."""
        return self.scores(probes, gallery)

    def aligned(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Row i of ``left (n, d)`` against row i of ``right (n, d)``: ``(n,)``."""
        if self.link.kind == "angle":
            return self.link.affine(-_angles(left, right))
        if self.measure == "dot":
            value = np.einsum("nd,nd->n", left, right)
        elif self.measure == "euclidean":
            value = np.linalg.norm(left - right, axis=1)
        else:
            value = np.abs(left - right).sum(axis=1)
        return self._capped(self.link(value.astype(np.float32)))

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity, to be compared in place of its references: their mean.

        Under ``dot`` it is stretched to the references' mean length, so that a cosine stays a cosine. Measured against
        the mean and the best of the references' scores in docs/decisions/0009.

        Args:
            vectors: ``(r, d)`` references.
            owners: ``(r,)`` the identity of each, in 0..identities - 1, each at least once.
            identities: how many there are.

        Returns:
            ``(identities, d)``; the very vector where an identity has one reference.
        """
        if not identities:
            return vectors[:0]
        order = np.argsort(owners, kind="stable")
        counts = np.bincount(owners, minlength=identities)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        out: FloatArray = vectors[order[starts]]
        several = np.flatnonzero(counts > 1)
        if len(several):
            sums = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)[several]
            mean = sums / counts[several, None]
            if self.measure == "dot":
                lengths = np.add.reduceat(np.linalg.norm(vectors[order], axis=1), starts)[several] / counts[several]
                mean *= (lengths / np.maximum(np.linalg.norm(mean, axis=1), 1e-12))[:, None]
            out[several] = mean
        return out

    def search(self, probes: FloatArray, gallery: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """The ``k`` best rows of ``gallery (b, d)`` for each probe ``(a, d)``: indices and scores ``(a, k)``.

        Of equal scores the lower index comes first.
        """
        return self.search_shelves(probes, [(gallery, None)], k)

    def search_shelves(self, probes: FloatArray, shelves: Sequence[Shelf], k: int) -> tuple[IntArray, FloatArray]:
        """As :meth:`search`, of a gallery in several pieces, whose rows are counted through."""
        size = sum(len(vectors) for vectors, _ in shelves)
        indices = np.full((len(probes), min(k, size)), size, np.int64)
        best = np.full(indices.shape, -np.inf, np.float32)
        if not best.size:
            return indices, best
        step = min(len(probes), _PROBES, max(1, _CHUNK))
        rows = min(_ROWS, max(1, _CHUNK // step))
        highest = np.float32(self.highest)
        for start in range(0, len(probes), step):
            some, begin = slice(start, start + step), 0
            for vectors, shifts in shelves:
                for row in range(0, len(vectors), rows):
                    table = self._table(vectors[row : row + rows], probes[some])
                    most = np.full(len(table), highest)
                    if shifts is not None:
                        table -= shifts[row : row + rows, None]
                        most -= shifts[row : row + rows]
                    _keep_best(table, most, begin + row, indices[some], best[some])
                begin += len(vectors)
        return indices, best


def _keep_best(table: FloatArray, most: FloatArray, begin: int, indices: IntArray, best: FloatArray) -> None:
    """Put what is better in a table of scores ``(rows, probes)`` among the best so far ``(probes, k)``, in place.

    No score of a row counts for more than ``most (rows,)``; only those that may be among the best are looked at for it.
    """
    probes, k = best.shape
    worst = best[:, -1]
    if np.isneginf(worst).any():  # not k found yet: the k-th of a sample is as good a bound
        sample = table[: max(_SAMPLE, 16 * k)]
        sample = np.minimum(sample, most[: len(sample), None])
        if len(sample) >= k:
            worst = np.maximum(worst, np.partition(sample, len(sample) - k, axis=0)[len(sample) - k])
        able = np.flatnonzero(table >= worst)
    else:
        able = np.flatnonzero(table > worst)
    if not len(able):
        return
    rows, columns = np.divmod(able, probes)
    scores = np.concatenate([best.ravel(), np.minimum(table.ravel()[able], most[rows])])
    which = np.concatenate([indices.ravel(), rows + begin])
    probe = np.concatenate([np.repeat(np.arange(probes), k), columns])
    order = np.lexsort((which, -scores, probe))
    counts = k + np.bincount(columns, minlength=probes)
    first = order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]
    best[:], indices[:] = scores[first], which[first]


def measured(measure: Measure, left: FloatArray, right: FloatArray) -> FloatArray:
    """The raw measure ``(a, b)`` of ``left (a, d)`` and ``right (b, d)``."""
    if measure == "dot":
        return left @ right.T
    if measure == "manhattan":
        return _manhattan(left, right)
    # |a - b|^2 by the dot product is fast but cancels for near-equal vectors: those few are measured directly.
    left_norm = np.einsum("nd,nd->n", left, left)
    right_norm = np.einsum("nd,nd->n", right, right)
    square = left_norm[:, None] + right_norm[None, :] - 2 * (left @ right.T)
    near = np.nonzero(square < 1e-3 * (left_norm[:, None] + right_norm[None, :]) + 1e-12)
    step = max(1, _CHUNK // max(1, left.shape[1]))
    for start in range(0, len(near[0]), step):
        rows, columns = near[0][start : start + step], near[1][start : start + step]
        difference = left[rows] - right[columns]
        square[rows, columns] = np.einsum("nd,nd->n", difference, difference)
    result: FloatArray = np.sqrt(np.maximum(square, 0)).astype(np.float32, copy=False)
    return result


def _manhattan(left: FloatArray, right: FloatArray) -> FloatArray:
    """Sums of absolute differences ``(a, b)``, in blocks that the processor's cache holds."""
    out = np.empty((len(left), len(right)), np.float32)
    most = max(1, min(_CHUNK, _DIFFERENCES) // max(1, left.shape[1]))  # pairs at once
    wide = max(1, min(most, len(right)))
    high = max(1, most // wide)
    for row in range(0, len(left), high):
        some = left[row : row + high, None, :]
        for column in range(0, len(right), wide):
            difference = some - right[None, column : column + wide]
            np.abs(difference, out=difference)
            difference.sum(axis=2, out=out[row : row + high, column : column + wide])
    return out


def _angles(left: FloatArray, right: FloatArray) -> FloatArray:
    """Angles ``(n,)`` (radians) of normalised ``left (n, d)`` and ``right (n, d)`` row by row, exact near 0 and pi.

    A zero vector is at a right angle to all. Source: Kahan, 2006, "How futile are mindless assessments of roundoff in
    floating-point computation?", section 12.
    """
    apart, along = np.linalg.norm(left - right, axis=1), np.linalg.norm(left + right, axis=1)
    nowhere = (apart == 0) & (along == 0)
    made: FloatArray = 2 * np.arctan2(np.where(nowhere, 1, apart), np.where(nowhere, 1, along))
    return made.astype(np.float32)
