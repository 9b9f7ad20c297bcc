"""Odd pictures: of many formats, depths, profiles and ways of being transparent, each embeds as its 8-bit PNG does."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import partial

import numpy as np
import pillow_heif
import pytest
from odd_files import png, tiff
from PIL import Image, ImageCms, ImageOps

from firstsight.errors import InputError
from firstsight.inputs.decode import decode
from firstsight.model import Model

SIDE = 64


def sign() -> np.ndarray:
    """A sign in ink of 20 on paper of 230, ``(64, 64)`` uint8."""
    pixels = np.full((SIDE, SIDE), 230, np.uint8)
    pixels[10:54, 14:20] = pixels[48:54, 14:50] = pixels[30:54, 44:50] = 20
    return pixels


GREY = sign()
COLOUR = np.dstack([GREY, np.maximum(GREY, 60), GREY])
INK = GREY < 128
DEEP = {bits: GREY.astype(np.uint16) << (bits - 8) for bits in (8, 10, 12, 14, 16)}


def saved(image: Image.Image | np.ndarray, form: str, **options: object) -> bytes:
    """A file that Pillow writes."""
    buffer = io.BytesIO()
    made = image if isinstance(image, Image.Image) else Image.fromarray(image)
    made.save(buffer, form, **options)
    return buffer.getvalue()


def picture(mode: str) -> Image.Image:
    """The sign in a mode of Pillow."""
    if mode in ("1", "L", "LA"):
        return Image.fromarray(GREY).convert(mode)
    return Image.fromarray(COLOUR).convert(mode)


def twelve_bits() -> bytes:
    """A JPEG 2000 of 12 bits: one of 16 whose head says 12, of pixels moved by what that changes their middle by."""
    data = bytearray(saved(DEEP[12] + np.uint16((1 << 15) - (1 << 11)), "JPEG2000", no_jp2=True))
    assert data[42] == 16 - 1
    data[42] = 12 - 1
    return bytes(data)


def turned(form: str, orientation: int, **options: object) -> bytes:
    """The sign as a camera stores it that was held another way."""
    turn = Image.Transpose
    undo = {2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE}
    undo |= {6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(COLOUR).transpose(undo[orientation]), form, exif=exif, **options)


def profile() -> bytes:
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def bitmap(bits: int, pixels: bytes, *, packed: int = 0, masks: bytes = b"", palette: bytes = b"") -> bytes:
    """A BMP by hand."""
    size = 40 + len(masks) + len(palette)
    colours = len(palette) // 4
    head = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, bits, packed, len(pixels), 2835, 2835, colours, 0)
    start = 14 + size
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + masks + palette + pixels


def rle() -> bytes:
    """The sign as a BMP packed in runs, from the last row up: two colours of a palette."""
    rows = b""
    for row in INK[::-1].astype(np.uint8):
        ends = [*np.flatnonzero(np.diff(row)) + 1, SIDE]
        starts = [0, *ends[:-1]]
        rows += b"".join(bytes([e - s, row[s]]) for s, e in zip(starts, ends, strict=True)) + b"\0\0"
    palette = bytes([230, 230, 230, 0, 20, 20, 20, 0])
    return bitmap(8, rows + b"\0\1", packed=1, palette=palette)


def bits_565() -> bytes:
    """The sign as a BMP of 16 bits a pixel."""
    value = np.where(INK, 0, 0xFFFF).astype("<u2")
    return bitmap(16, value[::-1].tobytes(), packed=3, masks=struct.pack("<III", 0xF800, 0x07E0, 0x001F))


def clear(shown: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels with an alpha."""
    return np.dstack([*([shown] * 3 if shown.ndim == 2 else np.moveaxis(shown, 2, 0)), alpha])


def moving(form: str, **options: object) -> bytes:
    """The sign, and a blank frame after it."""
    blank = Image.new("RGB", (SIDE, SIDE), (230, 230, 230))
    return saved(Image.fromarray(COLOUR), form, save_all=True, append_images=[blank], **options)


