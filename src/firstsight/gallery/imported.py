"""What an export of somebody else holds: an array as large as its file, and images that are images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from firstsight.errors import GalleryError, InputError
from firstsight.files import read_file
from firstsight.gallery.taking import key_of
from firstsight.inputs.decode import MAX_BYTES, decode
from firstsight.types import FloatArray


def array_of(data: bytes) -> FloatArray:
    """The array in the bytes of an ``.npy`` file, in any shape of float32 or none.

    Raises:
        ValueError: it is no array file, holds something else, or not as much as its head tells.
    """
    file = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("it is of a version that exports are not of")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype != np.dtype("<f4") or min(shape, default=0) < 0:
            raise ValueError(f"it holds {dtype} of shape {shape}")
        return np.frombuffer(data, "<f4", offset=file.tell()).reshape(shape)
    except Exception as error:  # noqa: BLE001  a damaged head raises nearly anything
        raise ValueError(str(error).strip()[:200] or type(error).__name__) from None


def kept_image(folder: Path, number: int, key: str) -> bytes:
    """The image kept of a reference of an export.

    Args:
        folder: the export.
        number: of the reference.
        key: what tells the image again: a hash of its bytes or, where pixels were enrolled, of these.

    Raises:
        GalleryError: it is no file of the export's own, no image, or another one.
    """
    place = folder / "images" / str(number)
    data = read_file(place, MAX_BYTES, GalleryError, "export again", inside=folder)
    try:
        image = decode(data, colour=True)
    except InputError as error:
        raise GalleryError(f"{place} is not an image that can be kept ({error}); export again") from None
    pixels = np.asarray(image)
    shown = (pixels, pixels[..., 0])  # a PNG of pixels loses nothing: colours, or grey
    if key not in (key_of(data), *(key_of(f"{p.shape}".encode() + np.ascontiguousarray(p).data) for p in shown)):
        raise GalleryError(f"{place} is another image than the one that was enrolled; export again")
    return data
