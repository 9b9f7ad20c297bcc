"""The cache: arrays that are dear to make, in files named by the content they were made of, checked when read."""

from __future__ import annotations

import logging
import os
import tempfile
import time
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import platformdirs

from firstsight.files import expanded

_DAY = 86_400  # seconds
_CHECK = 4  # bytes of the checksum behind the array
logger = logging.getLogger("firstsight")


def cache_folder() -> Path | None:
    """``FIRSTSIGHT_CACHE``, or the user's cache; None where neither is known (a container without a home)."""
    place = expanded(os.environ.get("FIRSTSIGHT_CACHE") or platformdirs.user_cache_dir("firstsight"))
    return None if str(place).startswith("~") else place


def recall(kind: str, key: str, shape: tuple[int | None, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any] | None:
    """An array that was kept; None where there is none, or a file that was cut, altered, or is of something else.

    Args:
        kind: folder of the cache.
        key: hash of all that decides the array's content.
        shape: it must have; None for an axis of any length.
        dtype: it must have.
    """
    folder = cache_folder()
    if folder is None:
        return None
    try:
        with (folder / kind / f"{key}.npy").open("rb") as file:
            return _checked(file, shape, np.dtype(dtype))
    except Exception:  # noqa: BLE001  a damaged head of an array raises nearly anything
        return None


def keep(kind: str, key: str, array: npt.NDArray[Any]) -> None:
    """Write an array whole or not at all; a cache that can't be written costs time, never the work.

    Args:
        kind: folder of the cache.
        key: hash of all that decides the array's content.
        array: to be kept.
    """
    folder = cache_folder()
    if folder is None:
        _note("there is no home directory to keep decoded data in")
        return
    try:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        _sweep(folder / kind)
        handle, temporary = tempfile.mkstemp(dir=folder / kind, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, array, allow_pickle=False)
                file.write(_checksum(array))
            Path(temporary).replace(folder / kind / f"{key}.npy")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        _note(f"the cache {folder} can't be written ({error.strerror})")


def _checked(file: BinaryIO, shape: tuple[int | None, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    """The array of a file, where head, length and checksum agree: no more is allocated than the file holds."""
    if np.lib.format.read_magic(file) != (1, 0):
        return None
    found, fortran, kind = np.lib.format.read_array_header_1_0(file)
    fits = len(found) == len(shape) and all(want in (None, have) for want, have in zip(shape, found, strict=True))
    size = int(np.prod(found, dtype=object)) * dtype.itemsize
    if fortran or kind != dtype or not fits or os.fstat(file.fileno()).st_size != file.tell() + size + _CHECK:
        return None
    array = np.fromfile(file, dtype, size // dtype.itemsize).reshape(found)
    return array if file.read() == _checksum(array) else None


def _checksum(array: npt.NDArray[Any]) -> bytes:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).to_bytes(_CHECK, "big")


def _sweep(folder: Path) -> None:
    """Drop what killed writers left; a day is longer than any writes."""
    for left in folder.glob("*.partial"):
        with suppress(OSError):  # another process may be at it too
            if time.time() - left.stat().st_mtime > _DAY:
                left.unlink()


@cache
def _note(what: str) -> None:
    """Say once that nothing is kept."""
    logger.warning(
        "note: %s, so decoded data is not kept and the next run reads it again; set FIRSTSIGHT_CACHE to a folder that "
        "can be written",
        what,
    )
