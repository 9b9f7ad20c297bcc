"""Features of frozen networks, computed once and kept in the cache beside the readings."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import numpy as np

from firstsight.datasets.cache import keep, recall
from firstsight.datasets.readings import Progress
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
    key = _key(backbone, arrays)
    kept = recall("features", key, (len(arrays), None), np.float32)
    if kept is not None and np.isfinite(kept).all():
        return kept, True
    blocks = []
    for start in range(0, len(arrays), _BLOCK):
        blocks.append(backbone(arrays[start : start + _BLOCK].astype(np.float32) / np.float32(255)))
        if progress:
            progress(min(start + _BLOCK, len(arrays)), len(arrays))
    made = np.concatenate(blocks)
    keep("features", key, made)
    return made, False


def _key(backbone: Frozen, arrays: PixelArray) -> str:
    digest = hashlib.sha256(f"{backbone.key}|{arrays.shape}|{version('onnxruntime')}|".encode())
    digest.update(np.ascontiguousarray(arrays).data)
    return digest.hexdigest()[:32]
