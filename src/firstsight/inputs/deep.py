"""Loading deep pixels, of more than 8 bits, of which Pillow gives a part only.

Of 16-bit colour Pillow keeps the high byte of each sample. Its decoders unpack whichever byte a raw mode names, so a
second pass over the file with the other byte order gives the low one.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps

from firstsight.inputs.depth import UnfitError
from firstsight.types import PixelArray

_LITTLE = sys.byteorder == "little"
_OTHER = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if _LITTLE else ";16L"}
"""Ends of raw modes that take the high byte of a sample, and of those that take the low one of the same file."""
_BITS, _PLANES, _FORMAT = 258, 284, 339  # tags of TIFF
_APART, _SIGNED = 2, 2
_NATIVE = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF", "I;16S": "I;16NS", "I;32S": "I;32NS"}
_NATIVE |= {"I;32B": "I;32N"}
"""Raw modes that name a byte order, for samples that libtiff has put into the machine's already."""


@dataclass(frozen=True, slots=True)
class DeepPixels:
    """Samples of a picture, upright.

    Attributes:
        colour: ``(h, w)`` of grey, or ``(h, w, n)`` of ``mode`` without its alpha.
        mode: of Pillow, of the picture without its alpha.
        alpha: ``(h, w)`` uint16 where it has one, 65535 for opaque.
    """

    colour: npt.NDArray[Any]
    mode: str
    alpha: npt.NDArray[np.uint16] | None = None

    def shown(self, eight: PixelArray) -> Image.Image:
        """The picture, given its colour as 8 bits."""
        image = Image.fromarray(eight) if self.mode != "CMYK" else _cmyk(eight)
        if self.alpha is not None:
            image = image.convert("RGB")
            image.putalpha(Image.fromarray((self.alpha >> 8).astype(np.uint8)))
        return image


def is_deep(image: Image.Image) -> bool:
    """Whether an opened image has pixels of more than 8 bits, or floats."""
    if image.mode[0] in "IF" or _signed_bytes(image):
        return True
    raw = _raw(image)
    return raw is not None and (raw[-4:] in _OTHER or _in_planes(image))


def deep_pixels(image: Image.Image, data: bytes | None) -> DeepPixels:
    """The samples of a deep image.

    Args:
        image: opened.
        data: its file; None for an image without one, whose mode tells all.
    """
    if image.mode[0] in "IF" or _signed_bytes(image):
        _in_this_order(image)
        image.load()
        grey = np.asarray(ImageOps.exif_transpose(image))
        grey = grey.view(np.int8).astype(np.int16) if _signed_bytes(image) else grey
        key = image.info.get("transparency")
        return DeepPixels(grey, "L", _opaque(grey != key) if isinstance(key, int) else None)
    raw = _raw(image) or ""
    if _in_planes(image) or not isinstance(image, ImageFile.ImageFile):
        raise UnfitError("has 16-bit colours in separate planes, which are not read; save it as PNG")
    if raw == "LA;16B":  # four bytes a pixel, as RGBA has
        four = _unpacked(image, data, "RGBA")
        return DeepPixels(_joined(four[..., 0], four[..., 1]), "L", _joined(four[..., 2], four[..., 3]))
    raw = raw.replace("RGBa", "RGBA")  # as it is stored: Pillow would divide the high byte by its alpha
    high, low = (_unpacked(image, data, f"{raw[:-4]}{end}") for end in (raw[-4:], _OTHER[raw[-4:]]))
    samples = _joined(high, low)
    if image.mode != "RGBA":
        key = image.info.get("transparency")
        clear = _opaque((samples != np.array(key)).any(axis=2)) if isinstance(key, tuple) else None
        return DeepPixels(samples, image.mode, clear)
    colour, alpha = samples[..., :3], samples[..., 3]
    if (_raw(image) or "").startswith("RGBa"):
        whole = np.maximum(alpha, 1)[..., None].astype(np.uint64)
        colour = np.minimum(colour.astype(np.uint64) * 65535 // whole, 65535).astype(np.uint16)
    return DeepPixels(colour, "RGB", alpha)


def _joined(high: PixelArray, low: PixelArray) -> npt.NDArray[np.uint16]:
    """Samples of which two passes gave a byte each."""
    joined = high.astype(np.uint16)
    joined <<= 8
    joined |= low
    return joined


def _opaque(shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """The alpha of pixels that are shown or not."""
    return np.asarray(shown * np.uint16(65535), np.uint16)


def _raw(image: Image.Image) -> str | None:
    """How the file packs the pixels of an image that is not loaded yet."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return None
    how = tiles[0][3]
    raw = how[0] if isinstance(how, tuple) and how else how
    return raw if isinstance(raw, str) else None


def _signed_bytes(image: Image.Image) -> bool:
    """Whether each pixel is a byte from -128 to 127, which Pillow takes for one from 0 to 255."""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and image.mode == "L" and tuple(tags.get(_FORMAT, ())) == (_SIGNED,)


def _in_planes(image: Image.Image) -> bool:
    """Whether each of several deep channels lies in a plane of its own."""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PLANES) == _APART and max(tags.get(_BITS, (1,))) > 8


def _unpacked(image: Image.Image, data: bytes | None, raw: str) -> npt.NDArray[np.uint8]:
    """What a raw mode takes of the file of an image, upright."""
    with Image.open(io.BytesIO(data or b""), formats=(str(image.format),)) as again:
        for n, tile in enumerate(again.tile):
            how = (raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
            again.tile[n] = tile._replace(args=how)
        again.load()
        return np.asarray(ImageOps.exif_transpose(again))


def _in_this_order(image: Image.Image) -> None:
    """Mend the raw mode of what libtiff unpacks: it gives the machine's byte order, whatever the file's is."""
    if not isinstance(image, ImageFile.ImageFile):
        return
    for n, tile in enumerate(image.tile):
        if tile.codec_name == "libtiff" and isinstance(tile.args, tuple) and tile.args[0] in _NATIVE:
            image.tile[n] = tile._replace(args=(_NATIVE[tile.args[0]], *tile.args[1:]))


def _cmyk(eight: PixelArray) -> Image.Image:
    return Image.frombytes("CMYK", (eight.shape[1], eight.shape[0]), np.ascontiguousarray(eight).tobytes())
