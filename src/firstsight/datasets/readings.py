"""Decode a whole data set once: readings as one array, kept in a compact cache."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firstsight.datasets.archives import cache_folder
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, InputError, StorageError
from firstsight.inputs import Input, settings_of
from firstsight.types import PixelArray

_DAY = 86_400  # seconds

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


def read_all(data: DataSet, reader: Input, *, progress: Progress | None = None) -> PixelArray:
    """Arrays ``(n, c, h, w)`` uint8 of every example, from the cache where it holds them.

    Raises:
        DataError: examples that cannot be read, all of them counted and the first ones named.
    """
    place = _place(data, reader)
    try:
        arrays: PixelArray = np.load(place, allow_pickle=False)
        if arrays.shape == (len(data), *reader.shape) and arrays.dtype == np.uint8:
            return arrays
    except (OSError, ValueError, EOFError):
        pass
    arrays = np.empty((len(data), *reader.shape), np.uint8)
    failures = []
    for i, example in enumerate(data.examples):
        try:
            arrays[i] = reader.read(example.load()).arrays[0]
        except InputError as error:
            failures.append(str(error).replace("an image of", f"{example.source}, an image of", 1))
        if progress and (i % 64 == 0 or i + 1 == len(data)):
            progress(i + 1, len(data))
    if failures:
        more = f" (and {len(failures) - 3} more)" if len(failures) > 3 else ""
        raise DataError(
            f"{len(failures)} of {len(data)} examples of {data.name} can't be read: "
            f"{'; '.join(failures[:3])}{more}; mend or remove them"
        )
    keep(place, arrays)
    return arrays


def _place(data: DataSet, reader: Input) -> Path:
    settings = json.dumps(settings_of(reader), sort_keys=True)
    key = f"{data.fingerprint}|{reader.name}|{reader.version}|{settings}"
    return cache_folder() / "readings" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npy"


def keep(place: Path, arrays: npt.NDArray[Any]) -> None:
    """Write the cache whole or not at all; a full disk costs the cache, never the work."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in place.parent.glob("*.partial"):  # by writers that were killed; a day is longer than any writes
            if time.time() - left.stat().st_mtime > _DAY:
                left.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, arrays, allow_pickle=False)
            Path(temporary).replace(place)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        if not place.parent.is_dir():
            raise StorageError(f"the cache {place.parent} can't be written: {error.strerror}") from None
