"""Copies: images told again by their bytes, by their readings (re-encoded) and by their looks (re-encoded with loss).

Hashes of 8 bytes; a look is 128 bits of 8 x 9 and 9 x 8 means of grey: which neighbours differ by more than two levels
(dHash, Krawetz, 2013, with a margin so that the noise of flat ground sets no bit). Figures: decision 0040.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.types import BoolArray, FloatArray, PixelArray

Hashes = npt.NDArray[np.uint64]
NEAR = 6  # bits of 128 by which photographs that are one differ at most; drawings must be equal
_MAGIC, _HEAD = b"contents", struct.Struct("<8sIIII")
_MARGIN = 2  # grey levels
_SIDE, _TELLING = 16, 48  # means a side of a reading, and bytes they pack into where it is no mere stroke or ground
_INK = (16, 239)  # grey levels beyond which nearly all pixels of a drawing are
_BLOCK, _PIXELS = 256, 1 << 20  # looks compared, and pixels looked at, at a time


@dataclass(frozen=True, slots=True)
class Contents:
    """What tells images again.

    Attributes:
        images: ``(a,)`` of their keys, sorted.
        readings: ``(b,)`` of what a reader made of them, sorted.
        looks: ``(c, 2)`` of these.
        whole: whether they are all that was learned from; else those of an earlier training are missing.
    """

    images: Hashes
    readings: Hashes
    looks: Hashes
    whole: bool = True

    @classmethod
    def of(cls, keys: Sequence[str], arrays: PixelArray) -> Contents:
        """Of images by their keys (as in ``DataSet.keys``) and readings ``(n, c, h, w)``."""
        return cls(np.unique(_of_keys(keys)), np.unique(_of_readings(arrays)), np.unique(looks(arrays), axis=0))

    @classmethod
    def read(cls, data: bytes) -> Contents:
        """As :meth:`written`.

        Raises:
            DataError: it is something else, or cut.
        """
        head = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0, 0, 0, 0)
        magic, whole, *sizes = head
        if magic != _MAGIC or len(data) != _HEAD.size + 8 * (sizes[0] + sizes[1] + 2 * sizes[2]):
            raise DataError("the record of learned images is not one, or was cut; train the model again")
        values = np.frombuffer(data, "<u8", offset=_HEAD.size).astype(np.uint64)
        images, readings, seen = np.split(values, np.cumsum(sizes[:2]))
        return cls(images, readings, seen.reshape(-1, 2), bool(whole))

    def written(self) -> bytes:
        """As bytes: a head with the three numbers, and the hashes, least byte first."""
        parts = (self.images, self.readings, self.looks)
        return _HEAD.pack(_MAGIC, self.whole, *map(len, parts)) + b"".join(p.astype("<u8").tobytes() for p in parts)

    def joined(self, other: Contents | None) -> Contents:
        """With what another model learned before; None where that is not known."""
        if other is None:
            return Contents(self.images, self.readings, self.looks, whole=False)
        return Contents(
            np.union1d(self.images, other.images),
            np.union1d(self.readings, other.readings),
            np.unique(np.concatenate([self.looks, other.looks]), axis=0),
            self.whole and other.whole,
        )

    def of_images(self, keys: Sequence[str]) -> BoolArray:
        """Which images are among them, ``(n,)``: byte for byte."""
        return np.isin(_of_keys(keys), self.images)

    def of_readings(self, arrays: PixelArray) -> BoolArray:
        """Which readings ``(n, c, h, w)`` are among them, ``(n,)``; a mere stroke or ground tells nothing."""
        found = np.isin(_of_readings(arrays), self.readings)
        found[found] = telling(arrays[found])
        return found

    def alike(self, arrays: PixelArray) -> BoolArray:
        """Which readings ``(n, c, h, w)`` nearly look like one of them, ``(n,)``."""
        found = np.zeros(len(arrays), bool)
        if not len(self.looks) or not len(arrays):
            return found
        seen, drawn = looks(arrays), _drawn(arrays)
        equal = set(map(tuple, self.looks.tolist()))
        found[drawn] = [tuple(look) in equal for look in seen[drawn].tolist()]
        photographs = np.flatnonzero(~drawn)
        for start in range(0, len(photographs), _BLOCK):
            some = photographs[start : start + _BLOCK]
            differing = sum(np.bitwise_count(seen[some, word, None] ^ self.looks[None, :, word]) for word in range(2))
            found[some] = (differing <= NEAR).any(axis=1)
        found[found] = telling(arrays[found])
        return found


def twins(keys: Sequence[str], arrays: PixelArray) -> npt.NDArray[np.int64]:
    """For each of n images the first that it is a copy of, or itself ``(n,)``: by its bytes, or by its reading."""
    first = np.arange(len(keys))
    by_key: dict[str, int] = {}
    by_reading: dict[int, int] = {}
    hashes, known = _of_readings(arrays), np.zeros(len(keys), bool)
    _, place, number = np.unique(hashes, return_inverse=True, return_counts=True)
    several = number[place] > 1
    known[several] = telling(arrays[several])
    for n, key in enumerate(keys):
        first[n] = by_key.setdefault(key, n)
        if known[n]:
            first[n] = min(first[n], by_reading.setdefault(int(hashes[n]), int(first[n])))
    return first


def looks(arrays: PixelArray) -> Hashes:
    """The look of each reading ``(n, 2)``."""
    made = [np.empty((0, 2), np.uint64)]
    for some in _parts(arrays):
        grey = some.mean(axis=1, dtype=np.float32)
        across, down = _means(grey, 8, 9), _means(grey, 9, 8)
        bits = [across[:, :, 1:] - across[:, :, :-1] > _MARGIN, down[:, 1:] - down[:, :-1] > _MARGIN]
        packed = np.packbits(np.concatenate([b.reshape(len(grey), 64) for b in bits], axis=1), axis=1)
        made.append(packed.view("<u8").astype(np.uint64))
    return np.concatenate(made)


def telling(arrays: PixelArray) -> BoolArray:
    """Whether readings ``(n, c, h, w)`` show enough that two equal ones are one picture: no ground, no mere stroke."""
    found: list[bool] = []
    for some in _parts(arrays):
        small = _means(some.mean(axis=1, dtype=np.float32), _SIDE, _SIDE).astype(np.uint8)
        found += [len(zlib.compress(one.tobytes())) >= _TELLING for one in small]
    return np.array(found, bool)


def _drawn(arrays: PixelArray) -> BoolArray:
    """Which readings are ink on paper: most pixels are black or white ``(n,)``."""
    ink = [((p < _INK[0]) | (p > _INK[1])).mean(axis=(1, 2, 3)) > 0.5 for p in _parts(arrays)]
    return np.concatenate([np.zeros(0, bool), *ink])


def _parts(arrays: PixelArray) -> Iterator[PixelArray]:
    """The readings ``(n, c, h, w)`` in order, a few at a time, so that no copy of all is made."""
    few = max(1, _PIXELS // max(1, math.prod(arrays.shape[1:])))
    return (arrays[start : start + few] for start in range(0, len(arrays), few))


def _means(grey: FloatArray, rows: int, columns: int) -> FloatArray:
    """Means of the fields of a grid over pictures ``(n, h, w)``: ``(n, rows, columns)``."""
    return cast("FloatArray", _weights(grey.shape[1], rows) @ grey @ _weights(grey.shape[2], columns).T)


def _weights(pixels: int, fields: int) -> FloatArray:
    """How much of each pixel lies in each field ``(fields, pixels)``, rows of sum 1."""
    edges, pixel = np.linspace(0, pixels, fields + 1), np.arange(pixels)
    inside = np.minimum(edges[1:, None], pixel[None] + 1) - np.maximum(edges[:-1, None], pixel[None])
    share = inside.clip(0)
    return cast("FloatArray", (share / share.sum(axis=1, keepdims=True)).astype(np.float32))


def _of_keys(keys: Sequence[str]) -> Hashes:
    return _hashed([key.encode("utf-8", "surrogatepass") for key in keys])


def _of_readings(arrays: PixelArray) -> Hashes:
    return _hashed([np.ascontiguousarray(array).data for array in arrays])


def _hashed(contents: Sequence[bytes | memoryview]) -> Hashes:
    return np.frombuffer(b"".join(sha256(c).digest()[:8] for c in contents), "<u8").astype(np.uint64)
