"""What a similarity is while learning, and the kernels that several share.

Each declares the ``domain`` of its scores, by which a loss is accepted or refused:

===========================  ==============================================================  ====================
domain                       scores                                                          of
===========================  ==============================================================  ====================
``cosine``                   -1 to 1                                                         cosine
``dot product``              any number                                                      dot
``negated distance``         at most 0, and 0 only for the same place                        angular, euclidean,
                                                                                             manhattan
``negated squared distance`` the same, but no metric                                         squared_euclidean
``kernel``                   0 to 1                                                          rbf
``logit``                    any number; its logistic function is a probability of "same"    weighted_l1,
                                                                                             standardised_euclidean,
                                                                                             pair_network
===========================  ==============================================================  ====================
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from firstsight.reranking import Reranked
from firstsight.similarity import Similarity

_TINY = 1e-12


class TorchSimilarity(Protocol):
    """How embeddings are compared while learning; ``runtime`` is what the model stores of it."""

    domain: ClassVar[str]

    @property
    def runtime(self) -> Similarity | Reranked:
        """The (measure, link) saved with the model; where a network on pairs re-ranks, that too."""

    @property
    def normalise(self) -> bool:
        """Whether embeddings are scaled to length 1 (in the exported network too)."""

    def prepare(self, embeddings: Tensor) -> Tensor:
        """``(b, d)`` as the encoder gives them -> as they are compared."""

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores ``(a, b)`` of prepared embeddings ``(a, d)`` and ``(b, d)``."""

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores ``(b,)`` of prepared embeddings ``(b, d)`` row by row."""


def distances(left: Tensor, right: Tensor, p: float = 2.0) -> Tensor:
    """Distances ``(a, b)`` of ``left (a, d)`` and ``right (b, d)`` by the p-norm; at distance 0 the gradient is 0."""
    # By differences: the matrix-product form loses near-equal pairs, the very ones a loss looks at.
    return torch.cdist(left, right, p=p, compute_mode="donot_use_mm_for_euclid_dist")


def lengths(vectors: Tensor) -> Tensor:
    """Lengths ``(b,)`` of ``vectors (b, d)``; that of a zero vector has a gradient of 0, not an infinite one."""
    square = vectors.square().sum(-1)
    positive = square > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, square, 1.0)), 0.0)


def unit(vectors: Tensor) -> Tensor:
    """Scale rows to length 1; a zero row stays zero, with a finite gradient."""
    return vectors * torch.rsqrt(vectors.square().sum(-1, keepdim=True).clamp_min(_TINY))
