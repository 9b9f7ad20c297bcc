"""MNIST (LeCun, Cortes, Burges, 1998): 60,000 + 10,000 handwritten digits of 28 x 28 pixels, as IDX files.

``label`` is ``0`` to ``9``. Koch et al. (2015) ask a model that never saw a digit to recognise them; nothing here is
learned from, ``train`` serves choices and ``test`` figures.
"""

from __future__ import annotations

import gzip
import struct
from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from PIL import Image

from firstsight.datasets.archives import find_archive
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
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
    examples = tuple(
        Example(str(digit), partial(_png, split, row), f"mnist:{split}:{row}", source=f"mnist:{split}/{row:05d}")
        for row, digit in enumerate(digits)
    )
    same = frozenset(f"mnist5k:{digit}" for digit in range(10))
    return DataSet(f"mnist:{split}", examples, also=same)


@lru_cache(maxsize=4)
def _idx(name: str, axes: int) -> PixelArray:
    """The array in an IDX file of unsigned bytes with so many axes."""
    path = find_archive(name, how=HOW)
    try:
        data = gzip.decompress(path.read_bytes())
        head = struct.unpack(f">HBB{axes}I", data[: 4 + 4 * axes])
        if head[:3] != (0, 8, axes):
            raise DataError(f"{path} is not an IDX file of bytes with {axes} axes; fetch it again")
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(head[3:])
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise DataError(f"{path} can't be read ({error}); fetch it again") from None


def _png(split: str, row: int) -> bytes:
    images = _idx(f"{_FILES[split]}-images-idx3-ubyte.gz", 3)
    buffer = BytesIO()
    Image.fromarray(images[row]).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
