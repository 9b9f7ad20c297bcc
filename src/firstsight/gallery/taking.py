"""From what a user hands in to a reference: its reading, its bytes, the hash that tells it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.errors import InputError
from firstsight.gallery.quality import Quality, quality
from firstsight.inputs.content import key_of
from firstsight.inputs.decode import decode, describe, encode, read_bytes
from firstsight.model import Model
from firstsight.types import PixelArray, Source


@dataclass(frozen=True, slots=True)
class Taken:
    """One source, decoded once.

    Attributes:
        reading: ``(1, c, h, w)`` uint8, for the encoder.
        key: hash of the image.
        image: its bytes, where they were asked for.
        place: where it came from.
        quality: of its pixels.
        notes: what the input saw that is not as it should be ("no ink found").
    """

    reading: PixelArray
    key: str
    image: bytes | None
    place: str
    quality: Quality
    notes: tuple[str, ...]


def take(model: Model, source: Source, *, keep: bool) -> Taken:
    """Read a source; with ``keep``, its bytes are wanted too.

    Raises:
        InputError: it can't be read, or shows more than one thing to recognise.
    """
    if isinstance(source, np.ndarray):
        pixels = _pixels(model, source)
        key = key_of(f"{source.shape}".encode() + np.ascontiguousarray(source).data)
        return _taken(model, pixels, key, encode(source) if keep else None, describe(source))
    if isinstance(source, bytes):
        return _taken(model, _pixels(model, source), key_of(source), source if keep else None, describe(source))
    data = read_bytes(source)
    try:
        pixels = _pixels(model, data)
    except InputError as error:
        raise InputError(str(error).replace(describe(data), str(source), 1)) from None
    return _taken(model, pixels, key_of(data), data if keep else None, place_of(source), str(source))


def _pixels(model: Model, source: Any) -> PixelArray:
    return np.asarray(decode(source, colour=model.input.shape[0] == 3))


def _taken(
    model: Model, pixels: PixelArray, key: str, image: bytes | None, place: str, called: str | None = None
) -> Taken:
    reading = model.input.read(pixels)
    if len(reading.arrays) != 1:
        raise InputError(f"{called or place}: {len(reading.arrays)} things to recognise, one was expected")
    return Taken(reading.arrays, key, image, place, quality(pixels, model.input), reading.notes)


def place_of(path: str | Path) -> str:
    """Where a reference came from, so that it is found again from any working directory.

    What is no UTF-8 in it is spelled out, since it goes into texts: such a file is not found again.
    """
    return str(Path(path).absolute()).encode("utf-8", "backslashreplace").decode()
