"""One view of an image against what a predictor makes of the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from firstsight.learn.bounds import Dimensions
from firstsight.learn.comparisons.batch import Comparison
from firstsight.learn.similarities.base import TorchSimilarity


class PredictedViews(nn.Module):
    """Each view as a predictor sees it coming from the other: pairs ``(b,)``, all of them the same.

    With the loss ``negative_cosine`` it is SimSiam (Chen and He, 2021, arXiv:2011.10566, algorithm 1): a small
    perceptron predicts one view from the other, both ways, and no gradient flows into what is predicted. Nothing is
    ever told apart, so only that asymmetry keeps all images from being embedded alike. The predictor is for training
    only.

    Args:
        hidden: of the predictor's first layer; a bottleneck.
        stop_gradient: whether what is predicted is held still. Without it the embedding collapses: for showing that.
    """

    rows = False
    given = "views"
    apart = False

    def __init__(
        self,
        similarity: TorchSimilarity,
        dim: int,
        classes: int,
        coarse: bool = False,
        *,
        hidden: Dimensions = 64,
        stop_gradient: bool = True,
    ) -> None:
        super().__init__()
        self.similarity, self.stop_gradient = similarity, stop_gradient
        self.predictor = nn.Sequential(
            nn.Linear(dim, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim)
        )

    def forward(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Comparison:
        """Prepared embeddings ``(b, d)`` of views side by side and labels ``(b,)``."""
        predicted = self.similarity.prepare(self.predictor(embeddings))
        still = embeddings.detach() if self.stop_gradient else embeddings
        other = still.view(len(still) // 2, 2, -1).flip(1).reshape(still.shape)
        score = self.similarity.aligned(predicted, other)
        return Comparison(score, torch.ones_like(score), torch.ones_like(score))
