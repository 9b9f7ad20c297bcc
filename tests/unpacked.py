"""Memory that reading a picture takes beside what its head says it costs, for every format and mode that is written.

python tests/unpacked.py      a line of JSON a picture: its name, pixels, bytes it is said to cost, bytes it took
"""

from __future__ import annotations

import ctypes
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 1200, 800
STRIP = 278  # tag of TIFF: rows of a strip


def files(width: int = WIDTH, height: int = HEIGHT) -> Iterator[tuple[str, bytes]]:
    """Pictures as files, with their names."""
    yield from deep(width, height)
    for name, (image, form, how) in pictures(width, height).items():
        buffer = io.BytesIO()
        image.save(buffer, form, **how)
        yield name, buffer.getvalue()


def deep(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    """PNGs of 16 bits a channel, which Pillow does not write, with their names."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    for name, kind, channels in (("LA", 4, 2), ("RGB", 2, 3), ("RGBA", 6, 4)):
        small = np.random.default_rng(1).integers(0, 65536, (height, width // 8 + 1, channels)).astype(">u2")
        rows = np.repeat(small, 8, axis=1)[:, :width].reshape(height, -1)
        lines = b"".join(b"\0" + row.tobytes() for row in rows)
        head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, kind, 0, 0, 0])
        data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
        yield f"png 16 {name}", b"\x89PNG\r\n\x1a\n" + data


def pictures(width: int, height: int) -> dict[str, tuple[Image.Image, str, dict[str, object]]]:
    """Pictures of each mode, the formats they are written in, and how."""
    small = np.random.default_rng(0).integers(0, 256, (max(1, height // 16), max(1, width // 16), 3), np.uint8)
    rgb = Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
    grey = rgb.convert("L")
    rgba = rgb.copy()
    rgba.putalpha(grey)
    wide = np.asarray(grey)
    modes = {
        "1": grey.convert("1"),
        "L": grey,
        "P": rgb.quantize(64),
        "LA": rgba.convert("LA"),
        "RGB": rgb,
        "RGBA": rgba,
        "CMYK": rgb.convert("CMYK"),
        "I;16": Image.fromarray(wide.astype(np.uint16) * 257),
        "I": Image.fromarray(wide.astype(np.int32) * 200),
        "F": Image.fromarray(wide.astype(np.float32)),
    }
    whole: dict[str, object] = {"compression": "tiff_adobe_deflate", "tiffinfo": {STRIP: height}}
    made: dict[str, tuple[Image.Image, str, dict[str, object]]] = {}
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "I;16"):
        made[f"png {mode}"] = (modes[mode], "PNG", {"compress_level": 1})
    made["png P transparent"] = (modes["P"], "PNG", {"compress_level": 1, "transparency": 0})
    made["png RGB transparent"] = (rgb, "PNG", {"compress_level": 1, "transparency": (1, 2, 3)})
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    for mode in ("L", "RGB", "CMYK"):
        made[f"jpeg {mode}"] = (modes[mode], "JPEG", {})
        made[f"jpeg progressive {mode}"] = (modes[mode], "JPEG", {"progressive": True, "subsampling": 0})
    made["jpeg turned"] = (rgb, "JPEG", {"exif": turned})
    for mode in ("L", "RGB", "RGBA"):
        made[f"webp {mode}"] = (modes[mode], "WEBP", {"quality": 50, "method": 0})
        made[f"webp lossless {mode}"] = (modes[mode], "WEBP", {"lossless": True, "quality": 0, "method": 0})
    made["webp moving"] = (rgba, "WEBP", {"save_all": True, "append_images": [rgb], "quality": 40, "method": 0})
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"):
        made[f"tiff {mode}"] = (modes[mode], "TIFF", {})
        if mode not in ("P", "I", "F"):
            made[f"tiff one strip {mode}"] = (modes[mode], "TIFF", whole)
    made["tiff fax"] = (modes["1"], "TIFF", {"compression": "group4"})
    made["tiff jpeg"] = (rgb, "TIFF", {"compression": "jpeg"})
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        made[f"bmp {mode}"] = (modes[mode], "BMP", {})
    made["gif"] = (modes["P"], "GIF", {})
    made["gif transparent"] = (modes["P"], "GIF", {"transparency": 0})
    for mode in ("1", "L", "RGB", "I"):
        made[f"ppm {mode}"] = (modes[mode], "PPM", {})
    for mode in ("L", "LA", "RGB", "RGBA", "I;16"):
        made[f"jpeg 2000 {mode}"] = (modes[mode], "JPEG2000", {})
    small_parts: dict[str, object] = {"codeblock_size": (32, 32), "precinct_size": (64, 64)}
    made["jpeg 2000 small parts"] = (rgba, "JPEG2000", small_parts)
    made["jpeg 2000 tiles"] = (rgb, "JPEG2000", {"tile_size": (256, 256), "no_jp2": True})
    return made


def resident(line: str) -> int:
    """Bytes of this process that are in memory now (VmRSS), or were at most (VmHWM)."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) << 10 for row in rows if row.startswith(line))


def main() -> None:
    """Read each picture as a glyph, as an image, and as it is enrolled."""
    from firstsight.gallery.quality import quality
    from firstsight.inputs import GlyphInput, ImageInput
    from firstsight.inputs.decode import decode
    from firstsight.inputs.pixel_budget import cost_of, unpacking

    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 1 << 16)  # what is freed goes back at once, so that it is measured when taken again

    def read(data: bytes, reader: GlyphInput | ImageInput) -> None:
        with unpacking():
            pixels = np.asarray(decode(data, colour=reader.shape[0] == 3))
            reader.read(pixels)
            quality(pixels, reader)

    readers = (GlyphInput(), ImageInput(fit="pad"))
    for data in (data for _, data in files(64, 48)):
        for reader in readers:
            read(data, reader)
    for name, data in files():
        for reader in readers:
            colour = reader.shape[0] == 3
            with Image.open(io.BytesIO(data)) as image:
                cost = cost_of(image, len(data), colour=colour)
            libc.malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # the most so far begins again
            before = resident("VmRSS")
            read(data, reader)
            row = {"name": name, "colour": colour, "pixels": WIDTH * HEIGHT, "cost": cost}
            print(json.dumps(row | {"took": resident("VmHWM") - before}), flush=True)


if __name__ == "__main__":
    main()
