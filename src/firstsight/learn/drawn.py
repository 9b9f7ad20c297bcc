"""Samplers of what was drawn once: the same pairs, or triplets, in every epoch, each time in another order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from firstsight.datasets.drawing import Apart, drawn_pairs, drawn_triplets
from firstsight.learn.bounds import Count
from firstsight.types import IntArray


class DrawnPairs:
    """Pairs drawn once, half of them same; a batch holds both sides of a pair side by side.

    Every group (class, where there are no groups) gives alike many. Source: Koch et al., 2015, section 4.2.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index of every example.
        seed: of the draw and of the order of every epoch.
        count: pairs.
        size: pairs a batch.
        apart: where the other side of a different pair comes from: ``anywhere``, or the anchor's ``group``.
    """

    gives: ClassVar[str] = "pairs"

    def __init__(
        self,
        labels: IntArray,
        groups: IntArray,
        seed: int,
        *,
        count: Count = 30_000,
        size: Count = 64,
        apart: Apart = "anywhere",
    ) -> None:
        self.drawn = drawn_pairs(labels, groups, count, seed, apart=apart)
        self.order = _Order(len(self.drawn), size, seed)

    def batch(self, step: int) -> IntArray:
        """Indices ``(2 * size,)``: left, right, left, right, ..."""
        made: IntArray = self.drawn[self.order.batch(step)].ravel()
        return made


class DrawnTriplets:
    """Triplets drawn once: anchor, same, different; a batch holds the three side by side.

    Args:
        labels, groups, seed, apart: as in :class:`DrawnPairs`.
        count: triplets.
        size: triplets a batch.
    """

    gives: ClassVar[str] = "triplets"

    def __init__(
        self,
        labels: IntArray,
        groups: IntArray,
        seed: int,
        *,
        count: Count = 30_000,
        size: Count = 64,
        apart: Apart = "anywhere",
    ) -> None:
        self.drawn = drawn_triplets(labels, groups, count, seed, apart=apart)
        self.order = _Order(len(self.drawn), size, seed)

    def batch(self, step: int) -> IntArray:
        """Indices ``(3 * size,)``: anchor, same, different, anchor, ..."""
        made: IntArray = self.drawn[self.order.batch(step)].ravel()
        return made


class _Order:
    """Which rows make a batch: every one once an epoch, in an order that seed and epoch decide."""

    def __init__(self, rows: int, size: int, seed: int) -> None:
        self.rows, self.size, self.seed = rows, size, seed
        self._epoch: tuple[int, IntArray] = (-1, np.empty(0, np.int64))

    def batch(self, step: int) -> IntArray:
        """Rows ``(size,)``."""
        flat = np.arange(step * self.size, (step + 1) * self.size)
        return np.concatenate(
            [
                self._shuffled(int(epoch))[flat[flat // self.rows == epoch] % self.rows]
                for epoch in np.unique(flat // self.rows)
            ]
        )

    def _shuffled(self, epoch: int) -> IntArray:
        if self._epoch[0] != epoch:
            self._epoch = (epoch, np.random.default_rng((self.seed, 9, epoch)).permutation(self.rows))
        return self._epoch[1]
