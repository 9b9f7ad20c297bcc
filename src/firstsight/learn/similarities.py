"""The torch twins of the runtime's similarities, with gradients that are finite everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from firstsight.similarity import Link, Measure, Similarity

_TINY = 1e-12


class TorchSimilarity(Protocol):
    """How embeddings are compared while learning; ``runtime`` is what the model stores of it."""

    domain: ClassVar[str]

    @property
    def runtime(self) -> Similarity:
        """The (measure, link) saved with the model."""

    @property
    def normalise(self) -> bool:
        """Whether embeddings are scaled to length 1 (in the exported network too)."""

    def prepare(self, embeddings: Tensor) -> Tensor:
        """``(b, d)`` as the encoder gives them -> as they are compared."""

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores ``(a, b)`` of prepared embeddings ``(a, d)`` and ``(b, d)``."""

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores ``(b,)`` of prepared embeddings ``(b, d)`` row by row."""


def unit(vectors: Tensor) -> Tensor:
    """Scale rows to length 1; a zero row stays zero, with a finite gradient."""
    return vectors * torch.rsqrt(vectors.square().sum(-1, keepdim=True).clamp_min(_TINY))


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
        measure: Measure = "euclidean"
        return Similarity(measure, Link("negate"))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise where asked."""
        return unit(embeddings) if self.normalise else embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; the square root's gradient at distance 0 is 0, not infinite."""
        # cdist by differences: the matrix-product form loses near-equal pairs, the very ones a loss looks at.
        return -torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; as ``cross``."""
        square = (left - right).square().sum(-1)
        positive = square > 0
        return -torch.where(positive, torch.sqrt(torch.where(positive, square, 1.0)), 0.0)
