"""Features of frozen networks, computed once and kept in the cache beside the readings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from firstsight.datasets import cache_folder
from firstsight.datasets.readings import Progress, keep
from firstsight.learn.backbones.frozen import Frozen
from firstsight.types import FloatArray, PixelArray

_BLOCK = 64


def features_of(backbone: Frozen, arrays: PixelArray, *, progress: Progress | None = None) -> tuple[FloatArray, bool]:
    """Features ``(n, f)`` of readings ``(n, c, h, w)`` uint8, and whether they were kept from before.

    A file of the cache is named by the content of both: the network's graph and the readings. A damaged or unfinished
    one is made anew.

    Args:
        backbone: the network.
        arrays: the readings.
        progress: called with how many are done and how many there are.
    """
    place = _place(backbone, arrays)
    try:
        kept: FloatArray = np.load(place, allow_pickle=False)
        if kept.ndim == 2 and len(kept) == len(arrays) and kept.dtype == np.float32 and np.isfinite(kept).all():
            return kept, True
    except (OSError, ValueError, EOFError):
        pass
    blocks = []
    for start in range(0, len(arrays), _BLOCK):
        blocks.append(backbone(arrays[start : start + _BLOCK].astype(np.float32) / np.float32(255)))
        if progress:
            progress(min(start + _BLOCK, len(arrays)), len(arrays))
    made = np.concatenate(blocks)
    keep(place, made)
    return made, False


def _place(backbone: Frozen, arrays: PixelArray) -> Path:
    digest = hashlib.sha256(f"{backbone.key}|{arrays.shape}|".encode())
    digest.update(np.ascontiguousarray(arrays).data)
    return cache_folder() / "features" / f"{digest.hexdigest()[:24]}.npy"
