"""A data set as a model sees it, embedded once: vectors are kept in the cache beside the readings."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.cache import keep, recall
from firstsight.datasets.readings import Progress, read_all, readings_key
from firstsight.model import Model
from firstsight.types import FloatArray, PixelArray


def embedded(model: Model, data: DataSet, *, progress: Progress | None = None) -> tuple[PixelArray, FloatArray]:
    """Readings ``(n, c, h, w)`` and embeddings ``(n, d)`` of every example.

    The fingerprint of a model holds all that changes an embedding but the runtime's version, so both and what decides
    the readings name a file.

    Raises:
        DataError: examples that cannot be read.
    """
    arrays = read_all(data, model.input, progress=progress)
    return arrays, embeddings_of(model, data, arrays)


def embeddings_of(model: Model, data: DataSet, arrays: PixelArray) -> FloatArray:
    """Embeddings ``(n, d)`` of every example, whose readings ``(n, c, h, w)`` are at hand."""
    key = f"{model.fingerprint}-{readings_key(data, model.input)}-{_runtime()}"
    kept = recall("embeddings", key, (len(data), model.dim), np.float32)
    if kept is not None and np.isfinite(kept).all():
        return kept
    made = model.embed_arrays(arrays)
    keep("embeddings", key, made)
    return made


def _runtime() -> str:
    """The version of what runs the encoder, which is not loaded for it; "" where it goes by another name."""
    try:
        return version("onnxruntime")
    except PackageNotFoundError:
        return ""
