"""Seeded pictures of 8 bits and less, in every format and mode that is read: the same bytes on every machine."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

EACH = 40
"""Pictures of every kind."""
FORMS: dict[str, tuple[str, str, dict[str, object]]] = {
    "png 1": ("1", "PNG", {}),
    "png L": ("L", "PNG", {}),
    "png L, 2 bits": ("L2", "PNG", {"bits": 2}),
    "png L, 4 bits": ("L4", "PNG", {"bits": 4}),
    "png LA": ("LA", "PNG", {}),
    "png P": ("P", "PNG", {}),
    "png P, 4 bits": ("P", "PNG", {"bits": 4}),
    "png P, one clear": ("P", "PNG", {"transparency": 3}),
    "png P, alphas": ("P", "PNG", {"transparency": bytes(range(255, 127, -2))}),
    "png RGB": ("RGB", "PNG", {}),
    "png RGB, one clear": ("RGB", "PNG", {"transparency": (0, 0, 0)}),
    "png RGBA": ("RGBA", "PNG", {}),
    "apng": ("RGB", "PNG", {"save_all": True}),
    "jpeg L": ("L", "JPEG", {"quality": 90}),
    "jpeg RGB": ("RGB", "JPEG", {"quality": 90}),
    "jpeg RGB, progressive": ("RGB", "JPEG", {"quality": 75, "progressive": True}),
    "jpeg CMYK": ("CMYK", "JPEG", {"quality": 90}),
    "bmp 1": ("1", "BMP", {}),
    "bmp L": ("L", "BMP", {}),
    "bmp P": ("P", "BMP", {}),
    "bmp RGB": ("RGB", "BMP", {}),
    "bmp RGBA": ("RGBA", "BMP", {}),
    "gif L": ("L", "GIF", {}),
    "gif P": ("P", "GIF", {}),
    "gif P, one clear": ("P", "GIF", {"transparency": 3}),
    "gif, moving": ("P", "GIF", {"save_all": True}),
    "tiff 1": ("1", "TIFF", {}),
    "tiff 1, group 4": ("1", "TIFF", {"compression": "group4"}),
    "tiff L": ("L", "TIFF", {}),
    "tiff L, packed": ("L", "TIFF", {"compression": "tiff_lzw"}),
    "tiff LA": ("LA", "TIFF", {}),
    "tiff P": ("P", "TIFF", {}),
    "tiff RGB": ("RGB", "TIFF", {}),
    "tiff RGB, deflated": ("RGB", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff RGBA": ("RGBA", "TIFF", {}),
    "tiff CMYK": ("CMYK", "TIFF", {}),
    "tiff YCbCr": ("YCbCr", "TIFF", {}),
    "webp RGB": ("RGB", "WEBP", {"lossless": True}),
    "webp RGBA": ("RGBA", "WEBP", {"lossless": True, "exact": True}),
    "webp RGB, lossy": ("RGB", "WEBP", {"quality": 80}),
    "webp, moving": ("RGB", "WEBP", {"lossless": True, "save_all": True}),
    "ppm 1": ("1", "PPM", {}),
    "ppm L": ("L", "PPM", {}),
    "ppm RGB": ("RGB", "PPM", {}),
    "png, turned": ("RGB", "PNG", {"turned": True}),
    "jpeg, turned": ("RGB", "JPEG", {"quality": 90, "turned": True}),
    "tiff, turned": ("RGB", "TIFF", {"turned": True}),
    "webp, turned": ("RGB", "WEBP", {"lossless": True, "turned": True}),
    "png, with a profile": ("RGB", "PNG", {"icc_profile": b"a profile"}),
    "pixels": ("RGB", "", {}),
}
LOSSY = frozenset(name for name, (_, form, more) in FORMS.items() if form == "JPEG" or "quality" in more)
"""Kinds whose bytes hang on the library that packed them."""


def drawn(kind: str, number: int) -> Image.Image | np.ndarray:
    """A picture with contrast: noise, a ramp or a sign, in turn."""
    mode = FORMS[kind][0]
    rng = np.random.default_rng((sorted(FORMS).index(kind), number))
    width, height = (int(side) for side in rng.integers(6, 40, 2))
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if number % 3 == 1:
        pixels = np.linspace(0, 255, height * width * 3).astype(np.uint8).reshape(height, width, 3)
    elif number % 3 == 2:
        pixels = np.full((height, width, 3), 255, np.uint8)
        pixels[height // 3 : -2, width // 4 : -2] = rng.integers(0, 128, 3)
    if mode in ("L2", "L4"):
        step = 85 if mode == "L2" else 17
        return Image.fromarray(pixels[..., 0] // step * step)
    if kind == "pixels":
        return pixels if number % 2 else pixels[..., 0]
    made = Image.fromarray(pixels)
    if mode in ("LA", "RGBA"):
        alpha = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
        made.putalpha(alpha)
        return made.convert(mode)
    return made.quantize(64) if mode == "P" else made.convert(mode)


def pictures(kind: str) -> Iterator[bytes | np.ndarray]:
    """The pictures of a kind, packed."""
    _, form, more = FORMS[kind]
    for number in range(EACH):
        image = drawn(kind, number)
        if isinstance(image, np.ndarray):
            yield image
            continue
        options = {key: value for key, value in more.items() if key != "turned"}
        if more.get("save_all"):
            options["append_images"] = [drawn(kind, number + EACH).resize(image.size)]
        if more.get("turned"):
            exif = Image.Exif()
            exif[0x0112] = number % 8 + 1
            options["exif"] = exif
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        yield buffer.getvalue()
