"""Encoder + batch -> comparison ``(score, same, weight)``: the one shape that every loss sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from firstsight.errors import TrainingError, UsageError
from firstsight.learn.similarities import TorchSimilarity


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


class Proxies(nn.Module):
    """Every example against one learned proxy a class: ``(b, classes)`` (Movshovitz-Attias et al., 2017)."""

    rows = True
    given = ""

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        if similarity.domain != "cosine":
            raise UsageError("comparison 'proxies' compares by angle; set similarity.name=cosine")
        self.coarse = coarse
        self.proxies = nn.Parameter(torch.randn(classes, dim) / dim**0.5)

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``."""
        score: Tensor = _Cosines.apply(embeddings, self.proxies, self.coarse)  # type: ignore[no-untyped-call]
        same = torch.zeros_like(score).scatter_(1, labels[:, None], 1.0)
        return Comparison(score, same, torch.ones_like(score))


class _Cosines(torch.autograd.Function):
    """Cosines ``(b, classes)`` of unit embeddings and proxies of any length.

    Proxies are many: the gradient of their lengths is taken in one pass here, where autograd takes four, and with
    ``coarse`` the products are computed in bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, proxies: Tensor, coarse: bool) -> Tensor:
        """Embeddings ``(b, d)`` and proxies ``(c, d)`` to ``(b, c)``."""
        inverse = torch.linalg.vector_norm(proxies, dim=1).clamp_min(1e-6).reciprocal()
        form = torch.bfloat16 if coarse else proxies.dtype
        left, right = embeddings.to(form), proxies.to(form)
        score = (left @ right.T).to(proxies.dtype).mul_(inverse)
        ctx.save_for_backward(left, right, proxies, inverse, score)
        return score

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """From the gradient of the scores to those of embeddings and proxies."""
        left, right, proxies, inverse, score = ctx.saved_tensors
        scaled = (gradient * inverse).to(left.dtype)
        along = torch.linalg.vecdot(gradient, score, dim=0) * inverse.square()
        to_proxies = torch.addcmul((scaled.T @ left).to(proxies.dtype), proxies, along[:, None], value=-1)
        return (scaled @ right).to(proxies.dtype), to_proxies, None


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
