"""What a source may be, and its bytes: a path, bytes, an open file, a Pillow image, an array of pixels.

Training, galleries and the client take sources through here, so all of them take the same and refuse the same.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageFile, ImageOps

from firstsight.errors import InputError
from firstsight.files import expanded
from firstsight.inputs.formats import FORMATS
from firstsight.types import PixelArray, Source

MAX_BYTES = 64 * 1024 * 1024
EXPECTED = "a path, the bytes of an image file, a file opened with 'rb', a Pillow image, or pixels of uint8"

Plain: TypeAlias = "Path | bytes | PixelArray | Image.Image"
"""A source in one of the four forms that are decoded."""

_IN_PNG = frozenset(["1", "L", "LA", "I;16", "P", "RGB", "RGBA"])
_IN_TIFF = frozenset(["CMYK", "F", "I", "I;16B", "I;16L", "LAB", "PA", "YCbCr"])
AS = {"HSV": "RGB", "La": "LA", "RGBX": "RGB", "RGBa": "RGBA"}
"""Modes of Pillow that no file holds, and the mode that says the same."""


def plain(source: Source) -> Plain:
    """A source as a path, bytes, pixels ``(h, w)`` or ``(h, w, 3)`` uint8, or a Pillow image.

    Raises:
        InputError: it is none, an array of another shape or type, or a file that can't be read.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        return expanded(os.fsdecode(source))
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, np.ndarray):
        return _pixels(source)
    if isinstance(source, Image.Image):
        return _untouched(source) or source
    if callable(getattr(source, "read", None)):
        return _read(source)
    if hasattr(source, "__array__") and not isinstance(source, type):
        return _pixels(_array(source), tensor=type(source).__module__.partition(".")[0] == "torch")
    raise InputError(f"{describe(source)} came, {EXPECTED} was expected")


def listed(sources: Source | Sequence[Source]) -> Sequence[Source]:
    """One source or several, as a sequence."""
    several = isinstance(sources, Sequence) and not isinstance(sources, str | bytes | bytearray | memoryview)
    return sources if several else [sources]  # type: ignore[list-item, return-value]


def describe(source: Source) -> str:
    """How a source is named in a message."""
    if isinstance(source, bytes):
        return f"an image of {len(source)} bytes"
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytearray | memoryview):
        return f"an image of {memoryview(source).nbytes} bytes"
    if isinstance(source, np.ndarray):
        return f"an array of shape {source.shape}"
    if isinstance(source, Image.Image):
        return f"a Pillow image of mode {source.mode}, {source.width} x {source.height}"
    if callable(getattr(source, "read", None)):
        called = getattr(source, "name", None)
        return called if isinstance(called, str) else f"a file ({type(source).__name__})"
    if source is None or isinstance(source, bool | int | float):
        return repr(source)
    kind = type(source)
    return f"a {kind.__qualname__}" if kind.__module__ == "builtins" else f"a {kind.__module__}.{kind.__qualname__}"


