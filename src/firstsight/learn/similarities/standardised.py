"""A distance that is standardised as batch normalisation does, and read as a logit."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from firstsight.learn.similarities.base import distances, lengths
from firstsight.similarity import Link, Similarity

_MOMENTUM, _EPSILON = 0.01, 1e-3  # Keras' 0.99 and 0.001


class StandardisedEuclidean(nn.Module):
    """``-(scale * (d - mean) / deviation + bias)`` of the Euclidean distance d: the logit of "same".

    Batch normalisation and a dense layer of one sigmoid on a distance, as courses on Siamese networks have them: four
    numbers, of which two are counted (mean and variance of the batches' distances) and two learned beside the layer's
    two. Deviation: the product of both slopes is taken by its size, so that nearer never scores lower.
    """

    domain: ClassVar[str] = "logit"
    normalise: ClassVar[bool] = False

    mean: Tensor
    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(()))
        self.slope = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))

    @property
    def runtime(self) -> Similarity:
        """``euclidean``, negated, scaled and moved."""
        scale, offset = self._line(self.mean, self.variance)
        return Similarity("euclidean", Link("negate", scale=max(scale.item(), 1e-12), bias=offset.item()))

    def prepare(self, embeddings: Tensor) -> Tensor:
        """As they are."""
        return embeddings

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; by the running mean and variance, whatever the mode."""
        scale, offset = self._line(self.mean, self.variance)
        return offset - scale * distances(left, right)

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; while gradients are counted by the mean and variance of this batch, which move the running ones."""
        distance = lengths(left - right)
        if torch.is_grad_enabled() and self.training and len(distance) > 1:
            mean, variance = distance.mean(), distance.var(unbiased=False)
            with torch.no_grad():
                self.mean.lerp_(mean, _MOMENTUM)
                self.variance.lerp_(variance, _MOMENTUM)
        else:
            mean, variance = self.mean, self.variance
        scale, offset = self._line(mean, variance)
        return offset - scale * distance

    def _line(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Slope and offset of the score against the distance."""
        scale = (self.gain * self.slope).abs() * torch.rsqrt(variance + _EPSILON)
        return scale, scale * mean - self.shift * self.slope - self.bias