def without_end() -> tuple[bytes, np.ndarray]:
    """A JPEG that lacks its end marker, and what it shows."""
    data = saved(COLOUR, "JPEG", quality=95)
    return data.removesuffix(b"\xff\xd9"), np.asarray(Image.open(io.BytesIO(data)))


def as_pillow_has_it(data: bytes) -> tuple[bytes, np.ndarray]:
    """A file whose packing loses something, and what is left."""
    return data, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def heic() -> bytes:
    """The sign as HEIC."""
    pillow_heif.register_heif_opener()
    return saved(COLOUR, "HEIF", quality=-1, chroma=444)


def plain(text: bool, head: bytes, values: np.ndarray) -> bytes:
    """A PNM."""
    body = " ".join(map(str, values.ravel())).encode() if text else values.tobytes()
    return head + b"\n" + body


BLACK = np.zeros_like(GREY)
WHITE = np.full_like(GREY, 255)
CLEAR = np.where(INK, 255, 0).astype(np.uint8)
TWO = np.where(INK, 0, 255).astype(np.uint8)

ODD: dict[str, Callable[[], tuple[bytes, np.ndarray]]] = {
    **{
        f"{form} of {bits} bits in 16": partial(lambda form, bits: (saved(DEEP[bits], form), GREY), form, bits)
        for form in ("PNG", "TIFF")
        for bits in (10, 12, 14, 16)
    },
    **{f"JPEG turned, {n}": partial(lambda n: as_pillow_has_it(turned("JPEG", n, quality=95)), n) for n in range(2, 9)},
    **{f"{form} turned": partial(lambda form: (turned(form, 6), COLOUR), form) for form in ("PNG", "TIFF")},
    "WebP turned": lambda: (turned("WEBP", 8, lossless=True), COLOUR),
    "PNG of 1 bit": lambda: (png(TWO // 255, kind=0, bits=1), TWO),
    "PNG of 2 bits": lambda: (png(TWO // 85, kind=0, bits=2), TWO),
    "PNG of 4 bits": lambda: (png(TWO // 17, kind=0, bits=4), TWO),
    "PNG with a palette of 4 bits": lambda: (
        png(INK.astype(np.uint8), kind=3, bits=4, extra={b"PLTE": bytes([230] * 3 + [20] * 3)}),
        np.where(INK, 20, 230).astype(np.uint8),
    ),
    "PNG with a clear palette entry": lambda: (
        png(INK.astype(np.uint8), kind=3, bits=8, extra={b"PLTE": bytes([0] * 3 + [20] * 3), b"tRNS": b"\0\xff"}),
        np.where(INK, 20, 255).astype(np.uint8),
    ),
    "PNG with gamma": lambda: (png(GREY, kind=0, bits=8, extra={b"gAMA": struct.pack(">I", 45455)}), GREY),
    "PNG with a profile": lambda: (saved(COLOUR, "PNG", icc_profile=profile()), COLOUR),
    "PNG with sBIT, 12 of 16": lambda: (png(DEEP[12], kind=0, extra={b"sBIT": b"\x0c"}), GREY),
    "PNG of 12-bit colour": lambda: (png(COLOUR.astype(np.uint16) << 4, kind=2), COLOUR),
    "PNG of 12-bit colour with alpha": lambda: (
        png(clear(COLOUR.astype(np.uint16) << 4, np.full(GREY.shape, 65535)), kind=6),
        COLOUR,
    ),
    "PNG of 16-bit grey with alpha": lambda: (png(np.dstack([BLACK, CLEAR.astype(np.uint16) * 257]), kind=4), TWO),
    "PNG, black ink on nothing": lambda: (saved(clear(BLACK, CLEAR), "PNG"), TWO),
    "PNG, white ink on nothing": lambda: (saved(clear(WHITE, CLEAR), "PNG"), 255 - TWO),
    "PNG of 16 bits, white ink on nothing": lambda: (
        png(clear(WHITE.astype(np.uint16) * 257, CLEAR.astype(np.uint16) * 257), kind=6),
        255 - TWO,
    ),
    "PNG with a clear colour": lambda: (
        saved(picture("RGB"), "PNG", transparency=(230, 230, 230)),
        np.where(INK[..., None], COLOUR, 255),
    ),
    "APNG": lambda: (moving("PNG"), COLOUR),
    "GIF": lambda: (saved(picture("L"), "GIF"), GREY),
    "GIF, moving": lambda: (moving("GIF"), COLOUR),
    "WebP without loss": lambda: (saved(COLOUR, "WEBP", lossless=True), COLOUR),
    "WebP, moving": lambda: (moving("WEBP", lossless=True), COLOUR),
    "WebP, white ink on nothing": lambda: (saved(clear(WHITE, CLEAR), "WEBP", lossless=True, exact=True), 255 - TWO),
    "TIFF of 1 bit, group 4": lambda: (saved(Image.fromarray(TWO).convert("1"), "TIFF", compression="group4"), TWO),
    "TIFF, LZW": lambda: (saved(COLOUR, "TIFF", compression="tiff_lzw"), COLOUR),
    "TIFF, deflated, predicted": lambda: (
        saved(DEEP[12], "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2}),
        GREY,
    ),
    "TIFF of 16 bits, white is zero": lambda: (tiff((255 - GREY.astype(np.uint16)) * 257, photometric=0), GREY),
    "TIFF of 12 bits, white is zero, deflated": lambda: (
        tiff((255 - GREY.astype(np.uint16)) << 4, photometric=0, deflated=True),
        GREY,
    ),
    "TIFF, big-endian, of 12 bits": lambda: (tiff(DEEP[12], order=">"), GREY),
    "TIFF, signed": lambda: (tiff(DEEP[12].astype(np.int16)), GREY),
    "TIFF, signed, big-endian, deflated": lambda: (tiff(DEEP[12].astype(np.int16), order=">", deflated=True), GREY),
    "TIFF of 32 bits": lambda: (tiff(GREY.astype(np.uint32)), GREY),
    "TIFF of floats, 0 to 1": lambda: (tiff((GREY / 255).astype(np.float32)), GREY),
    "TIFF of floats, 0 to 255": lambda: (tiff(GREY.astype(np.float32)), GREY),
    "TIFF of floats, big-endian, deflated": lambda: (
        tiff((GREY / 255).astype(np.float32), order=">", deflated=True),
        GREY,
    ),
    "TIFF of 16-bit colour": lambda: (tiff(COLOUR.astype(np.uint16) * 257, photometric=2), COLOUR),
    "TIFF of 12-bit colour, deflated": lambda: (
        tiff(COLOUR.astype(np.uint16) << 4, photometric=2, deflated=True),
        COLOUR,
    ),
    "TIFF with a MaxSampleValue": lambda: (tiff(DEEP[10], tags={281: ("H", [1023])}), GREY),
    "TIFF in planes": lambda: (tiff(COLOUR, photometric=2, planes=True), COLOUR),
    "TIFF, CMYK": lambda: (saved(picture("CMYK"), "TIFF"), COLOUR),
    "TIFF with a palette": lambda: (saved(picture("L").quantize(4), "TIFF"), GREY),
    "JPEG, grey": lambda: as_pillow_has_it(saved(GREY, "JPEG", quality=95)),
    "JPEG, progressive": lambda: as_pillow_has_it(saved(COLOUR, "JPEG", quality=95, progressive=True)),
    "JPEG, CMYK": lambda: as_pillow_has_it(saved(picture("CMYK"), "JPEG", quality=95)),
    "JPEG with a profile": lambda: as_pillow_has_it(saved(COLOUR, "JPEG", quality=95, icc_profile=profile())),
    "JPEG without its end marker": without_end,
    "MPO": lambda: as_pillow_has_it(saved(COLOUR, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])),
    "BMP of 16 bits": lambda: (bits_565(), TWO),
    "BMP of 32 bits": lambda: (saved(picture("RGBA"), "BMP"), COLOUR),
    "BMP, packed in runs": lambda: (rle(), np.where(INK, 20, 230).astype(np.uint8)),
    "PBM in text": lambda: (plain(True, b"P1 64 64", INK.astype(np.uint8)), TWO),
    "PBM": lambda: (b"P4 64 64\n" + np.packbits(INK, axis=1).tobytes(), TWO),
    "PGM in text, maxval 1000": lambda: (
        plain(True, b"P2 64 64 1000", np.where(INK, 0, 1000)),
        TWO,
    ),
    "PGM, maxval 100": lambda: (plain(False, b"P5 64 64 100", np.where(INK, 0, 100).astype(np.uint8)), TWO),
    "PGM, maxval 4095": lambda: (plain(False, b"P5 64 64 4095", DEEP[12].astype(">u2")), GREY),
    "PPM, maxval 1023": lambda: (plain(False, b"P6 64 64 1023", np.rint(COLOUR * 1023.0 / 255).astype(">u2")), COLOUR),
    "PPM, maxval 65535": lambda: (plain(False, b"P6 64 64 65535", (COLOUR.astype(">u2") * 257).astype(">u2")), COLOUR),
    "PFM": lambda: (plain(False, b"Pf\n64 64\n-1.0", (GREY / 255).astype("<f4")[::-1]), GREY),
    "AVIF": lambda: as_pillow_has_it(saved(COLOUR, "AVIF", quality=100, subsampling="4:4:4")),
    "JPEG 2000": lambda: (saved(COLOUR, "JPEG2000"), COLOUR),
    "JPEG 2000, no boxes": lambda: (saved(COLOUR, "JPEG2000", no_jp2=True), COLOUR),
    "JPEG 2000 of 16 bits": lambda: (saved(DEEP[16] + GREY, "JPEG2000"), GREY),
    "JPEG 2000 of 12 bits": lambda: (twelve_bits(), GREY),
    "JPEG 2000, transparent": lambda: (saved(picture("RGBA"), "JPEG2000"), COLOUR),
    "HEIC": lambda: as_pillow_has_it(heic()),
    "TIFF, Lab": lambda: (saved(lab(), "TIFF"), COLOUR),
}


def lab() -> Image.Image:
    """The sign in CIE Lab."""
    srgb, to = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(picture("RGB"), ImageCms.buildTransform(srgb, to, "RGB", "LAB"))


REFUSED = {
    "TIFF of 16-bit colour in planes": (
        lambda: tiff(COLOUR.astype(np.uint16) << 4, photometric=2, planes=True),
        "16-bit colours in separate planes",
    ),
    "TIFF of 64-bit floats": (lambda: tiff(GREY / 255), "TIFF of a kind that is not an image FirstSight reads"),
    "TIFF of 16-bit floats": (
        lambda: tiff((GREY / 255).astype(np.float16)),
        "TIFF of a kind that is not an image FirstSight reads",
    ),
    "TIFF, transparent, of 16 bits": (
        lambda: tiff(np.dstack([DEEP[16], np.full_like(DEEP[16], 65535)])),
        "TIFF of a kind that is not an image FirstSight reads",
    ),
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(40), "JPEG XL, not an image FirstSight reads"),
}
"""What is not read, and how it is called."""


@pytest.fixture(scope="module")
def model() -> Model:
    """The shipped one."""
    return Model.load("glyphs")


def test_there_are_forty_and_few_are_refused() -> None:
    """More than forty kinds are read, and at most five refused."""
    assert len(ODD) >= 40
    assert len(REFUSED) <= 5


@pytest.mark.parametrize("kind", ODD)
def test_it_embeds_as_its_png_does(kind: str, model: Model) -> None:
    """The pixels and the embedding are those of the same picture as an 8-bit PNG; where Lab is converted, nearly."""
    data, pixels = ODD[kind]()
    same = saved(pixels, "PNG")
    read, expected = (np.asarray(decode(one, colour=True)).astype(int) for one in (data, same))
    assert np.abs(read - expected).max() <= (3 if kind == "TIFF, Lab" else 0)
    found = model.embed([data, same])
    assert np.abs(found[0] - found[1]).max() <= 1e-6


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_named(kind: str, model: Model) -> None:
    """A sentence says what came."""
    made, called = REFUSED[kind]
    with pytest.raises(InputError, match=called):
        model.embed(made())
