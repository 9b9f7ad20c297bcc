"""Scores as integers of the same order: bins that are counted, and the distinct scores of a few of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.metrics.tiles import Arranged, Tile
from firstsight.types import BoolArray, FloatArray, IntArray

BINS = 1 << 16
KEPT = 1 << 20  # scores that wait to be counted; as many may be kept for the AUC: small sets are wholly exact
_SAMPLE = 1024  # embeddings a side from which the range of scores is guessed
_TAIL = 1e-5  # share of the sample beyond the range: those scores share the outermost bins

Bins = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Binning:
    """A monotone function from scores to bins: the order of two scores is never turned, ties stay ties."""

    low: np.float32
    scale: np.float32

    @classmethod
    def of(cls, arranged: Arranged) -> Binning:
        """Bins over nearly all of a sample of genuine and of all pairs."""
        n = len(arranged.embeddings)
        rng = np.random.default_rng(0)
        left, right = (np.sort(rng.permutation(n)[:_SAMPLE]) for _ in range(2))
        samples = [arranged.score(arranged.embeddings[left], arranged.embeddings[right]).ravel()]
        diagonal = list(arranged.columns())
        for columns in diagonal[:: max(1, len(diagonal) // 16)]:
            tile = arranged.tile(np.arange(columns.start, columns.stop), columns)
            if tile.right is not None and tile.right.any():
                samples.append(tile.scores[tile.right])
        ends = [np.quantile(s, [_TAIL, 1 - _TAIL]) for s in samples]
        low, high = min(e[0] for e in ends), max(e[1] for e in ends)
        # Of a constant scorer the bins are as wide as neighbouring numbers lie apart.
        width = max(float(high - low), float(np.spacing(np.float32(max(abs(low), abs(high))))), 1e-30)
        return cls(np.float32(low), np.float32(BINS / width))

    def __call__(self, scores: FloatArray) -> Bins:
        """Bins of the same shape."""
        with np.errstate(over="ignore"):  # beyond the range is beyond the last bin
            value = np.subtract(scores, self.low)
            np.multiply(value, self.scale, out=value)
        np.clip(value, 0, BINS - 1, out=value)
        return value.astype(np.int32)

    def edges(self, bins: IntArray) -> FloatArray:
        """The lowest float32 that falls into each of some bins ``(m,)`` or a higher one; of bin 0 that is -inf."""
        lowest, highest = ordered(np.array([-np.inf, np.inf], np.float32))
        low, high = np.full(len(bins), lowest), np.full(len(bins), highest)
        while (low < high).any():
            middle = (low + high) // 2
            inside = self(unordered(middle)) >= bins
            low, high = np.where(inside, low, middle + 1), np.where(inside, middle, high)
        return unordered(low)


class Histogram:
    """Counts of genuine and impostor pairs by bin; one worker fills one."""

    def __init__(self, binning: Binning) -> None:
        self.binning = binning
        # The last holds what does not count.
        self.genuine, self.impostor = np.zeros(BINS + 1, np.int64), np.zeros(BINS + 1, np.int64)

    def add(self, tile: Tile) -> None:
        """Count a tile of the triangle."""
        bins = self.binning(tile.scores)
        right, wrong = halves(tile)
        if right is not None:
            self.genuine += np.bincount(bins[right], minlength=BINS + 1)
        if wrong is not None:
            np.copyto(bins, BINS, where=~wrong)
        self.impostor += np.bincount(bins.ravel(), minlength=BINS + 1)

    @staticmethod
    def sum(parts: list[Histogram]) -> Histogram:
        """All together."""
        for part in parts[1:]:
            parts[0].genuine += part.genuine
            parts[0].impostor += part.impostor
        return parts[0]


def halves(tile: Tile) -> tuple[BoolArray | None, BoolArray | None]:
    """Which pairs of a tile of the triangle are genuine (None: none) and impostors (None: all), each pair once."""
    wrong = None if tile.out is None else ~tile.out
    if not tile.diagonal:
        return tile.right, wrong
    return (None if tile.right is None else np.triu(tile.right, 1)), (None if wrong is None else np.triu(wrong, 1))


class Distinct:
    """Distinct scores and how often each came: bounded by how many float32 numbers there are in the bins kept."""

    def __init__(self) -> None:
        self.values: FloatArray = np.empty(0, np.float32)
        self.times: IntArray = np.empty(0, np.int64)
        self._waiting: list[FloatArray] = []
        self._number = 0

    def add(self, scores: FloatArray) -> None:
        """Take in some scores ``(m,)``."""
        if len(scores):
            self._waiting.append(scores)
            self._number += len(scores)
            if self._number > KEPT:
                self.settle()

    def settle(self) -> Distinct:
        """Count what waits."""
        fresh, times = np.unique(np.concatenate([*self._waiting, self.values[:0]]), return_counts=True)
        self._waiting, self._number = [], 0
        return self.merge(fresh, times)

    def merge(self, values: FloatArray, times: IntArray) -> Distinct:
        """Add counts of other distinct scores, ascending."""
        if len(self.values) == 0:
            self.values, self.times = values, times
            return self
        merged, place = np.unique(np.concatenate([self.values, values]), return_inverse=True)
        # Not bincount's weights: they are float64, which holds no count above 2^53 exactly.
        total = np.zeros(len(merged), np.int64)
        np.add.at(total, place, np.concatenate([self.times, times]))
        self.values, self.times = merged, total
        return self

    def at(self, scores: FloatArray) -> IntArray:
        """How often each of some ascending scores came, which hold all there are."""
        times = np.zeros(len(scores), np.int64)
        times[np.searchsorted(scores, self.values)] = self.times
        return times

    @staticmethod
    def sum(parts: list[Distinct]) -> Distinct:
        """All together."""
        whole = parts[0].settle()
        for part in parts[1:]:
            part.settle()
            whole.merge(part.values, part.times)
        return whole


def ordered(scores: FloatArray) -> IntArray:
    """Integers from 0 to 2^32 - 1 in the order of the scores; neighbours among float32 numbers differ by 1."""
    bits = (scores + np.float32(0)).view(np.int32).astype(np.int64)  # + 0: -0.0 equals 0.0
    return np.where(bits < 0, 0x7FFFFFFF - (bits & 0x7FFFFFFF), bits + 0x80000000)


def unordered(keys: IntArray) -> FloatArray:
    """The scores of ``ordered``."""
    bits = np.where(keys < 0x80000000, (0x7FFFFFFF - keys) | 0x80000000, keys - 0x80000000)
    return bits.astype(np.uint32).view(np.float32)