def bytes_of(source: Source) -> bytes:
    """The bytes of an image file: those that came, those of the file, or pixels as a file without loss.

    Raises:
        InputError: there is no such file, or that is no source.
    """
    came = plain(source)
    if isinstance(came, Path):
        return read_bytes(came)
    if isinstance(came, np.ndarray):
        return encode(came)
    return came if isinstance(came, bytes) else _file_of(came)


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, or an InputError that says why there are none."""
    path = expanded(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise InputError(f"{path} is a folder, an image file was expected")
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size / 2**20:.0f} MiB, more than the {MAX_BYTES >> 20} MiB allowed")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # what a device or a growing file gives has no size beforehand
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{path!s} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is more than the {MAX_BYTES >> 20} MiB allowed")
    if not data:
        raise InputError(f"{path} is empty (0 bytes), an image was expected")
    return data


def encode(pixels: PixelArray) -> bytes:
    """Pixels ``(h, w)`` or ``(h, w, 3)`` uint8 as a PNG file, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _pixels(array: np.ndarray[Any, Any], *, tensor: bool = False) -> PixelArray:
    """An array as pixels ``(h, w)`` or ``(h, w, 3)``; of a tensor the channels may come first, as torchvision has them.

    Raises:
        InputError: it is of another shape or type.
    """
    shape = array.shape
    if tensor and array.ndim == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        advice = ""
        if array.dtype.kind == "b":
            advice = "; for black and white multiply by np.uint8(255)"
        elif array.dtype.kind == "f":
            advice = "; for floats of 0 to 1 give np.uint8(np.round(255 * pixels))"
        elif array.dtype.kind in "iu" and array.dtype != np.uint8:
            advice = "; for 8 bits give pixels.astype(np.uint8), for more a 16-bit PNG or TIFF"
        elif array.ndim == 3 and array.shape[2] == 4:
            advice = "; for RGBA give Image.fromarray(pixels)"
        raise InputError(
            f"an array of shape {shape} of {array.dtype} came, pixels (h, w), (h, w, 1) or (h, w, 3) in RGB of uint8 "
            f"were expected{advice}"
        )
    if 0 in array.shape:
        raise InputError(f"an array of shape {shape} has no pixels")
    return array


def _array(source: Any) -> np.ndarray[Any, Any]:
    """What a tensor holds, wherever it lies."""
    try:
        for step in ("detach", "cpu"):
            source = getattr(source, step)() if callable(getattr(source, step, None)) else source
        return np.asarray(source)
    except Exception as error:  # noqa: BLE001  it is anybody's class
        raise InputError(f"{describe(source)} can't be read as an array: {error}; {EXPECTED} was expected") from None


def _read(file: Any) -> bytes:
    """What is left of an open file, which is put back to where it stood, so that it can be read again.

    Raises:
        InputError: it holds text, too much or nothing, or can't be read.
    """
    name, place = describe(file), None
    try:
        if callable(getattr(file, "seekable", None)) and file.seekable():
            place = file.tell()
        data = file.read(MAX_BYTES + 1)
        if place is not None:
            file.seek(place)
    except Exception as error:  # noqa: BLE001  it is anybody's class
        raise InputError(f"{name} can't be read: {error}") from None
    if isinstance(data, str):
        raise InputError(f"{name} gives text, an image file opened with 'rb' was expected")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InputError(f"{name} gives {type(data).__name__}, bytes were expected")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is more than the {MAX_BYTES >> 20} MiB allowed")
    if not data:
        advice = "; it stands at its end, call seek(0) first" if place else ""
        raise InputError(f"0 bytes came from {name}, an image was expected{advice}")
    return bytes(data)


def _untouched(image: Image.Image) -> bytes | None:
    """The file of an image that was opened and not loaded yet: it tells more than Pillow keeps of it."""
    file = getattr(image, "fp", None)
    known = isinstance(image, ImageFile.ImageFile) and image.format in (*FORMATS, "MPO")
    if not known or not image.tile or file is None or image.tell():  # type: ignore[attr-defined]
        return None
    try:
        place = file.tell()
        file.seek(0)
        data = file.read(MAX_BYTES + 1)
        file.seek(place)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, bytes) and 0 < len(data) <= MAX_BYTES else None


def _file_of(image: Image.Image) -> bytes:
    """A Pillow image as a file, without loss, upright.

    Raises:
        InputError: it can't be packed.
    """
    buffer, name = io.BytesIO(), describe(image)
    try:
        upright = ImageOps.exif_transpose(image)
        upright = upright.convert(AS[upright.mode]) if upright.mode in AS else upright
        upright.save(buffer, "TIFF" if upright.mode in _IN_TIFF else "PNG", **_clear(upright))
    except Exception as error:  # noqa: BLE001  Pillow raises nearly anything on what it can't load
        raise InputError(f"{name} can't be read: {str(error).strip() or type(error).__name__}") from None
    return buffer.getvalue()


def _clear(image: Image.Image) -> dict[str, Any]:
    """What is to be saved beside the pixels: which colour is transparent."""
    clear = image.info.get("transparency")
    return {} if clear is None or image.mode not in _IN_PNG else {"transparency": clear}
