"""A data set as a model sees it, embedded once: vectors are kept in the cache beside the readings."""

from __future__ import annotations

import numpy as np

from firstsight.datasets import DataSet, cache_folder
from firstsight.datasets.readings import Progress, keep, read_all
from firstsight.model import Model
from firstsight.types import FloatArray, PixelArray


def embedded(model: Model, data: DataSet, *, progress: Progress | None = None) -> tuple[PixelArray, FloatArray]:
    """Readings ``(n, c, h, w)`` and embeddings ``(n, d)`` of every example.

    The fingerprint of a model holds all that changes an embedding, so it and the data's name a file.

    Raises:
        DataError: examples that cannot be read.
    """
    arrays = read_all(data, model.input, progress=progress)
    place = cache_folder() / "embeddings" / f"{model.fingerprint}-{data.fingerprint}.npy"
    try:
        kept: FloatArray = np.load(place, allow_pickle=False)
        if kept.shape == (len(data), model.dim) and kept.dtype == np.float32 and np.isfinite(kept).all():
            return arrays, kept
    except (OSError, ValueError, EOFError):
        pass
    made = model.embed_arrays(arrays)
    keep(place, made)
    return arrays, made
