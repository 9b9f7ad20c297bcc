"""A model that needs no training: mixed pixels, turned to the length of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.inputs import ImageInput
from firstsight.similarity import Similarity


@dataclass
class Patches:
    """What the page asks of a model.

    Attributes:
        path: its directory.
        dim: of its embeddings, which lie on a sphere.
    """

    path: Path
    dim: int = 8
    calibration: Any = None
    similarity: Similarity = field(default_factory=Similarity)
    input: ImageInput = field(default_factory=lambda: ImageInput(size=32))
    name: str = "patches"

    def embed_arrays(self, arrays: np.ndarray) -> np.ndarray:
        """``(n, c, h, w)`` to ``(n, dim)``."""
        flat = arrays.reshape(len(arrays), -1).astype(np.float64)
        mixed = (flat - flat.mean(axis=1, keepdims=True)) @ np.random.default_rng(0).normal(
            size=(flat.shape[1], self.dim)
        )
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)

    def read(self, source: Any) -> np.ndarray:
        """``(1, c, h, w)``."""
        return self.input.read(source).arrays

    def score(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """``(a, b)``."""
        return self.similarity.scores(left, right)
