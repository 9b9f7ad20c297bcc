"""Encoder + batch -> comparison ``(score, same, weight)``: the one shape that every loss sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from firstsight.errors import TrainingError
from firstsight.learn.similarities.base import TorchSimilarity


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a loss sees; three tensors of one shape.

    Attributes:
        score: ``(b,)``, ``(a, b)`` or ``(b, 2)``; higher is more alike.
        same: 0..1, 1 where both sides belong together.
        weight: 0 where a comparison does not count (an example against itself).
    """

    score: Tensor
    same: Tensor
    weight: Tensor


class InBatch(nn.Module):
    """Every example of the batch against every other: ``(b, b)``; a row is an anchor, itself left out."""

    rows = True
    given = ""
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``."""
        score = self.similarity.cross(embeddings, embeddings)
        same = same_label(labels).to(score.dtype)
        if same.sum().item() <= len(labels):
            raise _lonely("pairs that are the same")
        return Comparison(score, same, 1 - torch.eye(len(labels), dtype=score.dtype))


class SampledPairs(nn.Module):
    """Aligned pairs drawn from the batch, half of them same, half different: ``(b,)``.

    Every example is an anchor once; its partner is drawn among the others of its label (even anchors) or among
    the other labels (odd anchors), so a "different" pair can never share a label.
    """

    rows = False
    given = ""
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``."""
        positive, negative = partners(labels, generator)
        if positive.max().item() < 0:
            raise _lonely("pairs that are the same")
        even = torch.arange(len(labels)) % 2 == 0
        partner = torch.where(even & (positive >= 0), positive, negative)
        score = self.similarity.aligned(embeddings, embeddings[partner])
        same = (labels == labels[partner]).to(score.dtype)
        return Comparison(score, same, torch.ones_like(score))


class SampledTriplets(nn.Module):
    """Anchor against one positive and one negative: rows ``(a, 2)``. A negative never shares the anchor's label."""

    rows = True
    given = ""
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``; anchors without a positive are left out."""
        positive, negative = partners(labels, generator)
        anchor = torch.nonzero(positive >= 0).squeeze(1)
        if len(anchor) == 0:
            raise _lonely("triplets")
        near = self.similarity.aligned(embeddings[anchor], embeddings[positive[anchor]])
        far = self.similarity.aligned(embeddings[anchor], embeddings[negative[anchor]])
        score = torch.stack([near, far], 1)
        same = torch.tensor([1.0, 0.0]).expand_as(score).to(score.dtype)
        return Comparison(score, same, torch.ones_like(score))


def _lonely(missing: str) -> TrainingError:
    return TrainingError(f"no label comes twice in the batch, so there are no {missing}; use sampling.name=pk")


def same_label(labels: Tensor) -> Tensor:
    """Which of ``labels (b,)`` are equal: ``(b, b)`` bool.

    Raises:
        TrainingError: the batch holds one label only, so there is no negative.
    """
    same = labels[:, None] == labels[None, :]
    if bool(same.all()):
        raise TrainingError("a batch holds one class only, so there is nothing to tell it from; add classes")
    return same


def partners(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """For each of ``labels (b,)`` the index of a random other example of its label (-1 if none) and of another label.

    Raises:
        TrainingError: the batch holds one label only, so there is no negative.
    """
    count = len(labels)
    same = same_label(labels)
    draw = torch.rand(count, count, generator=generator)
    itself = torch.eye(count, dtype=torch.bool)
    positive = torch.where(same & ~itself, draw, -1.0).max(1)
    negative = torch.where(~same, draw, -1.0).argmax(1)
    return torch.where(positive.values >= 0, positive.indices, -1), negative
