"""Baselines without learning, which every headline is compared with: pixels and HOG, by their cosine."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from firstsight.similarity import Similarity
from firstsight.types import FloatArray, IntArray, PixelArray


class Baseline(ABC):
    """What needs no learning: readings become vectors, which are compared by the cosine; an ``Embedder``."""

    name = ""

    @abstractmethod
    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` to vectors ``(n, d)`` of length 1."""

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Cosines ``(a, b)``."""
        return Similarity().scores(left, right)

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector an identity ``(identities, d)``."""
        return Similarity().templates(vectors, owners, identities)


class Pixels(Baseline):
    """Cosine of the readings' pixels."""

    name = "pixels"

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` flattened and normalised ``(n, c * h * w)``."""
        return _unit(arrays.reshape(len(arrays), -1).astype(np.float32))


class Hog(Baseline):
    """Cosine of histograms of oriented gradients, in cells of 8 pixels or, of a large reading, in 8 x 8 cells.

    Source: Dalal and Triggs, 2005: nine unsigned orientations, each gradient shared by the two nearest, blocks of 2 x 2
    cells normalised by L2-Hys (clipped at 0.2). The gradient is of the mean of the channels; cells do not share.
    """

    name = "hog"

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` as normalised histograms ``(n, 36 * (cells - 1) ** 2)``; 2 to 8 cells a side."""
        cells = min(_MOST_CELLS, max(2, min(arrays.shape[2:]) // _CELL))
        out = np.empty((len(arrays), (cells - 1) ** 2 * 4 * _BINS), np.float32)
        for start in range(0, len(arrays), _BLOCK):
            out[start : start + _BLOCK] = _histograms(_reduced(arrays[start : start + _BLOCK]), cells)
        return _unit(out)


BASELINES: tuple[Baseline, ...] = (Pixels(), Hog())
"""In the order in which they are named."""

_CELL, _BINS = 8, 9  # pixels of a cell, and orientations
_MOST_CELLS = 8
_SIDE = _CELL * _MOST_CELLS  # pixels of the shorter side, above which a reading is reduced
_BLOCK = 128  # readings at a time
_CLIPPED = 0.2


def _unit(rows: FloatArray) -> FloatArray:
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return rows


def _reduced(arrays: PixelArray) -> FloatArray:
    """Readings ``(n, c, h, w)`` as grey ``(n, h, w)``, means of whole blocks of pixels where they are large."""
    grey = arrays.mean(axis=1, dtype=np.float32) if arrays.shape[1] > 1 else arrays[:, 0].astype(np.float32)
    count, height, width = grey.shape
    by = max(1, min(height, width) // _SIDE)
    if by > 1:
        cut = grey[:, : height // by * by, : width // by * by]
        grey = cut.reshape(count, height // by, by, width // by, by).mean(axis=(2, 4))
    return grey


def _histograms(grey: FloatArray, cells: int) -> FloatArray:
    """Block-normalised histograms ``(n, d)`` of grey pictures ``(n, h, w)``."""
    count, height, width = grey.shape
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    strength = np.hypot(down, right)
    seen = np.flatnonzero(strength)  # ink on paper: most pixels have none
    strength = strength.ravel()[seen]
    place = np.mod(np.arctan2(down.ravel()[seen], right.ravel()[seen]), np.pi) * (_BINS / np.pi) - 0.5
    low = np.floor(place)
    share = (place - low).astype(np.float32)
    rows, columns = (np.arange(size) * cells // size for size in (height, width))
    cell = (rows[:, None] * cells + columns[None, :]).ravel()
    image, pixel = np.divmod(seen, height * width)
    first = (image * cells**2 + cell[pixel]) * _BINS
    bins = low.astype(np.int64)
    size = count * cells**2 * _BINS
    made = np.bincount(first + bins % _BINS, strength * (1 - share), size)
    made += np.bincount(first + (bins + 1) % _BINS, strength * share, size)
    found = made.reshape(count, cells, cells, _BINS).astype(np.float32)
    corners = [found[:, y : y + cells - 1, x : x + cells - 1] for y in (0, 1) for x in (0, 1)]
    blocks = np.concatenate(corners, axis=3)
    for clip in (_CLIPPED, None):
        blocks /= np.maximum(np.linalg.norm(blocks, axis=3, keepdims=True), 1e-6)
        if clip:
            np.minimum(blocks, clip, out=blocks)
    return blocks.reshape(count, -1)
