"""A trained encoder that takes raw readings, in torch: what is exported, and what the runtime must equal."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from firstsight.learn.similarities.base import TorchSimilarity, unit
from firstsight.reranking import Reranked
from firstsight.types import FloatArray, IntArray, PixelArray

BLOCK = 1 << 22  # pixels embedded at once; large readings are few at a time


class Readable(nn.Module):
    """An encoder that takes raw readings: uint8 in, embeddings as they are compared out.

    Args:
        encoder: the network.
        similarity: how its embeddings are compared.
        size: side of a reading, in pixels.
        views: of each reading that are embedded and averaged: 1, or 5 for it and slightly turned and scaled copies.
    """

    grids: Tensor

    def __init__(self, encoder: nn.Module, similarity: TorchSimilarity, size: int, views: int = 1) -> None:
        super().__init__()
        self.encoder = encoder
        self.similarity = similarity
        shape = [views - 1, 1, size, size]
        warps = torch.tensor(WARPS)[: views - 1]
        self.register_buffer("grids", functional.affine_grid(warps, shape, align_corners=False) if views > 1 else warps)

    def forward(self, readings: Tensor) -> Tensor:
        """``(n, c, h, w)`` uint8 -> ``(n, d)`` float32."""
        return self.gather(self.encoder(self.spread(readings)))

    def spread(self, readings: Tensor) -> Tensor:
        """Readings ``(n, c, h, w)`` uint8 as images ``(views * n, c, h, w)`` in 0..1, view by view."""
        images = readings.to(torch.float32) / 255
        if not len(self.grids):
            return images
        n = images.shape[0]
        warped = [
            functional.grid_sample(images, grid.expand(n, -1, -1, -1), padding_mode="border", align_corners=False)
            for grid in self.grids
        ]
        # One run of the network on all views: small batches leave much of a processor idle.
        return torch.cat([images, *warped])

    def gather(self, embeddings: Tensor) -> Tensor:
        """What the encoder gives ``(views * n, d)`` as embeddings that are compared ``(n, d)``."""
        embeddings = self.similarity.prepare(embeddings)
        if not len(self.grids):
            return embeddings
        mean = embeddings.reshape(1 + len(self.grids), -1, embeddings.shape[-1]).mean(0)
        return unit(mean) if self.similarity.normalise else mean


def _warp(degrees: float, scale: float) -> list[list[float]]:
    cosine, sine = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    return [[cosine, -sine, 0.0], [sine, cosine, 0.0]]


WARPS = (_warp(12, 1), _warp(-12, 1), _warp(0, 1.1), _warp(0, 0.9))
"""What the extra views are: turned either way, a little smaller, a little larger."""


class LabEmbedder:
    """An encoder in torch as an Embedder: what validation sees, and what the runtime must equal.

    Args:
        encoder: the network; put into evaluation mode.
        similarity: how its embeddings are compared.
        views: as in :class:`Readable`.
        name: for reports.
    """

    def __init__(self, encoder: nn.Module, similarity: TorchSimilarity, views: int = 1, name: str = "lab") -> None:
        self.name = name
        self._parts = (encoder, similarity, views)
        self._runtime = similarity.runtime

    def embed_arrays(self, arrays: PixelArray, only: IntArray | None = None) -> FloatArray:
        """Readings ``(n, c, h, w)`` uint8 to embeddings ``(n, d)`` float32; ``only`` of some, by number."""
        encoder, similarity, views = self._parts
        readable = Readable(encoder, similarity, arrays.shape[-1], views).eval()
        most = max(1, min(256, BLOCK // math.prod(arrays.shape[1:])) // views)
        with torch.inference_mode():
            blocks = [
                readable(torch.from_numpy(some).contiguous(memory_format=torch.channels_last))
                for some in (
                    arrays[i : i + most] if only is None else arrays[only[i : i + most]]
                    for i in range(0, len(arrays if only is None else only), most)
                )
            ]
        return torch.cat(blocks).numpy()

    def embed_features(self, features: FloatArray) -> FloatArray:
        """Features ``(n, f)`` of a frozen network to embeddings ``(n, d)`` float32; of one view.

        Args:
            features: what the encoder's own network gives for as many readings.
        """
        encoder, similarity, _ = self._parts
        layers: nn.Module = encoder.layers.eval()  # type: ignore[union-attr]
        with torch.inference_mode():
            embeddings: FloatArray = similarity.prepare(layers(torch.from_numpy(features))).numpy()
        return embeddings

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity, as the runtime fuses them."""
        return self._runtime.templates(vectors, owners, identities)

    @property
    def pairwise(self) -> bool:
        """Whether a score costs a run of a network on pairs."""
        return isinstance(self._runtime, Reranked)

    def aligned(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(n,)`` row by row, by the similarity the model will store."""
        return self._runtime.aligned(left, right)

    def among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as a search among ``gallery (b, d)`` will see them."""
        return self._runtime.among(probes, gallery)

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` by the similarity the model will store."""
        return self._runtime.scores(left, right)
