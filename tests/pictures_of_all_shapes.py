"""2,000 seeded pictures of all shapes, and the hash of what is read of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from firstsight.gallery.quality import quality
from firstsight.inputs import GlyphInput, ImageInput
from firstsight.inputs.image import NO_CONTRAST
from firstsight.types import PixelArray

COUNT = 2000
RECORDED = Path(__file__).parent / "hashes" / "0.1.0.txt"
"""A hash a line, as this file printed them with 0.1.0."""

GLYPHS = (
    GlyphInput(stroke=0),
    GlyphInput(size=32, extent=28, stroke=3),
    GlyphInput(size=105, extent=90, stroke=2.5),
    GlyphInput(size=64, extent=64, stroke=6),
    GlyphInput(size=256, extent=200, stroke=0),
)
IMAGES = (
    ImageInput(size=32),
    ImageInput(size=32, fit="crop"),
    ImageInput(size=48, fit="pad"),
    ImageInput(size=28, channels=1, fit="pad", invert=True),
    ImageInput(size=28, channels=1, light=True),
    ImageInput(size=64, channels=1, fit="crop", light=True),
    ImageInput(size=96, channels=3, fit="stretch", invert=True),
)


def pictures() -> Iterator[PixelArray]:
    """Pictures ``(h, w)`` or ``(h, w, 3)`` uint8: small and large, tall and wide, drawn, blurred, noisy, blank."""
    for number in range(COUNT):
        yield picture(number)


def picture(number: int) -> PixelArray:
    """One of them."""
    rng = np.random.default_rng([17, number])
    width, height = _shape(rng)
    paper, ink = _levels(rng)
    image = Image.new("L", (width, height), paper)
    pen = ImageDraw.Draw(image)
    # Some leave most of the paper free, some run over its edge.
    share = rng.choice([0.05, 0.3, 0.8, 1.1])
    left, top = rng.uniform(0, 1 - min(share, 1), 2) * (width, height)
    for _ in range(rng.integers(1, 5)):
        corners = rng.uniform(-0.02, 1, (rng.integers(2, 7), 2)) * (share * width, share * height) + (left, top)
        pen.line([(float(x), float(y)) for x, y in corners], fill=ink, width=int(rng.integers(1, 12)), joint="curve")
    pixels = np.asarray(image)
    kind = number % 8
    if kind == 1:
        pixels = np.clip(pixels + rng.normal(0, rng.uniform(1, 30), pixels.shape), 0, 255).astype(np.uint8)
    elif kind == 2:
        shade = np.linspace(0, rng.uniform(5, 90), width)
        pixels = np.clip(pixels * 0.7 + shade, 0, 255).astype(np.uint8)
    elif kind == 3:
        small = image.resize((max(1, width // 3), max(1, height // 3)), Image.Resampling.BILINEAR)
        pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    elif kind == 4:
        pixels = np.stack([pixels, pixels[::-1], np.roll(pixels, 1, axis=1)], axis=2)
    elif kind == 5 and number % 80 == 5:
        pixels = rng.integers(0, 256, pixels.shape, dtype=np.uint8)
    elif kind == 6 and number % 80 == 6:
        pixels = np.full_like(pixels, paper)
    return pixels


def _shape(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height: a side of 1 to 1500 pixels, up to 300 times as long as wide."""
    side = int(np.exp(rng.uniform(np.log(8), np.log(rng.choice([105, 400, 1500])))))
    ratio = np.exp(rng.uniform(0, np.log(rng.choice([1.5, 8, 60, 300]))))
    other = max(1, round(side / ratio))
    return (side, other) if rng.random() < 0.5 else (other, side)


def _levels(rng: np.random.Generator) -> tuple[int, int]:
    """Grey of paper and of ink, of either polarity; now and then with hardly any contrast."""
    low, high = sorted(int(v) for v in rng.integers(0, 256, 2))
    if rng.random() < 0.6:
        low, high = int(rng.integers(0, 40)), int(rng.integers(215, 256))
    return (high, low) if rng.random() < 0.7 else (low, high)


def hash_of(number: int) -> str:
    """Of all that is read of one picture: arrays, boxes, notes, and its quality."""
    pixels = picture(number)
    seen = hashlib.sha256()
    for reader in (GlyphInput(), GLYPHS[number % len(GLYPHS)], IMAGES[number % len(IMAGES)]):
        reading = reader.read(pixels)
        seen.update(reading.arrays.tobytes())
        notes = tuple(note for note in reading.notes if note != NO_CONTRAST)  # which 0.1.0 did not look for
        seen.update(repr((reading.arrays.shape, reading.boxes, notes)).encode())
        seen.update(repr(quality(pixels, reader)).encode())
    return seen.hexdigest()[:8]


if __name__ == "__main__":
    for each in range(COUNT):
        print(hash_of(each))
