"""Formats of image files: which are read, told by their first bytes, and what the others are called."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""Formats that are read everywhere; AVIF and JPEG 2000 are where Pillow has them, HEIC with ``firstsight[heic]``."""
HEIC_NEEDS = "pip install 'firstsight[heic]'"

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_JPEG_2000 = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
_OTHERS = (
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an SVG drawing or other XML"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"SIMPLE", "FITS"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\0\0\1\0", "an icon of Windows"),
)


@cache
def has_heic() -> bool:
    """Whether what reads HEIC is installed."""
    return find_spec("pillow_heif") is not None


@cache
def has_avif() -> bool:
    """Whether Pillow was built with what reads AVIF."""
    from PIL import features

    return "avif" in features.modules and bool(features.check("avif"))


@cache
def has_jpeg_2000() -> bool:
    """Whether Pillow was built with what reads JPEG 2000."""
    from PIL import features

    return bool(features.check("jpg_2000"))


def formats_of(data: bytes) -> tuple[str, ...]:
    """Formats that an image file may be of, in the words of Pillow."""
    if data.startswith(_JPEG_2000) and has_jpeg_2000():
        return ("JPEG2000",)
    if data[4:8] != b"ftyp":
        if data[:4] == b"MM\0*":
            _widen_tiff()
        return FORMATS
    brands = _brands(data)
    if any(brand in (b"avif", b"avis") for brand in brands) and has_avif():
        return ("AVIF",)
    if any(brand in _HEIC for brand in brands) and has_heic():
        _register()
        return ("HEIF",)
    return FORMATS


@cache
def _widen_tiff() -> None:
    """Let Pillow open two kinds of big-endian TIFF that it opens when they are little-endian: 16 bits whose zero is
    white, and 32 bits without a sign."""
    from PIL.TiffImagePlugin import OPEN_INFO

    OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
    OPEN_INFO.setdefault((b"MM", 1, (1,), 1, (32,), ()), ("I", "I;32B"))


@cache
def _register() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def named(data: bytes) -> str:
    """What a file is that can't be read, and what mends it."""
    more = (("JPEG 2000", has_jpeg_2000()), ("AVIF", has_avif()), ("HEIC", has_heic()))
    read = ", ".join((*FORMATS, *(called for called, there in more if there)))
    if data.startswith(_JPEG_2000) and not has_jpeg_2000():
        return f"JPEG 2000, which this Pillow does not read ({read} are read); update Pillow, or save it as PNG"
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if any(brand in (b"avif", b"avis") for brand in brands) and not has_avif():
            return f"AVIF, which this Pillow does not read ({read} are read); update Pillow, or save it as PNG"
        if any(brand in _HEIC for brand in brands) and not has_heic():
            return f"HEIC, which needs more ({read} are read): {HEIC_NEEDS}"
    for at, begin, called in _OTHERS:
        if data[at : at + len(begin)] == begin:
            return f"{called}, not an image FirstSight reads ({read}); save it as PNG"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return f"TIFF of a kind that is not an image FirstSight reads ({read}); save it as PNG"
    if data[:3] == b"\xff\xd8\xff":
        return f"JPEG of a kind that is not an image FirstSight reads ({read}); save it as PNG"
    return f"not an image FirstSight reads ({read})"


def _brands(data: bytes) -> list[bytes]:
    """The kinds that a file of boxes (ISO base media) says it is of, the main one first."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    return [data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))]
