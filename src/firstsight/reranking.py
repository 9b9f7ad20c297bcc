"""Re-ranking: what is nearest by a measure is put in order by a network on pairs.

A network has an opinion on every pair and no index, so that a search would cost a run of it for everybody enrolled.
The embedding's own measure finds a shortlist first. Source: the two stages of Nogueira and Cho, 2019, "Passage
re-ranking with BERT" (arXiv:1901.04085), on embeddings instead of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from firstsight.similarity import Measure, Shelf, Similarity
from firstsight.types import FloatArray, IntArray

_BLOCK = 1 << 19  # numbers of embeddings that are laid side by side at once
_PROBES = 64  # whose shortlists are looked at together


@dataclass(frozen=True, slots=True)
class Reranked:
    """How a model with a pair network compares embeddings.

    Attributes:
        nearest: by which a shortlist is found, and references are fused.
        network: ``(n, d), (n, d) -> (n,)`` scores row by row, the same when both sides are exchanged.
        shortlist: how many of the nearest the network looks at.
    """

    nearest: Similarity
    network: Callable[[FloatArray, FloatArray], FloatArray]
    shortlist: int = 50

    @property
    def measure(self) -> Measure:
        """By which the shortlist is found."""
        return self.nearest.measure

    def aligned(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Row i of ``left (n, d)`` against row i of ``right (n, d)``: ``(n,)``."""
        return self.network(left, right)

    def scores(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Every row of ``left (a, d)`` against every row of ``right (b, d)``: ``(a, b)``; the network on every pair."""
        out = np.empty((len(left), len(right)), np.float32)
        flat = out.reshape(-1)
        block = max(1, _BLOCK // max(1, left.shape[1]))
        for start in range(0, flat.size, block):
            row, column = np.divmod(np.arange(start, min(start + block, flat.size)), len(right))
            flat[start : start + block] = self.network(left[row], right[column])
        return out

    def among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as a search sees them: those beyond a probe's shortlist come after it, as they lie."""
        if len(gallery) <= self.shortlist:
            return self.scores(probes, gallery)
        blocks = [self._among(probes[i : i + _PROBES], gallery) for i in range(0, len(probes), _PROBES)]
        return np.concatenate(blocks) if blocks else np.empty((0, len(gallery)), np.float32)

    def _among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        distant = self.nearest.scores(probes, gallery)
        listed = np.argsort(-distant, axis=1, kind="stable")[:, : self.shortlist]
        rows = np.repeat(np.arange(len(probes)), self.shortlist)
        known = self.network(probes[rows], gallery[listed.ravel()]).reshape(listed.shape)
        out: FloatArray = distant - distant.max(axis=1, keepdims=True) + known.min(axis=1, keepdims=True) - 1
        np.put_along_axis(out, listed, known, 1)
        return out

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity, see :meth:`Similarity.templates`."""
        return self.nearest.templates(vectors, owners, identities)

    def search(self, probes: FloatArray, gallery: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """The ``k`` best rows of ``gallery (b, d)`` for each probe ``(a, d)``: indices and scores ``(a, k)``."""
        return self.search_shelves(probes, [(gallery, None)], k)

    def search_shelves(self, probes: FloatArray, shelves: Sequence[Shelf], k: int) -> tuple[IntArray, FloatArray]:
        """As :meth:`search`, of a gallery in several pieces; what scores lose, the network's do.

        The shortlist is of ``k`` where more are asked for than it holds.
        """
        found = [self._search(probes[i : i + _PROBES], shelves, k) for i in range(0, max(1, len(probes)), _PROBES)]
        return np.concatenate([indices for indices, _ in found]), np.concatenate([scores for _, scores in found])

    def _search(self, probes: FloatArray, shelves: Sequence[Shelf], k: int) -> tuple[IntArray, FloatArray]:
        bare = [(vectors, None) for vectors, _ in shelves]
        indices, _ = self.nearest.search_shelves(probes, bare, max(k, self.shortlist))
        if not indices.size:
            return indices, np.empty(indices.shape, np.float32)
        starts = np.cumsum([0, *(len(vectors) for vectors, _ in shelves)])
        flat = indices.ravel()
        vectors = np.empty((len(flat), probes.shape[1]), np.float32)
        lost = np.zeros(len(flat), np.float32)
        for start, (some, shifts) in zip(starts, shelves, strict=False):
            mine = np.flatnonzero((flat >= start) & (flat < start + len(some)))
            vectors[mine] = some[flat[mine] - start]
            if shifts is not None:
                lost[mine] = shifts[flat[mine] - start]
        rows = np.repeat(np.arange(len(probes)), indices.shape[1])
        known = (self.network(probes[rows], vectors) - lost).reshape(indices.shape)
        order = np.lexsort((indices, -known))[:, :k]
        return np.take_along_axis(indices, order, 1), np.take_along_axis(known, order, 1)
