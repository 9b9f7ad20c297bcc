"""Safe decoding: the only place that turns bytes from outside into pixels.

Bytes and pixels are capped, formats are named, truncation and decompression bombs are errors, and the EXIF
orientation is applied. What comes out is an 8-bit grey or RGB Pillow image; transparency is laid on white.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from firstsight.errors import BusyError, InputError
from firstsight.files import FILE, FOLDER, state_of
from firstsight.inputs.pixel_budget import claim, cost_of, cost_of_pixels, refuse_shape, unpacking
from firstsight.types import PixelArray, Source

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
EXTENSIONS = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"])


def expand(sources: Sequence[Source]) -> list[Any]:
    """Replace folders by the images directly in them.

    Raises:
        InputError: a folder without images.
    """
    out: list[Any] = []
    for source in sources:
        if isinstance(source, str | Path) and state_of(Path(source)) == FOLDER:
            found = sorted(p for p in Path(source).iterdir() if p.suffix.lower() in EXTENSIONS and state_of(p) == FILE)
            if not found:
                raise InputError(f"{source} is a folder without images; for class folders use --data folder:{source}")
            out.extend(found)
        else:
            out.append(source)
    return out


def listed(sources: Source | Sequence[Source]) -> Sequence[Source]:
    """One source or several, as a sequence."""
    several = isinstance(sources, Sequence) and not isinstance(sources, str | bytes)
    return sources if several else [sources]  # type: ignore[list-item, return-value]


def bytes_of(source: Source) -> bytes:
    """The bytes of an image file: those that came, those of the file, or pixels as a PNG.

    Raises:
        InputError: there is no such file.
    """
    if isinstance(source, np.ndarray):
        return encode(source)
    return source if isinstance(source, bytes) else read_bytes(source)


def describe(source: Source) -> str:
    """How a source is named in a message."""
    if isinstance(source, bytes):
        return f"an image of {len(source)} bytes"
    if isinstance(source, np.ndarray):
        return f"an array of shape {source.shape}"
    return str(source)


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, or an InputError that says why there are none."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise InputError(f"{path} is a folder, an image file was expected")
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size / 2**20:.0f} MiB, more than the {MAX_BYTES >> 20} MiB allowed")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    if not data:
        raise InputError(f"{path} is empty (0 bytes), an image was expected")
    return data


def encode(pixels: PixelArray) -> bytes:
    """Pixels ``(h, w)`` or ``(h, w, 3)`` uint8 as a PNG file, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height that the head of an image file tells, without unpacking it; (0, 0) where it tells none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return image.size
    except Image.DecompressionBombError:
        return MAX_PIXELS, MAX_PIXELS
    except Exception:  # noqa: BLE001  decoding it will say what is wrong
        return 0, 0


@unpacking()
def decode(source: Source, *, colour: bool) -> Image.Image:
    """Decode an input into an 8-bit image of mode ``RGB`` (colour) or ``L`` (grey).

    Raises:
        InputError: the input is missing, unreadable, too large, too thin, truncated, or of another format.
    """
    mode = "RGB" if colour else "L"
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim not in (2, 3) or (source.ndim == 3 and source.shape[2] != 3):
            raise InputError(
                f"{describe(source)} of {source.dtype} came, pixels (h, w) or (h, w, 3) of uint8 were expected"
            )
        if 0 in source.shape:
            raise InputError(f"{describe(source)} has no pixels")
        height, width = source.shape[:2]
        refuse_shape(width, height, describe(source))
        claim(cost_of_pixels(width * height, colour=colour))
        return Image.fromarray(source).convert(mode)
    name = describe(source)
    data = source if isinstance(source, bytes) else read_bytes(source)
    if not data:
        raise InputError("0 bytes came, an image was expected")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is more than the {MAX_BYTES >> 20} MiB allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise InputError(
                        f"{name} has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} million allowed"
                    )
                refuse_shape(width, height, name)
                claim(cost_of(image, len(data), colour=colour))
                image.load()
                return _flatten(ImageOps.exif_transpose(image), mode)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{name} unpacks to more than the {MAX_PIXELS // 10**6} million pixels allowed") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} is not an image FirstSight reads ({', '.join(FORMATS)})") from None
    except (InputError, BusyError):
        raise
    except Exception as error:  # noqa: BLE001  decoders raise nearly anything on hostile bytes
        raise InputError(f"{name} is damaged: {str(error).strip() or type(error).__name__}") from None


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Lay transparency on white; scale 16-bit greys instead of clipping them."""
    if image.mode.startswith("I") or image.mode == "F":
        pixels = np.asarray(image, dtype=np.float64)
        top = 65535.0 if pixels.max(initial=0) > 255 else 255.0
        image = Image.fromarray(np.clip(pixels * (255.0 / top), 0, 255).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert(mode)


@unpacking()
def thumbnail(data: bytes, size: int | None) -> bytes:
    """An image file as PNG, its longer side of at most ``size`` pixels.

    Raises:
        InputError: see :func:`decode`.
    """
    image = decode(data, colour=True)
    if size is not None:
        image.thumbnail((size, size))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
