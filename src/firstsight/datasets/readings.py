"""Decode a whole data set once: readings as one array, kept in a compact cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import PIL
import scipy
from PIL import features

from firstsight import inputs
from firstsight.datasets.cache import keep, recall
from firstsight.datasets.contents import content
from firstsight.datasets.dataset import DataSet
from firstsight.errors import InputError, ReadingError
from firstsight.inputs import Input, settings_of
from firstsight.inputs.content import key_of
from firstsight.inputs.decode import describe
from firstsight.types import PixelArray

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

_DECODERS = ("jpg", "libjpeg_turbo", "libtiff", "zlib", "webp", "freetype2")
_KIND = "readings"


def read_all(data: DataSet, reader: Input, *, progress: Progress | None = None) -> PixelArray:
    """Arrays ``(n, c, h, w)`` uint8 of every example, from the cache where it holds them.

    Raises:
        ReadingError: examples that cannot be read, all of them counted and the first ones named.
    """
    key = readings_key(data, reader)
    kept = recall(_KIND, key, (len(data), *reader.shape), np.uint8)
    if kept is not None:
        return kept
    arrays = np.empty((len(data), *reader.shape), np.uint8)
    reasons: dict[int, str] = {}
    keys = list(data.keys)
    for i, example in enumerate(data.examples):
        name, image = example.source, b""
        try:
            image = content(example)
            arrays[i] = reader.read(image).arrays[0]
            keys[i] = example.key or key_of(image)
        except InputError as error:
            reasons[i] = str(error).replace(describe(image), name, 1)
        if progress and (i % 64 == 0 or i + 1 == len(data)):
            progress(i + 1, len(data))
    if reasons:
        more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
        raise ReadingError(
            f"{len(reasons)} of {len(data)} examples of {data.name} can't be read: "
            f"{'; '.join(list(reasons.values())[:3])}{more}; mend or remove them",
            reasons,
        )
    if tuple(keys) != data.keys:  # files changed between the two looks at them
        data.reread(keys)
        key = readings_key(data, reader)
    keep(_KIND, key, arrays)
    return arrays


def readings_key(data: DataSet, reader: Input) -> str:
    """Hash of all that decides the readings of a data set: its content, the reader's settings, and what reads."""
    settings = json.dumps(settings_of(reader), sort_keys=True)
    told = f"{data.content}|{reader.name}|{reader.version}|{settings}|{_code()}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


@cache
def _code() -> str:
    """Hash of what turns bytes into readings: our own modules, and the versions of the libraries below them.

    The version of an input stays where a fault is mended that few pictures show; what was read before must go then.
    """
    digest = hashlib.sha256(f"{np.__version__}|{scipy.__version__}|{PIL.__version__}".encode())
    digest.update("|".join(str(features.version(name)) for name in _DECODERS).encode())
    for module in sorted(Path(inputs.__file__).parent.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()
