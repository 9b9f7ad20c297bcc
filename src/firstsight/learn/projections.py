"""What lies between embedding and loss in training only: a head that may forget what the embedding should keep."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from firstsight.learn.bounds import Bounds, Dimensions


class Straight(nn.Module):
    """No head: the loss sees the embedding.

    Args:
        features: length of the embedding.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.dim = features

    def forward(self, embeddings: Tensor) -> Tensor:
        """``(b, features)`` as they are."""
        return embeddings


class Perceptron(nn.Module):
    """Layers of a perceptron, normalised over the batch; the last is linear.

    The loss sees what they give; the model keeps what they are given. Source: Chen et al., 2020, arXiv:2002.05709,
    section 4.2 (two layers); Chen and He, 2021, arXiv:2011.10566, section 4.4 (three). The last layer is normalised
    too, without weights of its own, as in the code of both.

    Args:
        features: length of the embedding.
        hidden: of the layers within.
        dim: of the last one.
        layers: their number.
    """

    def __init__(
        self,
        features: int,
        *,
        hidden: Dimensions = 256,
        dim: Dimensions = 128,
        layers: Annotated[int, Bounds(1, 8)] = 2,
    ) -> None:
        super().__init__()
        self.dim = dim
        sides = [features, *[hidden] * (layers - 1)]
        inner = [
            part
            for before, after in pairwise(sides)
            for part in (nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU(inplace=True))
        ]
        self.layers = nn.Sequential(*inner, nn.Linear(sides[-1], dim, bias=False), nn.BatchNorm1d(dim, affine=False))

    def forward(self, embeddings: Tensor) -> Tensor:
        """``(b, features)`` -> ``(b, dim)``."""
        projected: Tensor = self.layers(embeddings)
        return projected
