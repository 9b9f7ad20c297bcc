"""Samplers of pairs and triplets: drawn once, the same in every epoch in another order; or anew for every batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from firstsight.datasets.drawing import Apart, drawn_pairs, drawn_triplets, trails, two_class_triplets
from firstsight.learn.bounds import Count
from firstsight.types import IntArray

LONGEST = 8
"""Pairs of a trail: a batch of 64 comes from eight places or more, for 7 % more images than trails of any length."""


class _Drawn:
    """Rows of indices drawn once; a batch holds the sides of each of its rows side by side.

    Args:
        drawn: ``(count, sides)``.
        size: rows a batch.
        seed: of the order of every epoch.
        once: rows are pairs, in trails, and an example is embedded once for all that hold it.
    """

    gives: ClassVar[str]

    def __init__(self, drawn: IntArray, size: int, seed: int, *, once: bool = False) -> None:
        self.drawn, self.once = drawn, once
        self.epochs = _Order(len(drawn), size, seed, self.ordered)

    def ordered(self, draw: np.random.Generator) -> IntArray:
        """The rows of an epoch, ``(count,)``."""
        if self.once:
            return np.concatenate(trails(self.drawn, LONGEST, draw))
        made: IntArray = draw.permutation(len(self.drawn))
        return made

    def batch(self, step: int) -> IntArray:
        """Indices ``(sides * size,)``, row after row."""
        made: IntArray = self.drawn[self.epochs.batch(step)].ravel()
        return made


class DrawnPairs(_Drawn):
    """Pairs drawn once, half of them same; a batch is left, right, left, right, ...

    Every group (class, where there are no groups) gives alike many. Source: Koch et al., 2015, section 4.2.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index of every example.
        seed: of the draw and of the order of every epoch.
        count: pairs.
        size: pairs a batch.
        apart: where the other side of a different pair comes from: ``anywhere``, or the anchor's ``group``.
        order: of an epoch. ``shuffled``; or ``trails``: most pairs share an example with the one before, and an
            example is embedded once for all pairs of the batch that hold it. Where there are several pairs for each
            example, that is little more than half of the work.
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
        order: Literal["shuffled", "trails"] = "shuffled",
    ) -> None:
        drawn = drawn_pairs(labels, groups, count, seed, apart=apart)
        super().__init__(drawn, size, seed, once=order == "trails")


class DrawnTriplets(_Drawn):
    """Triplets drawn once; a batch is anchor, same, different, anchor, ...

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
        super().__init__(drawn_triplets(labels, groups, count, seed, apart=apart), size, seed)


class TwoClasses:
    """Two classes drawn for every triplet, two examples of the one, one of the other; anew for every batch.

    All ordered pairs of classes are alike likely, however many examples each has: with few classes, of unlike size,
    no class is the different one more often than another. ``triplets`` draws the different example among all examples
    of other classes instead.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index (not used).
        seed: of the draws.
        size: triplets a batch.
    """

    gives: ClassVar[str] = "triplets"
    once = False

    def __init__(self, labels: IntArray, groups: IntArray, seed: int, *, size: Count = 64) -> None:
        self.labels, self.seed, self.size = labels, seed, size
        self.batch(0)  # classes that give no triplet are refused before the first step

    def batch(self, step: int) -> IntArray:
        """Indices ``(3 * size,)``: anchor, same, different, anchor, ..."""
        made: IntArray = two_class_triplets(
            self.labels, self.size, np.random.default_rng((self.seed, 10, step))
        ).ravel()
        return made


class _Order:
    """Which rows make a batch: every one once an epoch, in an order that seed and epoch decide."""

    def __init__(self, rows: int, size: int, seed: int, ordered: Callable[[np.random.Generator], IntArray]) -> None:
        self.rows, self.size, self.seed, self.ordered = rows, size, seed, ordered
        self._epoch: tuple[int, IntArray] = (-1, np.empty(0, np.int64))

    def batch(self, step: int) -> IntArray:
        """Rows ``(size,)``."""
        flat = np.arange(step * self.size, (step + 1) * self.size)
        return np.concatenate(
            [
                self._of(int(epoch))[flat[flat // self.rows == epoch] % self.rows]
                for epoch in np.unique(flat // self.rows)
            ]
        )

    def _of(self, epoch: int) -> IntArray:
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self.ordered(np.random.default_rng((self.seed, 9, epoch))))
        return self._epoch[1]
