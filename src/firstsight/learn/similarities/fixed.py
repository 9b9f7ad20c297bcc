"""Similarities without weights of their own, with gradients that are finite everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from firstsight.learn.bounds import Positive
from firstsight.learn.similarities.base import distances, lengths, unit
from firstsight.similarity import Link, Similarity


@dataclass(frozen=True, slots=True)
class Dot:
    """Dot product of embeddings as they are: directions and lengths both count, and there is no largest score.

    No metric: a vector may score higher with a longer one than with itself.
    """

    domain: ClassVar[str] = "dot product"
    normalise: ClassVar[bool] = False

    @property
    def runtime(self) -> Similarity:
        """``dot``."""
        return Similarity("dot", Link("identity"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """As they are."""
        return embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``."""
        return left @ right.T

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``."""
        return (left * right).sum(-1)


@dataclass(frozen=True, slots=True)
class Cosine:
    """Cosine of the angle between embeddings: ``dot`` on normalised vectors, -1..1."""

    domain: ClassVar[str] = "cosine"
    normalise: ClassVar[bool] = True

    @property
    def runtime(self) -> Similarity:
        """``dot``."""
        return Similarity("dot", Link("identity"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise."""
        return unit(embeddings)

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``."""
        return left @ right.T

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``."""
        return (left * right).sum(-1)


@dataclass(frozen=True, slots=True)
class Angular:
    """Negated angle between embeddings, in radians: -pi..0; an angle of the ``dot`` of normalised vectors.

    A metric on directions, which the cosine distance ``1 - cosine`` is not.
    """

    domain: ClassVar[str] = "negated distance"
    normalise: ClassVar[bool] = True

    @property
    def runtime(self) -> Similarity:
        """``dot``, through the arc cosine."""
        return Similarity("dot", Link("angle"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise."""
        return unit(embeddings)

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; the arc cosine's slope at cosine 1 and -1 is infinite, this one's is at most 1."""
        return _negated_angle(distances(left, right), distances(left, -right))

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; as ``cross``."""
        return _negated_angle(lengths(left - right), lengths(left + right))


def _negated_angle(apart: Tensor, along: Tensor) -> Tensor:
    """From the lengths of difference and sum of unit vectors; zero vectors are at a right angle to all."""
    nowhere = (apart == 0) & (along == 0)
    return -2 * torch.atan2(torch.where(nowhere, 1.0, apart), torch.where(nowhere, 1.0, along))


@dataclass(frozen=True, slots=True)
class Euclidean:
    """Negated Euclidean distance, 0 for identical embeddings.

    Args:
        normalise: compare directions only; distances are then 0..2.
    """

    normalise: bool = False
    domain: ClassVar[str] = "negated distance"

    @property
    def runtime(self) -> Similarity:
        """``euclidean``, negated."""
        return Similarity("euclidean", Link("negate"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise where asked."""
        return unit(embeddings) if self.normalise else embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; the square root's gradient at distance 0 is 0, not infinite."""
        return -distances(left, right)

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; as ``cross``."""
        return -lengths(left - right)


@dataclass(frozen=True, slots=True)
class SquaredEuclidean:
    """Negated squared Euclidean distance: far pairs count more, and the gradient fades as a pair draws near.

    No metric: three vectors on a line break the triangle inequality.

    Args:
        normalise: compare directions only; scores are then -4..0, and equal ``2 * cosine - 2``.
    """

    normalise: bool = False
    domain: ClassVar[str] = "negated squared distance"

    @property
    def runtime(self) -> Similarity:
        """``euclidean``, squared and negated."""
        return Similarity("euclidean", Link("negate_square"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise where asked."""
        return unit(embeddings) if self.normalise else embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``."""
        return -distances(left, right).square()

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``."""
        return -(left - right).square().sum(-1)


@dataclass(frozen=True, slots=True)
class Manhattan:
    """Negated sum of absolute differences, dimension by dimension: one that is far off counts no more than its share.

    Args:
        normalise: compare directions only; distances are then at most twice the root of the dimensions.
    """

    normalise: bool = False
    domain: ClassVar[str] = "negated distance"

    @property
    def runtime(self) -> Similarity:
        """``manhattan``, negated."""
        return Similarity("manhattan", Link("negate"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise where asked."""
        return unit(embeddings) if self.normalise else embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; a dimension in which both are equal has a gradient of 0."""
        return -distances(left, right, 1.0)

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; as ``cross``."""
        return -(left - right).abs().sum(-1)


@dataclass(frozen=True, slots=True)
class RBF:
    """Gaussian kernel ``exp(-gamma d^2)`` of the Euclidean distance: 1 for identical embeddings, towards 0 afar.

    What is far off costs nothing more by being farther, so an outlier pulls little; for the same reason embeddings that
    are far apart to begin with learn nothing, which is why they are normalised unless told.

    Args:
        gamma: over what distance the score falls: to 0.37 at ``1 / sqrt(gamma)``.
        normalise: compare directions only; scores are then ``exp(-4 gamma)`` to 1.
    """

    gamma: Positive = 1.0
    normalise: bool = True
    domain: ClassVar[str] = "kernel"

    @property
    def runtime(self) -> Similarity:
        """``euclidean``, through the kernel."""
        return Similarity("euclidean", Link("rbf", gamma=self.gamma))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise unless told."""
        return unit(embeddings) if self.normalise else embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``."""
        return torch.exp(-self.gamma * distances(left, right).square())

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``."""
        return torch.exp(-self.gamma * (left - right).square().sum(-1))
