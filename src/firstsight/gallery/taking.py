"""From what a user hands in to a reference: its reading, its bytes, the hash that tells it again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firstsight.errors import InputError
from firstsight.inputs.decode import describe, encode, read_bytes
from firstsight.model import Model
from firstsight.types import PixelArray, Source


@dataclass(frozen=True, slots=True)
class Taken:
    """One source, read once.

    Attributes:
        reading: ``(1, c, h, w)`` uint8, for the encoder.
        key: hash of the image.
        image: its bytes, where they were asked for.
        place: where it came from.
    """

    reading: PixelArray
    key: str
    image: bytes | None
    place: str


def take(model: Model, source: Source, *, keep: bool) -> Taken:
    """Read a source; with ``keep``, its bytes are wanted too.

    Raises:
        InputError: it can't be read, or shows nothing to recognise.
    """
    if isinstance(source, np.ndarray):
        reading = model.read(source)
        key = key_of(f"{source.shape}".encode() + np.ascontiguousarray(source).data)
        return Taken(reading, key, encode(source) if keep else None, describe(source))
    if isinstance(source, bytes):
        return Taken(model.read(source), key_of(source), source, describe(source))
    data = read_bytes(source)
    try:
        reading = model.read(data)
    except InputError as error:
        raise InputError(str(error).replace(describe(data), str(source), 1)) from None
    return Taken(reading, key_of(data), data, place_of(source))


def key_of(data: bytes) -> str:
    """What tells an image again: the first half of its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def place_of(path: str | Path) -> str:
    """Where a reference came from, so that it is found again from any working directory."""
    return str(Path(path).absolute())
