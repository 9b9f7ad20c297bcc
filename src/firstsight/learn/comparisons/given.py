"""Comparisons of what the sampler drew: the batch holds pairs, or triplets, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from firstsight.errors import TrainingError
from firstsight.learn.comparisons.batch import Comparison
from firstsight.learn.similarities.base import TorchSimilarity


class GivenPairs(nn.Module):
    """Both sides of every pair, as drawn by sampling ``pairs``: ``(b / 2,)``."""

    rows = False
    given = "pairs"
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``: left, right, left, right, ..."""
        score = self.similarity.aligned(embeddings[0::2], embeddings[1::2])
        same = (labels[0::2] == labels[1::2]).to(score.dtype)
        return Comparison(score, same, torch.ones_like(score))


class GivenTriplets(nn.Module):
    """Anchor against its same and its different example, as drawn by sampling ``triplets``: rows ``(b / 3, 2)``."""

    rows = True
    given = "triplets"
    apart = True

    def __init__(self, similarity: TorchSimilarity, dim: int, classes: int, coarse: bool = False) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` and labels ``(b,)``: anchor, same, different, anchor, ...

        Raises:
            TrainingError: a third example has its anchor's label, or a second has not.
        """
        anchor = embeddings[0::3]
        if not bool(((labels[0::3] == labels[1::3]) & (labels[0::3] != labels[2::3])).all()):
            raise TrainingError("a triplet is not (anchor, same, different); take what sampling.name=triplets draws")
        near = self.similarity.aligned(anchor, embeddings[1::3])
        far = self.similarity.aligned(anchor, embeddings[2::3])
        score = torch.stack([near, far], 1)
        same = torch.tensor([1.0, 0.0]).expand_as(score).to(score.dtype)
        return Comparison(score, same, torch.ones_like(score))
