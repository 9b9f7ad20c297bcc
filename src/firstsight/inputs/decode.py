"""Safe decoding: the only place that turns bytes from outside into pixels.

Bytes and pixels are capped, formats are named, truncation and decompression bombs are errors, and the EXIF
orientation is applied. What comes out is an 8-bit grey or RGB Pillow image; transparency is laid on white, or on black
where all that is visible is white.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from firstsight.errors import BusyError, InputError
from firstsight.inputs.deep import deep_pixels, is_deep
from firstsight.inputs.depth import UnfitError, depth_of, said, to_eight
from firstsight.inputs.formats import FORMATS, formats_of, named
from firstsight.inputs.ink import GRAIN
from firstsight.inputs.jpeg2000 import check as check_jpeg2000
from firstsight.inputs.jpeg_end import with_end
from firstsight.inputs.listing import EXTENSIONS, expand
from firstsight.inputs.pixel_budget import claim, cost_of, cost_of_pixels, refuse_shape, unpacking
from firstsight.inputs.sources import AS, MAX_BYTES, bytes_of, describe, encode, listed, plain, read_bytes
from firstsight.types import Source

MAX_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded source.

    Attributes:
        image: of mode ``RGB`` or ``L``.
        notes: what was seen on the way ("depth guessed: 12 bits").
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


def decode(source: Source, *, colour: bool, depth: int = 0) -> Image.Image:
    """Decode an input into an 8-bit image of mode ``RGB`` (colour) or ``L`` (grey); see :func:`decoded`."""
    return decoded(source, colour=colour, depth=depth).image


@unpacking()
def decoded(source: Source, *, colour: bool, depth: int = 0) -> Decoded:
    """Decode an input, and say what was seen on the way.

    Args:
        source: see :data:`firstsight.types.Source`.
        colour: whether to decode into ``RGB``, else ``L``.
        depth: of pixels of more than 8 bits; 0 for what the file says, or else a guess.

    Raises:
        InputError: the input is missing, unreadable, too large, too thin, truncated, of another format, or no
            source at all.
    """
    mode = "RGB" if colour else "L"
    came = plain(source)
    name = describe(source)
    if isinstance(came, np.ndarray):
        height, width = came.shape[:2]
        refuse_shape(width, height, name)
        claim(cost_of_pixels(width * height, colour=colour))
        return Decoded(Image.fromarray(came).convert(mode))
    if isinstance(came, Image.Image):
        with _sentences(name):
            refuse_shape(*came.size, name)
            claim(cost_of(came, 0, colour=colour))
            came.load()
            image = came if is_deep(came) else came.copy()  # what is turned in place is not the caller's
            return _read(image, None, mode, depth)
    data = read_bytes(came) if isinstance(came, Path) else came
    with _sentences(name):
        image = _opened(data, name)
        claim(cost_of(image, len(data), colour=colour))
        return _read(image, data, mode, depth)


@unpacking()
def deep_bits(source: Source) -> int:
    """The depth of a picture of more than 8 bits, as its file says or as it would be guessed; 0 for all others.

    Raises:
        InputError: see :func:`decoded`.
    """
    came = plain(source)
    if isinstance(came, np.ndarray | Image.Image):
        return 0
    name = describe(source)
    data = read_bytes(came) if isinstance(came, Path) else came
    with _sentences(name):
        image = _opened(data, name)
        if not is_deep(image):
            return 0
        claim(cost_of(image, len(data), colour=True))
        facts = said(image, data)
        return 0 if facts.settled else depth_of(deep_pixels(image, data).colour, facts)[0]


def is_plain(data: bytes) -> bool:
    """Whether an image file has 8 bits or fewer and nothing transparent: such pictures are read as they ever were."""
    try:
        with _sentences("it"):
            image = _opened(data, "it")
            transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
            return not transparent and not is_deep(image)
    except InputError:
        return False


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height that the head of an image file tells, without unpacking it; (0, 0) where it tells none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats_of(data)) as image:
                return image.size
    except Image.DecompressionBombError:
        return MAX_PIXELS, MAX_PIXELS
    except Exception:  # noqa: BLE001  decoding it will say what is wrong
        return 0, 0


@unpacking()
def thumbnail(data: bytes, size: int | None) -> bytes:
    """An image file as PNG, its longer side of at most ``size`` pixels.

    Raises:
        InputError: see :func:`decoded`.
    """
    image = decode(data, colour=True)
    if size is not None:
        image.thumbnail((size, size))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@contextmanager
def _sentences(name: str) -> Iterator[None]:
    """Say in a sentence what goes wrong in decoding."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{name} unpacks to more than the {MAX_PIXELS // 10**6} million pixels allowed") from None
    except (InputError, BusyError):
        raise
    except UnfitError as error:
        raise InputError(f"{name} {error}") from None
    except Exception as error:  # noqa: BLE001  decoders raise nearly anything on hostile bytes
        raise InputError(f"{name} is damaged: {str(error).strip() or type(error).__name__}") from None


def _opened(data: bytes, name: str) -> Image.Image:
    """An image file, its size checked, nothing unpacked yet.

    Raises:
        InputError: it is none that is read, or too large.
    """
    if not data:
        raise InputError("0 bytes came, an image was expected")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is more than the {MAX_BYTES >> 20} MiB allowed")
    formats = formats_of(data)
    if formats == ("JPEG2000",):
        check_jpeg2000(data, name)
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        raise InputError(f"{name} is {named(data)}") from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{name} has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} million allowed")
    refuse_shape(width, height, name)
    return image


def _read(image: Image.Image, data: bytes | None, mode: str, depth: int) -> Decoded:
    """An opened image as 8 bits, upright."""
    if is_deep(image):
        facts = said(image, data)
        pixels = deep_pixels(image, data)
        eight, notes = to_eight(pixels.colour, facts, stated=depth)
        return Decoded(_flatten(pixels.shown(eight), mode), notes)
    try:
        image.load()
    except OSError as error:
        whole = with_end(data, image, error)
        if whole is None:
            raise
        image = whole
    ImageOps.exif_transpose(image, in_place=True)
    return Decoded(_flatten(image, mode))


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Lay transparency on a ground that what is visible can be told from: white where that is one."""
    image = image.convert(AS[image.mode]) if image.mode in AS else image
    if image.mode == "LAB":
        image = _from_lab(image)
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image if image.mode == mode else image.convert(mode)
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    on_white = _on(image, 255).convert(mode)
    if contrast(on_white) >= GRAIN:
        return on_white
    on_black = _on(image, 0).convert(mode)
    return on_black if contrast(on_black) >= GRAIN else on_white


def _on(image: Image.Image, ground: int) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, (ground, ground, ground, 255)), image)


def contrast(image: Image.Image) -> int:
    """Grey levels between the darkest and the lightest pixel, of the channel that has most."""
    ends = image.getextrema()
    pairs = [ends] if isinstance(ends[0], int | float) else ends
    return max(int(high - low) for low, high in pairs)


def _from_lab(image: Image.Image) -> Image.Image:
    """CIE Lab as sRGB."""
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    made = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
    if made is None:
        raise ValueError("its colours (CIE Lab) can't be converted")
    return made


__all__ = [
    "EXTENSIONS",
    "FORMATS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "Decoded",
    "bytes_of",
    "contrast",
    "decode",
    "decoded",
    "deep_bits",
    "describe",
    "encode",
    "expand",
    "is_plain",
    "listed",
    "plain",
    "read_bytes",
    "size_of",
    "thumbnail",
]
