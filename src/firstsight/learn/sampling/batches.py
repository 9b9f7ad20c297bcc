"""Which examples make a batch. ``batch(step)`` depends on nothing but seed and step, so a run can be resumed."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from firstsight.errors import UsageError
from firstsight.learn.bounds import Count
from firstsight.types import IntArray


class Sampler(Protocol):
    """Gives the indices of each batch.

    ``gives`` says what a batch is made of: ``pairs``, ``triplets`` or ``views``, side by side, or "" for examples;
    ``once`` whether an example that a batch holds several times is embedded once.
    """

    gives: ClassVar[str]
    once: bool

    def batch(self, step: int) -> IntArray:
        """Indices ``(b,)`` into the training examples."""


class Random:
    """Epochs of shuffled examples (every example once before any comes twice).

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index (not used).
        seed: of the shuffles.
        size: examples a batch.
    """

    gives: ClassVar[str] = ""
    once = False

    def __init__(self, labels: IntArray, groups: IntArray, seed: int, *, size: Count = 128) -> None:
        self.count, self.seed, self.size = len(labels), seed, _positive("size", size)
        self._epoch: tuple[int, IntArray] = (-1, np.empty(0, np.int64))

    def batch(self, step: int) -> IntArray:
        """Indices ``(size,)``."""
        flat = np.arange(step * self.size, (step + 1) * self.size)
        return np.array([self._order(int(i) // self.count)[int(i) % self.count] for i in flat])

    def _order(self, epoch: int) -> IntArray:
        if self._epoch[0] != epoch:
            self._epoch = (epoch, np.random.default_rng((self.seed, 1, epoch)).permutation(self.count))
        return self._epoch[1]


class PK:
    """P classes, K examples of each (Hermans et al., 2017): what in-batch comparisons need.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index (not used).
        seed: of the draws.
        classes: P.
        each: K; a class with fewer examples repeats some.
    """

    gives: ClassVar[str] = ""
    once = False

    def __init__(self, labels: IntArray, groups: IntArray, seed: int, *, classes: Count = 32, each: Count = 4) -> None:
        self.seed, self.each = seed, _positive("each", each)
        self.members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        self.classes = min(_positive("classes", classes), len(self.members))

    def batch(self, step: int) -> IntArray:
        """Indices ``(P * K,)``, classes side by side."""
        draw = np.random.default_rng((self.seed, 2, step))
        chosen = draw.choice(len(self.members), self.classes, replace=False)
        return np.concatenate([_some(draw, self.members[c], self.each) for c in chosen])


class HardGroups:
    """P x K where the classes of a batch share few groups: alphabets whose letters are easily confused.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index of every example; a class belongs to the group of its first example.
        seed: of the draws.
        classes: P.
        each: K.
        together: how many groups a batch is drawn from.
    """

    gives: ClassVar[str] = ""
    once = False

    def __init__(
        self,
        labels: IntArray,
        groups: IntArray,
        seed: int,
        *,
        classes: Count = 32,
        each: Count = 4,
        together: Count = 2,
    ) -> None:
        self.seed, self.each, self.classes = seed, _positive("each", each), _positive("classes", classes)
        self.members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        group = np.array([groups[m[0]] for m in self.members])
        self.of_group = [np.flatnonzero(group == g) for g in np.unique(group)]
        if len(self.of_group) < 2:
            raise UsageError("sampling 'hard_groups' needs data with groups; this set has none, use sampling.name=pk")
        self.together = min(_positive("together", together), len(self.of_group))

    def batch(self, step: int) -> IntArray:
        """Indices, at most ``(P * K,)``."""
        draw = np.random.default_rng((self.seed, 3, step))
        groups = draw.choice(len(self.of_group), self.together, replace=False)
        pool = np.concatenate([self.of_group[g] for g in groups])
        chosen = draw.permutation(pool)[: self.classes]
        return np.concatenate([_some(draw, self.members[c], self.each) for c in chosen])


def _some(draw: np.random.Generator, members: IntArray, count: int) -> IntArray:
    return draw.choice(members, count, replace=len(members) < count)


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise UsageError(f"sampling.{name} is {value}, at least 1 was expected")
    return value
