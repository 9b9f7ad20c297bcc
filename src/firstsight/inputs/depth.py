"""Deep pixels, of more than 8 bits or of floats, as 8 bits: which level is white is said, stated or guessed.

A file of 16 bits may hold 10, 12 or 14, and floats may end at 1 or at 255: read by the type alone, such pictures are
black. docs/decisions/0035-depth-of-pixels.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from firstsight.errors import UsageError
from firstsight.types import PixelArray

GUESSES = (8, 10, 12, 14, 16)
"""Depths that are guessed, in bits."""
GUESSED = "depth guessed: "
"""How the note of a guess begins."""
UNIT = 1
"""The depth of floats of 0 to 1, whose white is 2^1 - 1 too."""
MOST = 32
_WIDER = (24, 32)
_RARE = 1000  # one pixel in so many may lie outside
_BELOW = 0.02  # of white: what is darker than so much below 0 is no rounding

_BITS, _PHOTOMETRIC, _MAX, _FORMAT, _SMAX = 258, 262, 281, 339, 341  # tags of TIFF
_UNSIGNED = 1
_PNG, _HEAD = b"\x89PNG\r\n\x1a\n", 8

Deep = npt.NDArray[Any]


class UnfitError(Exception):
    """Deep pixels that can't be brought to 8 bits; the message goes on from the name of the picture."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says of its deep pixels.

    Attributes:
        bits: their depth; 0 where it does not say.
        scaled: whether pixels that do not fit are scaled to the whole range of their type, as in PNG.
        settled: whether they came scaled by what the file says, so that nothing is left to state.
        white_is_zero: whether 0 is white.
        unsigned: whether integers that came as signed are not.
    """

    bits: int = 0
    scaled: bool = False
    settled: bool = False
    white_is_zero: bool = False
    unsigned: bool = False


def check_depth(depth: int) -> None:
    """Refuse a depth that no input can state.

    Raises:
        UsageError: it is none.
    """
    if depth not in (0, UNIT) and not 8 <= depth <= MOST:
        raise UsageError(
            f"input.depth is {depth}, 8 to {MOST} bits, 1 for floats of 0 to 1, or 0 for what files say was expected"
        )


def said(image: Image.Image, data: bytes | None) -> Said:
    """What an opened file says: ``SMaxSampleValue``, ``MaxSampleValue`` or ``BitsPerSample`` of TIFF, ``sBIT`` of PNG.

    Args:
        image: as Pillow opened it.
        data: the file, where it is at hand.
    """
    if image.format == "JPEG2000" or (image.format == "PPM" and image.mode != "F"):
        return Said(bits=16, settled=True)  # Pillow has scaled it by the white that the file names
    if image.format == "PNG" and data is not None:
        return Said(bits=_significant(data), scaled=True)
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return Said()
    width = max(_numbers(tags.get(_BITS)), default=0)
    white = max(_numbers(tags.get(_SMAX)) or _numbers(tags.get(_MAX)), default=0)
    bits = _depth_of(white) or (int(width) if 8 < width < 16 else 0)
    unsigned = max(_numbers(tags.get(_FORMAT)), default=_UNSIGNED) == _UNSIGNED
    return Said(bits, white_is_zero=tags.get(_PHOTOMETRIC) == 0, unsigned=unsigned)


def to_eight(pixels: Deep, said: Said, *, stated: int = 0) -> tuple[PixelArray, tuple[str, ...]]:
    """Deep pixels of any shape as 8 bits, and what is to be noted of them.

    Args:
        pixels: integers or floats.
        said: by the file.
        stated: the depth that the input states, which is the last word; 0 for none.

    Raises:
        UnfitError: no depth holds them.
    """
    pixels, notes = _finite(pixels, said)
    if stated and not said.settled:
        over = np.count_nonzero(pixels >= 2**stated - 0.5)
        if over * _RARE > pixels.size:
            notes += (f"{over / pixels.size:.1%} of the pixels are brighter than the {stated} bits stated",)
        return _turned(_levels(pixels, stated, signed=False), said), notes
    bits, signed, guessed = depth_of(pixels, said)
    if guessed:
        notes += (_told(bits, signed, pixels.dtype.kind == "f"),)
    return _turned(_levels(pixels, bits, signed=signed), said), notes


def depth_of(pixels: Deep, said: Said) -> tuple[int, bool, bool]:
    """The depth of pixels, whether half of it is below 0, and whether it is guessed.

    Raises:
        UnfitError: no depth holds them.
    """
    if said.bits and _holds(pixels, 2**said.bits - 1):
        return said.bits, False, False
    if said.bits and said.scaled:
        return 8 * pixels.itemsize, False, False
    return (*_guess(pixels), True)


def _finite(pixels: Deep, said: Said) -> tuple[Deep, tuple[str, ...]]:
    """Pixels as they are meant: unsigned where they are, black where they are no numbers."""
    if pixels.dtype.kind == "i" and said.unsigned:
        return pixels.view(f"u{pixels.itemsize}"), ()
    if pixels.dtype.kind != "f":
        return pixels, ()
    odd = ~np.isfinite(pixels)
    if not odd.any():
        return pixels, ()
    return np.where(odd, pixels.dtype.type(0), pixels), (f"{np.count_nonzero(odd):,} pixels are no numbers",)


def _holds(pixels: Deep, white: float) -> bool:
    """Whether all but one in a thousand pixels are no brighter than white, when rounded to a level."""
    return int(np.count_nonzero(pixels >= white + 0.5)) * _RARE <= pixels.size


def _guess(pixels: Deep) -> tuple[int, bool]:
    """The smallest depth that holds the pixels, and whether half of it is below 0."""
    floats = pixels.dtype.kind == "f"
    for bits in (*((UNIT,) if floats else ()), *GUESSES, *(() if floats else _WIDER)):
        white = 2**bits - 1
        if pixels.dtype.kind != "u" and np.count_nonzero(pixels < -_BELOW * white) * _RARE > pixels.size:
            half = white if floats else 2 ** (bits - 1) - 1
            if _holds(np.abs(pixels), half + (0 if floats else 1)):
                return bits, True
        elif _holds(pixels, white):
            return bits, False
    low, high = float(pixels.min()), float(pixels.max())
    raise UnfitError(
        f"holds numbers of {low:.4g} to {high:.4g}, 0 to 1 or 0 to 255 were expected; scale them, or state input.depth"
    )


def _told(bits: int, signed: bool, floats: bool) -> str:
    if floats:
        white = 2**bits - 1
        return f"{GUESSED}floats of {-white if signed else 0} to {white}"
    return f"{GUESSED}{bits} bits{', signed' if signed else ''}"


def _levels(pixels: Deep, bits: int, *, signed: bool) -> PixelArray:
    """The highest 8 of so many bits, so that a picture scaled up from 8 bits comes back as it was."""
    if bits == UNIT and pixels.dtype.kind == "f":
        unit = (pixels + 1) / 2 if signed else pixels
        return np.clip(np.floor(unit * 256), 0, 255).astype(np.uint8)
    if pixels.dtype.kind == "f":
        pixels = np.clip(np.rint((pixels + 2**bits) / 2 if signed else pixels), 0, 2**bits - 1).astype(np.uint32)
    elif signed:
        pixels = np.clip(pixels.astype(np.int64) + 2 ** (bits - 1), 0, 2**bits - 1).astype(np.uint32)
    elif pixels.dtype.kind == "i":
        pixels = np.maximum(pixels, 0)
    if bits < 8:
        return np.asarray((pixels > 0) * np.uint8(255), np.uint8)
    levels = pixels >> (bits - 8)
    np.minimum(levels, 255, out=levels)
    return np.asarray(levels, np.uint8)


def _turned(levels: PixelArray, said: Said) -> PixelArray:
    return np.asarray(~levels, np.uint8) if said.white_is_zero else levels


def _depth_of(white: float) -> int:
    """The depth whose white a file names, or the least usual one that holds what it names; 0 where it names none."""
    if white <= 0:
        return 0
    if white <= UNIT:
        return UNIT
    exact = int(white).bit_length()
    return exact if white == 2**exact - 1 else next((bits for bits in GUESSES if white < 2**bits), exact)


def _numbers(value: Any) -> list[float]:
    """What a tag holds, in numbers."""
    several = value if isinstance(value, tuple | list) else [value]
    return [float(v) for v in several if isinstance(v, int | float) and np.isfinite(v)]


def _significant(data: bytes) -> int:
    """The greatest number of significant bits that the chunk ``sBIT`` of a PNG names; 0 where it has none."""
    at = len(_PNG)
    while at + _HEAD <= len(data) and data[at + 4 : at + _HEAD] != b"IDAT":
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + _HEAD] == b"sBIT":
            bits = max(data[at + _HEAD : at + _HEAD + min(3, length)], default=0)
            return bits if 0 < bits <= 16 else 0
        at += length + 12
    return 0
