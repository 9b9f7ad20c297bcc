"""Examples against learned proxies of their classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.comparisons.batch import Comparison
from firstsight.learn.similarities.base import TorchSimilarity


class Proxies(nn.Module):
    """Every example against one learned proxy a class: ``(b, classes)`` (Movshovitz-Attias et al., 2017)."""

    rows = True
    given = ""
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        if "cosine" not in (similarity.domain, getattr(similarity, "nearest", "")):
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
