"""From what a user hands in to a reference: its reading, its bytes, the hash that tells it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.errors import InputError
from firstsight.gallery.quality import Quality, quality
from firstsight.inputs.decode import Decoded, bytes_of, decoded, describe, encode, plain, read_bytes
from firstsight.inputs.pixel_budget import unpacking
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
        notes: what was seen on the way ("no ink found", "depth guessed: 12 bits").
        blank: whether nothing is there to recognise.
    """

    reading: PixelArray
    key: str
    image: bytes | None
    place: str
    quality: Quality
    notes: tuple[str, ...]
    blank: bool = False


@unpacking()
def take(model: Model, source: Source, *, keep: bool) -> Taken:
    """Read a source; with ``keep``, its bytes are wanted too.

    Raises:
        InputError: it can't be read, or shows more than one thing to recognise.
    """
    came = plain(source)
    if isinstance(came, np.ndarray):
        key = key_of(f"{came.shape}".encode() + np.ascontiguousarray(came).data)
        return _taken(model, _decoded(model, came), key, encode(came) if keep else None, describe(source))
    if not isinstance(came, Path):
        data = bytes_of(came)
        return _taken(model, _decoded(model, came), key_of(data), data if keep else None, describe(source))
    data = read_bytes(came)
    try:
        seen = _decoded(model, data)
    except InputError as error:
        raise InputError(str(error).replace(describe(data), describe(source), 1)) from None
    return _taken(model, seen, key_of(data), data if keep else None, place_of(came), describe(source))


def repeated(asked: int, added: int) -> tuple[str, ...]:
    """What a receipt notes of references that were there before."""
    return () if added == asked else (f"{asked - added} of {asked} enrolled already",)


def noted(taken: Iterable[Taken]) -> tuple[str, ...]:
    """What a receipt notes of images that were enrolled."""
    return tuple(f"{one.place}: {note}" for one in taken for note in one.notes)


def _decoded(model: Model, source: Any) -> Decoded:
    return decoded(source, colour=model.input.shape[0] == 3, depth=model.depth)


def _taken(model: Model, seen: Decoded, key: str, image: bytes | None, place: str, called: str | None = None) -> Taken:
    pixels = np.asarray(seen.image)
    reading = model.input.read(pixels)
    if len(reading.arrays) != 1:
        raise InputError(f"{called or place}: {len(reading.arrays)} things to recognise, one was expected")
    worth, notes = quality(pixels, model.input), (*seen.notes, *reading.notes)
    return Taken(reading.arrays, key, image, place, worth, notes, reading.blank)


def key_of(data: bytes) -> str:
    """What tells an image again: the first half of its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def place_of(path: str | Path) -> str:
    """Where a reference came from, so that it is found again from any working directory.

    What is no UTF-8 in it is spelled out, since it goes into texts: such a file is not found again.
    """
    return str(Path(path).absolute()).encode("utf-8", "backslashreplace").decode()
