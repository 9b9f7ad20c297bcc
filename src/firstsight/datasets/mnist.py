"""MNIST (LeCun, Cortes, Burges, 1998): 60,000 + 10,000 handwritten digits of 28 x 28 pixels, as IDX files.

``label`` is ``0`` to ``9``. Koch et al. (2015) ask a model that never saw a digit to recognise them; nothing here is
learned from, ``train`` serves choices and ``test`` figures.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from PIL import Image

from firstsight.datasets.archives import find_archive
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.inputs.content import key_of
from firstsight.types import Example, PixelArray

SPLITS = ("train", "test")
HOW = (
    "put the four *-ubyte.gz files of http://yann.lecun.com/exdb/mnist there, or set FIRSTSIGHT_DATA to the folder "
    "that holds them"
)
_FILES = {"train": "train", "test": "t10k"}


def load(split: str = "test") -> DataSet:
    """One of the two published parts.

    Raises:
        DataError: its files are missing or are not MNIST's.
    """
    digits = _idx(f"{_FILES[split]}-labels-idx1-ubyte.gz", 1)
    images = _idx(f"{_FILES[split]}-images-idx3-ubyte.gz", 3)
    if len(digits) != len(images):
        raise DataError(f"mnist:{split} has {len(images)} images and {len(digits)} labels; fetch its files again")
    examples = tuple(
        Example(str(digit), partial(png, image), key_of(image.tobytes()), source=f"mnist:{split}/{row:05d}")
        for row, (digit, image) in enumerate(zip(digits, images, strict=True))
    )
    same = frozenset(f"mnist5k:{digit}" for digit in range(10))
    return DataSet(f"mnist:{split}", examples, also=same)


def _idx(name: str, axes: int) -> PixelArray:
    """The array in an IDX file of unsigned bytes with so many axes."""
    path = find_archive(name, how=HOW)
    try:
        return _unpacked(path.read_bytes(), axes)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path} can't be read ({error}); fetch it again") from None


@lru_cache(maxsize=4)
def _unpacked(packed: bytes, axes: int) -> PixelArray:
    data = gzip.decompress(packed)
    head = struct.unpack(f">HBB{axes}I", data[: 4 + 4 * axes])
    if head[:3] != (0, 8, axes):
        raise ValueError(f"it is not an IDX file of bytes with {axes} axes")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(head[3:])


def png(image: PixelArray) -> bytes:
    """Pixels ``(h, w)`` uint8 as a PNG file."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
