"""Every class alike often, however many examples it has: for data with a long tail."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from firstsight.learn.bounds import Count
from firstsight.types import IntArray


class Balanced:
    """Epochs of shuffled classes, and of a class its shuffled examples in turn.

    Every class comes once before any comes twice; of a class, every example comes once before any comes twice. A class
    with one example is shown that example as often as a large class is shown different ones, altered otherwise each
    time. Source: class-balanced sampling, Kang et al., 2020 (arXiv:1910.09217), section 4, here without replacement.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index (not used).
        seed: of the shuffles.
        size: examples a batch.
    """

    gives: ClassVar[str] = ""
    once = False

    def __init__(self, labels: IntArray, groups: IntArray, seed: int, *, size: Count = 128) -> None:
        self.seed, self.size = seed, size
        self.members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        self._epoch: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def batch(self, step: int) -> IntArray:
        """Indices ``(size,)``."""
        flat = np.arange(step * self.size, (step + 1) * self.size)
        return np.array([self._example(*divmod(int(i), len(self.members))) for i in flat])

    def _example(self, epoch: int, place: int) -> int:
        if self._epoch[0] != epoch:
            self._epoch = (epoch, np.random.default_rng((self.seed, 10, epoch)).permutation(len(self.members)))
        c = int(self._epoch[1][place])
        members = self.members[c]
        turn, nth = divmod(epoch, len(members))  # a class comes once an epoch
        return int(members[np.random.default_rng((self.seed, 11, c, turn)).permutation(len(members))[nth]])
