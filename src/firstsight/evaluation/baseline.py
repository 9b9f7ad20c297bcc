"""The baseline every report carries: comparing pixels, without learning."""

from __future__ import annotations

import numpy as np

from firstsight.similarity import Similarity
from firstsight.types import FloatArray, IntArray, PixelArray


class Pixels:
    """Cosine of the readings' pixels."""

    name = "pixels"

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` flattened and normalised ``(n, c * h * w)``."""
        flat: FloatArray = arrays.reshape(len(arrays), -1).astype(np.float32)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
        return flat

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Cosines ``(a, b)``."""
        return Similarity().scores(left, right)

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity ``(identities, d)``."""
        return Similarity().templates(vectors, owners, identities)
