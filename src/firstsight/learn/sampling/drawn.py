"""Samplers of pairs and triplets: drawn once, the same in every epoch in another order; or anew for every batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from firstsight.datasets.drawing import Apart, drawn_pairs, drawn_triplets, trails, two_class_triplets
from firstsight.learn.bounds import Count
from firstsight.types import IntArray

LONGEST = 8
"""Pairs of a trail: a batch of 64 comes from eight places or more, for 7 % more images than trails of any length."""


class _Drawn(ABC):
    """Rows of indices drawn once; a batch holds the sides of each of its rows side by side."""

    gives: ClassVar[str]

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
        self.drawn = self.draw(labels, groups, count, seed, apart)
        self.epochs = _Order(len(self.drawn), size, seed, self.ordered)

    @staticmethod
    @abstractmethod
    def draw(labels: IntArray, groups: IntArray, count: int, seed: int, apart: Apart) -> IntArray:
        """Rows ``(count, sides)`` of indices."""

    def ordered(self, draw: np.random.Generator) -> IntArray:
        """The rows of an epoch, ``(count,)``."""
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
    once = False

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
        super().__init__(labels, groups, seed, count=count, size=size, apart=apart)
        self.once = order == "trails"

    @staticmethod
    def draw(labels: IntArray, groups: IntArray, count: int, seed: int, apart: Apart) -> IntArray:
        """Rows ``(count, 2)``: both sides."""
        return drawn_pairs(labels, groups, count, seed, apart=apart)

    def ordered(self, draw: np.random.Generator) -> IntArray:
        """The rows of an epoch, ``(count,)``."""
        return np.concatenate(trails(self.drawn, LONGEST, draw)) if self.once else super().ordered(draw)


class DrawnTriplets(_Drawn):
    """Triplets drawn once; a batch is anchor, same, different, anchor, ...

    Args:
        labels, groups, seed, apart: as in :class:`DrawnPairs`.
        count: triplets.
        size: triplets a batch.
    """

    gives: ClassVar[str] = "triplets"
    once = False

    @staticmethod
    def draw(labels: IntArray, groups: IntArray, count: int, seed: int, apart: Apart) -> IntArray:
        """Rows ``(count, 3)``: anchor, same, different."""
        return drawn_triplets(labels, groups, count, seed, apart=apart)


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
